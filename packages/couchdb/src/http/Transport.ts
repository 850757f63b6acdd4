/**
 * The lowest layer of the library: it sends a request and returns status, headers and body.
 *
 * A `Transport` knows nothing of documents, authentication or CouchDB's errors: {@link CouchHttp} adds them to any
 * transport. This module also provides the transport over the `HttpClient` of `@effect/platform`, which runs anywhere.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as connection from "./connectionFailure.js"
import type { TransportError } from "./errors.js"
import * as internal from "./httpClientTransport.js"

/**
 * A request on the wire.
 *
 * - `origin`: scheme, host and port, such as `http://127.0.0.1:5984`; an in-process transport ignores it
 * - `path`: path and query, percent-encoded, beginning with `/`; it is sent unchanged
 * - `headers`: names in lower case
 * - `deadline`: the maximum duration of the exchange in milliseconds, up to the end of a buffered body or up to the
 *   headers of a streamed one. A transport that `keepsDeadlines` then fails with a `TransportError`: `PoolExhausted` if
 *   no connection of its pool was free, `Connection` if none was made in time, otherwise `Deadline`
 * - `kind`: `feed` for a request whose response the server holds back or keeps open until something happens, such as a
 *   continuous feed or a long poll. A transport with a bounded number of connections gives feeds connections of their own
 * - `onWaiting`: a transport that can observe it calls this with `true` when the request has to wait for a connection:
 *   for a free one of its `pool` (the default), or for one that is being made (`connection`). It calls this with
 *   `false` when it begins to send the request. Nothing was sent while the request waits
 *
 * @since 0.1.0
 * @category model
 */
export interface TransportRequest {
  readonly method: string
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | Stream.Stream<Uint8Array, TransportError> | undefined
  readonly deadline?: number | undefined
  readonly kind?: "feed" | undefined
  readonly onWaiting?: ((waiting: boolean, waitsFor?: "pool" | "connection") => void) | undefined
}

/**
 * A response whose whole body was read, as text or as bytes, whichever the transport has available.
 *
 * @since 0.1.0
 * @category model
 */
export interface BufferedResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  /** The URL of the response, if the transport followed a redirect there, as `fetch` does. */
  readonly redirectedTo?: string | undefined
}

/**
 * A response whose body is a stream. The stream fails with a `TransportError` if the body ends too early.
 *
 * - `redirectedTo`: the URL of the response, if the transport followed a redirect there, as `fetch` does
 * - `inflated`: whether the transport decodes the `content-encoding` that the headers name, as `fetch` does. A
 *   transport should set it: without it the first bytes decide, and a gzip file cannot be distinguished from a
 *   compressed one
 *
 * @since 0.1.0
 * @category model
 */
export interface StreamedResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Stream.Stream<Uint8Array, TransportError>
  readonly redirectedTo?: string | undefined
  readonly inflated?: boolean | undefined
}

/**
 * The operations of a transport.
 *
 * - `request` reads the body to its end; interruption closes the request
 * - `stream` streams the body; closing the scope closes the request
 * - `keepsDeadlines`: whether the transport enforces the deadlines of its requests. That is cheaper than a separate fiber, and
 *   only the transport knows whether a request that timed out was sent
 *
 * A transport succeeds with a response of any status, and fails only if it received no complete response.
 *
 * @since 0.1.0
 * @category model
 */
export interface Service {
  readonly request: (request: TransportRequest) => Effect.Effect<BufferedResponse, TransportError>
  readonly stream: (request: TransportRequest) => Effect.Effect<StreamedResponse, TransportError, Scope>
  readonly keepsDeadlines?: boolean | undefined
}

/**
 * The transport that `CouchHttp` sends its requests through.
 *
 * @since 0.1.0
 * @category tags
 */
export class Transport extends Context.Tag("effect-couchdb/Transport")<Transport, Service>() {}

/**
 * Options of {@link layerHttpClient}. `transformClient` wraps the client, as in `HttpApiClient`.
 *
 * @since 0.1.0
 * @category model
 */
export interface HttpClientOptions {
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/**
 * Returns the body as text.
 *
 * @since 0.1.0
 * @category getters
 */
export const text = (response: { readonly body: string | Uint8Array }): string =>
  typeof response.body === "string" ? response.body : decoder.decode(response.body)

/**
 * Returns the body as bytes.
 *
 * @since 0.1.0
 * @category getters
 */
export const bytes = (response: { readonly body: string | Uint8Array }): Uint8Array =>
  typeof response.body === "string" ? encoder.encode(response.body) : response.body

/**
 * A transport over the `HttpClient` of `@effect/platform`: Node, Bun, Deno, the browser and the edge.
 *
 * A custom client may fail on statuses (`filterStatusOk`): its failure is mapped back to the response.
 *
 * @example
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { CouchHttp, Transport } from "effect-couchdb"
 *
 * const live = CouchHttp.layer({ url: "http://127.0.0.1:5984" }).pipe(
 *   Layer.provide(Transport.layerHttpClient()),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient = (
  options?: HttpClientOptions
): Layer.Layer<Transport, never, HttpClient.HttpClient> => internal.layer(Transport, options)

/**
 * How far a request got before it failed.
 *
 * - `unsent`: no byte was written, since the request waited for a connection
 * - `sent`: at least part of the request was written
 * - `responded`: the status of the response arrived
 * - `unknown`: the client does not report it, as with `fetch`
 *
 * @since 0.1.0
 * @category failures
 */
export type Phase = connection.Phase

/**
 * Makes the error of a request that failed with `cause`, for custom transports. The phase, and the codes and messages
 * of Node, undici, Bun, Deno and browsers, determine its reason. Its description contains nothing that was sent or
 * received.
 *
 * @example
 * import { Transport } from "effect-couchdb"
 * import { Effect } from "effect"
 *
 * const overFetch = (request: Transport.TransportRequest) =>
 *   Effect.tryPromise({
 *     try: (signal) => fetch(request.origin + request.path, { method: request.method, signal }),
 *     catch: (cause) => Transport.toTransportError(request, cause, "unknown")
 *   })
 *
 * @since 0.1.0
 * @category failures
 */
export const toTransportError: (request: TransportRequest, cause: unknown, phase: Phase) => TransportError =
  connection.failed

/**
 * Whether a failure of any client certainly happened before anything was sent, for custom transports. A transport that
 * knows how far its request got uses {@link toTransportError}.
 *
 * @since 0.1.0
 * @category failures
 */
export const neverConnected: (cause: unknown) => boolean = connection.neverConnected

/**
 * Describes a failure without repeating anything that was sent or received, for custom transports.
 *
 * @since 0.1.0
 * @category failures
 */
export const describeCause: (cause: unknown) => string = connection.describeCause
