import * as Schedule from "effect/Schedule"
import type { NotFoundError } from "../http/errors.js"
import { isOutOfTime, isTransient } from "../http/retry.js"
import type { RowsError } from "../rows/stream.js"

/** Retries without end: 100 ms doubling up to half a minute, with full jitter. */
export const untilItWorks: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jitteredWith({ min: 0, max: 1 })
)

/** What a feed outlives: a broken connection, silence, and whatever a server or a proxy in trouble answers. */
export const passes = (error: RowsError): boolean =>
  isTransient(error) || isOutOfTime(error) || error._tag === "ServerError"

const passing = new Set([
  "TransportError",
  "TimeoutError",
  "TooManyRequestsError",
  "ServerError",
  "UnexpectedResponseError"
])

const tagOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"
    ? error._tag
    : undefined

/** The same of any error, such as that of a checkpoint on the server. */
export const isPassing = (error: unknown): error is RowsError =>
  passing.has(tagOf(error) ?? "") && passes(error as RowsError)

/** Whether the database does not exist, rather than something else that the request names, such as a filter. */
export const isGone = (error: RowsError): boolean =>
  error._tag === "NotFoundError" && /^(?:Database does not exist\.|no_db_file)$/.test(error.reason)

/** The same of any error. */
export const isGoneDatabase = (error: unknown): error is NotFoundError =>
  tagOf(error) === "NotFoundError" && isGone(error as NotFoundError)
