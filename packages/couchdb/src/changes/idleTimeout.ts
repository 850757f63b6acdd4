import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"

/**
 * Makes an effect, which is run repeatedly and never concurrently, fail if a run takes longer than `timeout`.
 *
 * `Effect.timeoutFail` forks two fibers for each run, which costs more than reading a chunk of a feed. This forks only
 * two for all runs: one runs the effect on request, the other checks the time. Both end with the scope.
 */
export const withIdleTimeout = <A, E>(
  self: Effect.Effect<A, E>,
  timeout: Duration.Duration,
  onTimeout: () => E
): Effect.Effect<Effect.Effect<A, E>, never, Scope> =>
  Effect.gen(function*() {
    let notify: (() => void) | undefined
    let requested = false
    let pending: ((result: Effect.Effect<A, E>) => void) | undefined
    let since = 0

    const settle = (result: Effect.Effect<A, E>): void => {
      const waiting = pending
      pending = undefined
      waiting?.(result)
    }
    const nextRequest = Effect.async<void>((resume) => {
      if (requested) {
        requested = false
        resume(Effect.void)
        return undefined
      }
      notify = () => resume(Effect.void)
      return Effect.sync(() => {
        notify = undefined
      })
    })
    const run: Effect.Effect<never> = Effect.flatMap(Effect.zipRight(nextRequest, Effect.exit(self)), (result) => {
      settle(result)
      return run
    })
    yield* Effect.forkScoped(run)
    yield* Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => {
        const left = pending === undefined ? Duration.toMillis(timeout) : since + Duration.toMillis(timeout) - now
        return left > 0 ? Effect.sleep(left) : Effect.sync(() => settle(Effect.failSync(onTimeout)))
      }),
      Effect.forever,
      Effect.forkScoped
    )
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.async<A, E>((resume) => {
        pending = resume
        since = now
        const begin = notify
        notify = undefined
        if (begin === undefined) requested = true
        else begin()
        return Effect.sync(() => {
          pending = undefined
        })
      }))
  })
