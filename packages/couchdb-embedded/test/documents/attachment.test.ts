import { describe, expect, it } from "@effect/vitest"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Arbitrary from "effect/FastCheck"
import { ungzip } from "pako"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as Ranges from "../../src/http/byteRange.js"
import { client, fresh, requestOf } from "../client.js"

const png = { headers: { "content-type": "image/png" } }
const text = { headers: { "content-type": "text/plain" } }
const json = { headers: { accept: "application/json" } }

const revOf = (reply: { readonly json: unknown }): string =>
  /"rev":"([^"]+)"/.exec(JSON.stringify(reply.json))?.[1] ?? ""

/** A multipart body. The part without a name is the document. */
const multipart = (...parts: ReadonlyArray<string>): string =>
  parts.map((part) => `--b\r\n${part}\r\n`).join("") + "--b--"

const documentPart = (value: unknown): string => `Content-Type: application/json\r\n\r\n${JSON.stringify(value)}`

const related = { "content-type": "multipart/related; boundary=\"b\"" }

const follows = (length: number, more: object = {}) => ({ follows: true, content_type: "image/png", length, ...more })

describe("standalone attachments", () => {
  it.effect("create, change and delete attachments of a document", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      // CouchDB's revisions and digests for the same writes.
      const made = yield* send("PUT", "/db/att/hello.txt", { ...text, body: "hello world" })
      expect([made.status, made.json, made.headers["location"]]).toEqual([
        201,
        { ok: true, id: "att", rev: "1-8d83a10300234d538a6e63b4760a156a" },
        "http://embedded/db/att/hello.txt"
      ])
      expect((yield* send("PUT", "/db/att/two.bin", { ...png, body: "x" })).status).toBe(409)
      const two = yield* send("PUT", `/db/att/a%20b/two?rev=${revOf(made)}`, { ...png, body: "two" })
      expect(two.headers["location"]).toBe("http://embedded/db/att/a%20b%2Ftwo")
      expect((yield* send("GET", "/db/att/a%20b%2Ftwo")).text).toBe("two")
      expect((yield* send("GET", "/db/att")).json).toMatchObject({
        _attachments: {
          "a b/two": { content_type: "image/png", revpos: 2, length: 3, stub: true },
          "hello.txt": { revpos: 1, digest: "md5-7mkg+nM0HN26sZkLN8KVSA==", length: 11 }
        }
      })
      expect((yield* send("DELETE", "/db/att/hello.txt")).status).toBe(409)
      const gone = yield* send("DELETE", "/db/att/hello.txt", { headers: { "if-match": revOf(two) } })
      expect([gone.status, revOf(gone).slice(0, 2)]).toEqual([200, "3-"])
      expect((yield* send("GET", "/db/att/hello.txt")).json).toEqual({
        error: "not_found",
        reason: "Document is missing attachment"
      })
      expect((yield* send("GET", `/db/att/hello.txt?rev=${revOf(two)}`)).text).toBe("hello world")
    }))

  it.effect("are sent with their bytes even if replication wrote them with generation 0", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const hash = "1".repeat(32)
      yield* send("POST", "/db/_bulk_docs", {
        body: {
          new_edits: false,
          docs: [{
            _id: "att",
            _rev: `1-${hash}`,
            _revisions: { start: 1, ids: [hash] },
            _attachments: { "a.png": { content_type: "image/png", data: btoa("one") } }
          }]
        }
      })
      expect((yield* send("GET", "/db/att?attachments=true", { headers: { accept: "application/json" } })).json)
        .toMatchObject({
          _attachments: { "a.png": { revpos: 0, data: btoa("one") } }
        })
    }))

  it.effect("are rejected where CouchDB rejects them", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const rev = "1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      const answers: Array<readonly [number, unknown]> = []
      for (
        const [method, path, headers] of [
          ["PUT", "/db/a/_x", {}],
          ["PUT", `/db/a/x?rev=${rev}`, {}],
          ["PUT", "/db/a/x?rev=foo", {}],
          ["PUT", "/db/_a/x", {}],
          ["PUT", "/db/_local/a/x", {}],
          ["PUT", "/db/a/x", { "content-encoding": "deflate" }],
          ["DELETE", "/db/a/x", {}],
          ["POST", "/db/a/x", {}]
        ] as const
      ) {
        const reply = yield* send(method, path, { headers, body: "x" })
        answers.push([reply.status, reply.json])
      }
      expect(answers).toMatchObject([
        [400, { reason: "Attachment name '_x' starts with prohibited character '_'" }],
        [409, { error: "not_found", reason: "missing_rev" }],
        [400, { reason: "Invalid rev format" }],
        [400, { error: "illegal_docid" }],
        [400, { reason: "_local documents do not accept attachments." }],
        [415, { reason: "Only gzip and identity content-encodings are supported" }],
        [404, { reason: "missing" }],
        [405, { reason: "Only DELETE,GET,HEAD,PUT allowed" }]
      ])
    }))

  it.effect("of text are stored compressed, and sent with the encoding that the client accepts", () =>
    Effect.gen(function*() {
      const couch = yield* EmbeddedCouch.make()
      yield* client(couch)("PUT", "/db")
      yield* client(couch)("PUT", "/db/a/x.txt", { ...text, body: "hello hello hello" })
      const get = (headers: Record<string, string>) =>
        couch.handler(requestOf("GET", "/db/a/x.txt", headers, undefined))
      const plain = yield* get({ "accept-encoding": "gzip;q=0", "range": "bytes=0-2" })
      expect(plain).toMatchObject({
        status: 200,
        headers: { "accept-ranges": "none", "content-length": "17", "content-security-policy": "sandbox" }
      })
      expect(Transport.text(plain)).toBe("hello hello hello")
      const zipped = yield* get({ "accept-encoding": "deflate, gzip" })
      expect(zipped.headers["content-encoding"]).toBe("gzip")
      expect(new TextDecoder().decode(ungzip(Transport.bytes(zipped)))).toBe("hello hello hello")
      expect((yield* get({ "if-none-match": zipped.headers["etag"] ?? "" })).status).toBe(304)
      expect((yield* get({ "accept-encoding": "identity;q=0" })).status).toBe(500)
      const info = yield* client(couch)("GET", "/db/a?att_encoding_info=true")
      expect(info.json).toMatchObject({ _attachments: { "x.txt": { length: 17, encoding: "gzip" } } })
    }))

  it.effect("of text have the digests of CouchDB's zlib", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const digests: Array<unknown> = []
      for (const length of [5_000, 100_000]) {
        let state = 1
        const body = Array.from({ length }, () => {
          state = (state * 48_271) % 2_147_483_647
          return (state % 16).toString(16)
        }).join("")
        yield* send("PUT", `/db/a${length}/x`, { ...text, body })
        digests.push(/"digest":"([^"]+)"/.exec((yield* send("GET", `/db/a${length}`)).text)?.[1])
      }
      expect(digests).toEqual(["md5-3OClz3n2OmotY6e4zpPGdQ==", "md5-LWen0AjPE7Md2vEodc7vbw=="])
    }))

  it.effect("that are sent compressed are stored as sent", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const zipped = Encoding.decodeBase64("H4sIAAAAAAAAA0vLzwcAIWVzjAMAAAA=").pipe(Either.getOrThrow)
      yield* send("PUT", "/db/a/x.txt", { headers: { "content-encoding": "gzip", ...text.headers }, body: zipped })
      expect((yield* send("GET", "/db/a?att_encoding_info=true")).json).toMatchObject({
        _attachments: { "x.txt": { digest: "md5-UVHkefsf5MqAl/2ALjx5Zg==", length: 23, encoded_length: 23 } }
      })
      expect((yield* send("GET", "/db/a/x.txt")).text).toBe("foo")
    }))

  it.effect("respond to range requests", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/a/x", { ...png, body: "0123456789" })
      const got: Record<string, string> = {}
      for (
        const range of ["0-3", "5-", "-3", "-30", "8-50", "0-", "a-b", " 0-1", "20-30", "5-2", "10-", "-0", "0-1,20-30"]
      ) {
        const { headers, status, text } = yield* send("GET", "/db/a/x", { headers: { range: `bytes=${range}` } })
        got[range] = status === 206 ? `${headers["content-range"]} ${text}` : String(status)
      }
      expect(got).toEqual({
        "0-3": "bytes 0-3/10 0123",
        "5-": "bytes 5-9/10 56789",
        "-3": "bytes 7-9/10 789",
        "-30": "bytes 1-9/10 123456789",
        "8-50": "bytes 8-9/10 89",
        "0-": "200",
        "a-b": "200",
        " 0-1": "bytes 0-1/10 01",
        "20-30": "416",
        "5-2": "416",
        "10-": "416",
        "-0": "416",
        "0-1,20-30": "416"
      })
      const several = yield* send("GET", "/db/a/x", { headers: { range: "bytes=0-1, -2" } })
      expect(several.headers["content-type"]).toMatch(/^multipart\/byteranges; boundary="[0-9a-f]{32}"$/)
      expect(several.text.replace(/[0-9a-f]{32}/g, "B")).toBe(
        "--B\r\nContent-Type: image/png\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n--B\r\n" +
          "Content-Type: image/png\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--B--"
      )
    }))

  it.prop(
    "never send bytes outside the attachment",
    [Arbitrary.stringMatching(/^bytes=[0-9,\- ]{0,12}$/), Arbitrary.integer({ min: 0, max: 50 })],
    ([header, length]) => {
      const ranges = Either.getOrElse(Ranges.parse(header, length), () => [])
      expect((ranges ?? []).filter(([from, to]) => from < 0 || to >= length || from > to)).toEqual([])
    }
  )
})

describe("a deleted document that is created again with attachments", () => {
  it.effect("has the revision that CouchDB gives it, which depends on the number of attachments only", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const revs: Array<string> = []
      for (const id of ["a", "b"]) {
        const first = revOf(yield* send("PUT", `/db/${id}`, { body: { a: 1 } }))
        yield* send("DELETE", `/db/${id}?rev=${first}`)
        revs.push(revOf(yield* send("PUT", `/db/${id}/${id}`, { ...png, body: id })))
      }
      expect(revs).toEqual(["3-2a1a29699378d242de663f733d53acc1", "3-2a1a29699378d242de663f733d53acc1"])
    }))
})

describe("attachments in documents", () => {
  it.effect("can be many, inline", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const names = Array.from({ length: 50 }, (_, i) => `a${i}.txt`)
      const _attachments = Object.fromEntries(
        names.map((name) => [name, { data: btoa(name), content_type: "text/html" }])
      )
      expect((yield* send("PUT", "/db/x", { body: { _attachments } })).status).toBe(201)
      const all = yield* send("GET", "/db/x?attachments=true", json)
      expect(all.json).toMatchObject({
        _attachments: Object.fromEntries(names.map((name) => [name, { data: btoa(name), revpos: 1 }]))
      })
      expect((yield* send("GET", "/db/x/a7.txt")).text).toBe("a7.txt")
    }))

  it.effect("are rejected if they are incomplete", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const answers: Array<number> = []
      for (
        const x of [1, {}, { data: 1 }, { data: "YQ" }, { data: "YQ-_" }, { data: " Y Q = = " }, {
          follows: true,
          length: 1
        }, {
          data: "",
          content_type: 1
        }]
      ) answers.push((yield* send("POST", "/db", { body: { _attachments: { x } } })).status)
      expect(answers).toEqual([201, 400, 400, 400, 400, 201, 500, 500])
    }))

  it.effect("are read from parts, in their order", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const put = (id: string, body: string) => send("PUT", `/db/${id}`, { headers: related, body })
      const both = documentPart({ m: 1, _attachments: { "x.bin": follows(3), "y.bin": follows(3) } })
      const names = ["Content-Disposition: attachment; filename=\"y.bin\"\r\n\r\nyyy", "\r\nxxx"]
      const made = yield* put("a", multipart(both, ...names))
      expect([made.status, made.headers["location"], made.headers["etag"]]).toEqual([
        201,
        "http://embedded/db/a",
        `"${revOf(made)}"`
      ])
      expect((yield* send("GET", "/db/a?attachments=true", json)).json).toMatchObject({
        m: 1,
        _attachments: { "x.bin": { data: btoa("yyy") }, "y.bin": { data: btoa("xxx") } }
      })
      const one = (more: object) => documentPart({ _attachments: { x: follows(3, more) } })
      const statuses: Record<string, number> = {}
      const cases: Record<string, string> = {
        "the right digest": multipart(one({ digest: "md5-kAFQmDzST7DWlj99KOF/cg==" }), "\r\nabc"),
        "another digest": multipart(one({ digest: "md5-AAAAAAAAAAAAAAAAAAAAAA==" }), "\r\nabc"),
        "no length": multipart(one({ length: undefined }), "\r\nabc"),
        "too long": multipart(one({}), "\r\nabcd"),
        "too short": multipart(one({}), "\r\nab"),
        "split": multipart(one({}), "\r\nab", "\r\nc"),
        "more than asked for": multipart(one({}), "\r\nabc", "\r\nd"),
        "no end": multipart(one({}), "\r\nabc").slice(0, -7),
        "too short and no end": multipart(one({}), "\r\nab").slice(0, -7),
        "no document": "hello",
        "not JSON": multipart("Content-Type: text/plain\r\n\r\n{}"),
        "no attachments": multipart(documentPart({}))
      }
      for (const [name, body] of Object.entries(cases)) {
        statuses[name] = (yield* put(encodeURIComponent(name), body)).status
      }
      expect(statuses).toEqual({
        "the right digest": 201,
        "another digest": 500,
        "no length": 500,
        "too long": 400,
        "too short": 400,
        "split": 201,
        "more than asked for": 201,
        "no end": 201,
        "too short and no end": 500,
        "no document": 500,
        "not JSON": 415,
        "no attachments": 201
      })
    }))

  it.effect("are sent in parts, as CouchDB writes them", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const rev = revOf(
        yield* send("PUT", "/db/a", {
          body: { _attachments: { "x.bin": { content_type: "image/png", data: "YWJj" } } }
        })
      )
      const stub = `"content_type":"image/png","revpos":1,"digest":"md5-kAFQmDzST7DWlj99KOF/cg==","length":3`
      const parts = `--B\r\nContent-Type: application/json\r\n\r\n{"_id":"a","_rev":"${rev}","_attachments":` +
        `{"x.bin":{${stub},"follows":true}}}\r\n--B\r\nContent-Disposition: attachment; filename="x.bin"\r\n` +
        "Content-Type: image/png\r\nContent-Length: 3\r\n\r\nabc\r\n--B--"
      const plain = (text: string) =>
        text.replace(/[0-9a-f]{32}(?=["\r-])/g, "B").replaceAll(`"_rev":"1-B"`, `"_rev":"${rev}"`)
      const one = yield* send("GET", "/db/a?attachments=true", { headers: { accept: "multipart/related" } })
      expect(one.headers["content-type"]).toMatch(/^multipart\/related; boundary="/)
      expect(plain(one.text)).toBe(parts)
      const open = yield* send("GET", "/db/a?open_revs=all", { headers: { accept: "multipart/mixed" } })
      expect(plain(open.text)).toBe(`--B\r\nContent-Type: multipart/related; boundary="B"\r\n\r\n${parts}\r\n--B--`)
      const bulk = yield* send("POST", "/db/_bulk_get", {
        headers: { accept: "multipart/related" },
        body: { docs: [{ id: "a" }, { id: "b" }, { id: "a", rev: "2-a" }, { id: "a", atts_since: ["x"] }] }
      })
      expect(plain(bulk.text)).toBe(
        `\r\n----B\r\nX-Doc-Id: a\r\nX-Rev-Id: 1-B\r\nContent-Type: multipart/related; boundary=--B\r\n\r\n` +
          `${parts.replaceAll("--B", "----B")}\r\n----B\r\nContent-Type: application/json; error="true"\r\n\r\n` +
          `{"rev":"undefined","reason":"missing","id":"b","error":"not_found"}\r\n----B\r\n` +
          `Content-Type: application/json; error="true"\r\n\r\n{"rev":"2-a","error":"not_found","reason":"missing"}` +
          `\r\n----B\r\nContent-Type: application/json; error="true"\r\n\r\n` +
          `{"rev":"x","reason":"Invalid rev format","id":"a","error":"bad_request"}\r\n----B--\r\n`
      )
    }))

  it.effect("are stubs if the reader has them", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const first = revOf(yield* send("PUT", "/db/a/x", { ...png, body: "old" }))
      const second = revOf(yield* send("PUT", `/db/a/y?rev=${first}`, { ...png, body: "new" }))
      const since = (revs: ReadonlyArray<string>) =>
        send("GET", `/db/a?atts_since=${encodeURIComponent(JSON.stringify(revs))}`, json)
      const old = { data: btoa("old") }
      const nothing = yield* send("GET", `/db/a?atts_since=${encodeURIComponent(JSON.stringify([second]))}`, {
        headers: { accept: "multipart/related" }
      })
      expect([nothing.headers["content-type"], nothing.text.at(-1)]).toEqual(["application/json", "}"])
      const young = { data: btoa("new") }
      expect((yield* since([first])).json).toMatchObject({ _attachments: { x: { stub: true, length: 3 }, y: young } })
      expect((yield* since([])).json).toMatchObject({ _attachments: { x: old, y: young } })
      expect((yield* since(["1-ffffffffffffffffffffffffffffffff"])).json)
        .toMatchObject({ _attachments: { x: old, y: young } })
      const bulk = yield* send("POST", "/db/_bulk_get", { body: { docs: [{ id: "a", atts_since: [first] }] } })
      expect(bulk.json).toMatchObject({
        results: [{ docs: [{ ok: { _attachments: { x: { stub: true }, y: young } } }] }]
      })
    }))

  it.effect("belong to design documents and are copied, but never belong to local documents", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      expect((yield* send("PUT", "/db/_design/d/x.css", { headers: { "content-type": "text/css" }, body: "a{}" })).json)
        .toMatchObject({ id: "_design/d" })
      expect((yield* send("GET", "/db/_design/d/x.css")).text).toBe("a{}")
      yield* send("COPY", "/db/_design/d", { headers: { destination: "copied" } })
      expect((yield* send("GET", "/db/copied/x.css")).text).toBe("a{}")
      yield* send("PUT", "/db/_local/l", { body: { _attachments: { x: { data: "YQ==" } } } })
      expect((yield* send("GET", "/db/_local/l")).json).toEqual({ _id: "_local/l", _rev: "0-1" })
    }))
})
