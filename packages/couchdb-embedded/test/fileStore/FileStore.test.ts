import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { bundle } from "../../../couchdb/test/support/bundle.js"
import { sample } from "../../../couchdb/test/support/deep.js"
import type { Random } from "../../src/encoding/random.js"
import * as RandomSource from "../../src/encoding/random.js"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as FileStore from "../../src/fileStore/FileStore.js"
import * as TreeChange from "../../src/fileStore/treeChange.js"
import * as RevisionTree from "../../src/storage/revisionTree.js"
import type { Version } from "../../src/storage/state.js"
import { admin, basic, client } from "../client.js"
import { everything } from "./everything.js"
import * as Requests from "./requests.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "couch-store-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const logOf = (path: string): string => Path.join(path, "data.log")

/** Uses an engine over a directory, and closes it. */
const using = <A, E, R>(
  path: string,
  use: (couch: EmbeddedCouch.Service) => Effect.Effect<A, E, R>,
  options: EmbeddedCouch.Options & { readonly compactAbove?: number | undefined } = {}
) =>
  Effect.scoped(Effect.gen(function*() {
    const store = yield* FileStore.make({ directory: path, compactAbove: options.compactAbove })
    return yield* use(yield* EmbeddedCouch.make({ ...options, store }))
  }))

const asAdmin = basic("admin", "password")

/** Sends random requests to a database. */
const stepping = (couch: EmbeddedCouch.Service, random: Random, database: string) => {
  const { learn, next } = Requests.make(random, database)
  return Effect.suspend(() => {
    const { method, path, ...call } = next()
    return Effect.map(client(couch, asAdmin)(method, path, call), ({ text }) => learn(text))
  })
}

/** The messages that an effect logged. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(String(message)))
    return Effect.map(
      Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)),
      (value) => ({ lines, value })
    )
  })

/** Writes documents until every byte of the log matters. */
const small = (couch: EmbeddedCouch.Service) =>
  Effect.gen(function*() {
    const send = client(couch)
    yield* send("PUT", "/db")
    for (let i = 0; i < 4; i++) yield* send("PUT", `/db/x${i}`, { body: { i } })
  })

describe("FileStore", () => {
  for (const [seed, compactAbove] of [[1, undefined], [2, undefined], [3, 0], [4, 20_000]] as const) {
    it.scopedLive(`brings everything back, seed ${seed}, logs compacted above ${compactAbove ?? "the usual"}`, () =>
      Effect.gen(function*() {
        const path = yield* directory
        const random = RandomSource.make(seed)
        const options = { admin, seed, compactAbove }
        let before: Record<string, unknown> | undefined
        for (let life = 0; life < 5; life++) {
          const after = yield* using(path, (couch) =>
            Effect.gen(function*() {
              const send = client(couch, asAdmin)
              if (before !== undefined) expect(yield* everything(couch, asAdmin)).toEqual(before)
              const one = stepping(couch, random, "one")
              const two = stepping(couch, random, "two")
              yield* send("PUT", "/one")
              yield* send("PUT", `/two?q=${1 + random.below(4)}`)
              for (let i = 0; i < 150; i++) yield* (random.below(2) === 0 ? one : two)
              yield* send("PUT", "/one/_revs_limit", { body: String(2 + random.below(5)) })
              if (random.below(2) === 0) yield* send("POST", "/one/_compact", { body: {} })
              for (let i = 0; i < 150; i++) yield* (random.below(2) === 0 ? one : two)
              for (const id of ["a", "b"]) {
                const found = yield* send("GET", `/two/${id}`)
                const rev = /"_rev":"([^"]+)"/.exec(found.text)?.[1] ?? "1-0"
                if (random.below(3) === 0) yield* send("POST", "/two/_purge", { body: { [id]: [rev] } })
              }
              const user = { type: "user", name: "ada", roles: ["r"], password: `secret${life}` }
              yield* send("PUT", "/_users/org.couchdb.user:ada", { body: user })
              yield* send("PUT", `/_replicator/job${life}`, { body: { source: "one", target: "two" } })
              yield* send("PUT", "/three")
              if (random.below(2) === 0) yield* send("DELETE", "/three")
              return yield* everything(couch, asAdmin)
            }), options)
          before = after
        }
        // Deleted, created again, and read again.
        yield* using(path, (couch) =>
          Effect.gen(function*() {
            expect(yield* everything(couch, asAdmin)).toEqual(before)
            yield* client(couch, asAdmin)("DELETE", "/one")
          }), options)
        const names = yield* using(path, (couch) => client(couch, asAdmin)("GET", "/_all_dbs"), options)
        expect(names.json).not.toContain("one")
      }))
  }

  it.scopedLive("keeps sequences, cookies and the server's id, and reuses no id", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const first = yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch, asAdmin)
          yield* send("PUT", "/db")
          const created = yield* send("POST", "/db", { body: {} })
          const feed = yield* send("GET", "/db/_changes")
          const session = yield* send("POST", "/_session", { body: { name: "admin", password: "password" } })
          const since = /"last_seq":"([^"]+)"/.exec(feed.text)?.[1] ?? ""
          return {
            created,
            since,
            cookie: session.headers["set-cookie"]?.split(";")[0] ?? "",
            welcome: yield* send("GET", "/")
          }
        }), { admin })
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch, { cookie: first.cookie })
          expect((yield* send("GET", "/")).text).toBe(first.welcome.text)
          const second = yield* send("POST", "/db", { body: {} })
          expect(second.status).toBe(201)
          const { results } = JSON.parse((yield* send("GET", `/db/_changes?since=${first.since}`)).text)
          expect(results.map(({ id }: { readonly id: string }) => id)).toEqual([JSON.parse(second.text).id])
          expect(second.text).not.toBe(first.created.text)
        }), { admin })
    }))

  it.scopedLive(
    "opens a log that was cut at any byte, and logs what it removes",
    () =>
      Effect.gen(function*() {
        const path = yield* directory
        const sizes: Array<number> = []
        const states: Array<unknown> = []
        const size = Effect.sync(() => Fs.statSync(logOf(path)).size)
        yield* using(path, (couch) =>
          Effect.gen(function*() {
            yield* client(couch)("PUT", "/db")
            for (let i = 0; i < 4; i++) {
              sizes.push(yield* size)
              states.push((yield* client(couch)("GET", "/db/_all_docs?include_docs=true")).text)
              yield* client(couch)("PUT", `/db/x${i}`, { body: { i, text: "é".repeat(20) } })
            }
          }))
        const whole = Fs.readFileSync(logOf(path))
        const first = sizes[0] ?? 0
        expect(whole.length - first).toBeGreaterThan(400)
        for (let length = sizes[2] ?? 0; length < whole.length - 31; length++) {
          const copy = Path.join(path, `cut${length}`)
          Fs.mkdirSync(copy)
          Fs.writeFileSync(logOf(copy), whole.subarray(0, length))
          const { lines, value } = yield* logged(
            using(copy, (couch) => client(couch)("GET", "/db/_all_docs?include_docs=true"))
          )
          const last = sizes.filter((size) => size <= length).length - 1
          expect(value.text, `cut at ${length}`).toBe(states[last])
          const cut = length - (sizes[last] ?? 0)
          expect(lines.filter((line) => line.includes("incomplete write"))).toEqual(
            cut === 0 ? [] : [expect.stringContaining(`the last ${cut} bytes`)]
          )
          // The next start finds nothing to repair.
          if (length % 20 === 0) expect((yield* logged(using(copy, () => Effect.void))).lines).toEqual([])
        }
      })
  )

  it.scopedLive("rejects a log with a wrong byte in its middle, and leaves it unchanged", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, small)
      const whole = Fs.readFileSync(logOf(path))
      for (let at = 0; at < whole.length - 31; at += 7) {
        const damaged = Buffer.from(whole)
        damaged[at] = (damaged[at] ?? 0) ^ 0x10
        Fs.writeFileSync(logOf(path), damaged)
        const error = yield* Effect.flip(using(path, () => Effect.void))
        expect(error, `byte ${at}`).toMatchObject({ _tag: "FileStoreError", reason: "Corrupt" })
        expect(error.message).toContain(path)
        expect(Fs.readFileSync(logOf(path)).equals(damaged)).toBe(true)
      }
    }))

  it.scopedLive("reads an attachment that is a copy of its own log", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          yield* small(couch)
          const body = new Uint8Array(Fs.readFileSync(logOf(path)))
          yield* client(couch)("PUT", "/db/log/data.log", { body, headers: { "content-type": "image/png" } })
        }))
      const whole = Fs.readFileSync(logOf(path))
      // Cut within the frame of the attachment.
      Fs.writeFileSync(logOf(path), whole.subarray(0, whole.length - 60))
      const ids = yield* using(path, (couch) => client(couch)("GET", "/db/_all_docs"))
      expect(ids.json).toMatchObject({ total_rows: 4 })
    }))

  it.scopedLive("writes an attachment once, however many revisions have it", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const body = new Uint8Array(100_000).map((_, i) => (i * i) % 251)
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch)
          yield* send("PUT", "/db")
          yield* send("PUT", "/db/x/a.png", { body, headers: { "content-type": "image/png" } })
          for (let i = 0; i < 10; i++) {
            const doc = JSON.parse((yield* send("GET", "/db/x")).text)
            expect((yield* send("PUT", "/db/x", { body: { ...doc, i } })).status).toBe(201)
          }
        }))
      expect(Fs.statSync(logOf(path)).size).toBeLessThan(120_000)
      const doc = yield* using(path, (couch) =>
        client(couch)("GET", "/db/x?attachments=true", { headers: { accept: "application/json" } }))
      expect(JSON.parse(doc.text)._attachments["a.png"].data).toBe(Buffer.from(body).toString("base64"))
    }))

  it.scopedLive("drops old bodies on _compact, and shrinks the log", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const before = yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch)
          yield* send("PUT", "/db")
          let rev: string | undefined
          for (let i = 0; i < 50; i++) {
            const saved = yield* send("PUT", "/db/x", { body: { _rev: rev, text: "y".repeat(5_000), i } })
            rev = JSON.parse(saved.text).rev
          }
          expect(Fs.statSync(logOf(path)).size).toBeGreaterThan(250_000)
          yield* send("POST", "/db/_compact", { body: {} })
          expect(Fs.statSync(logOf(path)).size).toBeLessThan(20_000)
          yield* send("PUT", "/db/y", { body: {} })
          return yield* everything(couch)
        }))
      expect(yield* using(path, everything)).toEqual(before)
    }))

  it.scopedLive("shrinks the log on start if most of it is obsolete", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const before = yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch)
          yield* send("PUT", "/db")
          for (let i = 0; i < 50; i++) yield* send("PUT", "/db/_local/x", { body: { text: "y".repeat(5_000), i } })
          return yield* everything(couch)
        }))
      expect(Fs.statSync(logOf(path)).size).toBeGreaterThan(250_000)
      expect(yield* using(path, everything, { compactAbove: 100_000 })).toEqual(before)
      expect(Fs.statSync(logOf(path)).size).toBeLessThan(20_000)
      expect(yield* using(path, everything)).toEqual(before)
    }))

  it.scopedLive("keeps the old or the new log wherever a compaction is interrupted", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const before = yield* using(path, (couch) => Effect.zipRight(small(couch), everything(couch)))
      const whole = Fs.readFileSync(logOf(path))
      for (const length of [0, 10, 42, Math.floor(whole.length / 2), whole.length]) {
        Fs.writeFileSync(`${logOf(path)}.new`, whole.subarray(0, length))
        expect(yield* using(path, everything)).toEqual(before)
        expect(Fs.existsSync(`${logOf(path)}.new`)).toBe(false)
      }
    }))

  it.scopedLive("has one writer, and is unlocked once that one has ended", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(using(path, () => Effect.void))
          expect(error).toMatchObject({ _tag: "FileStoreError", reason: "Locked" })
          expect(error.message).toContain(`process ${process.pid}`)
        }))
      expect(Fs.readdirSync(path)).toEqual(["data.log"])
      // Locks of an ended process, of a reused process id, and of no process.
      for (const lock of [`${Os.hostname()}\n999999999\n\n`, `${Os.hostname()}\n${process.pid}\nlong/ago\n`, ""]) {
        Fs.writeFileSync(Path.join(path, "lock"), lock)
        yield* using(path, () => Effect.void)
      }
      Fs.writeFileSync(Path.join(path, "lock"), `another.example\n1\n\n`)
      expect(yield* Effect.flip(using(path, () => Effect.void))).toMatchObject({ reason: "Locked" })
    }))

  it.scopedLive("answers every request with 500 once it cannot write, and keeps acknowledged writes", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          yield* small(couch)
          // A directory with the name of the new log makes compaction fail.
          Fs.mkdirSync(`${logOf(path)}.new`)
          const reply = yield* client(couch)("POST", "/db/_compact", { body: {} })
          expect([reply.status, reply.json]).toEqual([500, {
            error: "store_failed",
            reason: expect.stringContaining(path)
          }])
          expect((yield* client(couch)("GET", "/db/x1")).status).toBe(500)
          Fs.rmdirSync(`${logOf(path)}.new`)
        })).pipe(logged)
      const rows = yield* using(path, (couch) => client(couch)("GET", "/db/_all_docs"))
      expect(rows.json).toMatchObject({ total_rows: 4 })
    }))

  it.scopedLive("lets concurrent writes share one fsync", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          const send = client(couch)
          yield* send("PUT", "/db")
          const before = Fs.readFileSync(logOf(path))
          const ids = Array.from({ length: 200 }, (_, i) => `x${i}`)
          yield* Effect.forEach(ids, (id) => send("PUT", `/db/${id}`, { body: {} }), { concurrency: 50, discard: true })
          const salt = before.subarray(30, 38)
          const added = Fs.readFileSync(logOf(path)).subarray(before.length)
          let frames = 0
          for (let at = added.indexOf(salt); at >= 0; at = added.indexOf(salt, at + 1)) frames++
          expect(frames).toBeLessThan(100)
          expect((yield* send("GET", "/db")).json).toMatchObject({ doc_count: 200 })
        }))
    }))

  it.scopedLive("sends no line of a feed before its data are durable", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* using(path, (couch) =>
        Effect.gen(function*() {
          yield* client(couch)("PUT", "/db")
          const { body } = yield* couch.stream({
            method: "GET",
            origin: "http://embedded",
            path: "/db/_changes?feed=continuous",
            headers: {}
          })
          yield* Effect.forkScoped(client(couch)("PUT", "/db/followed", { body: {} }))
          const seen = yield* body.pipe(
            Stream.map((bytes) => new TextDecoder().decode(bytes)),
            Stream.filter((text) => text.includes("followed")),
            Stream.map(() => Fs.readFileSync(logOf(path)).includes("followed")),
            Stream.runHead
          )
          expect(seen).toMatchObject({ value: true })
        }))
    }))

  /** Lets a process write until it printed this many lines, and then kills it. */
  const killed = (path: string, life: number, lines: number) =>
    Effect.flatMap(
      bundle(new URL("writer.ts", import.meta.url)),
      (program) =>
        Effect.async<ReadonlyArray<string>, Error>((resume) => {
          const child = spawn(process.execPath, [program, path, String(life)], { stdio: ["ignore", "pipe", "pipe"] })
          let told = ""
          let errors = ""
          let seen = 0
          child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text)
          child.stdout.setEncoding("utf8").on("data", (text: string) => {
            told += text
            seen += text.split("\n").length - 1
            if (seen >= lines) child.kill("SIGKILL")
          })
          child.on("close", (code, signal) =>
            resume(
              signal === "SIGKILL" ? Effect.succeed(told.split("\n").slice(0, -1)) : Effect.fail(
                new Error(`ended with ${code}: ${errors}`)
              )
            ))
          return Effect.sync(() => child.kill("SIGKILL"))
        })
    )

  it.scopedLive(
    "has every acknowledged write after a process was killed in the middle of writing",
    () =>
      Effect.gen(function*() {
        const path = yield* directory
        const acknowledged: Array<string> = []
        for (const [life, lines] of [1, 30, 177, 400, 61, 250].entries()) {
          acknowledged.push(...(yield* killed(path, life, lines)))
          yield* using(path, (couch) =>
            Effect.gen(function*() {
              const rows = (yield* client(couch)("GET", "/db/_all_docs")).text
              const found = new Map(
                Array.from(rows.matchAll(/"id":"([^"]+)".*?"rev":"([^"]+)"/g), ([, id, rev]) => [id, rev])
              )
              for (const line of acknowledged) {
                const [id = "", rev] = line.split(" ")
                expect(found.get(id), id).toBe(rev)
              }
              const [last = ""] = acknowledged.at(-1)?.split(" ") ?? []
              const doc = yield* client(couch)("GET", `/db/${last}?attachments=true`, {
                headers: { accept: "application/json" }
              })
              expect(JSON.parse(doc.text)._attachments.a.data).toBe(btoa(last))
            }))
        }
        expect(acknowledged.length).toBeGreaterThanOrEqual(919)
      })
  )

  it("describes the difference between any two states of a revision tree", () => {
    const version = (deleted: boolean): Version => ({ deleted, body: {}, attachments: [] })
    for (let seed = 0; seed < sample(60, 300); seed++) {
      const random = RandomSource.make(seed)
      const hash = (): string => "abcd".charAt(random.below(4)).repeat(32)
      let tree: RevisionTree.Tree<Version> = RevisionTree.empty
      let copy = tree
      for (let i = 0; i < 25; i++) {
        const generation = 1 + random.below(6)
        const hashes = Array.from({ length: 1 + random.below(generation) }, hash)
        const kind = random.below(8)
        const next = kind < 5
          ? RevisionTree.merge(tree, { generation, hashes }, version(random.below(3) === 0)).tree
          : kind === 5
          ? RevisionTree.stem(tree, 1 + random.below(4))
          : kind === 6
          ? RevisionTree.compact(tree)
          : RevisionTree.purge(tree, tree.leaves.slice(0, 1)).tree
        copy = TreeChange.apply(copy, TreeChange.diff(tree, next))
        tree = next
        expect(RevisionTree.same(copy, tree)).toBe(true)
        expect(copy.leaves).toEqual(tree.leaves)
        expect(HashMap.size(copy.generations)).toBe(HashMap.size(tree.generations))
        for (const leaf of copy.leaves) expect(RevisionTree.get(copy, leaf)).toBe(leaf)
      }
    }
  })
})
