/**
 * CouchDB in process: an in-memory engine that responds like CouchDB 3.5, as a transport.
 *
 * It uses no socket and no real time, so every run under `TestClock` is identical. It is for development and tests.
 * Data are lost when the layer closes, unless there is a store.
 *
 * @since 0.1.0
 */
import { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Transport from "effect-couchdb/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Reply, Whole } from "../access/context.js"
import * as RandomSource from "../encoding/random.js"
import type { DesignFunctions, Interpreter } from "../functions/DesignFunctions.js"
import * as Response from "../http/response.js"
import type { Store } from "../storage/store.js"
import * as Engine from "./engine.js"

/**
 * An embedded CouchDB.
 *
 * - `handler`: answers a request with a complete response. It fails only if the body of the request fails. It never
 *   returns for a feed that does not end
 * - `stream`: answers a request with a streamed response. A feed sends lines as changes happen. Its heartbeats and
 *   timeouts follow the `Clock`. It ends when the scope closes
 *
 * @since 0.1.0
 * @category model
 */
export interface Service {
  readonly handler: (request: TransportRequest) => Effect.Effect<BufferedResponse, TransportError>
  readonly stream: (request: TransportRequest) => Effect.Effect<StreamedResponse, TransportError, Scope>
}

/**
 * The embedded CouchDB of a layer, beside its transport.
 *
 * @since 0.1.0
 * @category tags
 */
export class EmbeddedCouch extends Context.Tag("effect-couchdb-embedded/EmbeddedCouch")<EmbeddedCouch, Service>() {}

/**
 * Persists the data of an embedded CouchDB, for one engine at a time. `FileStore.make` makes one.
 *
 * @since 0.1.0
 * @category model
 */
export type { Store }

/**
 * The options of an embedded CouchDB.
 *
 * - `seed`: the seed of all random choices. The same seed and the same requests give the same ids, sequences and
 *   responses
 * - `q`: the default number of shards of a database. 2, as in CouchDB. Sequences of several shards interleave, so
 *   that clients do not come to rely on their order
 * - `admin`: the server administrator. Without one, everybody is an administrator, and there is no `_users` database
 * - `functions`: the functions of design documents in TypeScript, which replace JavaScript text
 * - `node`: the name of the only node, `couchdb@127.0.0.1` by default
 * - `iterations`: the number of hash iterations for user passwords. 10 by default, to keep tests fast. CouchDB uses
 *   600,000
 * - `arrival`: chooses the shard that answers next in a `_changes` feed, from the indexes of those with more changes.
 *   Random by default
 * - `interpreter`: runs the text of design documents. Without one, the text does not run
 * - `store`: persists the data. By default, they are in memory only. With a store, no response or line of a feed is
 *   sent before its data are durable. If the store fails, every later response is a 500 with the error `store_failed`
 * - `maxBodyBytes`: the maximum size of a JSON body with `Content-Encoding: gzip` after decompression. Larger bodies
 *   get a 413. 64 MiB by default
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly seed?: number | undefined
  readonly q?: number | undefined
  readonly admin?: { readonly username: string; readonly password: Redacted.Redacted<string> } | undefined
  readonly functions?: DesignFunctions | undefined
  readonly node?: string | undefined
  readonly iterations?: number | undefined
  readonly arrival?: ((open: ReadonlyArray<number>) => number) | undefined
  readonly interpreter?: Interpreter | undefined
  readonly store?: Store | undefined
  readonly maxBodyBytes?: number | undefined
}

const collectBody = (
  body: TransportRequest["body"]
): Effect.Effect<string | Uint8Array | undefined, TransportError> => {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return Effect.succeed(body)
  return Effect.map(Stream.runCollect(body), (chunks) => {
    const parts = Array.from(chunks)
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  })
}

/** Waits for the end of a feed, as a client that buffers responses does. */
const buffered = (reply: Reply): Effect.Effect<BufferedResponse, TransportError> => {
  if (reply.rest === undefined) return Effect.succeed(reply)
  const { body, headers, rest, status } = reply
  return Effect.map(Stream.mkString(rest), (text) => ({
    status,
    headers,
    body: typeof body === "string" ? body + text : Transport.text({ body }) + text
  }))
}

/** Delays a response until its data are durable. */
const onceDurable = (store: Store, request: TransportRequest, reply: Reply): Effect.Effect<Reply> =>
  Effect.match(store.sync, {
    onFailure: ({ message }) => Response.json(500, { error: "store_failed", reason: message }),
    onSuccess: () => reply.rest === undefined ? reply : { ...reply, rest: linesOnceDurable(store, request, reply.rest) }
  })

const linesOnceDurable = (
  store: Store,
  { method, origin, path }: TransportRequest,
  lines: Stream.Stream<string, TransportError>
): Stream.Stream<string, TransportError> =>
  Stream.mapEffect(lines, (line) =>
    Effect.mapBoth(store.sync, {
      onFailure: ({ message }) =>
        new TransportError({ server: origin, method, path, reason: "Body", description: message }),
      onSuccess: () => line
    }))

const utf8 = new TextEncoder()

const bytesOf = (reply: Reply): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => reply.body.length === 0 ? Stream.empty : Stream.make(Transport.bytes(reply)))

const streaming =
  (begin: (request: TransportRequest) => Effect.Effect<Reply, TransportError>): Service["stream"] => (request) =>
    Effect.flatMap(begin(request), (reply): Effect.Effect<StreamedResponse & Partial<Whole>, never, Scope> => {
      const { headers, rest, status } = reply
      const first = bytesOf(reply)
      if (rest === undefined) {
        return Effect.succeed({ status, headers, body: first, inflated: false, whole: reply.body })
      }
      return Effect.gen(function*() {
        const closed = yield* Deferred.make<never, TransportError>()
        const { method, origin, path } = request
        yield* Effect.addFinalizer(() =>
          Deferred.fail(
            closed,
            new TransportError({ server: origin, method, path, reason: "Body", description: "the request was closed" })
          )
        )
        const later = Stream.map(rest, (text) => utf8.encode(text))
        const body = Stream.interruptWhenDeferred(Stream.concat(first, later), closed)
        return { status, headers, body, inflated: false }
      })
    })

/**
 * Makes an embedded CouchDB without databases. With an administrator, it has `_users`, `_global_changes` and
 * `_replicator`.
 *
 * @example
 * import { Effect } from "effect"
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 *
 * const program = Effect.gen(function*() {
 *   const couch = yield* EmbeddedCouch.make({ seed: 7 })
 *   return yield* couch.handler({ method: "PUT", origin: "http://embedded", path: "/zoo", headers: {} })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { store } = options
    const seed = options.seed ?? 1
    const server = Engine.make({
      seed,
      shards: Math.max(1, Math.floor(options.q ?? 2)),
      admin: options.admin === undefined
        ? undefined
        : { username: options.admin.username, password: Redacted.value(options.admin.password) },
      functions: { given: options.functions ?? {}, interpreter: options.interpreter },
      node: options.node ?? "couchdb@127.0.0.1",
      arrival: options.arrival,
      iterations: Math.max(1, Math.floor(options.iterations ?? 10)),
      maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024,
      now,
      keeper: store?.keeper
    })
    const delays = RandomSource.make(seed ^ 0x5eed)
    // A fiber yields by itself only after thousands of steps, so without this no two requests would ever race.
    const wait = Effect.suspend(() => {
      const times = delays.below(3)
      return times === 0 ? Effect.void : times === 1 ? Effect.yieldNow() : Effect.zipRight(
        Effect.yieldNow(),
        Effect.yieldNow()
      )
    })
    const handle = (request: TransportRequest): Effect.Effect<Reply, TransportError> =>
      Effect.flatMap(collectBody(request.body), (body) =>
        Effect.flatMap(wait, () =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            Engine.handle(server, {
              method: request.method,
              target: request.path,
              origin: request.origin,
              headers: request.headers,
              body
            }, now))))
    const begin = store === undefined
      ? handle
      : (request: TransportRequest) =>
        Effect.flatMap(handle(request), (reply) =>
          onceDurable(store, request, reply))
    return {
      handler: (request) => Effect.flatMap(begin(request), buffered),
      stream: streaming(begin)
    }
  })

/**
 * The transport to an embedded CouchDB.
 *
 * @example
 * import { Effect } from "effect"
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 *
 * const program = Effect.map(EmbeddedCouch.make(), EmbeddedCouch.transport)
 *
 * @since 0.1.0
 * @category constructors
 */
export const transport = (couch: Service): Transport.Service => ({
  request: couch.handler,
  stream: couch.stream
})

/**
 * A layer with a new embedded CouchDB and its transport.
 *
 * @example
 * import { Effect } from "effect"
 * import { Transport } from "effect-couchdb"
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 *
 * const program = Effect.flatMap(Transport.Transport, (transport) =>
 *   transport.request({ method: "GET", origin: "http://embedded", path: "/", headers: {} })
 * ).pipe(Effect.provide(EmbeddedCouch.layer()))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<EmbeddedCouch | Transport.Transport> =>
  Layer.effectContext(
    Effect.map(make(options), (couch) =>
      Context.make(EmbeddedCouch, couch).pipe(Context.add(Transport.Transport, transport(couch))))
  )
