import { assert, describe, it } from "@effect/vitest"
import { Bulk, Collection, Conflict, type CouchHttp, Database, Document, Edit, Json, Lineage } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { raw } from "../contract/suite.js"
import { interceptedClient } from "../support/transport.js"

const Card = Schema.Struct({
  owner: Schema.String,
  tags: Schema.mutable(Schema.Array(Schema.String)),
  size: Schema.mutable(Schema.Struct({ width: Schema.Number }))
})
type Card = typeof Card.Type

const cards = Collection.make("zoo", Card)

const onLine = <A, E>(test: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    return yield* Effect.zipRight(Database.create("zoo"), test).pipe(Effect.provide(on.layer))
  })

/** `size` has a member that the schema does not declare, and a number that JSON.parse does not read exactly. */
const created = Effect.zipRight(
  raw("PUT", "/zoo/a", `{"owner":"ada","tags":["x"],"size":{"width":1.0,"more":12345678901234567890}}`),
  Document.fetch(cards, "a")
)

const size = `"size":{"width":1.0,"more":12345678901234567890}`

/** The members of the tombstone, as text. */
const left = (rev: string) =>
  Effect.map(
    raw("GET", `/zoo/a?rev=${rev}`),
    ({ body }) => String(body).trim().replace(/^\{.*?"_rev":"[^"]*",/, "{").replace(/,"_deleted":true\}$/, "}")
  )

const keep = (body: Card) => {
  body.tags.push("edited")
  return { tags: body.tags, size: body.size }
}

describe("a delete whose function edits the body in place", () => {
  it.effect("keeps the edit, and what was not edited as it is stored", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* created
      const { rev } = yield* Document.deleteWith(doc, { keep })
      assert.strictEqual(yield* left(rev), `{"tags":["x","edited"],${size}}`)
      assert.isFalse(Document.isDirty(doc))
    })))

  it.effect("keeps it of many documents", () =>
    onLine(Effect.gen(function*() {
      const [row] = yield* Bulk.delete([yield* created], { keep })
      assert(row !== undefined && Either.isRight(row))
      assert.strictEqual(yield* left(row.right.rev), `{"tags":["x","edited"],${size}}`)
    })))

  it.effect("keeps it once if a policy repeats the delete", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* created
      yield* Document.update(cards, "a", (body) => ({ ...body, owner: "bob" }))
      const { rev } = yield* Document.deleteWith(doc, { keep }).pipe(
        Effect.catchTag("ConflictError", Conflict.overwrite)
      )
      assert.strictEqual(yield* left(String(rev)), `{"tags":["x","edited"],${size}}`)
    })))

  it.effect("keeps what an update decides by an edited body", () =>
    onLine(Effect.gen(function*() {
      yield* created
      const gone = yield* Document.updateEffect(cards, "a", (body) =>
        Effect.sync(() =>
          Edit.delete({ keep: keep(body) })
        ))
      assert.strictEqual(yield* left(String(gone.rev)), `{"tags":["x","edited"],${size}}`)
    })))

  it.effect("keeps a member as it is stored that comes from the document value", () =>
    onLine(Effect.gen(function*() {
      const doc = yield* created
      const { rev } = yield* Document.deleteWith(doc, { keep: () => ({ size: doc.body.size }) })
      assert.strictEqual(yield* left(rev), `{${size}}`)
    })))

  it.effect("refuses an edited instance whose state it cannot read", () =>
    onLine(Effect.gen(function*() {
      class Counter {
        #n: number
        constructor(n: number) {
          this.#n = n
        }
        get n() {
          return this.#n
        }
        add() {
          this.#n++
        }
      }
      const counters = Collection.make(
        "zoo",
        Schema.Struct({
          n: Schema.transform(Schema.Number, Schema.instanceOf(Counter), {
            decode: (n) => new Counter(n),
            encode: (counter) => counter.n
          })
        })
      )
      yield* raw("PUT", "/zoo/a", { n: 1 })
      const doc = yield* Document.fetch(counters, "a")
      const edited = yield* Effect.flip(Document.deleteWith(doc, {
        keep: (body) => {
          body.n.add()
          return { n: body.n }
        }
      }))
      assert.strictEqual(edited._tag, "EncodeError")
      const { rev } = yield* Document.deleteWith(doc, { keep: ({ n }) => ({ n }) })
      assert.strictEqual(yield* left(rev), `{"n":1}`)
    })))

  it.effect("keeps it beside the record of lineage", () =>
    onLine(Effect.gen(function*() {
      const kept = Collection.make("zoo", Card, { lineage: Lineage.settings() })
      yield* created
      const doc = yield* Document.fetch(kept, "a")
      const { rev } = yield* Document.deleteWith(doc, { keep })
      const json = yield* Json.parse(String((yield* raw("GET", `/zoo/a?rev=${rev}`)).body))
      assert(Json.isObject(json))
      assert.deepStrictEqual(Json.get(json, "tags"), ["x", "edited"])
    })))
})
