/**
 * The bottom of the library: a request goes in, status, headers and body come out, and nothing else is known here.
 *
 * `Transport` says nothing of documents, authentication or CouchDB's errors; {@link CouchHttp} adds them, once, over any
 * transport. This module also holds the transport over the `HttpClient` of `@effect/platform`, which runs anywhere.
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
 * - `origin`: scheme, host and port, such as `http://127.0.0.1:5984`; a transport in process ignores it
 * - `path`: path and query, percent-encoded, beginning with `/`; sent as it stands
 * - `headers`: names in lower case
 * - `deadline`: how many milliseconds the exchange may take: up to the end of a buffered body, or up to the headers of a
 *   streamed one. A transport that `keepsDeadlines` then fails with a `TransportError`: `PoolExhausted` if no connection of
 *   its pool was free, `Connection` if none was made in time, otherwise `Deadline`
 * - `kind`: `feed` for a request whose response the server holds back or keeps open until something happens, such as a
 *   continuous feed or a long poll. A transport with a bounded number of connections gives feeds connections of their own
 * - `onWaiting`: a transport that can observe it calls this with `true` when the request has to wait for a connection: for a
 *   free one of its `pool` (the default), or for one that is being made (`connection`). It calls this with `false` when it
 *   begins to send the request. Nothing was sent while the request waits
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
 * An answer whose body was read to its end: as text or as bytes, whichever the transport had at hand.
 *
 * @since 0.1.0
 * @category model
 */
export interface BufferedResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  /** The URL that answered, if the transport followed a redirect there, as `fetch` does. */
  readonly redirectedTo?: string | undefined
}

/**
 * An answer whose body arrives as a stream. The stream fails with a `TransportError` where the body ends too early.
 *
 * - `redirectedTo`: the URL that answered, if the transport followed a redirect there, as `fetch` does
 * - `inflated`: whether the transport undoes the `content-encoding` that the headers name, as `fetch` does. A transport
 *   should say so: without it the first bytes decide, and a file that is gzip itself cannot be told from a compressed one
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
 * What a transport does.
 *
 * - `request` reads the body to its end; interruption closes the request
 * - `stream` gives the body as it comes; closing the scope closes the request
 * - `keepsDeadlines`: whether the transport enforces the deadlines of its requests. That is cheaper than a separate fiber, and
 *   only the transport knows whether a request that timed out was sent
 *
 * A transport answers every status as a value, and fails only where there was no whole answer.
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
 * Options of {@link layerHttpClient}. `transformClient` wraps the client as `HttpApiClient` has it.
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
 * The body as text.
 *
 * @since 0.1.0
 * @category getters
 */
export const text = (response: { readonly body: string | Uint8Array }): string =>
  typeof response.body === "string" ? response.body : decoder.decode(response.body)

/**
 * The body as bytes.
 *
 * @since 0.1.0
 * @category getters
 */
export const bytes = (response: { readonly body: string | Uint8Array }): Uint8Array =>
  typeof response.body === "string" ? encoder.encode(response.body) : response.body

/**
 * A transport over the `HttpClient` of `@effect/platform`: Node, Bun, Deno, the browser and the edge.
 *
 * A client of one's own is welcome: one that fails on statuses (`filterStatusOk`) is mapped back to its response.
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
 * - `unsent`: no byte of it was written, since it waited for a connection
 * - `sent`: at least part of it was written
 * - `answered`: the status of the response arrived
 * - `unknown`: the client does not report it, as with `fetch`
 *
 * @since 0.1.0
 * @category failures
 */
export type Phase = connection.Phase

/**
 * For custom transports: the error of a request that failed with `cause`. The phase, and the codes and messages of Node,
 * undici, Bun, Deno and browsers determine its reason. Its description contains nothing of what was sent or received.
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
 * For custom transports: whether a failure certainly happened before anything was sent, for any client. A transport that
 * knows how far its request got uses {@link toTransportError}.
 *
 * @since 0.1.0
 * @category failures
 */
export const neverConnected: (cause: unknown) => boolean = connection.neverConnected

/**
 * For transports of one's own: a failure in words that repeat nothing of what was sent or received.
 *
 * @since 0.1.0
 * @category failures
 */
export const describeCause: (cause: unknown) => string = connection.describeCause
