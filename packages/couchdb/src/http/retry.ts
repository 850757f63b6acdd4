import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { HttpError } from "./errors.js"

/** The statuses of transient failures of a server or a proxy. 52x and 530 are Cloudflare's. */
const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 425 || (status >= 502 && status <= 504) || (status >= 520 && status <= 527) ||
  status === 530

/** Whether the request was certainly not sent. */
export const isNothingSent = (error: HttpError): boolean => {
  if (error._tag === "CredentialsError") return true
  if (error._tag !== "TransportError") return false
  switch (error.reason) {
    case "InvalidUrl":
    case "InvalidHeader":
    case "LongLine":
    case "Unsupported":
    case "Connection":
    case "Tls":
    case "PoolExhausted":
      return true
    default:
      return false
  }
}

/** Whether a proxy refused the size of a request body. It refuses the same body again, but may accept a smaller one. */
export const isTooLargeForProxy = (error: HttpError): boolean =>
  error._tag === "UnexpectedResponseError" && error.status === 413 &&
  (error.method === "PUT" || error.method === "POST")

/**
 * Whether the same request may succeed a moment later: the connection broke, an intermediary was busy, or something
 * other than CouchDB responded.
 */
export const isTransient = (error: HttpError): boolean => {
  switch (error._tag) {
    case "TransportError":
      return error.reason === "Connection" || error.reason === "NoResponse" || error.reason === "Body"
    case "TooManyRequestsError":
      return true
    case "UnexpectedResponseError":
      return !isTooLargeForProxy(error)
    case "ServerError":
      return isTransientStatus(error.status) || (error.status === 500 && error.error === "timeout")
    default:
      return false
  }
}

/** Whether the request timed out, including while it waited for a connection. */
export const isOutOfTime = (error: HttpError): boolean =>
  error._tag === "TimeoutError" ||
  (error._tag === "TransportError" && (error.reason === "Deadline" || error.reason === "PoolExhausted"))

/**
 * Whether the request may have been carried out although it failed: no response arrived, something other than CouchDB
 * sent it, or the server failed.
 */
export const mayHaveHappened = (error: HttpError): boolean => {
  switch (error._tag) {
    case "TransportError":
      // No server carries out an incomplete request.
      return error.reason !== "RequestBody" && !isNothingSent(error)
    case "TimeoutError":
    case "UnexpectedResponseError":
    case "ServerError":
    case "TooManyRequestsError":
      return true
    default:
      return false
  }
}

/** The delay in a `Retry-After` header. */
const retryAfterOf = (error: HttpError): Option.Option<Duration.Duration> => {
  switch (error._tag) {
    case "TooManyRequestsError":
    case "ServerError":
    case "UnexpectedResponseError":
      return error.retryAfter ?? Option.none()
    default:
      return Option.none()
  }
}

/** Four retries from 100 ms, doubling, with full jitter. */
export const defaultRetry: Schedule.Schedule<unknown, HttpError> = Schedule.exponential("100 millis").pipe(
  Schedule.jitteredWith({ min: 0, max: 1 }),
  Schedule.intersect(Schedule.recurs(4))
)

/** Makes each delay at least as long as a `Retry-After` header requires. */
export const respectRetryAfter = <E extends HttpError, R>(
  schedule: Schedule.Schedule<unknown, E, R>
): Schedule.Schedule<E, E, R> =>
  schedule.pipe(
    Schedule.passthrough,
    Schedule.modifyDelay((error, delay) =>
      Option.match(retryAfterOf(error), { onNone: () => delay, onSome: (wait) => Duration.max(wait, delay) })
    )
  )

/**
 * Restricts the schedule to transient errors, and honors `Retry-After`. A wait that exceeds the deadline is not
 * started, so that the call fails early.
 */
export const retryTransient = (
  schedule: Schedule.Schedule<unknown, HttpError>,
  deadline: Duration.Duration
): Schedule.Schedule<HttpError, HttpError> =>
  respectRetryAfter(schedule).pipe(
    Schedule.whileInput((error: HttpError) =>
      isTransient(error) && !Option.exists(retryAfterOf(error), Duration.greaterThanOrEqualTo(deadline))
    )
  )

/**
 * Ends the schedule before the first wait that would exceed the deadline. A write then fails with the error of its last
 * attempt, which may show that nothing was sent. A timeout would not show that.
 */
export const endingBefore = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, R>,
  deadline: Duration.Duration
): Schedule.Schedule<Out, In, R> => {
  const limit = Duration.toMillis(deadline)
  const initial: readonly [begun: number | undefined, state: unknown] = [undefined, schedule.initial]
  return Schedule.makeWithState(
    initial,
    (now, input: In, [begun = now, state]) =>
      Effect.map(schedule.step(now, input, state), ([next, out, decision]) => {
        const isLate = ScheduleDecision.isContinue(decision) &&
          ScheduleIntervals.start(decision.intervals) - begun >= limit
        return [[begun, next], out, isLate ? ScheduleDecision.done : decision]
      })
  )
}
