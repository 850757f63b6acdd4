import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { decoded, decodedWhole } from "./contentEncoding.js"
import type { CouchRequest } from "./CouchHttp.js"
import type { HttpError, TransportError } from "./errors.js"
import { fromResponse, isIdentified, redirection, type Reply, unexpectedResponse } from "./responseError.js"
import type { BufferedResponse, StreamedResponse } from "./Transport.js"

const isSuccess = (request: CouchRequest, status: number): boolean =>
  (status >= 200 && status < 300) || (status === 304 && request.headers?.["if-none-match"] !== undefined)

/** What is wrong with a successful response. A HEAD has no body, so its headers must identify CouchDB. */
const problemOf = (request: CouchRequest, response: BufferedResponse): string | undefined =>
  request.verify === undefined || response.status === 304
    ? undefined
    : request.method === "HEAD" && !isIdentified(response.headers)
    ? "its headers do not identify CouchDB"
    : request.verify(response)

/** Returns the failure of a response, or `undefined` if CouchDB sent it and it reports success. */
export type FailureOf<Response> = (
  request: CouchRequest,
  response: Response
) => Effect.Effect<never, HttpError> | undefined

export const failureOf =
  (server: string): FailureOf<BufferedResponse & Pick<Reply, "cookie">> => (request, response) => {
    const succeeds = isSuccess(request, response.status)
    const problem = response.redirectedTo === undefined ? undefined : redirection(request, response)
    const wrong = problem ?? (succeeds ? problemOf(request, response) : undefined)
    if (succeeds && wrong === undefined) return undefined
    const reply = { ...response, server }
    const error = (now?: number) =>
      wrong === undefined ? fromResponse(request, reply, now) : unexpectedResponse(request, reply, wrong, now)
    // `Retry-After` may be a date.
    return response.headers["retry-after"] === undefined
      ? Effect.fail(error())
      : Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(error(now)))
  }

/** The failure of a streamed response. The body of an error response is small, so it is read completely. */
export const failureOfStream = (server: string): FailureOf<StreamedResponse> => {
  const failure = failureOf(server)
  return (request, response) =>
    isSuccess(request, response.status)
      ? failure(request, { ...response, body: "" })
      : Effect.flatMap(
        readErrorBody(response),
        (body) =>
          failure(request, { ...response, body }) ??
            Effect.fail(unexpectedResponse(request, response, "it is not a success"))
      )
}

/** The body of an error response, up to a limit. */
export const readErrorBody = (response: StreamedResponse): Effect.Effect<Uint8Array, TransportError> =>
  Stream.runFold(Stream.take(response.body, 64), new Uint8Array(0), (all, chunk) => {
    const both = new Uint8Array(all.length + chunk.length)
    both.set(all)
    both.set(chunk, all.length)
    return both
  })

/**
 * Decodes a content encoding that the request did not accept, such as that of a proxy. Returns `undefined` if there is
 * nothing to decode.
 */
export const decodeBuffered = (
  request: CouchRequest,
  response: BufferedResponse
): Effect.Effect<BufferedResponse, TransportError> | undefined =>
  response.headers["content-encoding"] === undefined ||
    (request.headers?.["accept-encoding"] !== undefined && isSuccess(request, response.status))
    ? undefined
    : decodedWhole(request, response)

/** Decodes a streamed response. The status determines an error response, even if its body cannot be decoded. */
export const decodeStreamed = (request: CouchRequest, response: StreamedResponse): StreamedResponse => {
  if (response.headers["content-encoding"] === undefined) return response
  if (isSuccess(request, response.status)) {
    return request.headers?.["accept-encoding"] === undefined ? decoded(request, response) : response
  }
  const plain = decoded(request, response)
  return { ...plain, body: Stream.catchAll(plain.body, () => Stream.empty) }
}
