import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"

/**
 * An effect that is run many times, one after the other, and may not take longer than so long each time, or it fails.
 *
 * `Effect.timeoutFail` runs two fibers for each time, which costs more than reading a piece of a feed. Here there are two
 * for all times: one that runs the effect when it is asked to, and one that watches. They end with the scope.
 */
export const watched = <A, E>(
  self: Effect.Effect<A, E>,
  longest: Duration.Duration,
  onLonger: () => E
): Effect.Effect<Effect.Effect<A, E>, never, Scope> =>
  Effect.gen(function*() {
    let start: (() => void) | undefined
    let asked = false
    let answer: ((result: Effect.Effect<A, E>) => void) | undefined
    let since = 0

    const give = (result: Effect.Effect<A, E>): void => {
      const waiting = answer
      answer = undefined
      waiting?.(result)
    }
    const ask = Effect.async<void>((resume) => {
      if (asked) {
        asked = false
        resume(Effect.void)
        return undefined
      }
      start = () => resume(Effect.void)
      return Effect.sync(() => {
        start = undefined
      })
    })
    const run: Effect.Effect<never> = Effect.flatMap(Effect.zipRight(ask, Effect.exit(self)), (result) => {
      give(result)
      return run
    })
    yield* Effect.forkScoped(run)
    yield* Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => {
        const left = answer === undefined ? Duration.toMillis(longest) : since + Duration.toMillis(longest) - now
        return left > 0 ? Effect.sleep(left) : Effect.sync(() => give(Effect.failSync(onLonger)))
      }),
      Effect.forever,
      Effect.forkScoped
    )
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.async<A, E>((resume) => {
        answer = resume
        since = now
        const begin = start
        start = undefined
        if (begin === undefined) asked = true
        else begin()
        return Effect.sync(() => {
          answer = undefined
        })
      }))
  })
