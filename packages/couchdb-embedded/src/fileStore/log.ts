import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { frame, header, headerLength, readHeader, saltLength } from "./frames.js"
import type { Read } from "./logReader.js"
import * as LogReader from "./logReader.js"

/** A log that is open for writing. */
export interface Log {
  readonly fd: number
  readonly salt: Buffer
  /** The offset of the next frame. */
  end: number
}

const pathOf = (directory: string): string => Path.join(directory, "data.log")
const newPathOf = (directory: string): string => Path.join(directory, "data.log.new")

const syncDirectory = (directory: string): void => {
  // Windows cannot sync directories, and does not need it.
  if (process.platform === "win32") return
  const fd = Fs.openSync(directory, "r")
  try {
    Fs.fsyncSync(fd)
  } finally {
    Fs.closeSync(fd)
  }
}

const writeWhole = (fd: number, bytes: Buffer, at: number): void => {
  for (let done = 0; done < bytes.length;) done += Fs.writeSync(fd, bytes, done, bytes.length - done, at + done)
}

const frameSize = 1 << 20

/**
 * Writes a new log next to the old one, and replaces it once the new one is durable. If this fails at any point, the
 * old log stays intact.
 */
export const create = (directory: string, records: Iterable<ReadonlyArray<Uint8Array>>): Log => {
  const beside = newPathOf(directory)
  const salt = randomBytes(saltLength)
  const fd = Fs.openSync(beside, "w+", 0o600)
  try {
    let end = 0
    const write = (bytes: Buffer): void => {
      writeWhole(fd, bytes, end)
      end += bytes.length
    }
    write(header(salt))
    let held: Array<Uint8Array> = []
    let size = 0
    for (const some of records) {
      for (const record of some) {
        held.push(record)
        size += record.length
      }
      if (size < frameSize) continue
      write(frame(salt, end, held))
      held = []
      size = 0
    }
    if (size > 0) write(frame(salt, end, held))
    Fs.fsyncSync(fd)
    Fs.renameSync(beside, pathOf(directory))
    syncDirectory(directory)
    return { fd, salt, end }
  } catch (error) {
    Fs.closeSync(fd)
    throw error
  }
}

/** The opened log. `absent` if there is none, and `foreign` if the file is not a log of this version. */
export type Opened = { readonly log: Log; readonly read: Read; readonly size: number } | "absent" | "foreign"

/** Opens the log of a directory and reads its frames. An incomplete end stays until `truncate` removes it. */
export const open = (directory: string, onFrame: (payload: Buffer, at: number) => void): Opened => {
  // A crash may have left a new log that did not replace the old one.
  Fs.rmSync(newPathOf(directory), { force: true })
  if (!Fs.existsSync(pathOf(directory))) return "absent"
  const fd = Fs.openSync(pathOf(directory), "r+")
  try {
    const bytes = Buffer.alloc(headerLength)
    Fs.readSync(fd, bytes, 0, headerLength, 0)
    const salt = readHeader(bytes)
    if (salt === undefined) {
      Fs.closeSync(fd)
      return "foreign"
    }
    const read = LogReader.read(fd, salt, headerLength, onFrame)
    return { log: { fd, salt, end: read.end }, read, size: Fs.fstatSync(fd).size }
  } catch (error) {
    Fs.closeSync(fd)
    throw error
  }
}

/** Truncates the file after its last complete frame. */
export const truncate = ({ end, fd }: Log): void => {
  Fs.ftruncateSync(fd, end)
  Fs.fsyncSync(fd)
}

export const close = ({ fd }: Log): void => Fs.closeSync(fd)

const writeAt = (fd: number, bytes: Buffer, at: number): Effect.Effect<number, unknown> =>
  Effect.async((resume) => {
    Fs.write(fd, bytes, 0, bytes.length, at, (error, count) =>
      resume(error === null ? Effect.succeed(count) : Effect.fail(error)))
  })

const fdatasync = (fd: number): Effect.Effect<void, unknown> =>
  Effect.async((resume) => {
    Fs.fdatasync(fd, (error) => resume(error === null ? Effect.void : Effect.fail(error)))
  })

/** Appends a frame. Returns once it is durable. */
export const append = (log: Log, records: ReadonlyArray<Uint8Array>): Effect.Effect<void, unknown> =>
  Effect.gen(function*() {
    const bytes = frame(log.salt, log.end, records)
    for (let done = 0; done < bytes.length;) {
      done += yield* writeAt(log.fd, bytes.subarray(done), log.end + done)
    }
    yield* fdatasync(log.fd)
    log.end += bytes.length
  })
