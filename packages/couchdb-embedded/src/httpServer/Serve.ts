/**
 * The embedded CouchDB over HTTP, on this machine only, so that any CouchDB client can talk to it.
 *
 * It listens on 127.0.0.1, answers to loopback names only, and sends no CORS headers unless it is told an origin. It is
 * for development and tests.
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
 * The server could not begin to listen, mostly because the port is taken.
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
 * What a server can be told, besides what an embedded CouchDB can.
 *
 * - `port`: 0, the default, takes any free one
 * - `maxBodyBytes`: requests with a larger body are answered with 413, and so are those with a compressed JSON body that
 *   becomes larger, which an engine given as `couch` limits by itself; 64 MiB by default
 * - `cors`: the origins of pages whose scripts may use it, with credentials, such as `http://localhost:5173`; none
 * - `quiet`: says nothing when it starts
 * - `couch`: an engine that is there already, instead of a fresh one; the other options of an engine then mean nothing
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
 * A server that runs.
 *
 * @since 0.1.0
 * @category model
 */
export interface Running {
  /** Such as `http://127.0.0.1:5984`. */
  readonly url: string
  readonly port: number
  /** The engine behind it. */
  readonly couch: EmbeddedCouch.Service
}

/**
 * A server that runs.
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
 * Serves an embedded CouchDB until the scope closes. Closing ends idle connections at once, gives running requests two
 * seconds to finish, and then ends them and all feeds.
 *
 * An idle connection stays open for five minutes; `Keep-Alive` promises clients one minute. A request that is refused
 * before its body has arrived is answered at once, and what follows of the body is discarded.
 *
 * Fails with `ServeError` where the port cannot be had.
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
 * A server for as long as the layer lives.
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
