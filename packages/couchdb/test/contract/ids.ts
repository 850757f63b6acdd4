import { assert } from "@effect/vitest"
import { Collection, Document, LocalDocument } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Contract, database } from "./suite.js"

const Body = Schema.Struct({ n: Schema.Number })

const taken = [
  "a/b",
  "a b",
  "a+b",
  "ü",
  "🛋",
  "a?b",
  "a#b",
  "%41",
  "a%2Fb",
  `"quoted"`,
  "'single'",
  "new\nline",
  "a&b=c",
  "a;b",
  "a:b",
  "a\\b",
  "a/../b",
  "...",
  "%2e%2e",
  "http://x",
  "_design/x",
  "_design/a b?c",
  "-",
  "~",
  "\t",
  "\u0000x",
  "é".repeat(100)
]

const refused = ["", ".", "..", "_foo", "_design/", "_design/..", "_local/x", "\ud800", "x\udc00"]

export const ids: Contract = (it) => {
  it.scoped("every id that CouchDB takes is written, read, copied to and deleted under just that name", () =>
    Effect.gen(function*() {
      const docs = Collection.make(yield* database, Body)
      const source = yield* Document.create(docs, "source", { n: -1 })
      yield* Effect.forEach(taken, (id, n) =>
        Effect.gen(function*() {
          yield* Document.create(docs, id, { n })
          const fetched = yield* Document.fetch(docs, id)
          assert.strictEqual(fetched.id, id)
          assert.strictEqual(fetched.body.n, n)
          assert.strictEqual((yield* Document.info(docs, id)).id, id)
          yield* Document.delete(fetched)
          const copied = yield* Document.copy(source, id)
          assert.strictEqual(copied.id, id)
          const landed = yield* Document.fetch(docs, id)
          assert.strictEqual(landed.id, id)
          assert.strictEqual(landed.body.n, -1)
          const over = yield* Document.copy(landed, "back", { overwrite: true })
          assert.strictEqual(over.id, "back")
        }))
    }))

  it.scoped("ids that must not leave the process are refused before a request", () =>
    Effect.gen(function*() {
      const docs = Collection.make(yield* database, Body)
      const source = yield* Document.create(docs, "source", { n: -1 })
      for (const id of refused) {
        const errors = yield* Effect.all([
          Effect.flip(Document.fetch(docs, id)),
          Effect.flip(Document.create(docs, id, { n: 1 })),
          Effect.flip(Document.save(Document.make(docs, id, { n: 1 }))),
          Effect.flip(Document.copy(source, id)),
          Effect.flip(Document.info(docs, id)),
          Effect.flip(Document.update(docs, id, (body) => body))
        ])
        for (const error of errors) assert.strictEqual(error._tag, "InvalidIdError", JSON.stringify(id))
      }
    }))

  it.scoped("local documents take the same names, and refuse those that a URL would fold", () =>
    Effect.gen(function*() {
      const docs = Collection.make(yield* database, Body)
      for (const [n, id] of ["a/b", "a b", "ü", "🛋", "a?b#c", "%41"].entries()) {
        const saved = yield* LocalDocument.save(docs, id, { n })
        assert.strictEqual(saved.id, id)
        assert.deepStrictEqual((yield* LocalDocument.fetch(docs, id)).body, { n })
      }
      for (const id of ["", ".", "..", "\ud800"]) {
        assert.strictEqual((yield* Effect.flip(LocalDocument.fetch(docs, id)))._tag, "InvalidIdError")
      }
    }))
}
