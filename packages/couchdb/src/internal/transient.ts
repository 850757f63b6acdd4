import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { HttpError } from "../CouchError.js"

/** What a moment later may be answered: the connection broke, or something on the way was busy. */
export const isTransient = (error: HttpError): boolean =>
  error._tag === "TransportError"
    ? error.reason !== "InvalidUrl" && error.reason !== "InvalidHeader" && error.reason !== "Deadline"
    : error._tag === "TooManyRequestsError" ||
      (error._tag === "ServerError" && (error.status === 502 || error.status === 503 || error.status === 504))

/** Four more tries, 100 ms doubling, with full jitter. */
export const defaultRetry: Schedule.Schedule<unknown, HttpError> = Schedule.exponential("100 millis").pipe(
  Schedule.jitteredWith({ min: 0, max: 1 }),
  Schedule.intersect(Schedule.recurs(4))
)

/**
 * The schedule for transient errors only, and never earlier than a server asked for. A wait beyond the deadline is not
 * begun, so that the caller hears of it while there is something to do.
 */
export const respectful = (
  schedule: Schedule.Schedule<unknown, HttpError>,
  deadline: Duration.Duration
): Schedule.Schedule<HttpError, HttpError> =>
  schedule.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      error._tag === "TooManyRequestsError" && Option.isSome(error.retryAfter)
        ? Duration.max(error.retryAfter.value, delay)
        : delay
    ),
    Schedule.whileInput((error: HttpError) =>
      isTransient(error) &&
      !(error._tag === "TooManyRequestsError" && Option.isSome(error.retryAfter) &&
        Duration.greaterThanOrEqualTo(error.retryAfter.value, deadline))
    )
  )
