/**
 * The one service between documents and the wire: it authenticates, retries what may be repeated, traces, turns statuses
 * into errors, and recognises a write whose answer was lost.
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
 * What `CouchHttp` adds to a streamed response: scheme, host, port and base path of the server, without credentials.
 *
 * @since 0.1.0
 * @category model
 */
export interface FromServer {
  readonly server?: string | undefined
}

/**
 * The read of one document. `query` is empty, or begins with `?`.
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
 * The JSON that a read gives, twice: `exact` to the digit and to the order of members, and `plain` as `JSON.parse` has it.
 * They are one and the same value where `JSON.parse` loses nothing.
 *
 * @since 0.1.0
 * @category model
 */
export interface ReadJson {
  readonly exact: Json
  readonly plain: unknown
}

/**
 * The write of one document.
 *
 * - `parent`: the revision that it extends; `None` to create
 * - `body`: the members to store, none with an underscore in front
 * - `attachments`: the stubs to keep, as the server gave them
 * - `deleted`: whether it becomes a tombstone; its body is then what the tombstone keeps
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
 * How sure a write is: `quorum` where enough replicas of a cluster confirmed it (201), `accepted` where it was only
 * taken (202).
 *
 * @since 0.1.0
 * @category model
 */
export type Durability = "quorum" | "accepted"

/**
 * What a server says of a write.
 *
 * @since 0.1.0
 * @category model
 */
export interface Written {
  readonly rev: Revision
  readonly durability: Durability
}

/**
 * What `CouchHttp` does.
 *
 * - `server`: scheme, host, port and base path of the server, without credentials; every error names it. A service that
 *   wraps another one passes it on
 * - `execute`: any request, its body read to the end
 * - `stream`: any request, its body as it comes; closing the scope closes the request
 * - `readDocument`, `writeDocument`: the port that single-document operations call, and that a batching layer replaces;
 *   the read gives the JSON of the document, taken apart once
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
 * The service that every operation asks for.
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
 * What a `CouchHttp` needs to know.
 *
 * - `url`: scheme, host, port, and the path of a proxy if there is one. Credentials in it are taken out and kept redacted
 * - `auth`: credentials; they win over those in the URL
 * - `timeout`: one deadline for a call, its retries included, and for the headers of a stream; a minute by default. A
 *   request that still waits for a connection of the transport then fails with a `TransportError` (`PoolExhausted`), any
 *   other with a `TimeoutError`
 * - `retry`: when to repeat what may be repeated; by default four times, 100 ms doubling, with full jitter. `"none"`
 *   switches it off
 * - `transformTransport`: wraps the transport
 * - `maxLineLength`: the longest request line, in bytes, that the server reads; 8192 by default, which is CouchDB's limit
 *   unless its `server_options` set a larger `buffer`. A request with a longer line is not sent and fails with a
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
 * A `CouchHttp` as a value, for two servers in one program. A URL that is none makes every request fail with a
 * `TransportError` (`InvalidUrl`).
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
 * The layer of one server.
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
  // As one pure call: a program that does not ask for it need not carry it.
  Config.all({
    // Not `Config.url`, whose message repeats the text, and the password in it.
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
 * The layer of the server that the configuration names.
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
 * Other credentials for one effect.
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
