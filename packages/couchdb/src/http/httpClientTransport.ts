import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { failed } from "./connectionFailure.js"
import { TransportError } from "./errors.js"
import type { HttpClientOptions, Service, Transport, TransportRequest } from "./Transport.js"

/** Whether Node's `fetch` reports no cause, as for a redirect that it cannot follow because the body is a stream. */
const hasNoDetails = ({ cause }: { readonly cause?: unknown }): boolean => {
  const inner = memberOf(cause, "cause")
  return memberOf(cause, "message") === "fetch failed" && memberOf(inner, "message") === "" &&
    memberOf(inner, "code") === undefined
}

const failure = (request: TransportRequest, error: HttpClientError): TransportError => {
  const streams = request.body !== undefined && typeof request.body !== "string" &&
    !(request.body instanceof Uint8Array)
  const failure = failed(
    request,
    streams && hasNoDetails(error)
      ? new Error("Request body is a stream and cannot be replayed for this redirect")
      : error.cause ?? error.description ?? error._tag,
    error._tag === "ResponseError" ? "responded" : "unknown",
    // The request of the error also contains the headers that a custom client added.
    Object.values(error.request.headers)
  )
  return error._tag === "RequestError" && error.reason !== "Transport"
    ? new TransportError({ ...failure, reason: error.reason === "InvalidUrl" ? "InvalidUrl" : "RequestBody" })
    : failure
}

const toClient = (request: TransportRequest): HttpClientRequest.HttpClientRequest => {
  const base = HttpClientRequest.make(request.method as HttpMethod)(request.origin + request.path, {
    headers: request.headers
  })
  if (request.body === undefined) return base
  const contentType = request.headers["content-type"]
  return typeof request.body === "string"
    ? HttpClientRequest.bodyText(base, request.body, contentType)
    : request.body instanceof Uint8Array
    ? HttpClientRequest.bodyUint8Array(base, request.body, contentType)
    : HttpClientRequest.bodyStream(base, request.body, { ...(contentType !== undefined && { contentType }) })
}

/** A client that fails on statuses still has the response. A transport succeeds with every status. */
const withAnyStatus = (
  effect: Effect.Effect<HttpClientResponse, HttpClientError>
): Effect.Effect<HttpClientResponse, HttpClientError> =>
  Effect.catchTag(
    effect,
    "ResponseError",
    (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
  )

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

/**
 * Whether the client decoded the content encoding. A `Response` of the platform always did; other clients return the
 * bytes as they were received. A response may be wrapped in others.
 */
const inflated = (response: unknown): boolean | undefined => {
  const original = memberOf(response, "original")
  if (original !== undefined) return inflated(original)
  const source = memberOf(response, "source")
  return source === undefined ? undefined : Object.prototype.toString.call(source) === "[object Response]"
}

/** The URL that a `Response` of the platform was redirected to. */
const redirectOf = (response: unknown): { readonly redirectedTo?: string } => {
  const original = memberOf(response, "original")
  if (original !== undefined) return redirectOf(original)
  const source = memberOf(response, "source")
  const url = memberOf(source, "url")
  return memberOf(source, "redirected") === true && typeof url === "string" ? { redirectedTo: url } : {}
}

/** Headers of the platform that keep each cookie separately. */
interface Cookies {
  readonly getSetCookie: () => ReadonlyArray<string>
}

const hasCookies = (headers: unknown): headers is Cookies => typeof memberOf(headers, "getSetCookie") === "function"

/** All the cookies that a `Response` of the platform sets. */
const cookiesOf = (response: unknown): ReadonlyArray<string> => {
  const original = memberOf(response, "original")
  if (original !== undefined) return cookiesOf(original)
  const headers = memberOf(memberOf(response, "source"), "headers")
  return hasCookies(headers) ? headers.getSetCookie() : []
}

/** If there are several cookies, the headers of the client contain only the last one. */
const headersOf = (response: HttpClientResponse): Readonly<Record<string, string>> => {
  const cookies = cookiesOf(response)
  return cookies.length > 1 ? { ...response.headers, "set-cookie": cookies.join(", ") } : response.headers
}

const make = (client: HttpClient.HttpClient): Service => {
  // CouchHttp makes the span of the request and sends the trace headers, so the client's own span would be a duplicate.
  const silent = HttpClient.withTracerDisabledWhen(client, () => true)
  const scoped = HttpClient.withScope(silent)
  return {
    request: (request) =>
      Effect.mapError(
        Effect.flatMap(withAnyStatus(silent.execute(toClient(request))), (response) =>
          Effect.map(response.arrayBuffer, (body) => ({
            status: response.status,
            headers: headersOf(response),
            ...redirectOf(response),
            body: new Uint8Array(body)
          }))),
        (cause) =>
          failure(request, cause)
      ),
    stream: (request) =>
      Effect.mapBoth(
        Effect.flatMap(Effect.scope, (scope) =>
          withAnyStatus(Effect.provideService(scoped.execute(toClient(request)), Scope, scope))),
        {
          onSuccess: (response) => ({
            status: response.status,
            headers: headersOf(response),
            ...redirectOf(response),
            inflated: inflated(response),
            body: Stream.mapError(response.stream, (cause) =>
              failure(request, cause))
          }),
          onFailure: (cause) => failure(request, cause)
        }
      )
  }
}

export const layer = (
  tag: typeof Transport,
  options?: HttpClientOptions
): Layer.Layer<Transport, never, HttpClient.HttpClient> =>
  Layer.effect(
    tag as Context.Tag<Transport, Service>,
    Effect.map(HttpClient.HttpClient, (client) => make(options?.transformClient?.(client) ?? client))
  )
