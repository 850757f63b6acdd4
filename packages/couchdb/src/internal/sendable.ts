import * as Effect from "effect/Effect"
import { TransportError } from "../CouchError.js"
import type { Service, TransportRequest } from "../Transport.js"

// What HTTP allows in the value of a header: no control characters but the tab, and bytes alone.

const forbidden = /[^\t\x20-\x7e\x80-\xff]/

/** Whether a header may have this for a value. */
export const isSendable = (value: string): boolean => !forbidden.test(value)

const unsendable = ({ headers }: TransportRequest): string | undefined => {
  for (const name in headers) if (!isSendable(headers[name] ?? "")) return name
  return undefined
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
      return error === undefined ? transport.request(request) : Effect.fail(error)
    },
    stream: (request) => {
      const error = problem(request)
      return error === undefined ? transport.stream(request) : Effect.fail(error)
    }
  }
}
