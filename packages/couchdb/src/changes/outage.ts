import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { honourRetryAfter, isTransient } from "../http/retry.js"
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

export const makeOutage = <E = never, R = never>(
  { annotations, onReconnect, retry, what }: Settings<E, R>
): Effect.Effect<Outage<E, R>> =>
  Effect.gen(function*() {
    let delay = Duration.zero
    let attempt = 0
    let warnedAt = Number.NEGATIVE_INFINITY
    let warned = false
    let suppressed = 0
    const failures = new Map<string, number>()

    // The schedule's own wait is set to zero. `wait` sleeps itself, so that it can log the delay and pass it to the
    // hook.
    const driver = yield* Schedule.driver(
      Schedule.modifyDelay(honourRetryAfter(retry), (_, wait) => {
        delay = wait
        return Duration.zero
      })
    )

    const annotated = (effect: Effect.Effect<void>, error?: { readonly _tag: string }): Effect.Effect<void> =>
      Effect.annotateLogs(effect, error === undefined ? annotations : { ...annotations, error: error._tag })

    const warn: Outage<E, R>["warn"] = (problem, error) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (now - warnedAt < warnInterval) {
          suppressed++
          return annotated(Effect.logDebug(`${problem}: ${error.message}`), error)
        }
        const more = suppressed === 0 ? "" : ` There were ${suppressed} more failures since the last warning.`
        warnedAt = now
        warned = true
        suppressed = 0
        return annotated(Effect.logWarning(`${problem}: ${error.message}${more}`), error)
      })

    return {
      isActive: () => attempt > 0,
      warn,
      wait: (error) =>
        Effect.gen(function*() {
          attempt++
          yield* Effect.catchAll(driver.next(error), () => Effect.fail(error))
          const wait = delay
          yield* warn(`${what} failed; retrying in ${rounded(wait)} (attempt ${attempt})`, error)
          if (onReconnect !== undefined) yield* onReconnect({ error, attempt, delay: wait })
          yield* Effect.sleep(wait)
        }),
      end: Effect.suspend(() => {
        if (attempt === 0) return Effect.void
        const message = `${what} works again after ${attempt} failed ${attempt === 1 ? "attempt" : "attempts"}`
        const log = warned ? Effect.logInfo(message) : Effect.logDebug(message)
        attempt = 0
        warned = false
        return Effect.zipRight(annotated(log), driver.reset)
      }),
      isBroken: (error) => {
        const key = failureKey(error)
        if (key === undefined) return false
        if (!failures.has(key) && failures.size >= maxFailureKinds) failures.clear()
        const times = (failures.get(key) ?? 0) + 1
        failures.set(key, times)
        return times >= maxFailures
      },
      progress: () => {
        if (failures.size > 0) failures.clear()
      }
    }
  })
