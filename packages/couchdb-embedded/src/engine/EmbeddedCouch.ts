/**
 * CouchDB in process: an engine in memory that answers like CouchDB 3.5, as a transport.
 *
 * There is no socket and no real time in it: under `TestClock` every run is the same run. It is for development and
 * tests, and keeps nothing when its layer is gone, unless it is given a store.
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
 * - `handler`: answers one request, whole; fails only where the request's own body fails to come. A feed that never
 *   ends is never whole
 * - `stream`: answers one request as it happens: the lines of a feed come when there is something to tell, and its
 *   heartbeats and time limits follow the `Clock`. A feed ends when its scope closes
 *
 * @since 0.1.0
 * @category model
 */
export interface Service {
  readonly handler: (request: TransportRequest) => Effect.Effect<BufferedResponse, TransportError>
  readonly stream: (request: TransportRequest) => Effect.Effect<StreamedResponse, TransportError, Scope>
}

/**
 * The embedded CouchDB, next to the transport that reaches it.
 *
 * @since 0.1.0
 * @category tags
 */
export class EmbeddedCouch extends Context.Tag("effect-couchdb-embedded/EmbeddedCouch")<EmbeddedCouch, Service>() {}

/**
 * Where an embedded CouchDB keeps its data, for one engine at a time. `FileStore.make` makes one.
 *
 * @since 0.1.0
 * @category model
 */
export type { Store }

/**
 * What an embedded CouchDB can be told.
 *
 * - `seed`: where its chance begins: the same seed and the same requests give the same ids, sequences and answers
 * - `q`: how many shards a database has, unless its creation says otherwise; 2, as in CouchDB. Sequences of several
 *   shards interleave, so that no client learns to rely on their order
 * - `admin`: the server's administrator. Without one everybody is administrator, and there is no `_users` database
 * - `functions`: the functions of design documents, given as TypeScript; they go before any text
 * - `node`: the name of the only node of the cluster, `couchdb@127.0.0.1` by default
 * - `iterations`: how often the password of a user is hashed. CouchDB takes 600,000; 10 here, since nothing in a test is
 *   worth that much waiting
 * - `arrival`: which shard answers next, of those (by their places) that have more to tell in a `_changes` feed. By
 *   default that is left to the seed's chance
 * - `interpreter`: what runs the text of design documents, which nothing does by default
 * - `store`: where its data are kept; only in memory, without one. With it, no answer and no line of a feed tells
 *   anything that is not safe yet. Where that fails, every answer from then on is a 500 with the error `store_failed`
 * - `maxBodyBytes`: a JSON body with `Content-Encoding: gzip` that decompresses to more bytes is answered with 413;
 *   64 MiB by default
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

const collect = (
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

/** Waits for the end of a feed, as a client that reads the whole body does. */
const wholly = (reply: Reply): Effect.Effect<BufferedResponse, TransportError> => {
  if (reply.rest === undefined) return Effect.succeed(reply)
  const { body, headers, rest, status } = reply
  return Effect.map(Stream.mkString(rest), (text) => ({
    status,
    headers,
    body: typeof body === "string" ? body + text : Transport.text({ body }) + text
  }))
}

/** Holds an answer back until all that it may tell is safe. */
const safely = (store: Store, request: TransportRequest, reply: Reply): Effect.Effect<Reply> =>
  Effect.match(store.sync, {
    onFailure: ({ message }) => Response.json(500, { error: "store_failed", reason: message }),
    onSuccess: () => reply.rest === undefined ? reply : { ...reply, rest: safeLines(store, request, reply.rest) }
  })

const safeLines = (
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
 * A fresh embedded CouchDB without any database, or with `_users` and `_replicator` where there is an administrator.
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
    const turns = RandomSource.make(seed ^ 0x5eed)
    // A fiber yields by itself only after thousands of steps, so without this no two requests would ever race.
    const wait = Effect.suspend(() => {
      const times = turns.below(3)
      return times === 0 ? Effect.void : times === 1 ? Effect.yieldNow() : Effect.zipRight(
        Effect.yieldNow(),
        Effect.yieldNow()
      )
    })
    const answer = (request: TransportRequest): Effect.Effect<Reply, TransportError> =>
      Effect.flatMap(collect(request.body), (body) =>
        Effect.flatMap(wait, () =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            Engine.answer(server, {
              method: request.method,
              target: request.path,
              origin: request.origin,
              headers: request.headers,
              body
            }, now))))
    const begin = store === undefined
      ? answer
      : (request: TransportRequest) =>
        Effect.flatMap(answer(request), (reply) =>
          safely(store, request, reply))
    return {
      handler: (request) => Effect.flatMap(begin(request), wholly),
      stream: streaming(begin)
    }
  })

/**
 * The transport that reaches an embedded CouchDB.
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
 * An embedded CouchDB of its own, and the transport that reaches it.
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
