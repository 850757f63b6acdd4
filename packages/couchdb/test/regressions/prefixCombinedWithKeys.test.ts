import { assert, it } from "@effect/vitest"
import { Collection, Database, Document, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { interceptedClient, requests } from "../support/transport.js"

const many = Array.from({ length: 300 }, (_, i) => `a key that makes the query long: ${i}`)

const clashing: ReadonlyArray<View.Options<string>> = [
  { prefix: "a", key: "ab" },
  { prefix: "a", keys: ["ab"] },
  { prefix: "a", keys: many },
  { prefix: "a", startKey: "ab" },
  { prefix: "a", endKey: "ab" },
  { prefix: "a", startKey: "a", endKey: "b", descending: true },
  { prefix: "", key: "" },
  { key: "a", keys: ["a"] },
  { key: "a", startKey: "a" },
  { key: "a", endKey: "b" },
  { keys: many, startKey: "a" },
  { keys: [], endKey: "b" }
]

it.effect("keys that exclude each other are refused, and no request is sent", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      const zoo = Collection.make("zoo", Schema.Struct({}), { id: Collection.prefixed("a") })
      const view = View.make({ design: "d", view: "v", key: Schema.String })
      const reduced = View.reduced({ design: "d", view: "v", key: Schema.String })
      for (const options of clashing) {
        const asks: ReadonlyArray<Effect.Effect<unknown, View.QueryError | { readonly _tag: "DecodeError" }, never>> = [
          View.fetch("zoo", View.allDocs, options),
          View.fetch(zoo, View.allDocs, options),
          View.fetch("zoo", View.localDocs, options),
          View.fetch("zoo", view, options),
          View.fetch("zoo", reduced, options),
          View.reduce("zoo", reduced, options),
          View.queries("zoo", view, [{}, options]),
          Stream.runDrain(View.stream("zoo", view, options)),
          Stream.runDrain(View.pages("zoo", view, options))
        ].map((ask) => Effect.provide(ask, on.layer))
        for (const ask of asks) {
          const [error, asked] = yield* requests(on, Effect.flip(ask))
          assert.strictEqual(error._tag, "EncodeError", JSON.stringify(options))
          assert.strictEqual(asked.length, 0)
        }
      }
      const error = yield* Effect.flip(View.fetch("zoo", View.allDocs, { prefix: "a", startKey: "b", endKey: "c" }))
      assert.include(error.message, "prefix: cannot be combined with startKey and endKey")
      assert.include(error.message, "No request was sent")
    }).pipe(Effect.provide(on.layer))
  }))

it.effect("a prefix that is no JSON is refused, and no request is sent", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    for (const prefix of ["\ud800", ["a", "\udc00"]]) {
      const [error, asked] = yield* requests(on, Effect.flip(View.fetch("zoo", View.allDocs, { prefix }))).pipe(
        Effect.provide(on.layer)
      )
      assert.strictEqual(error._tag, "EncodeError")
      assert.strictEqual(asked.length, 0)
    }
  }))

it.effect("a prefix has no end that could be included", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      const zoo = Collection.make("zoo", Schema.Struct({}))
      // "b" is the first id after all that begin with "a".
      for (const id of ["a", "a1", "b"]) yield* Document.create(zoo, id, {})
      for (const inclusiveEnd of [undefined, true, false]) {
        for (const descending of [false, true]) {
          for (const given of ["zoo", zoo]) {
            const { rows } = yield* View.fetch(given as "zoo", View.allDocs, { prefix: "a", inclusiveEnd, descending })
            assert.sameMembers(rows.map((row) => View.isRow(row) ? row.id : "!"), ["a", "a1"])
          }
        }
      }
    }).pipe(Effect.provide(on.layer))
  }))
