/**
 * Keeps the data of an embedded CouchDB in a directory, so that they outlive the process. It needs Node.
 *
 * There is one file, a log of every change with a checksum for whatever one `fsync` made safe, and a lock, so that one
 * process writes at a time. No write is acknowledged before it is safe; writes that come together share one `fsync`.
 * After a crash, a half-written end is cut off, which loses nothing that was acknowledged, and the log says so. Damage
 * anywhere else is an error. Compaction writes a new log beside the old one and then takes its place: `_compact` of a
 * database does, which also drops the bodies of old revisions, and so does a start or a write that finds more than half
 * of a large log to be of no use.
 *
 * It is for development and tests: everything also lives in memory.
 *
 * @since 0.1.0
 */
import type * as Transport from "effect-couchdb/Transport"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as EmbeddedCouch from "./EmbeddedCouch.js"
import * as internal from "./internal/store/fileStore.js"
import * as Lock from "./internal/store/lock.js"
import * as Logs from "./internal/store/log.js"
import * as Restore from "./internal/store/restore.js"

/**
 * The data of a directory could not be had, or could not be kept. The reasons:
 *
 * - `Locked`: another process has the directory open
 * - `Corrupt`: the log is damaged somewhere before its end, or is no log of this version. Nothing was changed
 * - `System`: the file system refused
 * - `Closed`: the store was closed before
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
    return `the embedded CouchDB cannot keep its data in ${this.directory}: ${this.description}`
  }
}

/**
 * What a store can be told.
 *
 * - `directory`: is made where it is not there
 * - `compactAbove`: up to so many bytes, 4 MiB unless told otherwise, the log is never written anew by itself
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly directory: string
  readonly compactAbove?: number | undefined
}

const describe = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

const system = (directory: string) => (cause: unknown): FileStoreError =>
  new FileStoreError({ directory, reason: "System", description: describe(cause), cause })

const acquireLock = (directory: string): Effect.Effect<{ readonly release: () => void }, FileStoreError> =>
  Effect.flatMap(
    Effect.try({
      try: () => {
        Fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
        return Lock.take(directory, randomBytes(6).toString("hex"))
      },
      catch: system(directory)
    }),
    (taken) =>
      "release" in taken ? Effect.succeed(taken) : Effect.fail(
        new FileStoreError({
          directory,
          reason: "Locked",
          description: `process ${taken.holder} has it open. Stop that one, or use another directory`
        })
      )
  )

const load = (directory: string) =>
  Effect.gen(function*() {
    const restored = Restore.empty()
    const corrupt = (description: string): FileStoreError =>
      new FileStoreError({ directory, reason: "Corrupt", description })
    let senseless: string | undefined
    const opened = yield* Effect.try({
      try: () =>
        Logs.open(directory, (payload, at) => {
          if (senseless !== undefined) return
          try {
            Restore.replay(restored, payload)
          } catch (error) {
            senseless = `data.log makes no sense at byte ${at}: ${describe(error)}`
          }
        }),
      catch: system(directory)
    })
    if (opened === "absent") return { restored, log: undefined }
    if (opened === "foreign") return yield* corrupt("data.log is no log of this version, or its header is damaged")
    const { log, read, size } = opened
    const problem = senseless ?? (read.state !== "damaged" ? undefined : `data.log is damaged at byte ${read.end}` +
      ", and there are whole records after it. Nothing was changed. Bring the file back from a copy")
    if (problem !== undefined) {
      Logs.close(log)
      return yield* corrupt(problem)
    }
    if (read.state === "torn") {
      yield* Effect.logWarning(
        `embedded CouchDB: the last ${
          size - read.end
        } bytes of data.log in ${directory} are a write that was cut off ` +
          "before it was acknowledged; they are removed"
      )
      yield* Effect.try({ try: () => Logs.truncate(log), catch: system(directory) })
    }
    return { restored, log }
  })

/**
 * Opens a directory, and reads all that it holds. When the scope closes, the rest is made safe and the directory is
 * free again. Each store is for one engine.
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
    yield* Effect.acquireRelease(acquireLock(directory), ({ release }) => Effect.sync(release))
    const { store } = yield* Effect.acquireRelease(
      Effect.flatMap(load(directory), ({ log, restored }) =>
        internal.make({
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
 * An embedded CouchDB that keeps its data in a directory, and the transport that reaches it.
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
