import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { ServerError, TimeoutError, TooManyRequestsError, TransportError } from "../../CouchError.js"
import type { RowsError } from "../rows/stream.js"

/** 100 ms doubling up to half a minute, with full jitter, for as long as it takes. */
export const patient: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jitteredWith({ min: 0, max: 1 })
)

/** Never earlier than a server asked for. */
export const polite = <R>(
  schedule: Schedule.Schedule<unknown, RowsError, R>
): Schedule.Schedule<RowsError, RowsError, R> =>
  schedule.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      error._tag === "TooManyRequestsError" && Option.isSome(error.retryAfter)
        ? Duration.max(error.retryAfter.value, delay)
        : delay
    )
  )

/** What a feed outlives: a broken connection, silence, and whatever a server in trouble says. */
export const passes = (error: RowsError): boolean =>
  error._tag === "TransportError"
    ? error.reason !== "InvalidUrl" && error.reason !== "InvalidHeader"
    : error._tag === "TimeoutError" || error._tag === "TooManyRequestsError" || error._tag === "ServerError"

/** The same of any error, such as a checkpoint's that is kept on the server. */
export const isPassing = (error: unknown): error is RowsError =>
  (error instanceof TransportError || error instanceof TimeoutError || error instanceof TooManyRequestsError ||
    error instanceof ServerError) && passes(error)

/** Whether the database is not there, rather than something else that the request names, such as a filter. */
export const isGone = (error: RowsError): boolean =>
  error._tag === "NotFoundError" && /^(?:Database does not exist\.|no_db_file)$/.test(error.reason)
