/** A program that resolves the siblings of one document without lineage, to measure its size. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Collection from "effect-couchdb/Collection"
import * as Conflict from "effect-couchdb/Conflict"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Merge from "effect-couchdb/Merge"
import * as SiblingPolicy from "effect-couchdb/SiblingPolicy"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
const butterflies = Collection.make("zoo", Butterfly)

const live = CouchHttp.layer({ url: "http://127.0.0.1:5984" }).pipe(
  Layer.provide(Transport.layerHttpClient()),
  Layer.provide(FetchHttpClient.layer)
)

void Effect.runPromise(
  Effect.provide(Conflict.resolve(butterflies, "monarch", SiblingPolicy.merge(Merge.make(Butterfly))), live)
)
