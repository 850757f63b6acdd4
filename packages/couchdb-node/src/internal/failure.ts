import { TransportError } from "effect-couchdb/CouchError"
import { describeCause, neverConnected, type TransportRequest } from "effect-couchdb/Transport"

/** Why a request that nobody waits for any more is closed. */
export const interrupted = (): Error => new Error("interrupted")

export const failure = (request: TransportRequest, answered: boolean, cause: unknown): TransportError =>
  new TransportError({
    server: request.origin,
    method: request.method,
    path: request.path,
    reason: answered ? "Body" : neverConnected(cause) ? "Connection" : "NoAnswer",
    description: describeCause(cause)
  })

/** The deadline of the request passed. */
export const outOfTime = ({ deadline, method, origin, path }: TransportRequest): TransportError =>
  new TransportError({ server: origin, method, path, reason: "Deadline", description: `${deadline} ms` })

/** The deadline of the request passed while it waited for a connection. Nothing of it was sent. */
export const poolExhausted = (
  { deadline, kind, method, origin, path }: TransportRequest,
  { size }: { readonly size: number }
): TransportError =>
  new TransportError({
    server: origin,
    method,
    path,
    reason: "PoolExhausted",
    description: `all ${size} ${kind === "feed" ? "connections for feeds" : "connections"} for ${deadline} ms`
  })

type Incoming = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

const isFlat = (headers: Incoming): headers is Readonly<Record<string, string>> => {
  for (const name in headers) if (typeof headers[name] !== "string") return false
  return true
}

/** Header values as one text each. */
export const flatHeaders = (headers: Incoming): Readonly<Record<string, string>> => {
  if (isFlat(headers)) return headers
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === "string" ? value : value.join(", ")
  }
  return flat
}
