import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { TransportError } from "../CouchError.js"
import type { Service, TransportRequest } from "../Transport.js"
import { describeCause } from "./connection.js"
import { sized, wrongLength } from "./sized.js"

// What HTTP allows in the value of a header: no control characters but the tab, and bytes alone.

const forbidden = /[^\t\x20-\x7e\x80-\xff]/

/** Whether a header may have this for a value. */
export const isSendable = (value: string): boolean => !forbidden.test(value)

const unsendable = ({ headers }: TransportRequest): string | undefined => {
  for (const name in headers) if (!isSendable(headers[name] ?? "")) return name
  return undefined
}

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
 * words for it may repeat the value, which may be a password.
 */
export const sendable = (transport: Service): Service => {
  // The headers of most requests are those of the one before.
  let known: TransportRequest["headers"] | undefined
  const problem = (request: TransportRequest): TransportError | undefined => {
    if (request.headers === known) return undefined
    const name = unsendable(request)
    if (name === undefined) {
      known = request.headers
      return undefined
    }
    return new TransportError({
      server: request.origin,
      method: request.method,
      path: request.path,
      reason: "InvalidHeader",
      description: name
    })
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
