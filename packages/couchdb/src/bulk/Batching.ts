/**
 * A layer that batches concurrent requests of all fibers: reads of single documents become one `_bulk_get`, saves and
 * deletes become one `_bulk_docs`. Callers do not change.
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
 * The size of batches.
 *
 * - `maxSize`: the maximum number of documents in one request, by default 400
 * - `maxInFlight`: the maximum number of full requests in flight for one database and user, by default 8
 * - `window`: how long a batch waits for further calls. By default no call waits for a timer: if nothing is in flight, a call
 *   is sent with the other calls of the same turn of the event loop, and later calls are the next batch
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
 * The layer over another `CouchHttp`. Each caller gets its own document or error, and its interruption does not affect the
 * others. A read is interrupted when no caller waits for it. A write that was sent is never interrupted.
 *
 * - equal reads share one request; a read with options is sent alone
 * - writes of one document keep their order, and are never in one request
 * - a single call is sent as without the layer
 * - each database and each user has its own batches
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
 * {@link layer} for a `CouchHttp` service as a value. The batches run in the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (couch: Service, options: Options) => Effect.Effect<Service, never, Scope> = internal.make
