import { assert, describe, it } from "@effect/vitest"
import { Attachment, Auth, Collection, CouchHttp, Database, Document, Replication, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const admin = { username: "admin", password: Redacted.make("password") }
const Note = Schema.Struct({ n: Schema.Number })
const hash = "a".repeat(32)

const server = Effect.gen(function*() {
  const transport = EmbeddedCouch.transport(yield* EmbeddedCouch.make({ admin }))
  const couch = yield* CouchHttp.make({
    url: "http://embedded",
    auth: Auth.basic(admin.username, admin.password),
    retry: "none"
  }).pipe(Effect.provideService(Transport.Transport, transport))
  yield* Effect.provideService(Database.create("notes"), CouchHttp.CouchHttp, couch)
  return { couch, database: "notes" }
})

const notes = Collection.make("notes", Note)

describe("a replication of attachments", () => {
  // A program that writes with new_edits=false may leave out the revpos, and CouchDB stores 0.
  for (const size of [10, 70_000]) {
    it.scoped(`of ${size} bytes carries over those that name no revision of their birth`, () =>
      Effect.gen(function*() {
        const [source, target] = [yield* server, yield* server]
        const bytes = Uint8Array.from({ length: size }, (_, i) => i & 127)
        yield* source.couch.execute({
          method: "POST",
          path: "/notes/_bulk_docs",
          route: "/{db}/_bulk_docs",
          body: JSON.stringify({
            new_edits: false,
            docs: [{
              _id: "a",
              _rev: `1-${hash}`,
              n: 1,
              _attachments: { file: { content_type: "image/png", data: btoa(String.fromCharCode(...bytes)) } }
            }]
          })
        })
        const { failures, statistics } = yield* Replication.run(source, target)
        assert.deepStrictEqual(failures, [])
        assert.strictEqual(statistics.documentsWritten, 1)
        const read = Effect.gen(function*() {
          const doc = yield* Document.fetch(notes, "a")
          return Chunk.toReadonlyArray(yield* Stream.runCollect(Attachment.get(doc, "file")))
        })
        const parts = yield* Effect.provideService(read, CouchHttp.CouchHttp, target.couch)
        assert.deepStrictEqual(parts.flatMap((part) => [...part]), [...bytes])
      }))
  }
})
