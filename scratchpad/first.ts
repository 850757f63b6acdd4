/**
 * A first program: `npx tsx --conditions=effect-couchdb-source scratchpad/first.ts`
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Collection, Conflict, CouchHttp, Database, Document } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import { NodeCouchHttp } from "effect-couchdb-node"

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
const butterflies = Collection.make("zoo", Butterfly)

const program = Effect.gen(function*() {
  yield* Database.ensure("zoo")
  yield* Document.create(butterflies, "monarch", { name: "Monarch", seen: 0 }).pipe(
    // The document may exist already.
    Effect.catchTag("ConflictError", Conflict.ignore)
  )
  const monarch = yield* Document.update(butterflies, "monarch", (b) => ({ ...b, seen: b.seen + 1 }))
  yield* Console.log(`${monarch.body.name}: seen ${monarch.body.seen} times`)
})

// The server of COUCHDB_URL, which keeps the count, or an embedded CouchDB without a server.
const embedded = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))
const couch = process.env["COUCHDB_URL"] ? NodeCouchHttp.layerConfig() : embedded

await Effect.runPromise(Effect.provide(program, couch))
