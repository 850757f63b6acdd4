import * as Effect from "effect/Effect"

/** The requests that a server has yet to answer. */
export interface RunningRequests<A> {
  readonly add: (request: A) => void
  readonly remove: (request: A) => void
  /** Returns once no request is left. */
  readonly empty: Effect.Effect<void>
}

export const makeRunningRequests = <A>(): RunningRequests<A> => {
  const running = new Set<A>()
  const waiting = new Set<() => void>()
  return {
    add: (request) => {
      running.add(request)
    },
    remove: (request) => {
      running.delete(request)
      if (running.size === 0) { for (const resume of Array.from(waiting)) resume() }
    },
    empty: Effect.async((resume) => {
      if (running.size === 0) {
        resume(Effect.void)
        return
      }
      const done = (): void => {
        waiting.delete(done)
        resume(Effect.void)
      }
      waiting.add(done)
      return Effect.sync(() => waiting.delete(done))
    })
  }
}
