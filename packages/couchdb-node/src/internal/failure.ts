import { TransportError } from "effect-couchdb/CouchError"
import { type Phase, toTransportError, type TransportRequest } from "effect-couchdb/Transport"

/** The reason with which an interrupted request is aborted. */
export const interrupted = (): Error => new Error("interrupted")

/** The progress of an exchange. undici starts a request when it has a connection, and writes it at once. */
export const phaseOf = (started: boolean, responded: boolean): Phase =>
  responded ? "responded" : started ? "sent" : "unsent"

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

/** The deadline of the request passed while it waited for a connection, so it was not sent. */
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

/** Joins the values of each header. */
export const flatHeaders = (headers: Incoming): Readonly<Record<string, string>> => {
  if (isFlat(headers)) return headers
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === "string" ? value : value.join(", ")
  }
  return flat
}
