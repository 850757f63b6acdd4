/**
 * Serves the embedded CouchDB over HTTP on this machine, for any CouchDB client.
 *
 * It listens on 127.0.0.1, accepts loopback host names only, and sends no CORS headers by default. It is for
 * development and tests.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type * as Http from "node:http"
import * as EmbeddedCouch from "../engine/EmbeddedCouch.js"
import * as internal from "./nodeServer.js"

/**
 * The server cannot listen, usually because the port is in use.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServeError extends Data.TaggedError("ServeError")<{
  readonly port: number
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the embedded CouchDB cannot listen on 127.0.0.1:${this.port}: ${why}`
  }
}

/**
 * The options of a server, in addition to those of an embedded CouchDB.
 *
 * - `port`: the port. 0, the default, picks a free one
 * - `maxBodyBytes`: the maximum size of a request body, and of a gzip-compressed JSON body after decompression.
 *   Larger requests get a 413. 64 MiB by default. An engine given as `couch` has its own limit for decompressed bodies
 * - `cors`: the origins, such as `http://localhost:5173`, whose pages may send requests with credentials. None by
 *   default
 * - `quiet`: does not log the URL on start
 * - `couch`: an existing engine. The other options of the engine are then ignored
 *
 * @since 0.1.0
 * @category model
 */
export interface Options extends EmbeddedCouch.Options {
  readonly port?: number | undefined
  readonly cors?: ReadonlyArray<string> | undefined
  readonly quiet?: boolean | undefined
  readonly couch?: EmbeddedCouch.Service | undefined
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category model
 */
export interface Running {
  /** Such as `http://127.0.0.1:5984`. */
  readonly url: string
  readonly port: number
  /** The engine of the server. */
  readonly couch: EmbeddedCouch.Service
}

/**
 * The server of a layer.
 *
 * @since 0.1.0
 * @category tags
 */
export class Server extends Context.Tag("effect-couchdb-embedded/Serve/Server")<Server, Running>() {}

const listen = (server: Http.Server, port: number): Effect.Effect<number, ServeError> =>
  Effect.async((resume) => {
    const onError = (cause: unknown): void => resume(Effect.fail(new ServeError({ port, cause })))
    server.once("error", onError)
    server.listen(port, "127.0.0.1", () => {
      server.off("error", onError)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })

/**
 * Serves an embedded CouchDB until the scope closes. On close, the server closes idle connections at once, waits two
 * seconds for running requests, and then interrupts them and all feeds.
 *
 * Idle connections stay open for five minutes, and `Keep-Alive` announces one minute. A request that is rejected before
 * its body has arrived gets its response at once, and the rest of the body is discarded.
 *
 * Fails with `ServeError` if it cannot listen on the port.
 *
 * @example
 * import { Effect } from "effect"
 * import * as Serve from "effect-couchdb-embedded/Serve"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const { url } = yield* Serve.serve({ port: 5984 })
 *   yield* Effect.log(url)
 *   yield* Effect.never
 * }))
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve = (options: Options = {}): Effect.Effect<Running, ServeError, Scope> =>
  Effect.gen(function*() {
    const couch = options.couch ?? (yield* EmbeddedCouch.make(options))
    const runtime = yield* Effect.runtime<never>()
    const { close, http } = internal.make({
      couch,
      runtime,
      maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024,
      origins: new Set(options.cors)
    })
    const port = yield* Effect.acquireRelease(listen(http, options.port ?? 0), () => close)
    const url = `http://127.0.0.1:${port}`
    if (options.quiet !== true) {
      const where = options.couch !== undefined || options.store === undefined
        ? "in memory"
        : `in ${options.store.place}`
      yield* Effect.logInfo(`embedded CouchDB at ${url}: ${where}, for development and tests only`)
    }
    return { url, port, couch }
  })

/**
 * A layer that runs a server.
 *
 * @example
 * import { Effect } from "effect"
 * import * as Serve from "effect-couchdb-embedded/Serve"
 *
 * const program = Effect.gen(function*() {
 *   const { url } = yield* Serve.Server
 *   return url
 * }).pipe(Effect.provide(Serve.layer({ quiet: true })))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Server, ServeError> => Layer.scoped(Server, serve(options))
