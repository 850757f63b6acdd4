import { describe, expect, it } from "@effect/vitest"
import { NodeTransport } from "effect-couchdb-node"
import * as Bulk from "effect-couchdb/Bulk"
import * as Collection from "effect-couchdb/Collection"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Database from "effect-couchdb/Database"
import * as Document from "effect-couchdb/Document"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import * as Serve from "../../src/httpServer/Serve.js"
import { admin, basic, fresh } from "../client.js"

const gzipped = (value: unknown): Uint8Array<ArrayBuffer> =>
  new Uint8Array(gzipSync(typeof value === "string" ? value : JSON.stringify(value)))

const encoded = (encoding: string) => ({ "content-encoding": encoding })
const gzip = encoded("gzip")

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

const changed = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte)

const improper = { error: "bad_request", reason: "Request body is not properly gzipped." }

describe("a request body with Content-Encoding: gzip", () => {
  it.effect("is read by every endpoint that takes JSON", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ admin })
      const headers = { ...basic("admin", "password"), ...gzip }
      const statuses: Array<readonly [string, number]> = []
      for (
        const [method, path, body] of [
          ["PUT", "/db", undefined],
          ["PUT", "/db/a", { a: 1 }],
          ["POST", "/db", { _id: "b" }],
          ["PUT", "/db/_local/a", { a: 1 }],
          ["PUT", "/db/_design/d", { views: {} }],
          ["POST", "/db/_bulk_docs", { docs: [{ _id: "c" }] }],
          ["POST", "/db/_bulk_get", { docs: [{ id: "a" }] }],
          ["POST", "/db/_all_docs", { keys: ["a"] }],
          ["POST", "/db/_all_docs/queries", { queries: [{ keys: ["a"] }] }],
          ["POST", "/db/_design_docs", { keys: ["a"] }],
          ["POST", "/db/_local_docs", { keys: ["a"] }],
          ["POST", "/db/_changes?filter=_doc_ids", { doc_ids: ["a"] }],
          ["POST", "/db/_changes?filter=_selector", { selector: {} }],
          ["POST", "/db/_find", { selector: {} }],
          ["POST", "/db/_explain", { selector: {} }],
          ["POST", "/db/_index", { index: { fields: ["a"] } }],
          ["POST", "/db/_revs_diff", { a: ["1-b"] }],
          ["POST", "/db/_missing_revs", { a: ["1-b"] }],
          ["POST", "/db/_purge", { a: ["1-b"] }],
          ["PUT", "/db/_revs_limit", 1000],
          ["PUT", "/db/_purged_infos_limit", 1000],
          ["PUT", "/db/_security", { admins: {}, members: {} }],
          ["POST", "/_dbs_info", { keys: ["db"] }],
          ["PUT", "/_node/_local/_config/a/b", "\"c\""],
          ["POST", "/_session", { name: "admin", password: "password" }]
        ] as const
      ) {
        const sent = body === undefined ? {} : { body: gzipped(body) }
        statuses.push([path, (yield* send(method, path, { headers, ...sent })).status])
      }
      expect(statuses.filter(([, status]) => status >= 300)).toEqual([])
      const read = yield* send("GET", "/db/a", { headers: basic("admin", "password") })
      expect(read.json).toMatchObject({ a: 1 })
    }))

  it.effect("may consist of several members", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const body = concat(gzipped("{\"a\":"), gzipped(""), gzipped("[1,2]"), gzipped("}"))
      expect((yield* send("PUT", "/db/a", { headers: gzip, body })).status).toBe(201)
      expect((yield* send("GET", "/db/a")).json).toMatchObject({ a: [1, 2] })
    }))

  it.effect("is rejected if it is not exactly a sequence of whole gzip members", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const whole = gzipped({ text: "y".repeat(1_000) })
      for (
        const [what, body] of Object.entries({
          "no gzip at all": "{}",
          "empty": new Uint8Array(0),
          "half a header": whole.subarray(0, 5),
          "only a header": whole.subarray(0, 10),
          "cut in the middle": whole.subarray(0, whole.length - 12),
          "without its trailer": whole.subarray(0, whole.length - 8),
          "with half a trailer": whole.subarray(0, whole.length - 3),
          "wrong checksum": changed(whole, -6),
          "wrong length": changed(whole, -1),
          "zeros after the end": concat(whole, new Uint8Array(20)),
          "a byte after the end": concat(whole, new Uint8Array([10])),
          "the begin of a member after the end": concat(whole, new Uint8Array([0x1f, 0x8b])),
          "half a member after the end": concat(whole, whole.subarray(0, 15)),
          "a damaged member after the end": concat(whole, changed(whole, -6)),
          "zlib": new Uint8Array(deflateSync("{}")),
          "raw deflate": new Uint8Array(deflateRawSync("{}"))
        })
      ) {
        const reply = yield* send("PUT", "/db/a", { headers: gzip, body })
        expect([reply.status, reply.json], what).toEqual([400, improper])
      }
      expect((yield* send("PUT", "/db/a", { headers: gzip })).json).toMatchObject({ reason: "Missing request body" })
      const twice = yield* send("PUT", "/db/a", { headers: gzip, body: new Uint8Array(gzipSync(gzipped({}))) })
      expect(twice.json).toEqual({ error: "bad_request", reason: "invalid UTF-8 JSON" })
    }))

  it.effect("that is damaged crashes a view and a login, as in CouchDB", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/_design/d", { body: { views: { v: { map: "function(doc) {}" } } } })
      for (
        const [path, ref] of [
          ["/db/_design/d/_view/v", 3300231582],
          ["/db/_design/d/_view/v/queries", 3704553627],
          ["/_session", 542594405]
        ] as const
      ) {
        const reply = yield* send("POST", path, { headers: gzip, body: "{}" })
        expect([reply.status, reply.json], path)
          .toEqual([500, { error: "unknown_error", reason: "data_error", ref }])
      }
      const setup = yield* send("POST", "/_cluster_setup", { headers: gzip, body: "{}" })
      expect([setup.status, setup.json]).toEqual([400, { error: "bad_request", reason: "Missing JSON body'" }])
    }))

  it.effect("is measured after decompression", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ maxBodyBytes: 20_000_000 })
      const large = gzipped({ _id: "a", text: "x".repeat(8_000_000) })
      expect(large.length).toBeLessThan(100_000)
      for (
        const [method, path, body] of [
          ["PUT", "/db/a", large],
          ["POST", "/db", large],
          ["POST", "/db/_bulk_docs", gzipped({ docs: [{ _id: "a", text: "x".repeat(8_000_000) }] })]
        ] as const
      ) {
        const reply = yield* send(method, path, { headers: gzip, body })
        expect([reply.status, reply.json], path).toMatchObject([413, { error: "document_too_large" }])
      }
    }))

  it.effect("is rejected once it exceeds the limit on decompression", () =>
    Effect.gen(function*() {
      const tooLarge = { error: "too_large", reason: "the request entity is too large" }
      const limited = yield* fresh({ maxBodyBytes: 1_000 })
      const of = (size: number): Uint8Array => gzipped(`{}${" ".repeat(size - 2)}`)
      expect((yield* limited("PUT", "/db/a", { headers: gzip, body: of(1_000) })).status).toBe(201)
      for (const body of [of(1_001), of(100_000), concat(of(900), of(900))]) {
        const reply = yield* limited("PUT", "/db/b", { headers: gzip, body })
        expect([reply.status, reply.json]).toEqual([413, tooLarge])
      }
      // 16 MiB per member, 2 GiB in total.
      const member = of(2 ** 24)
      const bomb = concat(...Array.from({ length: 128 }, () => member))
      const send = yield* fresh()
      const reply = yield* send("PUT", "/db/b", { headers: gzip, body: bomb })
      expect([reply.status, reply.json]).toEqual([413, tooLarge])
    }))
})

describe("a request body with another Content-Encoding", () => {
  it.effect("is rejected by every endpoint that takes JSON, and its name is compared exactly", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      for (const name of ["deflate", "br", "x-gzip", "GZIP", "Identity", "", "gzip, gzip", "identity, gzip", "zstd"]) {
        for (const [method, path] of [["PUT", "/db/a"], ["POST", "/db/_find"], ["POST", "/_session"]] as const) {
          const reply = yield* send(method, path, { headers: encoded(name), body: gzipped({}) })
          expect([reply.status, reply.json], `${path} ${name}`).toEqual([415, {
            error: "bad_content_type",
            reason: `${name} is not a supported content encoding.`
          }])
        }
      }
      expect((yield* send("PUT", "/db/a", { headers: encoded("identity"), body: "{}" })).status).toBe(201)
      expect((yield* send("PUT", "/db/b", { headers: encoded(" gzip "), body: gzipped({}) })).status).toBe(201)
    }))

  it.effect("does not matter to endpoints that read no JSON", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ admin })
      const headers = { ...basic("admin", "password"), ...encoded("deflate") }
      yield* send("PUT", "/db", { headers })
      for (
        const [method, path, more, body] of [
          ["PUT", "/other", {}, undefined],
          ["POST", "/db/_ensure_full_commit", {}, "{}"],
          ["POST", "/db/_compact", {}, "{}"],
          ["POST", "/db/_view_cleanup", {}, "{}"],
          ["GET", "/db", {}, undefined],
          [
            "POST",
            "/_session",
            { "content-type": "application/x-www-form-urlencoded" },
            "name=admin&password=password"
          ],
          [
            "PUT",
            "/db/m",
            { "content-type": "multipart/related; boundary=\"x\"" },
            "--x\r\ncontent-type: application/json\r\n\r\n{}\r\n--x--"
          ]
        ] as const
      ) {
        const sent = body === undefined ? {} : { body }
        expect((yield* send(method, path, { headers: { ...headers, ...more }, ...sent })).status, path).toBeLessThan(
          300
        )
      }
    }))

  it.effect("says how an attachment is stored", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const body = gzipped("hello")
      const put = (name: string, encoding: string) =>
        send("PUT", `/db/${name}/a.txt`, { headers: { "content-type": "text/plain", ...encoded(encoding) }, body })
      for (const [name, encoding] of [["a", "gzip"], ["b", "GZIP"], ["c", " gzip"]] as const) {
        expect((yield* put(name, encoding)).status).toBe(201)
        const read = yield* send("GET", `/db/${name}/a.txt`, { headers: { "accept-encoding": "gzip" } })
        expect(read.headers["content-encoding"]).toBe("gzip")
        expect((yield* send("GET", `/db/${name}/a.txt`)).text).toBe("hello")
      }
      for (const encoding of ["x-gzip", "deflate", "br"]) {
        expect((yield* put("d", encoding)).json).toEqual({
          error: "bad_content_type",
          reason: "Only gzip and identity content-encodings are supported"
        })
      }
    }))
})

describe("NodeTransport with gzipAbove", () => {
  const Note = Schema.Struct({ text: Schema.String })

  it.live("talks to the embedded server", () =>
    Effect.gen(function*() {
      const { url } = yield* Serve.Server
      const couch = CouchHttp.layer({ url }).pipe(Layer.provide(NodeTransport.layer({ gzipAbove: 100 })))
      yield* Effect.gen(function*() {
        yield* Database.create("notes")
        const notes = Collection.make("notes", Note)
        const text = "long ".repeat(1_000)
        const saved = yield* Document.save(Document.make(notes, "one", { text }))
        yield* Document.save(Document.modify(saved, () => ({ text: `${text}!` })))
        yield* Bulk.save([Document.make(notes, "two", { text }), Document.make(notes, "three", { text })])
        expect((yield* Document.fetch(notes, "one")).body.text).toBe(`${text}!`)
        expect((yield* Document.fetch(notes, "two")).body.text).toBe(text)
      }).pipe(Effect.provide(couch))
    }).pipe(Effect.provide(Serve.layer({ quiet: true }))))

  it.scopedLive("gets a 413 for a body that decompresses beyond the server's limit", () =>
    Effect.gen(function*() {
      const { url } = yield* Serve.serve({ quiet: true, maxBodyBytes: 10_000 })
      const reply = yield* Effect.tryPromise(async () => {
        await fetch(`${url}/db`, { method: "PUT" })
        const body = gzipped({ text: "x".repeat(20_000) })
        const response = await fetch(`${url}/db/a`, { method: "PUT", headers: gzip, body })
        return [response.status, await response.json()]
      })
      expect(reply).toEqual([413, { error: "too_large", reason: "the request entity is too large" }])
    }))
})
