import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as JavaScript from "../../src/functions/JavaScript.js"
import { fresh } from "../client.js"

const withJavaScript = fresh({ interpreter: JavaScript.make({ timeout: "200 millis" }) })

const design = (body: object) =>
  Effect.gen(function*() {
    const send = yield* withJavaScript
    const put = yield* send("PUT", "/db/_design/d", { body })
    yield* send("POST", "/db/_bulk_docs", { body: { docs: [{ _id: "a", n: 1 }, { _id: "b", n: 2 }] } })
    return { send, put }
  })

describe("JavaScript of design documents", () => {
  it.effect("maps and reduces", () =>
    Effect.gen(function*() {
      const { send } = yield* design({
        views: {
          lib: { twice: "exports.twice = function (n) { return 2 * n }" },
          n: {
            map: "function (doc) { emit(doc._id, require('views/lib/twice').twice(doc.n)) }",
            reduce: "function (keys, values) { return sum(values) }"
          }
        }
      })
      expect((yield* send("GET", "/db/_design/d/_view/n")).json).toEqual({ rows: [{ key: null, value: 6 }] })
      expect((yield* send("GET", "/db/_design/d/_view/n?reduce=false")).json).toMatchObject({
        rows: [{ id: "a", key: "a", value: 2 }, { id: "b", key: "b", value: 4 }]
      })
    }))

  it.effect("is rejected if it does not compile", () =>
    Effect.gen(function*() {
      const { put } = yield* design({ views: { x: { map: "function (doc) {" } } })
      expect([put.status, put.json]).toMatchObject([400, {
        error: "compilation_error",
        reason: expect.stringMatching(/^Compilation of the map function in the 'x' view failed: SyntaxError: /)
      }])
    }))

  it.effect("has a time limit", () =>
    Effect.gen(function*() {
      const { send } = yield* design({
        views: { x: { map: "function (doc) { for (;;); }" }, y: { map: "function (doc) { emit(1, 1) }" } }
      })
      expect((yield* send("GET", "/db/_design/d/_view/x")).json)
        .toEqual({ error: "os_process_error", reason: "OS process timed out." })
      expect((yield* send("GET", "/db/_design/d/_view/y")).json).toMatchObject({ total_rows: 2 })
    }))

  it.effect("sees neither objects of this process nor globals of other design documents", () =>
    Effect.gen(function*() {
      const { send } = yield* design({
        views: { x: { map: "function (doc) { count = 1; emit(typeof process, typeof console) }" } }
      })
      expect((yield* send("GET", "/db/_design/d/_view/x?limit=1")).json)
        .toMatchObject({ rows: [{ key: "undefined" }] })
      yield* send("PUT", "/db/_design/e", { body: { views: { x: { map: "function () { emit(typeof count) }" } } } })
      expect((yield* send("GET", "/db/_design/e/_view/x?limit=1")).json)
        .toMatchObject({ rows: [{ key: "undefined" }] })
    }))

  it.effect("shows and lists", () =>
    Effect.gen(function*() {
      const { send } = yield* design({
        views: { n: { map: "function (doc) { emit(doc._id, doc.n) }" } },
        shows: { s: "function (doc, req) { return { code: 201, json: { n: doc.n, q: req.query.q } } }" },
        lists: {
          l: "function (head, req) { start({ headers: { 'X-L': '1' } }); var r; while (r = getRow()) send(r.id) }"
        }
      })
      const shown = yield* send("GET", "/db/_design/d/_show/s/b?q=z")
      expect([shown.status, shown.json]).toEqual([201, { n: 2, q: "z" }])
      const list = yield* send("GET", "/db/_design/d/_list/l/n?descending=true")
      expect([list.status, list.headers["x-l"], list.text]).toEqual([200, "1", "ba"])
    }))

  it.effect("rejects documents by throwing", () =>
    Effect.gen(function*() {
      const { send } = yield* design({
        validate_doc_update: "function (doc, old, user, security) { if (doc.bad) throw({ forbidden: 'no bad' }) }"
      })
      const reply = yield* send("PUT", "/db/x", { body: { bad: true } })
      expect([reply.status, reply.json]).toEqual([403, { error: "forbidden", reason: "no bad" }])
    }))
})
