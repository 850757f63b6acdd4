/** A program that fetches and saves one document, to measure its size. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Collection from "effect-couchdb/Collection"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Document from "effect-couchdb/Document"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))

const program = Document.fetch(butterflies, "monarch").pipe(
  Effect.map(Document.modify((b) => ({ ...b, seen: b.seen + 1 }))),
  Effect.flatMap(Document.save)
)

const live = CouchHttp.layer({ url: "http://127.0.0.1:5984" }).pipe(
  Layer.provide(Transport.layerHttpClient()),
  Layer.provide(FetchHttpClient.layer)
)

void Effect.runPromise(Effect.provide(program, live))
