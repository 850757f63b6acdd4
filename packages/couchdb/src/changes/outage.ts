import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { isTransient, respectRetryAfter } from "../http/retry.js"
import type { RowsError } from "../rows/stream.js"
import type { Reconnect } from "./Changes.js"

/**
 * How a long-running process recovers from failures.
 *
 * - `what`: its name in log messages, such as `the changes feed`
 * - `annotations`: the annotations of log messages
 * - `retry`: when it retries
 * - `onReconnect`: runs before each wait
 */
export interface Settings<E, R> {
  readonly what: string
  readonly annotations: Readonly<Record<string, string>>
  readonly retry: Schedule.Schedule<unknown, RowsError>
  readonly onReconnect?: ((reconnect: Reconnect) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * Tracks the failures of a feed since it last worked.
 *
 * - `isActive`: whether it has failed since it last worked
 * - `wait`: logs a failure, runs the hook, and waits; fails with the error if the schedule has ended
 * - `end`: records that the feed works again, and restarts the schedule
 * - `warn`: logs a failure without waiting
 * - `isBroken`: counts a failure, and returns whether it repeated so often that a design function must be broken
 * - `progress`: records that the feed advanced, which clears the counts of `isBroken`
 */
export interface Outage<E, R> {
  readonly isActive: () => boolean
  readonly wait: (error: RowsError) => Effect.Effect<void, RowsError | E, R>
  readonly end: Effect.Effect<void>
  readonly warn: (what: string, error: { readonly _tag: string; readonly message: string }) => Effect.Effect<void>
  readonly isBroken: (error: RowsError) => boolean
  readonly progress: () => void
}

/**
 * The minimum interval between warnings in milliseconds. Failures in between are counted, and logged at level Debug.
 */
const warnInterval = 60_000

/** How often a design function may fail with the same error and reason without progress in between. */
const maxFailures = 10

/** A design function is unlikely to fail with more different reasons than this. */
const maxFailureKinds = 10

/** The errors of CouchDB with status 500 that indicate trouble in the cluster, for any request. */
const clusterErrors = /^(?:internal_server_error|nodedown|timeout|service_unavailable)$/

/** The error and reason of a failure that a design function may have caused. */
const failureKey = (error: RowsError): string | undefined =>
  error._tag === "ServerError" && error.status === 500 && !isTransient(error) && !clusterErrors.test(error.error)
    ? `${error.error}\n${error.reason}`
    : undefined

const rounded = (delay: Duration.Duration): string =>
  Duration.format(Duration.millis(Math.round(Duration.toMillis(delay))))

/** Counts failures that a design function may have caused, by their error and reason. */
class DesignFailures {
  private readonly counts = new Map<string, number>()

  /** Counts a failure, and returns whether it repeated so often that a design function must be broken. */
  count(error: RowsError): boolean {
    const key = failureKey(error)
    if (key === undefined) return false
    if (!this.counts.has(key) && this.counts.size >= maxFailureKinds) this.counts.clear()
    const times = (this.counts.get(key) ?? 0) + 1
    this.counts.set(key, times)
    return times >= maxFailures
  }

  clear(): void {
    if (this.counts.size > 0) this.counts.clear()
  }
}

/** Logs failures, as warnings at most once in an interval. */
class FailureLog {
  private warnedAt = Number.NEGATIVE_INFINITY
  private warned = false
  private suppressed = 0

  constructor(private readonly annotations: Readonly<Record<string, string>>) {}

  warn(problem: string, error: { readonly _tag: string; readonly message: string }): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const annotations = { ...this.annotations, error: error._tag }
      if (now - this.warnedAt < warnInterval) {
        this.suppressed++
        return Effect.annotateLogs(Effect.logDebug(`${problem}: ${error.message}`), annotations)
      }
      const more = this.suppressed === 0 ? "" : ` There were ${this.suppressed} more failures since the last warning.`
      this.warnedAt = now
      this.warned = true
      this.suppressed = 0
      return Effect.annotateLogs(Effect.logWarning(`${problem}: ${error.message}${more}`), annotations)
    })
  }

  /** Logs the end of an outage, at level Info if there was a warning about it. */
  end(message: string): Effect.Effect<void> {
    const log = this.warned ? Effect.logInfo(message) : Effect.logDebug(message)
    this.warned = false
    return Effect.annotateLogs(log, this.annotations)
  }
}

export const makeOutage = <E = never, R = never>(
  { annotations, onReconnect, retry, what }: Settings<E, R>
): Effect.Effect<Outage<E, R>> =>
  Effect.gen(function*() {
    let delay = Duration.zero
    let attempt = 0
    const log = new FailureLog(annotations)
    const designFailures = new DesignFailures()

    // The schedule's own wait is set to zero. `wait` sleeps itself, so that it can log the delay and pass it to the
    // hook.
    const driver = yield* Schedule.driver(
      Schedule.modifyDelay(respectRetryAfter(retry), (_, wait) => {
        delay = wait
        return Duration.zero
      })
    )

    return {
      isActive: () => attempt > 0,
      warn: (problem, error) => log.warn(problem, error),
      wait: (error) =>
        Effect.gen(function*() {
          attempt++
          yield* Effect.catchAll(driver.next(error), () => Effect.fail(error))
          const wait = delay
          yield* log.warn(`${what} failed; retrying in ${rounded(wait)} (attempt ${attempt})`, error)
          if (onReconnect !== undefined) yield* onReconnect({ error, attempt, delay: wait })
          yield* Effect.sleep(wait)
        }),
      end: Effect.suspend(() => {
        if (attempt === 0) return Effect.void
        const message = `${what} works again after ${attempt} failed ${attempt === 1 ? "attempt" : "attempts"}`
        attempt = 0
        return Effect.zipRight(log.end(message), driver.reset)
      }),
      isBroken: (error) => designFailures.count(error),
      progress: () => designFailures.clear()
    }
  })
