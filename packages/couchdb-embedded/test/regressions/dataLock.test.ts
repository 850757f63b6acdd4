import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { bundle } from "../../../couchdb/test/support/bundle.js"
import * as FileStore from "../../src/fileStore/FileStore.js"
import * as Lock from "../../src/fileStore/lock.js"
import * as Owners from "../../src/fileStore/owner.js"

const program = bundle(new URL("../fileStore/holder.ts", import.meta.url))

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "couch-lock-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

interface Line {
  readonly pid?: number
  readonly reason?: string
  readonly message?: string
}

interface Process {
  readonly child: ChildProcess
  readonly line: Effect.Effect<Line>
  readonly go: Effect.Effect<void>
}

/** A process that is ready to open a directory. */
const start = (command: string, args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { child } = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })
        // The only one of all processes with this output.
        const closed = new Promise<void>((resolve) => child.on("close", () => resolve()))
        return { child, closed }
      }),
      ({ child, closed }) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          child.stdin.destroy()
          return closed
        })
    )
    const lines: Array<string> = []
    const readers: Array<() => void> = []
    let rest = ""
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      const parts = (rest + more).split("\n")
      rest = parts.pop() ?? ""
      lines.push(...parts)
      for (const reader of readers.splice(0)) reader()
    })
    const line = Effect.async<Line>((resume) => {
      const read = (): void => {
        const found = lines.shift()
        if (found === undefined) readers.push(read)
        else resume(Effect.succeed(JSON.parse(found)))
      }
      read()
    })
    yield* line
    const go = Effect.sync(() => {
      child.stdin.write("go\n")
    })
    return { child, line, go } satisfies Process
  })

const hold = (path: string) => Effect.flatMap(program, (file) => start(process.execPath, [file, path]))

const open = (path: string) => FileStore.make({ directory: path })

/** Opens a directory, closes it, and returns the result. */
const opened = (path: string) => Effect.either(Effect.scoped(open(path)))

const filesOf = (path: string) => Fs.readdirSync(path).filter((name) => name !== "data.log")

interface Details extends Owners.Owner {
  readonly signal: boolean
  readonly since: number
}

const id = "0123456789abcdef01234567"

/** A claim of another process. */
const claim = (path: string, details: Partial<Details>, state = "holding"): string => {
  const file = Path.join(path, `lock.${id}`)
  Fs.writeFileSync(
    file,
    `${state}\n${JSON.stringify({ ...Owners.self(), signal: false, since: Date.UTC(2026, 0, 2), ...details })}\n`
  )
  return file
}

/** A socket of another process. */
const socket = (path: string) =>
  Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const server = Net.createServer()
      server.listen(Path.join(path, `x.${id}`), () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
  ).pipe(
    Effect.tap(() => Effect.sync(() => Fs.renameSync(Path.join(path, `x.${id}`), Path.join(path, `lock.${id}.sock`))))
  )

const onUnix = it.scopedLive.skipIf(process.platform === "win32")

describe("the lock of a data directory", () => {
  onUnix("is released when its process is killed, even as a zombie", () =>
    Effect.gen(function*() {
      const path = yield* directory
      // After `exec`, the parent is a program that never waits for its children.
      const script = "exec 3<&0; \"$0\" \"$@\" <&3 & exec sleep 300"
      const { go, line } = yield* start("/bin/sh", ["-c", script, process.execPath, yield* program, path])
      yield* go
      const { pid = 0 } = yield* line
      expect(yield* Effect.flip(Effect.scoped(open(path)))).toMatchObject({
        reason: "Locked",
        message: expect.stringContaining(`process ${pid} has it open`)
      })
      process.kill(pid, "SIGKILL")
      yield* Effect.repeat(opened(path), { until: Either.isRight })
      // The process is still listed.
      expect(process.kill(pid, 0)).toBe(true)
      expect(filesOf(path)).toEqual([])
    }))

  onUnix("stays with a process that is stopped", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const { child, go, line } = yield* hold(path)
      yield* go
      yield* line
      child.kill("SIGSTOP")
      expect(yield* opened(path)).toMatchObject({ left: { reason: "Locked" } })
      child.kill("SIGKILL")
      yield* Effect.repeat(opened(path), { until: Either.isRight })
    }))

  onUnix(
    "goes to exactly one of several processes that start at once, over the claim of a dead one",
    () =>
      Effect.gen(function*() {
        const path = yield* directory
        const dead = yield* hold(path)
        const others = yield* Effect.all([hold(path), hold(path), hold(path), hold(path)], { concurrency: 2 })
        yield* dead.go
        yield* dead.line
        yield* Effect.async<void>((resume) => {
          dead.child.once("exit", () => resume(Effect.void)).kill("SIGKILL")
        })
        for (const { go } of others) yield* go
        const lines = yield* Effect.all(others.map(({ line }) => line))
        const winners = lines.filter(({ pid }) => pid !== undefined)
        const locked = lines.filter(({ reason }) => reason === "Locked")
        expect([winners.length, locked.length]).toEqual([1, 3])
        for (const { message } of locked) expect(message).toContain(`process ${winners[0]?.pid} `)
      })
  )

  for (const [what, give] of [["sockets", undefined], ["no sockets", () => Effect.fail("none")]] as const) {
    it.scoped(`goes to exactly one of many openers, with ${what}, whatever the clock says`, () =>
      Effect.gen(function*() {
        const path = yield* directory
        for (let round = 0; round < 5; round++) {
          claim(path, { pid: 999_999_999 })
          const takes = Array.from({ length: 20 }, () => Lock.acquire(path, give))
          const taken = yield* Effect.all(takes, { concurrency: "unbounded" })
          const held = taken.flatMap((each) => each._tag === "Held" ? [each] : [])
          expect(held).toHaveLength(1)
          for (const each of taken) {
            if (each._tag === "Locked") {
              expect(each.holder).toMatchObject({ certain: true, claim: { details: { pid: process.pid } } })
            }
          }
          expect(yield* Lock.acquire(path, give)).toMatchObject({ _tag: "Locked" })
          yield* held[0]?.release ?? Effect.void
          expect(filesOf(path)).toEqual([])
        }
      }))
  }

  it.scopedLive("works in a directory whose path is longer than a socket address", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* directory, "long".repeat(40), "path".repeat(40))
      const scope = yield* Scope.make()
      yield* Scope.extend(open(path), scope)
      if (process.platform !== "win32") {
        expect(filesOf(path)).toEqual([expect.stringMatching(/^lock\..*/), expect.stringMatching(/^lock\..*\.sock$/)])
      }
      expect(yield* opened(path)).toMatchObject({
        left: {
          reason: "Locked",
          message: expect.stringMatching(/This is the same process: close the other store first/)
        }
      })
      yield* Scope.close(scope, Exit.void)
      expect(filesOf(path)).toEqual([])
      expect(yield* opened(path)).toMatchObject({ _tag: "Right" })
    }))

  it.scopedLive("is the same lock for every path of the directory", () =>
    Effect.gen(function*() {
      const path = yield* directory
      Fs.mkdirSync(Path.join(path, "data"))
      Fs.symlinkSync(Path.join(path, "data"), Path.join(path, "link"), "dir")
      yield* open(Path.join(path, "data"))
      for (const other of [Path.join(path, "link"), Path.relative(process.cwd(), Path.join(path, "data"))]) {
        expect(yield* opened(other)).toMatchObject({ left: { reason: "Locked" } })
      }
    }))

  it.scopedLive("is released if its process id belongs to another process", () =>
    Effect.gen(function*() {
      const path = yield* directory
      claim(path, { started: "1" })
      expect(yield* opened(path)).toMatchObject(
        process.platform === "linux" ? { _tag: "Right" } : { left: { reason: "Locked" } }
      )
    }))

  it.scopedLive("is released after a reboot", () =>
    Effect.gen(function*() {
      const path = yield* directory
      claim(path, { boot: "another" })
      expect(yield* opened(path)).toMatchObject({
        _tag: Owners.self().boot === "" ? "Left" : "Right"
      })
    }))

  onUnix("is seen across the containers of one machine", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const container = { host: "f00dbabe", pid: 7, namespace: "pid:[1]", machine: "other", signal: true }
      const own = Owners.self()
      // Only Linux has containers and identifies its kernel.
      const there = own.boot === "" ? { ...container, host: own.host } : container
      yield* Effect.scoped(Effect.gen(function*() {
        yield* socket(path)
        claim(path, there)
        const error = yield* Effect.flip(Effect.scoped(open(path)))
        expect(error.message).toBe(
          `the embedded CouchDB cannot store its data in ${path}: process 7` +
            `${there.host === own.host ? "" : " of the host or container f00dbabe"} has it open, since ` +
            "2026-01-02T00:00:00.000Z. Stop that process, or use another directory"
        )
        claim(path, there, "opening")
      }))
      // The socket file exists, but nothing listens.
      expect(filesOf(path)).toEqual([`lock.${id}`, `lock.${id}.sock`])
      expect(yield* opened(path)).toMatchObject({ _tag: "Right" })
      expect(filesOf(path)).toEqual([])
    }))

  it.scopedLive("names the file to delete if it cannot determine whether its process runs", () =>
    Effect.gen(function*() {
      const path = yield* directory
      for (
        const [details, from] of [
          [{ host: "far.example", pid: 12, boot: "another" }, "machine"],
          [{ host: "far.example", pid: 12, boot: "another", signal: true }, "machine"],
          [{ pid: 12, machine: "another", boot: "another" }, Owners.self().machine === "" ? undefined : "machine"],
          [{ host: "f00dbabe", pid: 12, namespace: "pid:[1]" }, Owners.self().boot === "" ? undefined : "container"]
        ] as const
      ) {
        if (from === undefined) continue
        const file = claim(path, details)
        const error = yield* Effect.flip(Effect.scoped(open(path)))
        expect(error.reason).toBe("Locked")
        expect(error.message).toContain("process 12")
        expect(error.message).toContain(`cannot be determined from this ${from}`)
        expect(error.message).toContain(`If it has ended already, delete ${file}`)
        Fs.rmSync(file)
        expect(yield* opened(path)).toMatchObject({ _tag: "Right" })
      }
    }))

  onUnix("leaves nothing of processes that ended in the middle of opening", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* Effect.scoped(socket(path))
      const old = ["lock.abcdefabcdefabcdefabcdef.new", "lock.abcdefabcdefabcdefabcdef.sock.new"]
      for (const name of old) {
        Fs.writeFileSync(Path.join(path, name), "")
        Fs.utimesSync(Path.join(path, name), 1, 1)
      }
      Fs.writeFileSync(Path.join(path, "lock.bbbbbbbbbbbbbbbbbbbbbbbb.new"), "")
      Fs.writeFileSync(Path.join(path, "locks"), "")
      expect(yield* opened(path)).toMatchObject({ _tag: "Right" })
      // One file may belong to a process that is opening, and the other has a different name.
      expect(filesOf(path)).toEqual(["lock.bbbbbbbbbbbbbbbbbbbbbbbb.new", "locks"])
    }))

  it.scopedLive("says what to do if the directory is not writable", () =>
    Effect.gen(function*() {
      const path = yield* directory
      Fs.writeFileSync(Path.join(path, "file"), "")
      const error = yield* Effect.flip(Effect.scoped(open(Path.join(path, "file"))))
      expect(error).toMatchObject({ reason: "System", message: expect.stringContaining("The path is a file.") })
    }))
})
