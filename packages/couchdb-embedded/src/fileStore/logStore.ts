import * as Effect from "effect/Effect"
import type { Change } from "../storage/state.js"
import type { Identity, Store } from "../storage/store.js"
import type { Log } from "./log.js"
import * as Logs from "./log.js"
import type { RecordEncoder } from "./records.js"
import * as Records from "./records.js"
import type { Restored } from "./restore.js"

/** A store that appends to a log. */
export interface LogStore {
  readonly store: Store
  /** Syncs the rest, marks the log as closed, and closes the file. */
  readonly close: Effect.Effect<void>
}

interface Options<E> {
  readonly directory: string
  readonly log: Log | undefined
  readonly restored: Restored
  /** A log up to this size is never compacted by itself. */
  readonly compactAbove: number
  readonly failure: (cause: unknown) => E
  readonly closed: E
}

interface State<E> {
  readonly options: Options<E>
  log: Log | undefined
  encoder: RecordEncoder
  pending: Array<Uint8Array>
  /** How many groups of records were appended, and how many of them are on disk. */
  appended: number
  synced: number
  compactionRequested: boolean
  /** The size at which the log is next considered for compaction. */
  nextCheck: number
  failure: E | undefined
}

const snapshot = (encoder: RecordEncoder, restored: Restored): Iterable<ReadonlyArray<Uint8Array>> => {
  const { holdings: { databases, updates }, identity, lives } = restored
  return Records.snapshot(encoder, { identity, lives, databases, updates })
}

/** The size of a log that has only the current state. */
const liveSize = (restored: Restored): number => {
  let size = 0
  for (const records of snapshot(Records.makeEncoder([]), restored)) {
    for (const record of records) size += record.length
  }
  return size
}

const append = <E>(state: State<E>, records: ReadonlyArray<Uint8Array>): void => {
  state.pending.push(...records)
  state.appended++
}

/** Writes the current state into a new log. It is synchronous, so the engine changes nothing meanwhile. */
const compact = <E>(state: State<E>): void => {
  const { compactAbove, directory, restored } = state.options
  const encoder = Records.makeEncoder([])
  const log = Logs.create(directory, snapshot(encoder, restored))
  if (state.log !== undefined) Logs.close(state.log)
  state.log = log
  state.encoder = encoder
  state.pending = []
  state.synced = state.appended
  state.compactionRequested = false
  state.nextCheck = Math.max(compactAbove, 2 * log.end)
}

/** Whether more than half of the log is obsolete. */
const needsCompaction = <E>(state: State<E>, size: number): boolean => {
  if (size < state.nextCheck) return false
  state.nextCheck = Math.max(state.options.compactAbove, 2 * size)
  return size > 2 * liveSize(state.options.restored)
}

const flush = <E>(state: State<E>): Effect.Effect<void, unknown> =>
  Effect.suspend(() => {
    const { appended, log, pending } = state
    if (log === undefined || state.compactionRequested || needsCompaction(state, log.end)) {
      return Effect.try({ try: () => compact(state), catch: (cause) => cause })
    }
    state.pending = []
    return Effect.map(Logs.append(log, pending), () => {
      state.synced = appended
    })
  })

const syncWith = <E>(state: State<E>, mutex: Effect.Semaphore): Effect.Effect<void, E> =>
  Effect.suspend((): Effect.Effect<void, E> => {
    if (state.failure !== undefined) return Effect.fail(state.failure)
    const target = state.appended
    if (state.synced >= target) return Effect.void
    // The first caller writes for all callers that wait.
    return mutex.withPermits(1)(Effect.suspend(() => {
      if (state.failure !== undefined) return Effect.fail(state.failure)
      if (state.synced >= target) return Effect.void
      return Effect.uninterruptible(Effect.mapError(flush(state), (cause) => {
        // Memory and file differ from now on, so every later response has to fail too.
        state.failure = state.options.failure(cause)
        return state.failure
      }))
    }))
  })

/** Appends to the log, or to a compacted one if most of it is obsolete. */
export const make = <E extends { readonly message: string }>(options: Options<E>): Effect.Effect<LogStore, E> =>
  Effect.gen(function*() {
    const { closed, directory, log, restored } = options
    const { lives } = restored
    restored.lives++
    const state: State<E> = {
      options,
      log,
      encoder: Records.makeEncoder(restored.blobs),
      pending: [],
      appended: 0,
      synced: 0,
      compactionRequested: false,
      nextCheck: options.compactAbove,
      failure: undefined
    }
    restored.blobs.length = 0
    const sync = syncWith(state, yield* Effect.makeSemaphore(1))
    append(state, state.encoder.lives(restored.lives))
    yield* sync

    const close = Effect.gen(function*() {
      if (state.failure === undefined) append(state, state.encoder.closed)
      yield* Effect.catchAll(sync, ({ message }) => Effect.logError(message))
      state.failure = closed
      if (state.log !== undefined) Logs.close(state.log)
    })
    const identify = (generated: Identity): Identity => {
      if (restored.identity !== undefined) return restored.identity
      restored.identity = generated
      append(state, state.encoder.identity(generated))
      return generated
    }
    const journal = (change: Change): void => {
      if (change._tag === "Compacted") state.compactionRequested = true
      try {
        append(state, state.encoder.change(change))
      } catch (cause) {
        state.failure = options.failure(cause)
      }
    }
    return {
      close,
      store: { place: directory, sync, keeper: { lives, identify, holdings: restored.holdings, journal } }
    }
  })
