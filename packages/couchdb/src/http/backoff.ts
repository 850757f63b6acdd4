import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

const first = 10
const longest = 1_000

/**
 * At once for the first time, since most conflicts are met once; then anywhere between nothing and a bound that doubles,
 * so that writers who collided do not collide again.
 */
export const patience = (times: number): Schedule.Schedule<number> =>
  Schedule.intersect(Schedule.forever, Schedule.recurs(times)).pipe(
    Schedule.map(([round]) => round),
    Schedule.addDelayEffect((round) =>
      round === 0
        ? Effect.succeed(Duration.zero)
        : Effect.map(Random.next, (chance) => Duration.millis(chance * Math.min(longest, first * 2 ** (round - 1))))
    )
  )
