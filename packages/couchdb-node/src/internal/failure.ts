import { TransportError } from "effect-couchdb/CouchError"
import { type Phase, toTransportError, type TransportRequest } from "effect-couchdb/Transport"

/** Why a request that nobody waits for any more is closed. */
export const interrupted = (): Error => new Error("interrupted")

/** How far an exchange got. undici starts a request once it has a connection, and writes it at that moment. */
export const phaseOf = (started: boolean, answered: boolean): Phase =>
  answered ? "answered" : started ? "sent" : "unsent"

export const failure = (request: TransportRequest, phase: Phase, cause: unknown): TransportError =>
  toTransportError(request, cause, phase)

const late = (
  { method, origin, path }: TransportRequest,
  reason: TransportError["reason"],
  description: string
): TransportError => new TransportError({ server: origin, method, path, reason, description })

/** The deadline of the request passed. */
export const outOfTime = (request: TransportRequest, phase: Phase): TransportError =>
  phase === "unsent"
    ? late(request, "Connection", `none within ${request.deadline} ms`)
    : late(request, "Deadline", `${request.deadline} ms`)

/** The deadline of the request passed while it waited for a connection. Nothing of it was sent. */
export const poolExhausted = (
  request: TransportRequest,
  { size }: { readonly size: number }
): TransportError =>
  late(
    request,
    "PoolExhausted",
    `all ${size} ${request.kind === "feed" ? "connections for feeds" : "connections"} for ${request.deadline} ms`
  )

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
