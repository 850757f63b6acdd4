import * as Effect from "effect/Effect"
import type { Identity } from "../storage/keeper.js"
import type { Store } from "../storage/store.js"
import type { Log } from "./log.js"
import * as Logs from "./log.js"
import type { Writer } from "./records.js"
import * as Records from "./records.js"
import type { Restored } from "./restore.js"

/** A store over a log that was read through. */
export interface Opened {
  readonly store: Store
  /** Makes the rest safe, says that this was all, and closes the log. */
  readonly close: Effect.Effect<void>
}

const everything = (writer: Writer, restored: Restored): Iterable<ReadonlyArray<Uint8Array>> => {
  const { holdings: { databases, updates }, identity, lives } = restored
  return Records.everything(writer, { identity, lives, databases, updates })
}

/** How many bytes a log would have in which nothing is written twice. */
const liveSize = (restored: Restored): number => {
  let size = 0
  for (const records of everything(Records.writer([]), restored)) {
    for (const record of records) size += record.length
  }
  return size
}

/** Goes on writing the log, or a new one where most of it is of no use any more. */
export const make = <E extends { readonly message: string }>(options: {
  readonly directory: string
  readonly log: Log | undefined
  readonly restored: Restored
  /** Up to this size, a log is never written anew by itself. */
  readonly compactAbove: number
  readonly failure: (cause: unknown) => E
  readonly closed: E
}): Effect.Effect<Opened, E> =>
  Effect.gen(function*() {
    const { compactAbove, directory, failure, restored } = options
    const mutex = yield* Effect.makeSemaphore(1)
    const lives = restored.lives
    restored.lives++
    let writer = Records.writer(restored.blobs)
    restored.blobs.length = 0
    let pending: Array<Uint8Array> = []
    let noted = 0
    let durable = 0
    let wanted = false
    let broken: E | undefined
    let log: Log | undefined = options.log
    let look = compactAbove

    const note = (records: ReadonlyArray<Uint8Array>): void => {
      pending.push(...records)
      noted++
    }

    /** Writes all that there is into a new log. Nothing happens to the engine meanwhile. */
    const rewrite = Effect.try({
      try: () => {
        const fresh = Records.writer([])
        const next = Logs.create(directory, everything(fresh, restored))
        if (log !== undefined) Logs.close(log)
        log = next
        writer = fresh
        pending = []
        durable = noted
        wanted = false
        look = Math.max(compactAbove, 2 * next.end)
      },
      catch: (cause) => cause
    })

    const worthIt = (size: number): boolean => {
      if (size < look) return false
      look = Math.max(compactAbove, 2 * size)
      return size > 2 * liveSize(restored)
    }

    const flush = Effect.suspend((): Effect.Effect<void, unknown> => {
      if (log === undefined || wanted || worthIt(log.end)) return rewrite
      const [records, target] = [pending, noted]
      pending = []
      return Effect.map(Logs.append(log, records), () => {
        durable = target
      })
    })

    const sync = Effect.suspend((): Effect.Effect<void, E> => {
      if (broken !== undefined) return Effect.fail(broken)
      const target = noted
      if (durable >= target) return Effect.void
      // Whoever comes first writes for all who wait behind.
      return mutex.withPermits(1)(Effect.suspend(() => {
        if (broken !== undefined) return Effect.fail(broken)
        if (durable >= target) return Effect.void
        return Effect.uninterruptible(Effect.mapError(flush, (cause) => {
          // What is in memory and what is in the file are two things now, and no answer can be trusted.
          broken = failure(cause)
          return broken
        }))
      }))
    })

    const identify = (fresh: Identity): Identity => {
      if (restored.identity !== undefined) return restored.identity
      restored.identity = fresh
      note(writer.identity(fresh))
      return fresh
    }

    note(writer.lives(restored.lives))
    yield* sync

    const close = Effect.gen(function*() {
      if (broken === undefined) note(writer.closed)
      yield* Effect.catchAll(sync, ({ message }) => Effect.logError(message))
      broken = options.closed
      if (log !== undefined) Logs.close(log)
    })

    return {
      close,
      store: {
        place: directory,
        sync,
        keeper: {
          lives,
          identify,
          holdings: restored.holdings,
          journal: (change) => {
            if (change._tag === "Compacted") wanted = true
            try {
              note(writer.change(change))
            } catch (cause) {
              broken = failure(cause)
            }
          }
        }
      }
    }
  })
