import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

/**
 * A socket that listens while its process runs. The operating system closes it when the process ends for any reason,
 * and every process on the same kernel can observe that, in any container. On Windows, it is a named pipe.
 */
export interface Signal {
  readonly close: Effect.Effect<void>
}

/** The state of a process according to its socket. */
export type ProcessState = "Alive" | "Gone" | "Missing" | "Unknown"

const onWindows = process.platform === "win32"

const pipe = (name: string): string => `\\\\.\\pipe\\effect-couchdb-embedded-${name}`

// Socket addresses are limited to 104 bytes on some systems, and to 108 on others.
const maxAddress = 100

interface Alias {
  readonly path: string
  readonly release: () => void
}

/** Temporary short paths for a directory. */
const aliases: ReadonlyArray<(directory: string) => Alias> = [
  (directory) => {
    const fd = Fs.openSync(directory, "r")
    return { path: `/proc/self/fd/${fd}`, release: () => Fs.closeSync(fd) }
  },
  (directory) => {
    const path = Path.join(Os.tmpdir(), `couch-${randomBytes(8).toString("hex")}`)
    Fs.symlinkSync(directory, path, "dir")
    return { path, release: () => Fs.unlinkSync(path) }
  }
]

/** A path of the directory that is short enough for the socket. Throws if there is none. */
const shorten = (directory: string, name: string): Alias => {
  const fits = (path: string): boolean => Buffer.byteLength(Path.join(path, name)) <= maxAddress
  if (fits(directory)) return { path: directory, release: () => {} }
  for (const make of aliases) {
    try {
      const alias = make(directory)
      if (fits(alias.path) && Fs.existsSync(Path.join(alias.path, "."))) return alias
      alias.release()
    } catch {
      // Try the next alias.
    }
  }
  throw new Error(`${directory} has no path that is short enough for a socket`)
}

const withAddress = <A>(
  directory: string,
  name: string,
  use: (address: string) => Effect.Effect<A, unknown>
): Effect.Effect<A, unknown> =>
  onWindows ? use(pipe(name)) : Effect.acquireUseRelease(
    Effect.try({ try: () => shorten(Path.resolve(directory), name), catch: (error) => error }),
    ({ path }) => use(Path.join(path, name)),
    ({ release }) => Effect.ignore(Effect.try(release))
  )

const listen = (address: string): Effect.Effect<Net.Server, unknown> =>
  Effect.async((resume) => {
    // The connection itself shows that the process runs.
    const server = Net.createServer((socket) => {
      socket.on("error", () => {})
      socket.destroy()
    })
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen({ path: address, exclusive: true, readableAll: true, writableAll: true }, () => {
      server.on("error", () => {})
      server.unref()
      resume(Effect.succeed(server))
    })
  })

const close = (server: Net.Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
  })

/**
 * Creates a socket in a directory. Its name appears after it listens, so a socket that refuses connections belongs to
 * an ended process.
 */
export const createSocket = (directory: string, name: string): Effect.Effect<Signal, unknown> => {
  if (onWindows) return Effect.map(listen(pipe(name)), (server) => ({ close: close(server) }))
  const path = Path.join(directory, name)
  return Effect.flatMap(
    withAddress(directory, `${name}.new`, listen),
    (server) =>
      Effect.try({ try: () => Fs.renameSync(`${path}.new`, path), catch: (error) => error }).pipe(
        Effect.onError(() => close(server)),
        Effect.as({
          close: Effect.zipRight(Effect.sync(() => Fs.rmSync(path, { force: true })), close(server))
        })
      )
  )
}

/** The meaning of a connection error. `undefined` if the socket was just closed. */
const stateOfError = (code: unknown): ProcessState | undefined => {
  switch (code) {
    case "ECONNREFUSED":
      return "Gone"
    case "ENOENT":
      return onWindows ? "Gone" : "Missing"
    case "EAGAIN":
      // The queue of the socket is full.
      return "Alive"
    case "ECONNRESET":
    case "EPIPE":
      return undefined
    default:
      return "Unknown"
  }
}

const connect = (address: string): Effect.Effect<ProcessState | undefined> =>
  Effect.async((resume) => {
    const socket = Net.connect(address)
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed("Alive"))
    })
    socket.on("error", (error) => resume(Effect.succeed(stateOfError("code" in error ? error.code : undefined))))
  })

/** Checks whether the process of a socket still runs. */
export const probe = (directory: string, name: string): Effect.Effect<ProcessState> =>
  withAddress(directory, name, connect).pipe(
    Effect.repeat({ while: (seen) => seen === undefined, times: 10 }),
    Effect.map((seen): ProcessState => seen ?? "Unknown"),
    Effect.orElseSucceed((): ProcessState => "Unknown")
  )
