import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import Nano from "nano"
import * as JavaScript from "../../src/functions/JavaScript.js"
import * as Serve from "../../src/httpServer/Serve.js"
import { admin } from "../client.js"

/** A nano client with its own server. */
const nano = Effect.map(
  Serve.serve({ quiet: true, admin, interpreter: JavaScript.make() }),
  ({ url }) => Nano(url.replace("//", "//admin:password@"))
)

const status = (attempt: () => Promise<unknown>) =>
  Effect.promise(() => attempt().then(() => 200, (error: { readonly statusCode: number }) => error.statusCode))

interface Butterfly {
  readonly name: string
  readonly seen: number
}

describe("nano", () => {
  it.scopedLive("creates, edits, gets a conflict, deletes", () =>
    Effect.gen(function*() {
      const server = yield* nano
      yield* Effect.promise(async () => {
        await server.db.create("zoo")
        expect(await server.db.list()).toContain("zoo")
        const zoo = server.use<Butterfly>("zoo")
        const first = await zoo.insert({ name: "Monarch", seen: 1 }, "a/b ü")
        expect(first).toEqual({ ok: true, id: "a/b ü", rev: expect.stringMatching(/^1-/) })
        const doc = await zoo.get("a/b ü")
        expect(doc).toEqual({ _id: "a/b ü", _rev: first.rev, name: "Monarch", seen: 1 })
        const second = await zoo.insert({ ...doc, seen: 2 })
        expect(second.rev).toMatch(/^2-/)
        expect((await zoo.head("a/b ü"))["etag"]).toBe(`"${second.rev}"`)
        expect(await zoo.get("a/b ü", { rev: first.rev })).toMatchObject({ seen: 1 })
      })
      const zoo = server.use<Butterfly>("zoo")
      expect(yield* status(() => zoo.insert({ name: "late", seen: 0 }, "a/b ü"))).toBe(409)
      expect(yield* status(() => zoo.get("nothing"))).toBe(404)
      expect(yield* status(() => server.db.create("zoo"))).toBe(412)
      yield* Effect.promise(async () => {
        await zoo.destroy("a/b ü", (await zoo.get("a/b ü"))._rev)
        const rows = await zoo.bulk({ docs: [{ _id: "x", name: "x", seen: 1 }, { _id: "y", name: "y", seen: 2 }] })
        expect(rows.map(({ id }) => id)).toEqual(["x", "y"])
        expect((await zoo.info()).doc_count).toBe(2)
        expect((await zoo.fetch({ keys: ["y", "x"] })).rows.map(({ key }) => key)).toEqual(["y", "x"])
        await server.db.destroy("zoo")
      })
      expect(yield* status(() => server.db.get("zoo"))).toBe(404)
    }))

  it.scopedLive("queries views and finds", () =>
    Effect.gen(function*() {
      const server = yield* nano
      yield* Effect.promise(async () => {
        await server.db.create("zoo")
        const zoo = server.use<Butterfly>("zoo")
        const docs = Array.from({ length: 30 }, (_, i) => ({ _id: `b${i}`, name: i % 2 === 0 ? "m" : "n", seen: i }))
        await zoo.bulk({ docs })
        const views = {
          seen: { map: "function (doc) { emit([doc.name, doc.seen], doc.seen) }", reduce: "_sum" }
        }
        await server.use<unknown>("zoo").insert({ _id: "_design/d", views } as object)
        const group = await zoo.view<number>("d", "seen", { group_level: 1 })
        expect(group.rows).toEqual([{ key: ["m"], value: 210 }, { key: ["n"], value: 225 }])
        const page = await zoo.view<number>("d", "seen", {
          reduce: false,
          start_key: ["n"],
          limit: 2,
          include_docs: true
        })
        expect(page.rows.map(({ doc, id }) => [id, doc?.seen])).toEqual([["b1", 1], ["b3", 3]])
        await zoo.createIndex({ index: { fields: ["seen"] }, name: "by-seen" })
        const found = await zoo.find({ selector: { seen: { $gte: 27 } }, fields: ["_id"], sort: [{ seen: "desc" }] })
        expect(found.docs.map(({ _id }) => _id)).toEqual(["b29", "b28", "b27"])
      })
    }))

  it.scopedLive("stores and reads attachments", () =>
    Effect.gen(function*() {
      const server = yield* nano
      yield* Effect.promise(async () => {
        await server.db.create("zoo")
        const zoo = server.use<unknown>("zoo")
        const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * i) % 256))
        const put = await zoo.attachment.insert("x", "a b.bin", bytes, "application/octet-stream")
        expect(Buffer.from(await zoo.attachment.get("x", "a b.bin")).equals(bytes)).toBe(true)
        const parts = [{ name: "t.txt", data: Buffer.from("text ".repeat(99)), content_type: "text/plain" }]
        await zoo.multipart.insert({ v: 1 } as object, parts, "y")
        expect(String(await zoo.attachment.get("y", "t.txt"))).toBe("text ".repeat(99))
        await zoo.attachment.destroy("x", "a b.bin", { rev: put.rev })
        expect(await zoo.get("x")).not.toHaveProperty("_attachments")
      })
    }))

  it.scopedLive("follows changes", () =>
    Effect.gen(function*() {
      const server = yield* nano
      const ids = yield* Effect.promise(async () => {
        await server.db.create("zoo")
        const zoo = server.use<Butterfly>("zoo")
        const ids: Array<string> = []
        const seen = new Promise<void>((resolve, reject) => {
          zoo.changesReader.start({ since: "0", wait: false, timeout: 10_000 })
            .on("change", ({ id }: { readonly id: string }) => {
              ids.push(id)
              if (ids.length === 20) resolve()
            })
            .on("error", reject)
        })
        for (let i = 0; i < 20; i++) await zoo.insert({ name: "x", seen: i }, `b${i}`)
        await seen
        zoo.changesReader.stop()
        return ids
      })
      expect(ids.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `b${i}`).sort())
    }))

  it.scopedLive("logs in with a cookie, and gets an error without permission", () =>
    Effect.gen(function*() {
      const { url } = yield* Serve.serve({ quiet: true, admin })
      const server = Nano(url)
      expect(yield* status(() => server.db.create("zoo"))).toBe(401)
      yield* Effect.promise(async () => {
        expect(await server.auth("admin", "password")).toMatchObject({ ok: true, name: "admin" })
        expect((await server.session()).userCtx).toEqual({ name: "admin", roles: ["_admin"] })
        expect(await server.db.create("zoo")).toEqual({ ok: true })
      })
      expect(yield* status(() => server.auth("admin", "wrong"))).toBe(401)
    }))
})
