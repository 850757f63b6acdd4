import { assert, describe, it } from "@effect/vitest"
import {
  Attachment,
  Auth,
  Batching,
  Bulk,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  Document,
  LocalDocument,
  User,
  View
} from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { interceptedClient, requests } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

/** The longest id that fits into `PUT /zoo/{id}?rev=…`. */
const longest = 8_192 - "PUT /zoo/ HTTP/1.1\r\n".length

const refused = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert(error._tag === "TransportError", error._tag)
    const { message, reason } = error as unknown as { readonly message: string; readonly reason: string }
    assert.strictEqual(reason, "LongLine")
    assert.isBelow(message.length, 700)
    assert.include(message, "Nothing was sent")
    assert.match(message, /819[12] are read/)
  })

describe("a request whose line is longer than CouchDB reads", () => {
  const file = { contentType: "text/plain", bytes: new Uint8Array([1]) }
  for (const [what, id] of [["letters", "x".repeat(9_000)], ["umlauts", "ü".repeat(1_400)]] as const) {
    it.effect(`is refused before it is sent: ${what}`, () =>
      Effect.gen(function*() {
        const on = yield* interceptedClient()
        yield* Effect.gen(function*() {
          yield* Database.create("zoo")
          const short = yield* Document.create(zoo, "short", { n: 1 })
          const [, sent] = yield* requests(
            on,
            Effect.all([
              refused(Document.fetch(zoo, id)),
              refused(Document.fetchOption(zoo, id)),
              refused(Document.exists(zoo, id)),
              refused(Document.info(zoo, id)),
              refused(Document.create(zoo, id, { n: 1 })),
              refused(Document.save(Document.make(zoo, id, { n: 1 }))),
              refused(Document.update(zoo, id, (b) => b)),
              refused(Document.upsert(zoo, id, Option.getOrElse(() => ({ n: 1 })))),
              refused(Document.copy(short, id)),
              refused(Attachment.put(short, id, file)),
              refused(Conflict.siblings(zoo, id)),
              refused(LocalDocument.fetch(zoo, id)),
              refused(LocalDocument.save(zoo, id, { n: 1 })),
              refused(User.fetch(id)),
              refused(
                CouchHttp.withAuth(Document.fetch(zoo, "short"), Auth.basic("ada", Redacted.make("x".repeat(9_000))))
              )
            ])
          )
          assert.lengthOf(sent, 0)
        }).pipe(Effect.provide(on.layer))
      }))

    it.effect(`is avoided by operations that send the id in a body: ${what}`, () =>
      Effect.gen(function*() {
        const on = yield* interceptedClient()
        yield* Effect.gen(function*() {
          yield* Database.create("zoo")
          const [created] = yield* Bulk.save([Document.make(zoo, id, { n: 1 })])
          assert(created !== undefined && Either.isRight(created))
          const [found] = yield* Bulk.fetch(zoo, [id])
          assert(found !== undefined && Either.isRight(found))
          const { rows } = yield* View.fetch(zoo, View.allDocs, { keys: [id] })
          assert.lengthOf(rows.filter(View.isRow), 1)
          yield* Effect.gen(function*() {
            const doc = yield* Document.update(zoo, id, (b) => ({ n: b.n + 1 }))
            assert.deepStrictEqual((yield* Document.fetch(zoo, id)).body, { n: 2 })
            yield* Document.delete(doc)
            assert.isTrue(Option.isNone(yield* Document.fetchOption(zoo, id)))
            const again = yield* Document.create(zoo, id, { n: 3 })
            const stale = yield* Effect.flip(Document.save(Document.modify(doc, () => ({ n: 4 }))))
            assert.strictEqual(stale._tag, "ConflictError")
            assert.deepStrictEqual((yield* Document.refresh(again)).body, { n: 3 })
          }).pipe(Effect.provide(Batching.layer()))
        }).pipe(Effect.provide(on.layer))
      }))
  }

  it.effect("is sent to a server that reads longer ones", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient(undefined, { maxLineLength: 20_000, retry: "none" })
      const [, sent] = yield* requests(on, Effect.exit(Document.fetch(zoo, "x".repeat(longest + 1)))).pipe(
        Effect.provide(on.layer)
      )
      assert.lengthOf(sent, 1)
    }))

  it.effect("begins one byte after the longest that is read", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const id = "x".repeat(longest)
        assert.deepStrictEqual((yield* Document.create(zoo, id, { n: 1 })).body, { n: 1 })
        assert.deepStrictEqual((yield* Document.fetch(zoo, id)).body, { n: 1 })
      }).pipe(Effect.provide(Layer.mergeAll(on.layer)))
    }))
})
