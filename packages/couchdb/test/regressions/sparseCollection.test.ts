import { assert, it } from "@effect/vitest"
import { Changes, Collection, CouchHttp, Database, Mango, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { interceptedClient, requests } from "../support/transport.js"

/** Every hundredth id belongs to the collection, which no range can express. */
const sparse = Collection.make("zoo", Schema.Struct({ n: Schema.Number }), {
  id: { encode: (key: string) => key, decode: (id) => id.endsWith("00") ? Option.some(id) : Option.none() }
})

const count = 4_000
const ids = Array.from({ length: count }, (_, i) => `id:${String(i).padStart(6, "0")}`)
const own = ids.filter((id) => id.endsWith("00"))

const limitsOf = (path: string, body: unknown): ReadonlyArray<number> =>
  Array.from(`${path} ${String(body)}`.matchAll(/"?limit"?[=:](\d+)/g), ([, limit]) => Number(limit))

it.effect("a sparse collection is found in few requests, none of which asks for everything", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      yield* Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
        couch.execute({
          method: "POST",
          path: "/zoo/_bulk_docs",
          route: "/{db}/_bulk_docs",
          body: JSON.stringify({ docs: ids.map((_id, n) => ({ _id, n })) })
        }))
      const bounded = <A, E, R>(most: number, effect: Effect.Effect<A, E, R>) =>
        Effect.map(requests(on, effect), ([found, asked]) => {
          assert.isAtMost(asked.length, most)
          const limits = asked.map(({ body, path }) => limitsOf(path, body)[0])
          assert.isTrue(limits.every((limit) => limit !== undefined && limit <= 1_001), String(limits))
          return found
        })
      const page = yield* bounded(8, View.fetch(sparse, View.allDocs, { limit: 12 }))
      assert.deepStrictEqual(page.rows.map((row) => View.isRow(row) ? row.id : "!"), own.slice(0, 12))
      const skipped = yield* bounded(16, View.fetch(sparse, View.allDocs, { skip: 20, limit: 5 }))
      assert.deepStrictEqual(skipped.rows.map((row) => View.isRow(row) ? row.id : "!"), own.slice(20, 25))
      const sizes = yield* bounded(
        16,
        Stream.runFold(
          View.pages(sparse, View.allDocs, { pageSize: 7 }),
          "",
          (all, { rows }) => `${all} ${rows.length}`
        )
      )
      assert.strictEqual(sizes, " 7 7 7 7 7 5")
      const found = yield* bounded(12, Mango.find(sparse, { selector: {}, limit: 12 }))
      assert.deepStrictEqual(found.documents.map(({ id }) => id), own.slice(0, 12))
      const next = yield* Mango.find(sparse, {
        selector: {},
        limit: 12,
        bookmark: Option.getOrThrow(found.bookmark)
      })
      assert.deepStrictEqual(next.documents.map(({ id }) => id), own.slice(12, 24))
      const changes = yield* bounded(10, Changes.fetch(sparse, { limit: 12 }))
      assert.strictEqual(changes.changes.length, 12)
    }).pipe(Effect.provide(on.layer))
  }))
