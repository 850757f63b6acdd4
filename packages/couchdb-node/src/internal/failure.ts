import { TransportError } from "effect-couchdb/CouchError"
import type { TransportRequest } from "effect-couchdb/Transport"

/** Why a request that nobody waits for any more is closed. */
export const interrupted = (): Error => new Error("interrupted")

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // A connection that tried several addresses says nothing itself; its parts do.
  return error instanceof AggregateError ? error.errors.map(describe).join(", ") : error.message || error.name
}

export const failure = (
  request: TransportRequest,
  reason: TransportError["reason"],
  cause: unknown
): TransportError =>
  new TransportError({ method: request.method, path: request.path, reason, description: describe(cause), cause })

/** Header values as one text each. */
export const flatHeaders = (
  headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
): Readonly<Record<string, string>> => {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === "string" ? value : value.join(", ")
  }
  return flat
}
