import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Arbitrary from "effect/FastCheck"
import { fresh } from "../client.js"

const a = "a".repeat(32)
const b = "b".repeat(32)
const c = "c".repeat(32)

describe("documents", () => {
  it.effect("print numbers, key order and control characters as CouchDB does", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const pairs: ReadonlyArray<readonly [string, string]> = [
        ["1e21", "1e+21"],
        ["1.0e20", "100000000000000000000.0"],
        ["123456789012345678.0", "123456789012345680.0"],
        ["12345678901234567890", "12345678901234567890"],
        ["-0", "0"],
        ["-0.0", "0.0"],
        ["1e-6", "0.000001"],
        ["1e-7", "1e-7"],
        ["1.50", "1.5"],
        ["2E3", "2000.0"],
        ["5e-324", "0.0"],
        ["{\"b\":1,\"10\":2,\"9\":3}", "{\"b\":1,\"10\":2,\"9\":3}"],
        ["{\"x\":1,\"y\":2,\"x\":3}", "{\"y\":2,\"x\":3}"],
        ["\"\\u0001\\u001f\\/\\n\"", "\"\\u0001\\u001F/\\n\""]
      ]
      for (const [sent, shown] of pairs) {
        const put = yield* send("POST", "/db", {
          body: `{"_id":"n${Math.abs(sent.length)}${shown.length}","v":${sent}}`
        })
        const id = /"id":"([^"]+)"/.exec(put.text)?.[1]
        expect((yield* send("GET", `/db/${id}`)).text).toContain(`"v":${shown}}\n`)
        yield* send("DELETE", `/db/${id}?rev=${/"rev":"([^"]+)"/.exec(put.text)?.[1]}`)
      }
    }))

  it.effect("hash -0.0 and 0.0 differently, though both print alike", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const negative = yield* send("PUT", "/db/x", { body: "{\"v\":-0.0}" })
      const positive = yield* send("PUT", "/db/y", { body: "{\"v\":0.0}" })
      expect([negative.status, positive.status]).toEqual([201, 201])
      expect(negative.headers.etag).not.toBe(positive.headers.etag)
    }))

  it.effect("are created again on the winning tombstone, one generation above it", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/x", { body: {} })
      yield* send("DELETE", "/db/x?rev=1-967a00dff5e02add41819138abb3284d")
      expect((yield* send("GET", "/db/x")).json).toEqual({ error: "not_found", reason: "deleted" })
      const tombstone = { _rev: "2-eec205a9d413992850a6e32678485900" }
      expect((yield* send("PUT", "/db/x", { body: tombstone })).status).toBe(409)
      const back = yield* send("PUT", "/db/x", { body: { back: true } })
      expect(back.status).toBe(201)
      expect(back.text).toContain("\"rev\":\"3-")
    }))

  it.effect("keep replicated conflicts, and show each kind where CouchDB does", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const replicated = yield* send("POST", "/db/_bulk_docs", {
        body: {
          new_edits: false,
          docs: [
            { _id: "x", v: "A", _revisions: { start: 2, ids: [a, c] } },
            { _id: "x", v: "B", _revisions: { start: 2, ids: [b, c] } },
            { _id: "x", v: "D", _deleted: true, _revisions: { start: 3, ids: [a, c, c] } }
          ]
        }
      })
      expect([replicated.status, replicated.text]).toEqual([201, "[]\n"])
      expect((yield* send("GET", "/db/x?conflicts=true&deleted_conflicts=true")).json).toEqual({
        _id: "x",
        _rev: `2-${b}`,
        v: "B",
        _conflicts: [`2-${a}`],
        _deleted_conflicts: [`3-${a}`]
      })
      expect((yield* send("GET", "/db/_changes?style=all_docs")).json).toMatchObject({
        results: [{ id: "x", changes: [{ rev: `2-${b}` }, { rev: `2-${a}` }, { rev: `3-${a}` }] }],
        pending: 0
      })
      const open = yield* send("GET", "/db/x?open_revs=all", { headers: { accept: "application/json" } })
      expect(open.json).toEqual([
        { ok: { _id: "x", _rev: `2-${a}`, v: "A" } },
        { ok: { _id: "x", _rev: `2-${b}`, v: "B" } },
        { ok: { _id: "x", _rev: `3-${a}`, v: "D", _deleted: true } }
      ])
    }))

  it.effect("reject a write that extends no leaf, unless its shard never saw the document", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ q: 1 })
      const orphan = () => send("PUT", "/db/orphan", { body: { _rev: `1-${a}` } })
      expect((yield* orphan()).status).toBe(409)
      yield* send("PUT", "/db/any", { body: {} })
      expect((yield* orphan()).text).toContain("\"rev\":\"2-")
      yield* send("PUT", "/db/_design/any", { body: {} })
      expect((yield* send("PUT", "/db/other", { body: { _rev: `1-${a}` } })).status).toBe(409)
    }))

  it.effect("apply a bulk request row by row", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const reply = yield* send("POST", "/db/_bulk_docs", {
        body: { docs: [{ _id: "x", v: 1 }, { _id: "y" }, { _id: "x", v: 2 }] }
      })
      expect(reply.json).toMatchObject([
        { ok: true, id: "x" },
        { ok: true, id: "y" },
        { id: "x", error: "conflict", reason: "Document update conflict." }
      ])
    }))

  it.effect("keep stubs on saves and copies, and reject a stub of a missing attachment", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const first = yield* send("PUT", "/db/x", {
        body: { _attachments: { "b.bin": { content_type: "image/png", data: "AAEC" } } }
      })
      // CouchDB's revisions for the same writes.
      expect(first.text).toContain("1-fa0d710640e407b07a2c4e567efa6b59")
      const stub = { "b.bin": { stub: true } }
      const second = yield* send("PUT", "/db/x", {
        body: { _rev: "1-fa0d710640e407b07a2c4e567efa6b59", _attachments: stub }
      })
      expect(second.text).toContain("2-ce6372893ba836957552af5610cf153d")
      yield* send("COPY", "/db/x", { headers: { destination: "y" } })
      const copied = yield* send("GET", "/db/y?attachments=true", { headers: { accept: "application/json" } })
      expect(copied.json).toMatchObject({ _attachments: { "b.bin": { data: "AAEC", revpos: 1 } } })
      expect((yield* send("GET", "/db/y/b.bin")).headers["content-type"]).toBe("image/png")
      expect((yield* send("PUT", "/db/z", { body: { _attachments: stub } })).json).toEqual({
        error: "missing_stub",
        reason: "Invalid attachment stub in z for b.bin"
      })
    }))

  it.effect("drop the bodies of old revisions on compaction only", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/x", { body: {} })
      yield* send("PUT", "/db/x?rev=1-967a00dff5e02add41819138abb3284d", { body: { v: 2 } })
      const old = "/db/x?rev=1-967a00dff5e02add41819138abb3284d"
      expect((yield* send("GET", old)).status).toBe(200)
      expect((yield* send("POST", "/db/_compact")).status).toBe(202)
      expect((yield* send("GET", old)).json).toEqual({ error: "not_found", reason: "missing" })
      expect((yield* send("GET", "/db/x?revs_info=true")).json).toMatchObject({
        v: 2,
        _revs_info: [{ status: "available" }, { status: "missing" }]
      })
    }))

  it.effect("keep as many ancestors as the revs limit", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/_revs_limit", { body: "3" })
      let rev = ""
      for (let i = 0; i < 6; i++) {
        const put = yield* send("PUT", `/db/x${rev === "" ? "" : `?rev=${rev}`}`, { body: { i } })
        rev = /"rev":"([^"]+)"/.exec(put.text)?.[1] ?? ""
      }
      const revisions = /"_revisions":\{"start":(\d+),"ids":\[([^\]]*)\]/.exec(
        (yield* send("GET", "/db/x?revs=true")).text
      )
      expect([revisions?.[1], revisions?.[2]?.split(",").length]).toEqual(["6", 3])
    }))

  it.effect("count revisions of local documents, without conflicts", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const revs: Array<string | undefined> = []
      for (const body of [{ v: 1 }, { v: 2 }, { _rev: "0-41", v: 3 }]) {
        revs.push(/"rev":"([^"]+)"/.exec((yield* send("PUT", "/db/_local/x", { body })).text)?.[1])
      }
      expect(revs).toEqual(["0-1", "0-1", "0-42"])
      expect((yield* send("GET", "/db/_all_docs")).json).toMatchObject({ total_rows: 0 })
      expect((yield* send("GET", "/db")).json).toMatchObject({ doc_count: 0 })
    }))

  it.effect("honour If-Match, If-None-Match and HEAD", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const { headers } = yield* send("PUT", "/db/x", { body: {} })
      const etag = headers.etag ?? ""
      expect((yield* send("GET", "/db/x", { headers: { "if-none-match": etag } })).status).toBe(304)
      const head = yield* send("HEAD", "/db/x")
      expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "56"])
      expect((yield* send("PUT", "/db/x", { headers: { "if-match": "1-abc" }, body: {} })).status).toBe(409)
      expect((yield* send("PUT", "/db/x", { headers: { "if-match": etag }, body: {} })).status).toBe(201)
      expect((yield* send("POST", "/db/x", { headers: { "x-http-method-override": "GET" } })).json)
        .toMatchObject({ _id: "x" })
    }))
})

describe("_all_docs", () => {
  const id = Arbitrary.fullUnicodeString({ minLength: 1, maxLength: 6 }).filter((text) => !text.startsWith("_"))

  it.effect.prop(
    "lists ids in the order of their bytes",
    [Arbitrary.uniqueArray(id, { maxLength: 12 })],
    ([ids]) =>
      Effect.gen(function*() {
        const send = yield* fresh()
        yield* send("POST", "/db/_bulk_docs", { body: { docs: ids.map((_id) => ({ _id })) } })
        const sorted = Array.from(ids).sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
        const rows = (list: ReadonlyArray<string>) => ({ rows: list.map((id) => ({ id, key: id })) })
        expect((yield* send("GET", "/db/_all_docs")).json).toMatchObject({ total_rows: ids.length, ...rows(sorted) })
        expect((yield* send("GET", "/db/_all_docs?descending=true")).json).toMatchObject(
          rows(Array.from(sorted).reverse())
        )
        const middle = sorted[Math.floor(sorted.length / 2)]
        if (middle === undefined) return
        const from = encodeURIComponent(JSON.stringify(middle))
        const at = sorted.indexOf(middle)
        expect((yield* send("GET", `/db/_all_docs?startkey=${from}`)).json)
          .toMatchObject({ offset: at, ...rows(sorted.slice(at)) })
        expect((yield* send("GET", `/db/_all_docs?endkey=${from}&inclusive_end=false`)).json)
          .toMatchObject({ offset: 0, ...rows(sorted.slice(0, at)) })
      })
  )
})

describe("_changes", () => {
  const page = (text: string) => ({
    ids: Array.from(text.matchAll(/"id":"(\w+)"/g), ([, id]) => id ?? ""),
    last: /"last_seq":"([^"]+)"/.exec(text)?.[1] ?? "",
    pending: Number(/"pending":(\d+)/.exec(text)?.[1])
  })

  it.effect("sends every document once, page by page", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ q: 4 })
      const ids = Array.from({ length: 25 }, (_, i) => `d${i}`)
      yield* send("POST", "/db/_bulk_docs", { body: { docs: ids.map((_id) => ({ _id })) } })
      const seen: Array<string> = []
      let since = "0"
      for (let pending = 1; pending > 0;) {
        const { ids, last, pending: rest } = page((yield* send("GET", `/db/_changes?limit=4&since=${since}`)).text)
        seen.push(...ids)
        since = last
        pending = rest
      }
      expect(Array.from(seen).sort()).toEqual(Array.from(ids).sort())
      expect(page((yield* send("GET", `/db/_changes?since=${since}`)).text)).toMatchObject({ ids: [], pending: 0 })
      yield* send("PUT", "/db/late", { body: {} })
      expect(page((yield* send("GET", `/db/_changes?since=${since}`)).text).ids).toEqual(["late"])
    }))

  it.effect("restarts for a sequence of an earlier database of the same name", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/x", { body: {} })
      const { last } = page((yield* send("GET", "/db/_changes")).text)
      yield* send("DELETE", "/db")
      yield* send("PUT", "/db")
      yield* send("PUT", "/db/y", { body: {} })
      expect(page((yield* send("GET", `/db/_changes?since=${last}`)).text).ids).toEqual(["y"])
      expect((yield* send("GET", "/db/_changes?since=nonsense")).json).toEqual({
        error: "bad_request",
        reason: "Malformed sequence supplied in 'since' parameter."
      })
    }))
})
