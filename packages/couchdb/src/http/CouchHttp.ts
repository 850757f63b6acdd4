/**
 * The service that sends requests to CouchDB. It authenticates, retries requests that may be repeated, traces, maps
 * status codes to errors, and recovers writes whose response was lost.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { DatabaseName } from "../data/DatabaseName.js"
import type { DocumentId } from "../data/DocumentId.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import * as Auth from "./Auth.js"
import * as internal from "./client.js"
import type { HttpError, NotFoundError, RequestError, TransportError, UpdateConflictError } from "./errors.js"
import type * as Transport from "./Transport.js"

/**
 * A request in CouchDB's terms.
 *
 * - `path`: below the server's URL, percent-encoded, with its query; it begins with `/`
 * - `route`: the endpoint as CouchDB's documentation writes it, such as `/{db}/{docid}`; names the span
 * - `database`, `id`: what the request is about; they name the span and the errors
 * - `idempotent`: whether the request may be repeated, since it only reads or has the same effect twice. GET and HEAD always
 *   are
 * - `verify`: reports what is wrong with a successful response that is not the one which the endpoint documents, such as a
 *   login page with status 200; `undefined` if nothing is. Such a response is an `UnexpectedResponseError`, and is retried
 *   like one. For a stream it sees an empty body. A HEAD with `verify` is sent again as a GET if its headers do not
 *   identify CouchDB, since it has no body to verify. Without `verify` any body is accepted
 * - `kind`: `feed` for a request whose response the server holds back or keeps open until something happens, such as a
 *   continuous feed or a long poll. It gets a connection of its own from a transport that bounds them
 * - `timeout`: the deadline of this request, instead of that of the service
 *
 * @since 0.1.0
 * @category model
 */
export interface CouchRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "COPY"
  readonly path: string
  readonly route: string
  readonly database?: string | undefined
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array | Stream.Stream<Uint8Array, TransportError> | undefined
  readonly idempotent?: boolean | undefined
  readonly verify?: ((response: Transport.BufferedResponse) => string | undefined) | undefined
  readonly kind?: "feed" | undefined
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * The server of a streamed response: scheme, host, port and base path, without credentials. `CouchHttp` adds it.
 *
 * @since 0.1.0
 * @category model
 */
export interface FromServer {
  readonly server?: string | undefined
}

/**
 * A request to read one document. `query` is empty, or begins with `?`.
 *
 * @since 0.1.0
 * @category model
 */
export interface ReadDocument {
  readonly database: DatabaseName
  readonly id: DocumentId
  readonly query: string
}

/**
 * The JSON of a document in two forms: `exact`, with all digits and the order of members, and `plain`, as `JSON.parse`
 * returns it. Both are the same value if `JSON.parse` loses nothing.
 *
 * @since 0.1.0
 * @category model
 */
export interface ReadJson {
  readonly exact: Json
  readonly plain: unknown
}

/**
 * A request to write one document.
 *
 * - `parent`: the revision that it extends; `None` to create
 * - `body`: the members to store; no name begins with an underscore
 * - `attachments`: the stubs to keep, as the server returned them
 * - `deleted`: whether to write a tombstone; `body` is then the body of the tombstone
 *
 * @since 0.1.0
 * @category model
 */
export interface WriteDocument {
  readonly database: DatabaseName
  readonly id: DocumentId
  readonly parent: Option.Option<Revision>
  readonly body: JsonObject
  readonly attachments: Option.Option<JsonObject>
  readonly deleted: boolean
}

/**
 * How durable a write is: `quorum` if enough replicas of a cluster confirmed it (201), `accepted` if the cluster only
 * accepted it (202).
 *
 * @since 0.1.0
 * @category model
 */
export type Durability = "quorum" | "accepted"

/**
 * The result of a write.
 *
 * @since 0.1.0
 * @category model
 */
export interface Written {
  readonly rev: Revision
  readonly durability: Durability
}

/**
 * The operations of `CouchHttp`.
 *
 * - `server`: scheme, host, port and base path of the server, without credentials; every error contains it. A service
 *   that wraps another one passes it on
 * - `execute`: sends any request and reads the whole body of its response
 * - `stream`: sends any request and streams the body of its response; closing the scope closes the request
 * - `readDocument`, `writeDocument`: the single-document operations, which a batching layer replaces; a read returns
 *   the parsed JSON of the document
 *
 * @since 0.1.0
 * @category model
 */
export interface Service {
  readonly server?: string | undefined
  readonly execute: (request: CouchRequest) => Effect.Effect<Transport.BufferedResponse, HttpError>
  readonly stream: (request: CouchRequest) => Effect.Effect<Transport.StreamedResponse & FromServer, HttpError, Scope>
  readonly readDocument: (read: ReadDocument) => Effect.Effect<ReadJson, NotFoundError | RequestError>
  readonly writeDocument: (
    write: WriteDocument
  ) => Effect.Effect<Written, UpdateConflictError | NotFoundError | RequestError>
}

/**
 * The tag of the service that every operation requires.
 *
 * @example
 * import { Effect } from "effect"
 * import { CouchHttp, Transport } from "effect-couchdb"
 *
 * const welcome = Effect.gen(function*() {
 *   const couch = yield* CouchHttp.CouchHttp
 *   const response = yield* couch.execute({ method: "GET", path: "/", route: "/" })
 *   return Transport.text(response)
 * })
 *
 * @since 0.1.0
 * @category tags
 */
export class CouchHttp extends Context.Tag("effect-couchdb/CouchHttp")<CouchHttp, Service>() {}

/**
 * The options of a `CouchHttp`.
 *
 * - `url`: scheme, host, port, and the path of a proxy if there is one. Credentials are removed from it and kept
 *   redacted
 * - `auth`: credentials; they take precedence over those in the URL
 * - `timeout`: the deadline of a call including its retries, or of the headers of a stream; one minute by default. A
 *   request that still waits for a connection of the transport then fails with a `TransportError` (`PoolExhausted`),
 *   any other with a `TimeoutError`
 * - `retry`: the schedule for requests that may be repeated; by default four retries from 100 ms, doubling, with full
 *   jitter. `"none"` disables retries
 * - `transformTransport`: wraps the transport
 * - `maxLineLength`: the longest request line, in bytes, that the server reads; 8192 by default, which is CouchDB's
 *   limit unless its `server_options` set a larger `buffer`. A request with a longer line is not sent and fails with a
 *   `TransportError` (`LongLine`)
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly url: string | URL
  readonly auth?: Auth.Auth | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly retry?: Schedule.Schedule<unknown, HttpError> | "none" | undefined
  readonly transformTransport?: ((transport: Transport.Service) => Transport.Service) | undefined
  readonly maxLineLength?: number | undefined
}

/**
 * Makes a `CouchHttp` as a value, for example for two servers in one program. If the URL is invalid, every request
 * fails with a `TransportError` (`InvalidUrl`).
 *
 * @example
 * import { Effect } from "effect"
 * import { Collection, CouchHttp, Document } from "effect-couchdb"
 *
 * const copyOver = <A, I>(collection: Collection.Collection<A, I>, id: string) =>
 *   Effect.gen(function*() {
 *     const here = yield* CouchHttp.make({ url: "http://127.0.0.1:5984" })
 *     const there = yield* CouchHttp.make({ url: "http://127.0.0.1:6984" })
 *     const doc = yield* Document.fetch(collection, id).pipe(Effect.provideService(CouchHttp.CouchHttp, here))
 *     return yield* Document.create(collection, id, doc.body).pipe(Effect.provideService(CouchHttp.CouchHttp, there))
 *   })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, never, Transport.Transport | Scope> =>
  internal.make(options)

/**
 * The layer for one server.
 *
 * @example
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { CouchHttp, Transport } from "effect-couchdb"
 *
 * const live = CouchHttp.layer({ url: "http://admin:secret@127.0.0.1:5984" }).pipe(
 *   Layer.provide(Transport.layerHttpClient()),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<CouchHttp, never, Transport.Transport> =>
  Layer.scoped(CouchHttp, make(options))

/**
 * The configuration from the environment: `COUCHDB_URL` (by default `http://127.0.0.1:5984`), `COUCHDB_USER` and
 * `COUCHDB_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = /*#__PURE__*/ (() =>
  // One pure call, so that bundlers drop it from programs that do not use it.
  Config.all({
    // Not `Config.url`: its message repeats the text, including the password.
    url: Config.nonEmptyString("COUCHDB_URL").pipe(
      Config.validate({
        message: "COUCHDB_URL is not a URL that begins with http:// or https://",
        validation: (text) => URL.canParse(text) && /^https?:/i.test(text)
      }),
      Config.withDefault("http://127.0.0.1:5984")
    ),
    user: Config.option(Config.nonEmptyString("COUCHDB_USER")),
    password: Config.redacted("COUCHDB_PASSWORD").pipe(Config.withDefault(Redacted.make("")))
  }).pipe(
    Config.map(({ password, url, user }) => ({
      url,
      ...(Option.isSome(user) && { auth: Auth.basic(user.value, password) })
    }))
  ))()

/**
 * The layer for the server in the configuration.
 *
 * @example
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { CouchHttp, Transport } from "effect-couchdb"
 *
 * const live = CouchHttp.layerConfig().pipe(
 *   Layer.provide(Transport.layerHttpClient()),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options> = config
): Layer.Layer<CouchHttp, ConfigError.ConfigError, Transport.Transport> =>
  Layer.scoped(CouchHttp, Effect.flatMap(Config.unwrap(options), make))

/**
 * Runs an effect with other credentials.
 *
 * @example
 * import { Effect, Redacted } from "effect"
 * import { Auth, CouchHttp, Database } from "effect-couchdb"
 *
 * const asAdmin = Database.create("zoo").pipe(
 *   CouchHttp.withAuth(Auth.basic("admin", Redacted.make("secret")))
 * )
 *
 * @since 0.1.0
 * @category combinators
 */
export const withAuth: {
  (auth: Auth.Auth): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, auth: Auth.Auth): Effect.Effect<A, E, R>
} = internal.withAuth
