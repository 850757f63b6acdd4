import * as Schedule from "effect/Schedule"
import type { NotFoundError } from "../http/errors.js"
import { isOutOfTime, isTransient } from "../http/retry.js"
import type { RowsError } from "../rows/stream.js"

/** Retries without end: 100 ms, doubling up to 30 seconds, with full jitter. */
export const retryForever: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jitteredWith({ min: 0, max: 1 })
)

/**
 * Whether a feed recovers from an error: a broken connection, silence, or a response of a server or proxy in trouble.
 */
export const isRecoverable = (error: RowsError): boolean =>
  isTransient(error) || isOutOfTime(error) || error._tag === "ServerError"

const recoverableTags = new Set([
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

/** Like {@link isRecoverable}, for any error, such as one of a checkpoint on the server. */
export const isRecoverableError = (error: unknown): error is RowsError =>
  recoverableTags.has(tagOf(error) ?? "") && isRecoverable(error as RowsError)

/** Whether a 404 reports that the database is missing, and not another resource of the request, such as a filter. */
export const isGone = (error: RowsError): boolean =>
  error._tag === "NotFoundError" && /^(?:Database does not exist\.|no_db_file)$/.test(error.reason)

/** Like {@link isGone}, for any error. */
export const isGoneDatabase = (error: unknown): error is NotFoundError =>
  tagOf(error) === "NotFoundError" && isGone(error as NotFoundError)
