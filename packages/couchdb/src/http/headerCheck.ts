import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describeCause } from "./connectionFailure.js"
import { TransportError } from "./errors.js"
import { sized, wrongLength } from "./sized.js"
import type { Service, TransportRequest } from "./Transport.js"

// The characters that HTTP forbids in header values: control characters except the tab, and everything beyond one byte.

const forbidden = /[^\t\x20-\x7e\x80-\xff]/

/** Whether this may be the value of a header. */
export const isSendable = (value: string): boolean => !forbidden.test(value)

/** The longest request line or header that CouchDB reads by default, in bytes, with the line break. */
export const defaultMaxLineLength = 8_192

const problemOf = (request: TransportRequest, maxLineLength: number): TransportError | undefined => {
  const { headers, method, origin, path } = request
  const refuse = (reason: "LongLine" | "InvalidHeader", description: string) =>
    new TransportError({ server: origin, method, path, reason, description })
  for (const name in headers) {
    const value = headers[name] ?? ""
    if (!isSendable(value)) return refuse("InvalidHeader", name)
    // Name, colon, space, line break. CouchDB reads one byte less of a header.
    const length = name.length + value.length + 4
    if (length >= maxLineLength) {
      return refuse("LongLine", `the header ${name} has ${length} bytes, ${maxLineLength - 1} are read`)
    }
  }
  return undefined
}

/** Method, path, `HTTP/1.1`, two spaces and a line break. */
const lineLength = ({ method, path }: TransportRequest): number => method.length + path.length + 12

const bodyError = ({ method, origin, path }: TransportRequest, description: string): TransportError =>
  new TransportError({ server: origin, method, path, reason: "RequestBody", description })

/**
 * Checks that a streamed body has as many bytes as its headers announce, and reports a failure of its source as one of
 * the body, not of the connection.
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
 * Checks requests before the transport sends them. A header that cannot be sent would look like a broken connection,
 * and the transport's message may repeat its value, which may be a password. If a line is longer than the server reads,
 * the response has an empty body.
 */
export const withRequestChecks = (transport: Service, maxLineLength: number): Service => {
  // Consecutive requests often have the same headers object, which is checked once.
  let checked: TransportRequest["headers"] | undefined
  const problem = (request: TransportRequest): TransportError | undefined => {
    const length = lineLength(request)
    if (length > maxLineLength) {
      const { method, origin, path } = request
      const description = `the request line has ${length} bytes, ${maxLineLength} are read`
      return new TransportError({ server: origin, method, path, reason: "LongLine", description })
    }
    if (request.headers === checked) return undefined
    const error = problemOf(request, maxLineLength)
    if (error === undefined) checked = request.headers
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
