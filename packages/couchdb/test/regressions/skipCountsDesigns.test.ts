import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { interceptedClient, requests } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({}))
const before = ["A", "B", "C", "D"]
const after = ["a", "b", "c", "d"]
const designs = ["_design/x", "_design/y", "_design/z"]

const write = (ids: ReadonlyArray<string>) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    couch.execute({
      method: "POST",
      path: "/zoo/_bulk_docs",
      route: "/{db}/_bulk_docs",
      body: JSON.stringify({ docs: ids.map((_id) => ({ _id })) })
    }))

it.effect("what is skipped of a collection are no design documents", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      yield* write([...before, ...designs, ...after])
      const ranges: ReadonlyArray<readonly [View.Options<string>, ReadonlyArray<string>]> = [
        [{}, [...before, ...after]],
        [{ descending: true }, [...before, ...after].reverse()],
        [{ startKey: "C", endKey: "b" }, ["C", "D", "a", "b"]],
        [{ startKey: "_design/y", endKey: "b" }, ["a", "b"]],
        [{ startKey: "b", endKey: "_design/y", descending: true }, ["b", "a"]],
        [{ startKey: "_design/y", endKey: "A", descending: true }, ["D", "C", "B", "A"]],
        [{ startKey: "b" }, ["b", "c", "d"]],
        [{ endKey: "_design/y" }, before],
        [{ endKey: "_design/x", inclusiveEnd: false }, before]
      ]
      for (const [range, all] of ranges) {
        for (let skip = 0; skip <= all.length + 1; skip++) {
          for (const limit of [1, 9]) {
            const [page, asked] = yield* requests(on, View.fetch(zoo, View.allDocs, { ...range, skip, limit }))
            assert.deepStrictEqual(
              page.rows.map((row) => View.isRow(row) ? row.id : "!"),
              all.slice(skip, limit === undefined ? undefined : skip + limit),
              JSON.stringify({ ...range, skip, limit })
            )
            assert.isAtMost(asked.length, 6)
          }
        }
      }
    }).pipe(Effect.provide(on.layer))
  }))

it.effect("rows that are skipped are not sent", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      yield* write([...designs, ...after])
      const [, asked] = yield* requests(on, View.fetch(zoo, View.allDocs, { skip: 2, limit: 2 }))
      const documents = asked.filter(({ path }) => path.includes("include_docs=true"))
      assert.strictEqual(documents.length, 1)
      assert.include(documents[0]?.path, "skip=5&limit=2")
    }).pipe(Effect.provide(on.layer))
  }))
