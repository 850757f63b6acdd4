import * as Effect from "effect/Effect"

/** Callbacks for changes. */
export interface Watchers {
  readonly waiting: Set<() => void>
  /** Called on every change. */
  readonly always: Set<() => void>
}

export const make = (): Watchers => ({ waiting: new Set(), always: new Set() })

/** Notifies of a change. */
export const wake = ({ always, waiting }: Watchers): void => {
  for (const each of always) each()
  if (waiting.size > 0) { for (const each of Array.from(waiting)) each() }
}

/** Notifies for the last time. */
export const end = ({ always, waiting }: Watchers): void => {
  always.clear()
  for (const each of Array.from(waiting)) each()
}

/** Waits for the next change. Returns at once if `already` says that it has happened. */
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
