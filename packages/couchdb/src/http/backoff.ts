import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

const initialMillis = 10
const maxMillis = 1_000

/**
 * Retries at once the first time, since one retry resolves most conflicts. Later delays are random up to a bound that
 * doubles, so that writers that collided do not collide again.
 */
export const conflictBackoff = (times: number): Schedule.Schedule<number> =>
  Schedule.intersect(Schedule.forever, Schedule.recurs(times)).pipe(
    Schedule.map(([round]) => round),
    Schedule.addDelayEffect((round) =>
      round === 0
        ? Effect.succeed(Duration.zero)
        : Effect.map(Random.next, (chance) =>
          Duration.millis(chance * Math.min(maxMillis, initialMillis * 2 ** (round - 1))))
    )
  )
