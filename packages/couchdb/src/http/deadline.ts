import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { ConnectionWait } from "./connectionWait.js"
import type { CouchRequest } from "./CouchHttp.js"
import { type HttpError, TimeoutError, TransportError } from "./errors.js"
import { isNothingSent, isTransient } from "./retry.js"

/** A request whose wait for a connection is tracked. */
export interface TrackedRequest extends CouchRequest {
  readonly wait?: ConnectionWait | undefined
}

/** JavaScript's timers fire at once if their delay is longer, in milliseconds. */
const maxTimerMillis = 2 ** 31 - 1

/** Timeouts above 2³¹−1 ms are treated as infinite. */
export const decodeTimeout = (timeout: Duration.DurationInput): Duration.Duration =>
  Duration.greaterThan(timeout, maxTimerMillis) ? Duration.infinity : Duration.decode(timeout)

/** The decorators that apply deadlines to the calls to one server. `timeout` is the default of its requests. */
export class Deadlines {
  constructor(private readonly server: string, readonly timeout: Duration.Duration) {}

  private timeoutOf(request: CouchRequest): Duration.Duration {
    return request.timeout === undefined ? this.timeout : decodeTimeout(request.timeout)
  }

  private timedOut(request: CouchRequest, within: Duration.Duration): TimeoutError {
    return new TimeoutError({
      server: this.server,
      method: request.method,
      path: request.path,
      milliseconds: Duration.toMillis(within)
    })
  }

  /** A call that never got a connection reports that, instead of a server that does not respond. */
  private expired(request: CouchRequest, wait: ConnectionWait, within: Duration.Duration) {
    if (wait.waitsFor === undefined) return this.timedOut(request, within)
    const milliseconds = Duration.toMillis(this.timeoutOf(request))
    return new TransportError({
      server: this.server,
      method: request.method,
      path: request.path,
      ...(wait.waitsFor === "pool"
        ? { reason: "PoolExhausted", description: `no connection was free for ${milliseconds} ms` }
        : { reason: "Connection", description: `none within ${milliseconds} ms` })
    })
  }

  /** Fails when the timeout of a feed expires. It starts again when the feed has a connection. */
  private feedExpiry(request: CouchRequest, wait: ConnectionWait, within: Duration.Duration) {
    const error = () => this.expired(request, wait, this.timeoutOf(request))
    return Effect.flatMap(
      Effect.sleep(within),
      () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const left = wait.connectedAt + Duration.toMillis(within) - now
          return wait.waitsFor === undefined && wait.connectedAt > 0 && left > 0
            ? Effect.zipRight(Effect.sleep(left), Effect.failSync(error))
            : Effect.failSync(error)
        })
    )
  }

  /**
   * Runs the effect within the timeout of the request. `previous` is the failure of an attempt before the effect: it
   * determines whether part of the call was sent.
   */
  withDeadline<A, E, R>(
    request: CouchRequest,
    effect: (request: TrackedRequest) => Effect.Effect<A, E, R>,
    within = this.timeoutOf(request),
    previous?: HttpError
  ): Effect.Effect<A, E | TimeoutError | TransportError, R> {
    return Duration.isFinite(within)
      ? Effect.withFiberRuntime((fiber) => {
        const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
        const wait = new ConnectionWait(
          () => clock.unsafeCurrentTimeMillis(),
          previous && (isNothingSent(previous) ? "connection" : "sent")
        )
        const timed = effect({ ...request, wait })
        return request.kind === "feed"
          ? Effect.raceFirst(timed, this.feedExpiry(request, wait, within))
          : Effect.timeoutFail(timed, { duration: within, onTimeout: () => this.expired(request, wait, within) })
      })
      : effect(request)
  }

  /**
   * Recovers from a first attempt that failed within the deadline that the transport enforces. `remaining` is the time
   * until the deadline, in milliseconds.
   */
  recoverAfterFirstTry<A, E extends HttpError>(
    request: CouchRequest,
    error: E,
    recovered: (error: E, tracked: TrackedRequest) => Effect.Effect<A, E>,
    remaining: () => number
  ): Effect.Effect<A, E | TimeoutError | TransportError> {
    return error._tag === "TransportError" && error.reason === "Deadline"
      ? Effect.fail(this.timedOut(request, this.timeoutOf(request)))
      // A timer may fire slightly early.
      : !isTransient(error) || (isNothingSent(error) && remaining() < 2)
      ? Effect.fail(error)
      : this.withDeadline(
        request,
        (tracked) => recovered(error, tracked),
        Duration.millis(Math.max(0, remaining())),
        error
      )
  }

  /**
   * Runs a first attempt whose deadline the transport enforces, and recovers from its failure in the remaining time. A
   * call that succeeds at once needs no fiber for its deadline.
   */
  withTransportDeadline<A, E extends HttpError>(
    request: CouchRequest,
    first: Effect.Effect<A, E>,
    recovered: (error: E, tracked: TrackedRequest) => Effect.Effect<A, E>,
    milliseconds: number
  ): Effect.Effect<A, E | TimeoutError | TransportError> {
    return Effect.withFiberRuntime((fiber) => {
      const remaining = countdown(fiber, milliseconds)
      return Effect.catchAll(first, (error: E) => this.recoverAfterFirstTry(request, error, recovered, remaining))
    })
  }
}

/** Measures the remaining part of a duration that starts now, in milliseconds. */
export const countdown = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, milliseconds: number): () => number => {
  const clock = Context.unsafeGet(fiber.currentDefaultServices, Clock.Clock)
  const started = clock.unsafeCurrentTimeMillis()
  return () => milliseconds - (clock.unsafeCurrentTimeMillis() - started)
}
