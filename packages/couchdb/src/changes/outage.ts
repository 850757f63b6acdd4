import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { honourRetryAfter, isTransient } from "../http/retry.js"
import type { RowsError } from "../rows/stream.js"
import type { Reconnect } from "./Changes.js"

/**
 * How something that never ends outlives failures.
 *
 * - `what`: its name in the log, such as `the changes feed`
 * - `annotations`: what the log says of it besides
 * - `retry`: when it tries again
 * - `onReconnect`: what is run before each wait
 */
export interface Settings<E, R> {
  readonly what: string
  readonly annotations: Readonly<Record<string, string>>
  readonly retry: Schedule.Schedule<unknown, RowsError>
  readonly onReconnect?: ((reconnect: Reconnect) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * The failures of a feed since it worked last.
 *
 * - `lasts`: whether it has failed since it worked last
 * - `wait`: warns of a failure, runs the hook, and waits; fails with the failure if the schedule has ended
 * - `end`: the feed works again, so that the schedule begins from its start
 * - `warn`: warns of a failure that nothing waits for
 * - `isBroken`: counts a failure, and says whether it came so often with the same words that a design function is broken
 * - `progress`: the feed came further, so that what failed before is no sign of a broken function
 */
export interface Outage<E, R> {
  readonly lasts: () => boolean
  readonly wait: (error: RowsError) => Effect.Effect<void, RowsError | E, R>
  readonly end: Effect.Effect<void>
  readonly warn: (what: string, error: { readonly _tag: string; readonly message: string }) => Effect.Effect<void>
  readonly isBroken: (error: RowsError) => boolean
  readonly progress: () => void
}

/** How often a feed warns at most. Other failures are logged at the level Debug, and counted. */
const warnEvery = 60_000

/** How often a design function may fail with the same words, with no progress in between. */
const mostFailures = 10

/** What fails in more ways than this is no design function. */
const mostWays = 10

/** What CouchDB answers with status 500 while its cluster is in trouble, whatever the request is. */
const isOfCluster = /^(?:internal_server_error|nodedown|timeout|service_unavailable)$/

/** In which way a design function failed, if it may be that. */
const wayOf = (error: RowsError): string | undefined =>
  error._tag === "ServerError" && error.status === 500 && !isTransient(error) && !isOfCluster.test(error.error)
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
    const ways = new Map<string, number>()

    // The wait itself is ours, so that the log and the hook know how long it is.
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
        if (now - warnedAt < warnEvery) {
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
      lasts: () => attempt > 0,
      warn,
      wait: (error) =>
        Effect.gen(function*() {
          attempt++
          yield* Effect.catchAll(driver.next(error), () => Effect.fail(error))
          const wait = delay
          yield* warn(`${what} failed, and tries again in ${rounded(wait)} (attempt ${attempt})`, error)
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
        const way = wayOf(error)
        if (way === undefined) return false
        if (!ways.has(way) && ways.size >= mostWays) ways.clear()
        const times = (ways.get(way) ?? 0) + 1
        ways.set(way, times)
        return times >= mostFailures
      },
      progress: () => {
        if (ways.size > 0) ways.clear()
      }
    }
  })
