/**
 * Stores the data of an embedded CouchDB in a directory. It requires Node.
 *
 * The directory contains one file, a log of all changes. Every group of changes that one `fsync` wrote has a checksum.
 * A write is acknowledged once it is durable, and concurrent writes share an `fsync`. After a crash, an incomplete
 * group at the end of the file is removed with a warning. It was never acknowledged. Damage anywhere else is an error.
 * Compaction writes a new log next to the old one, and then replaces it. It runs on `_compact` of a database, which
 * also drops the bodies of old revisions, and when a start or a write finds that more than half of a large log is
 * obsolete.
 *
 * Only one process can open the directory at a time. Its lock is a socket in the directory, which the operating system
 * closes when the process ends or is killed. It also works between containers that share the directory on one machine.
 * On file systems without sockets, the id and the start time of the process replace it. A process on another machine
 * cannot be observed. In this case, the error names the file to delete once that process has ended.
 *
 * It is for development and tests: all data are in memory too.
 *
 * @since 0.1.0
 */
import type * as Transport from "effect-couchdb/Transport"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import * as Fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import * as EmbeddedCouch from "../engine/EmbeddedCouch.js"
import * as Lock from "./lock.js"
import * as Logs from "./log.js"
import * as LogStore from "./logStore.js"
import * as Owners from "./owner.js"
import * as Restore from "./restore.js"

/**
 * The data of a directory cannot be read or written. The reasons:
 *
 * - `Locked`: another process has the directory open. The description names it
 * - `Corrupt`: the log is damaged before its end, or is not a log of this version. Nothing was changed
 * - `System`: an error of the file system
 * - `Closed`: the store was closed
 *
 * @since 0.1.0
 * @category errors
 */
export class FileStoreError extends Data.TaggedError("FileStoreError")<{
  readonly directory: string
  readonly reason: "Locked" | "Corrupt" | "System" | "Closed"
  readonly description: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the embedded CouchDB cannot store its data in ${this.directory}: ${this.description}`
  }
}

/**
 * The options of a store.
 *
 * - `directory`: created if it does not exist
 * - `compactAbove`: a log up to this size in bytes is never compacted automatically. 4 MiB by default
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly directory: string
  readonly compactAbove?: number | undefined
}

const describe = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** How to fix file system errors, by error code. */
const advice: Readonly<Record<string, string>> = {
  EROFS: "The file system is read-only. Mount it writable, or use another directory",
  EACCES: "This user has no write permission. Change the permissions, or use another directory",
  EPERM: "This user has no write permission. Change the permissions, or use another directory",
  ENOENT: "The directory cannot be created. Check that its parent exists and is writable",
  ENOSPC: "The disk is full. Free some space, and start again",
  EDQUOT: "The disk quota of this user is exceeded. Free some space, and start again",
  EEXIST: "The path is a file. Use a directory",
  ENOTDIR: "A parent of the path is a file. Use another directory"
}

const adviceFor = (cause: unknown): string => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
  const text = Object.hasOwn(advice, code) ? advice[code] : undefined
  return text === undefined ? "" : `. ${text}`
}

const system = (directory: string) => (cause: unknown): FileStoreError =>
  new FileStoreError({ directory, reason: "System", description: describe(cause) + adviceFor(cause), cause })

/** Describes the process that has the directory open, and what to do. */
const describeHolder = (
  directory: string,
  { certain, claim: { details, name, state }, place }: Lock.LockHolder
): string => {
  const holder = `process ${details.pid}${
    details.host === hostname() ? "" : ` of the host or container ${details.host}`
  }`
  const action = state === "holding" ? "has it open" : "is about to open it"
  const since = details.since === 0 ? "" : `, since ${new Date(details.since).toISOString()}`
  if (Owners.isSelf(details)) {
    return `${holder} ${action}${since}. This is the same process: close the other store first, or use another directory`
  }
  return certain
    ? `${holder} ${action}${since}. Stop that process, or use another directory`
    : `${holder} ${action}${since}, but whether it still runs cannot be determined from this ${
      place === "Here" ? "container" : "machine"
    }. Stop that process or use another directory. If it has ended already, delete ${join(directory, name)}`
}

const acquireLock = (directory: string): Effect.Effect<Effect.Effect<void>, FileStoreError> =>
  Effect.try(() => Fs.mkdirSync(directory, { recursive: true, mode: 0o700 })).pipe(
    Effect.mapError(({ error }) => error),
    Effect.zipRight(Lock.acquire(directory)),
    Effect.mapError(system(directory)),
    Effect.flatMap((taken) =>
      taken._tag === "Held" ? Effect.succeed(taken.release) : Effect.fail(
        new FileStoreError({ directory, reason: "Locked", description: describeHolder(directory, taken.holder) })
      )
    )
  )

const load = (directory: string) =>
  Effect.gen(function*() {
    const restored = Restore.empty()
    const corrupt = (description: string): FileStoreError =>
      new FileStoreError({ directory, reason: "Corrupt", description })
    let invalid: string | undefined
    const opened = yield* Effect.try({
      try: () =>
        Logs.open(directory, (payload, at) => {
          if (invalid !== undefined) return
          try {
            Restore.replay(restored, payload)
          } catch (error) {
            invalid = `data.log has an invalid record at byte ${at}: ${describe(error)}`
          }
        }),
      catch: system(directory)
    })
    if (opened === "absent") return { restored, log: undefined }
    if (opened === "foreign") return yield* corrupt("data.log is not a log of this version, or its header is damaged")
    const { log, read, size } = opened
    const problem = invalid ?? (read.state !== "damaged" ? undefined : `data.log is damaged at byte ${read.end}` +
      ", before intact records. Nothing was changed. Restore the file from a backup")
    if (problem !== undefined) {
      Logs.close(log)
      return yield* corrupt(problem)
    }
    if (read.state === "torn") {
      yield* Effect.logWarning(
        `embedded CouchDB: the last ${size - read.end} bytes of data.log in ${directory} are an incomplete write ` +
          "that was never acknowledged; they are removed"
      )
      yield* Effect.try({ try: () => Logs.truncate(log), catch: system(directory) })
    }
    return { restored, log }
  })

/**
 * Opens a directory and reads its data. When the scope closes, pending changes are written and the directory is
 * unlocked. Each store is for one engine.
 *
 * Fails with `FileStoreError`.
 *
 * @example
 * import { Effect } from "effect"
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 * import * as FileStore from "effect-couchdb-embedded/FileStore"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const store = yield* FileStore.make({ directory: "zoo-data" })
 *   const couch = yield* EmbeddedCouch.make({ store })
 *   return yield* couch.handler({ method: "GET", origin: "http://embedded", path: "/_all_dbs", headers: {} })
 * }))
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<EmbeddedCouch.Store, FileStoreError, Scope> =>
  Effect.gen(function*() {
    const { directory } = options
    yield* Effect.acquireRelease(acquireLock(directory), (release) => release)
    const { store } = yield* Effect.acquireRelease(
      Effect.flatMap(load(directory), ({ log, restored }) =>
        LogStore.make({
          directory,
          log,
          restored,
          compactAbove: options.compactAbove ?? 4 * 1024 * 1024,
          failure: system(directory),
          closed: new FileStoreError({ directory, reason: "Closed", description: "the store was closed" })
        })),
      ({ close }) => close
    )
    return store
  })

/**
 * A layer with an embedded CouchDB that stores its data in a directory, and its transport.
 *
 * Fails with `FileStoreError`.
 *
 * @example
 * import { Layer } from "effect"
 * import * as CouchHttp from "effect-couchdb/CouchHttp"
 * import * as FileStore from "effect-couchdb-embedded/FileStore"
 *
 * const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(
 *   Layer.provide(FileStore.layer({ directory: "zoo-data" }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options & Omit<EmbeddedCouch.Options, "store">
): Layer.Layer<EmbeddedCouch.EmbeddedCouch | Transport.Transport, FileStoreError> =>
  Layer.unwrapScoped(Effect.map(make(options), (store) => EmbeddedCouch.layer({ ...options, store })))
