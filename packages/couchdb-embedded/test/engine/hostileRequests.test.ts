import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Arbitrary from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { runs } from "../../../couchdb/test/support/deep.js"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { client, fresh } from "../client.js"

const methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "COPY", "PATCH", "OPTIONS", "TRACE", "nonsense", ""]
const endpoints = [
  "",
  "_all_docs",
  "_bulk_docs",
  "_bulk_get",
  "_changes",
  "_revs_diff",
  "_security",
  "_revs_limit",
  "_compact",
  "_design/x",
  "_local/x",
  "x",
  "x/y",
  "_find",
  "_purge",
  "_toString"
]

const part = Arbitrary.oneof(
  Arbitrary.constantFrom(
    "..",
    ".",
    "%2e%2e",
    "%2F",
    "%00",
    "%ff",
    "%zz",
    "%",
    "__proto__",
    "constructor",
    "//",
    "?",
    "#"
  ),
  Arbitrary.webFragments(),
  Arbitrary.string()
)

const target = Arbitrary.oneof(
  Arbitrary.array(part, { maxLength: 5 }).map((parts) => `/${parts.join("/")}`),
  Arbitrary.tuple(
    Arbitrary.constantFrom(...endpoints),
    Arbitrary.array(
      Arbitrary.tuple(
        Arbitrary.constantFrom("rev", "open_revs", "keys", "key", "startkey", "limit", "since", "filter", "new_edits"),
        Arbitrary.oneof(Arbitrary.constantFrom("{", "[", "[]", "{}", "null", "-1", "1e400", "\"\"", "true"), part)
      ),
      { maxLength: 3 }
    )
  ).map(([endpoint, query]) => `/db/${endpoint}?${query.map(([key, value]) => `${key}=${value}`).join("&")}`)
)

const body = Arbitrary.oneof(
  Arbitrary.constant(undefined),
  Arbitrary.json(),
  Arbitrary.string(),
  Arbitrary.uint8Array(),
  Arbitrary.constantFrom(
    "[".repeat(100_000),
    "{\"a\":".repeat(5_000),
    `{"docs":${"[".repeat(3_000)}${"]".repeat(3_000)}}`,
    "{\"docs\":[{\"_id\":\"x\",\"_revisions\":{\"start\":1e9,\"ids\":[\"\"]}}],\"new_edits\":false}",
    "{\"docs\":[{\"_id\":\"__proto__\",\"__proto__\":1}]}",
    "{\"_attachments\":{\"__proto__\":{\"data\":\"AA==\",\"content_type\":\"image/png\"}}}",
    "{\"__proto__\":[\"1-a\"],\"constructor\":[\"1-a\"]}",
    "\"\ud800\""
  )
)

describe("hostile requests", () => {
  it.effect.prop(
    "each get a response, and so does the next valid request",
    [Arbitrary.array(Arbitrary.tuple(Arbitrary.constantFrom(...methods), target, body), {
      minLength: 1,
      maxLength: 20
    })],
    ([requests]) =>
      Effect.gen(function*() {
        const send = yield* fresh()
        for (const [method, path, body] of requests) {
          const reply = yield* send(method, path, { body })
          expect(reply.status).toBeGreaterThanOrEqual(200)
          expect(reply.status).toBeLessThan(600)
          if (reply.status >= 400 && method !== "HEAD") expect(reply.json).toHaveProperty("error")
          expect(reply.text).not.toMatch(/RangeError|TypeError/)
        }
        yield* send("DELETE", "/honest")
        yield* send("PUT", "/honest")
        expect((yield* send("PUT", "/honest/x", { body: { v: 1 } })).status).toBe(201)
        expect((yield* send("GET", "/honest/x")).json).toMatchObject({ v: 1 })
      }),
    runs(40, 1_000)
  )

  it.effect("keep `__proto__` as data, and change no prototype", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      expect((yield* send("PUT", "/db/x", { body: "{\"__proto__\":1}" })).json)
        .toEqual({ error: "doc_validation", reason: "Bad special document member: __proto__" })
      yield* send("PUT", "/db/__proto__", { body: "{}" })
      yield* send("PUT", "/db/y", { body: "{\"v\":{\"__proto__\":{\"polluted\":1}}}" })
      expect((yield* send("GET", "/db/y")).text).toContain("\"v\":{\"__proto__\":{\"polluted\":1}}")
      expect({}).not.toHaveProperty("polluted")
    }))

  it.effect("may be as large as the document limit, and no larger", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const sized = (size: number) => `{"s":"${"x".repeat(size - 8)}"}`
      expect((yield* send("PUT", "/db/x", { body: sized(8_000_000) })).status).toBe(201)
      expect((yield* send("PUT", "/db/y", { body: sized(8_000_001) })).json)
        .toEqual({ error: "document_too_large", reason: "" })
    }))

  it.effect("report missing features", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      for (const [method, path] of [["PUT", "/_reshard/state"], ["POST", "/_reshard/jobs"]] as const) {
        const reply = yield* send(method, path, { body: "{}" })
        expect([reply.status, reply.text]).toEqual([501, expect.stringContaining("The embedded CouchDB does not have")])
      }
    }))

  it.effect("may arrive in chunks", () =>
    Effect.gen(function*() {
      const couch = yield* EmbeddedCouch.make()
      yield* client(couch)("PUT", "/db")
      const pieces = ["{\"v\":", "\"é", "💡\"}"].map((text) => new TextEncoder().encode(text))
      const reply = yield* couch.handler({
        method: "PUT",
        origin: "http://embedded",
        path: "/db/x",
        headers: {},
        body: Stream.fromIterable(pieces)
      })
      expect(reply.status).toBe(201)
      expect((yield* client(couch)("GET", "/db/x")).json).toMatchObject({ v: "é💡" })
    }))

  it.effect("may have a hundred thousand keys, but limited nesting", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const keys = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`
      // The revision of CouchDB 3.5.0.
      expect((yield* send("PUT", "/db/wide", { body: keys })).json)
        .toMatchObject({ rev: "1-b062ae2146bab0b7689684715438af28" })
      const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`
      expect((yield* send("PUT", "/db/deep", { body: nested(1_000) })).json)
        .toMatchObject({ rev: "1-c6af45f0f8884cf303b993e89c9f88f1" })
      expect((yield* send("GET", "/db/deep")).text).toContain("[".repeat(1_000))
      const bodies = [nested(100_000), "[".repeat(100_000), `${"{\"a\":".repeat(100_000)}1${"}".repeat(100_000)}`]
      for (const [method, path] of [["PUT", "/db/x"], ["POST", "/db/_bulk_docs"], ["POST", "/db/_find"]] as const) {
        for (const body of bodies) {
          const reply = yield* send(method, path, { body })
          expect([reply.status, reply.json]).toMatchObject([400, { error: "bad_request" }])
        }
      }
      const selector = `${"{\"$and\":[".repeat(900)}{}${"]}".repeat(900)}`
      expect((yield* send("POST", "/db/_find", { body: `{"selector":${selector}}` })).status).toBe(200)
    }))

  it.effect("get the responses of CouchDB 3.5.0 to invalid paths, ranges and parts", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/r/a.png", { body: "0123456789", headers: { "content-type": "image/png" } })
      const multipart = { "content-type": "multipart/related; boundary=\"x\"" }
      const json = "content-type: application/json"
      const table: ReadonlyArray<readonly [number, string, string, Readonly<Record<string, string>>?, string?]> = [
        ...["/%2e%2e", "/..", "/a/%2e%2e/b", "/%00", "/_design/%2e%2e", "/_local/%00"].map((path) =>
          [404, "GET", path] as const
        ),
        ...["/%", "/%zz", "/a%2"].map((path) => [400, "GET", path] as const),
        ...["/%2e%2e", "/%00", "/_local/%00"].map((path) => [201, "PUT", path, {}, "{}"] as const),
        ...["bytes=9-2", "bytes=-0", "bytes=99-"].map((range) => [416, "GET", "/r/a.png", { range }] as const),
        ...["bytes=-", "bytes=a-b", "rows=1-2"].map((range) => [200, "GET", "/r/a.png", { range }] as const),
        ...["bytes=0-99999999999999999999", "bytes=1-2,4-5", "bytes=", "bytes=-99"].map((range) =>
          [206, "GET", "/r/a.png", { range }] as const
        ),
        [500, "PUT", "/mp", multipart, ""],
        [500, "PUT", "/mp", multipart, "--x--"],
        [415, "PUT", "/mp", multipart, "--x\r\n\r\n"],
        [400, "PUT", "/mp", multipart, `--x\r\n${json}\r\n\r\n{bad\r\n--x--`]
      ]
      for (const [status, method, path, headers = {}, body] of table) {
        const reply = yield* send(method, `/db${path}`, { headers, body })
        expect(reply.status, `${method} ${path} ${JSON.stringify(headers)} ${body}`).toBe(status)
      }
    }))
})
