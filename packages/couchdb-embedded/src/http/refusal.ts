import type { Json } from "effect-couchdb/Json"
import * as Either from "effect/Either"

/** An error response of CouchDB. */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly status: number
  readonly error: string
  readonly reason: Json
  readonly headers?: Readonly<Record<string, string>>
  /**
   * The number that CouchDB adds to internal errors. It identifies the place in the source of 3.5.0. `true` stands for
   * an arbitrary number, if the place is not known.
   */
  readonly ref?: boolean | number
}

/** A value or an error response. */
export type Checked<A> = Either.Either<A, Refusal>

export const refusal = (
  status: number,
  error: string,
  reason: Json,
  more?: { readonly headers?: Readonly<Record<string, string>>; readonly ref?: boolean | number }
): Refusal => ({ _tag: "Refusal", status, error, reason, ...more })

/** An error response as an `Either`. */
export const refuse = (
  status: number,
  error: string,
  reason: Json,
  more?: { readonly headers?: Readonly<Record<string, string>>; readonly ref?: boolean | number }
): Either.Either<never, Refusal> => Either.left(refusal(status, error, reason, more))

export const badRequest = (reason: string): Either.Either<never, Refusal> => refuse(400, "bad_request", reason)

export const invalidJson = refusal(400, "bad_request", "invalid UTF-8 JSON")

export const tooLarge = refusal(413, "too_large", "the request entity is too large")

export const conflict = refusal(409, "conflict", "Document update conflict.")

export const missing = refusal(404, "not_found", "missing")

export const deleted = refusal(404, "not_found", "deleted")

export const noDatabase = refusal(404, "not_found", "Database does not exist.")

export const noDatabaseAccess = (anonymous: boolean): Refusal =>
  anonymous
    ? refusal(401, "unauthorized", "You are not authorized to access this db.")
    : refusal(403, "forbidden", "You are not allowed to access this db.")

export const noServerAdmin = refusal(401, "unauthorized", "You are not a server admin.")

export const methodNotAllowed = (allow: string): Refusal =>
  refusal(405, "method_not_allowed", `Only ${allow} allowed`, { headers: { allow } })

/** CouchDB's response to a request that crashes it. */
export const internalError = (
  reason: string,
  error = "unknown_error",
  ref: number | true = true
): Either.Either<never, Refusal> => refuse(500, error, reason, { ref })

/** The `ref` of each place in CouchDB 3.5.0 that a request can crash. */
export const crashRefs = {
  indexNotSaved: 3269388020,
  missingRevs: 505833475,
  noRowsInRange: 72864418,
  queriesBody: 3704553627,
  replicationOption: 3215090421,
  revsDiff: 2813630627,
  revsLimit: 1641458982,
  sessionBody: 542594405,
  viewBody: 3300231582,
  revsLimitRefused: 3992871446
} as const

/** The response of endpoints and options that the engine does not implement. */
export const notImplemented = (what: string): Either.Either<never, Refusal> =>
  refuse(501, "not_implemented", `The embedded CouchDB does not have ${what} yet.`)
