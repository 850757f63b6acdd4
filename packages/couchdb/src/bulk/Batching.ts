/**
 * A layer that sends together what is asked at once: concurrent reads of single documents become one `_bulk_get`,
 * concurrent saves and deletes one `_bulk_docs`, across all fibers, and nothing changes for whoever asks.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type { CouchHttp, Service } from "../http/CouchHttp.js"
import * as internal from "./batchingService.js"

/**
 * How calls are gathered.
 *
 * - `maxSize`: how many documents one request carries at the most; 400 unless said otherwise
 * - `maxInFlight`: how many full requests of one database and user are under way at the most; 8 unless said otherwise
 * - `window`: how long a batch waits for more. Unless it is given, nobody waits for a timer: a call that finds nothing
 *   under way goes at once, with those made in the same breath, and what comes meanwhile is the next batch
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly maxSize?: number | undefined
  readonly maxInFlight?: number | undefined
  readonly window?: Duration.DurationInput | undefined
}

/**
 * The layer over another `CouchHttp`. Each caller gets its own document or its own error, and may be interrupted without
 * the others noticing; a read that nobody waits for is closed, a write that was sent never is.
 *
 * - equal reads that wait share one request; a read that asks for more than the document as it stands goes alone
 * - writes of one document keep their order, and never share a request
 * - a call that is alone is sent as it would be without the layer
 * - callers with other credentials, and other databases, are batches of their own
 *
 * @example
 * import { Effect, Layer, Schema } from "effect"
 * import { Batching, Collection, CouchHttp, Document } from "effect-couchdb"
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * // One request for all of them.
 * const many = Effect.forEach(["monarch", "peacock", "swallowtail"], (id) => Document.fetch(butterflies, id), {
 *   concurrency: "unbounded"
 * })
 *
 * const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))
 * const program = many.pipe(Effect.provide(Batching.layer().pipe(Layer.provide(couch))))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: (options?: Options) => Layer.Layer<CouchHttp, never, CouchHttp> = internal.layer

/**
 * The same for a `CouchHttp` that is at hand as a value. The batches run in the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (couch: Service, options: Options) => Effect.Effect<Service, never, Scope> = internal.make
