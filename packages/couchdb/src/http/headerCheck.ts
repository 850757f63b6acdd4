import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describeCause } from "./connectionFailure.js"
import { TransportError } from "./errors.js"
import { sized, wrongLength } from "./sized.js"
import type { Service, TransportRequest } from "./Transport.js"

// What HTTP allows in the value of a header: no control characters but the tab, and bytes alone.

const forbidden = /[^\t\x20-\x7e\x80-\xff]/

/** Whether a header may have this for a value. */
export const isSendable = (value: string): boolean => !forbidden.test(value)

/** The longest line of a request that CouchDB reads, in bytes, with the line break. */
export const longestLine = 8_192

const problemOf = (request: TransportRequest, longest: number): TransportError | undefined => {
  const { headers, method, origin, path } = request
  const refuse = (reason: "LongLine" | "InvalidHeader", description: string) =>
    new TransportError({ server: origin, method, path, reason, description })
  for (const name in headers) {
    const value = headers[name] ?? ""
    if (!isSendable(value)) return refuse("InvalidHeader", name)
    // Name, colon, space, line break; of a header CouchDB reads one byte less.
    const length = name.length + value.length + 4
    if (length >= longest) return refuse("LongLine", `the header ${name} has ${length} bytes, ${longest - 1} are read`)
  }
  return undefined
}

/** Method, path, `HTTP/1.1`, two spaces and a line break. */
const lineLength = ({ method, path }: TransportRequest): number => method.length + path.length + 12

const bodyError = ({ method, origin, path }: TransportRequest, description: string): TransportError =>
  new TransportError({ server: origin, method, path, reason: "RequestBody", description })

/**
 * Checks that a streamed body has as many bytes as its headers announce, and reports a failure of its source as one of the
 * body, not of the connection.
 */
const withBody = (request: TransportRequest): TransportRequest => {
  const { body, headers } = request
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return request
  const announced = headers["content-length"]
  const whole = announced === undefined || !/^\d+$/.test(announced)
    ? body
    : sized(body, Number(announced), (actual) => bodyError(request, wrongLength(Number(announced), actual)))
  return {
    ...request,
    body: Stream.mapErrorCause(
      whole,
      (cause) =>
        Cause.isInterruptedOnly(cause) ? cause : Cause.fail(bodyError(request, describeCause(Cause.squash(cause))))
    )
  }
}

/**
 * The transport, which is not asked to send a header that it cannot: it would take that for a broken connection, and its
 * words for it may repeat the value, which may be a password. Nor is it asked to send a line that the server does not
 * read, since the answer has an empty body then.
 */
export const sendable = (transport: Service, longest: number): Service => {
  // The headers of most requests are those of the one before.
  let known: TransportRequest["headers"] | undefined
  const problem = (request: TransportRequest): TransportError | undefined => {
    const length = lineLength(request)
    if (length > longest) {
      const { method, origin, path } = request
      const description = `the request line has ${length} bytes, ${longest} are read`
      return new TransportError({ server: origin, method, path, reason: "LongLine", description })
    }
    if (request.headers === known) return undefined
    const error = problemOf(request, longest)
    if (error === undefined) known = request.headers
    return error
  }
  return {
    keepsDeadlines: transport.keepsDeadlines,
    request: (request) => {
      const error = problem(request)
      return error === undefined ? transport.request(withBody(request)) : Effect.fail(error)
    },
    stream: (request) => {
      const error = problem(request)
      return error === undefined ? transport.stream(withBody(request)) : Effect.fail(error)
    }
  }
}
