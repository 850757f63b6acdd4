import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

/**
 * A socket that listens for as long as its process runs. The operating system closes it when the process ends, however
 * it ends, and shows that to every other process of the same kernel, whatever container it is in. On Windows it is a
 * named pipe.
 */
export interface Signal {
  readonly close: Effect.Effect<void>
}

/** What a signal says about its process. */
export type Seen = "Alive" | "Gone" | "Missing" | "Unknown"

const onWindows = process.platform === "win32"

const pipe = (name: string): string => `\\\\.\\pipe\\effect-couchdb-embedded-${name}`

// The address of a socket has room for 104 bytes on some systems, and for 108 on others.
const maxAddress = 100

interface Alias {
  readonly path: string
  readonly release: () => void
}

/** Short paths of a directory, for as long as they are in use. */
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

/** A path of the directory with which its socket has an address; fails if there is none. */
const shorten = (directory: string, name: string): Alias => {
  const fits = (path: string): boolean => Buffer.byteLength(Path.join(path, name)) <= maxAddress
  if (fits(directory)) return { path: directory, release: () => {} }
  for (const make of aliases) {
    try {
      const alias = make(directory)
      if (fits(alias.path) && Fs.existsSync(Path.join(alias.path, "."))) return alias
      alias.release()
    } catch {
      // The next one may do.
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
    // A connection says by itself that the process runs.
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
 * Gives a signal under a name in a directory. The name appears once the socket listens: one that refuses connections
 * belongs to a process that has ended.
 */
export const give = (directory: string, name: string): Effect.Effect<Signal, unknown> => {
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

/** What an error of a connection says; `undefined` if the socket was closed just now. */
const seenOf = (code: unknown): Seen | undefined => {
  switch (code) {
    case "ECONNREFUSED":
      return "Gone"
    case "ENOENT":
      return onWindows ? "Gone" : "Missing"
    case "EAGAIN":
      // More processes look than its queue has room for.
      return "Alive"
    case "ECONNRESET":
    case "EPIPE":
      return undefined
    default:
      return "Unknown"
  }
}

const connect = (address: string): Effect.Effect<Seen | undefined> =>
  Effect.async((resume) => {
    const socket = Net.connect(address)
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.succeed("Alive"))
    })
    socket.on("error", (error) => resume(Effect.succeed(seenOf("code" in error ? error.code : undefined))))
  })

/** Looks whether the process that gave a signal still runs. */
export const look = (directory: string, name: string): Effect.Effect<Seen> =>
  withAddress(directory, name, connect).pipe(
    Effect.repeat({ while: (seen) => seen === undefined, times: 10 }),
    Effect.map((seen): Seen => seen ?? "Unknown"),
    Effect.orElseSucceed((): Seen => "Unknown")
  )
