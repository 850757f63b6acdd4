import * as Effect from "effect/Effect"

/** What waits for the next change of something. */
export interface Watchers {
  readonly waiting: Set<() => void>
  /** What is called at every change. */
  readonly always: Set<() => void>
}

export const make = (): Watchers => ({ waiting: new Set(), always: new Set() })

/** Tells of a change: wakes whatever waits. */
export const wake = ({ always, waiting }: Watchers): void => {
  for (const each of always) each()
  if (waiting.size > 0) { for (const each of Array.from(waiting)) each() }
}

/** Wakes whatever waits for the last time. */
export const end = ({ always, waiting }: Watchers): void => {
  always.clear()
  for (const each of Array.from(waiting)) each()
}

/** Waits for the next change; returns at once where `already` says that there was one. */
export const next = (watchers: Watchers, already: () => boolean): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (already()) {
      resume(Effect.void)
      return
    }
    const woken = (): void => {
      watchers.waiting.delete(woken)
      resume(Effect.void)
    }
    watchers.waiting.add(woken)
    return Effect.sync(() => watchers.waiting.delete(woken))
  })
