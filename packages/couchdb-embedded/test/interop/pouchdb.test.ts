import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { PouchDB } from "pouchdb"
import Pouchdb from "pouchdb"
import MemoryAdapter from "pouchdb-adapter-memory"
import Find from "pouchdb-find"
import * as JavaScript from "../../src/functions/JavaScript.js"
import * as Serve from "../../src/httpServer/Serve.js"
import { admin } from "../client.js"

const Pouch = Pouchdb.plugin(MemoryAdapter).plugin(Find)

let count = 0

/** An in-memory PouchDB. */
const local = Effect.acquireRelease(
  Effect.sync(() => new Pouch(`local-${process.pid}-${count++}`, { adapter: "memory" })),
  (database) => Effect.promise(() => database.destroy())
)

/** The URL of a server with administrator credentials. */
const server = Effect.map(
  Serve.serve({ quiet: true, admin, interpreter: JavaScript.make() }),
  ({ url }) => url.replace("//", "//admin:password@")
)

const remote = (url: string, name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Pouch(`${url}/${name}`)),
    (database) => Effect.promise(() => database.close())
  )

/** Every leaf of every document, with its history, body and attachments. */
const everything = async (database: PouchDB.Database) => {
  const { results } = await database.changes({ style: "all_docs", since: 0 })
  const all: Record<string, unknown> = {}
  for (const { changes, deleted, id } of results) {
    const leaves: Record<string, unknown> = {}
    for (const { rev } of changes) {
      const { _attachments, ...doc } = await database.get(id, { rev, revs: true, attachments: true })
      const attachments = Object.entries(_attachments ?? {}).map(([name, attachment]) => [
        name,
        attachment.content_type,
        "data" in attachment ? attachment.data : undefined
      ])
      leaves[rev] = [doc, attachments.sort()]
    }
    all[id] = [deleted === true, leaves]
  }
  return all
}

const winnerOf = async (database: PouchDB.Database, id: string) => {
  const { _conflicts, ...doc } = await database.get(id, { conflicts: true })
  return [doc, _conflicts]
}

const fill = async (database: PouchDB.Database, who: string) => {
  await database.bulkDocs(Array.from({ length: 40 }, (_, i) => ({ _id: `${who}${i}`, i, text: "é💡" })))
  const doc = await database.get(`${who}3`)
  await database.put({ ...doc, edited: true })
  await database.remove(await database.get(`${who}4`))
  await database.put({ _id: "both", who })
  await database.putAttachment(
    `${who}5`,
    "t.txt",
    (await database.get(`${who}5`))._rev,
    Buffer.from("text ".repeat(200)),
    "text/plain"
  )
  const binary = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) % 256))
  await database.putAttachment(`${who}5`, "b.png", (await database.get(`${who}5`))._rev, binary, "image/png")
  await database.put({ _id: `${who}/ü?&#+%`, odd: true })
}

describe("PouchDB", () => {
  it.scopedLive("works on the server as on its own store", () =>
    Effect.gen(function*() {
      const database = yield* remote(yield* server, "zoo")
      yield* Effect.promise(async () => {
        await fill(database, "a")
        expect((await database.info()).doc_count).toBe(41)
        expect(await database.get("a3")).toMatchObject({ i: 3, edited: true })
        await expect(database.put({ _id: "a3", late: true })).rejects.toMatchObject({ status: 409, name: "conflict" })
        await expect(database.get("a4")).rejects.toMatchObject({ status: 404, reason: "deleted" })
        await expect(database.get("none")).rejects.toMatchObject({ status: 404, reason: "missing" })
        expect(String(await database.getAttachment("a5", "t.txt"))).toBe("text ".repeat(200))
        const rows = await database.allDocs({ include_docs: true, startkey: "a30", endkey: "a33" })
        expect(rows.rows.map(({ id }) => id)).toEqual(["a30", "a31", "a32", "a33"])
        await database.put({
          _id: "_design/d",
          views: { i: { map: "function (doc) { emit(doc.i, 1) }", reduce: "_count" } }
        })
        const viewed = await database.query("d/i", { reduce: false, key: 7 })
        expect(viewed.rows).toEqual([{ id: "a7", key: 7, value: 1 }])
        await database.createIndex({ index: { fields: ["i"] } })
        const found = await database.find({ selector: { i: { $gt: 36 } }, fields: ["_id"] })
        expect(found.docs).toEqual([{ _id: "a37" }, { _id: "a38" }, { _id: "a39" }])
      })
    }))

  it.scopedLive(
    "replicates conflicts, deleted documents and attachments both ways until both are equal",
    () =>
      Effect.gen(function*() {
        const ours = yield* local
        const theirs = yield* remote(yield* server, "zoo")
        yield* Effect.promise(async () => {
          await fill(ours, "a")
          await fill(theirs, "b")
          const first = await ours.sync(theirs)
          expect([first.push.ok, first.pull.ok, first.push.errors, first.pull.errors]).toEqual([true, true, [], []])
          expect(Object.keys(await everything(ours))).toHaveLength(83)
          expect(await everything(ours)).toEqual(await everything(theirs))
          expect(await winnerOf(ours, "both")).toEqual(await winnerOf(theirs, "both"))
          expect((await winnerOf(ours, "both"))[1]).toHaveLength(1)
          // Second round, on the same documents: an edit against a deletion, and edits on both sides.
          await ours.put({ ...(await ours.get("b7")), ours: true })
          await theirs.remove(await theirs.get("b7"))
          await ours.put({ ...(await ours.get("a8")), ours: true })
          await theirs.put({ ...(await theirs.get("a8")), theirs: true })
          await ours.remove(await ours.get("both"))
          const second = await ours.sync(theirs)
          expect([second.push.errors, second.pull.errors]).toEqual([[], []])
          expect(second.push.docs_written).toBeLessThan(10)
          expect(await everything(ours)).toEqual(await everything(theirs))
          for (const id of ["b7", "a8", "both"]) expect(await winnerOf(ours, id)).toEqual(await winnerOf(theirs, id))
          expect((await winnerOf(theirs, "a8"))[1]).toHaveLength(1)
          expect(await theirs.get("b7")).toMatchObject({ ours: true })
          // Nothing is left to replicate, and both know it.
          const third = await ours.sync(theirs)
          expect([third.push.docs_read, third.pull.docs_read]).toEqual([0, 0])
        })
      })
  )

  it.scopedLive("syncs live with concurrent changes on both sides", () =>
    Effect.gen(function*() {
      const ours = yield* local
      const theirs = yield* remote(yield* server, "zoo")
      yield* Effect.promise(async () => {
        const until = (sync: PouchDB.Sync, done: () => Promise<boolean>) =>
          new Promise<void>((resolve, reject) => {
            const look = () => void done().then((yes) => yes ? resolve() : undefined, reject)
            sync.on("change", look).on("paused", look).on("error", reject)
            look()
          })
        const sync = ours.sync(theirs, { live: true })
        const ended = new Promise((resolve) => sync.on("complete", resolve))
        for (let i = 0; i < 25; i++) {
          await ours.put({ _id: `a${i}`, i })
          await theirs.put({ _id: `b${i}`, i })
          if (i % 5 === 0) await theirs.remove(await theirs.get(`b${i}`))
        }
        await until(sync, async () => {
          const [left, right] = [await ours.info(), await theirs.info()]
          return left.doc_count === 45 && right.doc_count === 45
        })
        sync.cancel()
        await ended
        expect(await everything(ours)).toEqual(await everything(theirs))
      })
    }))

  it.scopedLive("replicates from one server to another", () =>
    Effect.gen(function*() {
      const one = yield* remote(yield* server, "one")
      const two = yield* remote(yield* server, "two")
      yield* Effect.promise(async () => {
        await fill(one, "a")
        expect(await Pouch.replicate(one, two)).toMatchObject({ ok: true, doc_write_failures: 0 })
        expect(await everything(two)).toEqual(await everything(one))
      })
    }))
})
