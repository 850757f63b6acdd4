import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Arbitrary from "effect/FastCheck"
import type { DesignFunctions } from "../../src/functions/DesignFunctions.js"
import { fresh } from "../client.js"

const functions: DesignFunctions = {
  people: {
    views: {
      byAge: { map: (doc, emit) => typeof doc.age === "number" ? emit(doc.age, doc.name) : undefined },
      longest: {
        map: (doc, emit) => emit(null, doc.name),
        reduce: (_keys, values) => values.reduce((a, b) => String(b).length > String(a).length ? b : a, "")
      },
      throws: {
        map: () => {
          throw new Error("no")
        }
      },
      tags: { map: (doc, emit) => (Array.isArray(doc.tags) ? doc.tags : []).forEach((tag) => emit(tag, 1)) },
      pairs: { map: (doc, emit) => emit([doc.name, doc.age], doc.age) }
    }
  }
}

const text = "function (doc) { /* this runs on a real CouchDB */ }"

const people = {
  views: {
    byAge: { map: text },
    longest: { map: text, reduce: "function (keys, values) { }" },
    throws: { map: text },
    tags: { map: text, reduce: "_count" },
    pairs: { map: text, reduce: "_stats" },
    absent: { map: text }
  }
}

const populated = Effect.gen(function*() {
  const send = yield* fresh({ functions })
  yield* send("PUT", "/db/_design/people", { body: people })
  yield* send("POST", "/db/_bulk_docs", {
    body: {
      docs: [
        { _id: "a", name: "Ann", age: 30, tags: ["x", "y", "x"] },
        { _id: "b", name: "Bartholomew", age: 20 },
        { _id: "c", name: "Cid", age: 30.5, tags: ["y"] },
        { _id: "d", name: "Dee" }
      ]
    }
  })
  return send
})

describe("views in TypeScript", () => {
  it.effect("replace the text of the design document", () =>
    Effect.gen(function*() {
      const send = yield* populated
      expect((yield* send("GET", "/db/_design/people/_view/byAge")).text).toBe(
        "{\"total_rows\":3,\"offset\":0,\"rows\":[\r\n" +
          "{\"id\":\"b\",\"key\":20,\"value\":\"Bartholomew\"},\r\n" +
          "{\"id\":\"a\",\"key\":30,\"value\":\"Ann\"},\r\n" +
          "{\"id\":\"c\",\"key\":30.5,\"value\":\"Cid\"}\r\n]}\n"
      )
      expect((yield* send("GET", "/db/_design/people/_view/longest")).json)
        .toEqual({ rows: [{ key: null, value: "Bartholomew" }] })
      expect((yield* send("GET", "/db/_design/people/_view/throws")).json).toMatchObject({ total_rows: 0 })
    }))

  it.effect("exist only if the design document has them", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ functions })
      expect((yield* send("GET", "/db/_design/people/_view/byAge")).json)
        .toEqual({ error: "not_found", reason: "missing" })
      yield* send("PUT", "/db/_design/people", { body: { views: {} } })
      expect((yield* send("GET", "/db/_design/people/_view/byAge")).json)
        .toEqual({ error: "not_found", reason: "missing_named_view" })
    }))

  it.effect("are required if there is no interpreter", () =>
    Effect.gen(function*() {
      const send = yield* populated
      const reply = yield* send("GET", "/db/_design/people/_view/absent")
      expect([reply.status, reply.json]).toEqual([501, {
        error: "not_implemented",
        reason: "The embedded CouchDB runs no JavaScript, and has no TypeScript function for " +
          "_design/people/_view/absent. Set the option `interpreter` of EmbeddedCouch to JavaScript.make() of " +
          "effect-couchdb-embedded/JavaScript (the command has --javascript), or give it the function with the option " +
          "`functions`."
      }])
    }))

  it.effect("are read by range, by key and by keys, forwards and backwards", () =>
    Effect.gen(function*() {
      const send = yield* populated
      const ids = (query: string) =>
        Effect.map(send("GET", `/db/_design/people/_view/byAge?${query}`), ({ text }) =>
          Array.from(text.matchAll(/"id":"(\w)"/g), ([, id]) => id).join(""))
      expect(yield* ids("startkey=30")).toBe("ac")
      expect(yield* ids("endkey=30")).toBe("ba")
      expect(yield* ids("endkey=30&inclusive_end=false")).toBe("b")
      expect(yield* ids("descending=true")).toBe("cab")
      expect(yield* ids("descending=true&startkey=30&skip=1")).toBe("b")
      expect(yield* ids("key=30")).toBe("a")
      expect(yield* ids("keys=[30.5,20,99]")).toBe("cb")
      expect(yield* ids("limit=1&skip=1")).toBe("a")
    }))

  it.effect("are reduced whole, by group and by parts of keys", () =>
    Effect.gen(function*() {
      const send = yield* populated
      expect((yield* send("GET", "/db/_design/people/_view/tags")).json)
        .toEqual({ rows: [{ key: null, value: 4 }] })
      expect((yield* send("GET", "/db/_design/people/_view/tags?group=true")).json)
        .toEqual({ rows: [{ key: "x", value: 2 }, { key: "y", value: 2 }] })
      expect((yield* send("GET", "/db/_design/people/_view/pairs?group_level=1&limit=1")).text)
        .toContain("{\"key\":[\"Ann\"],\"value\":{\"sum\":30,\"count\":1,\"min\":30,\"max\":30,\"sumsqr\":900}}")
    }))

  it.effect("follow links from their values to other documents", () =>
    Effect.gen(function*() {
      const send = yield* fresh({
        functions: { l: { views: { v: { map: (doc, emit) => emit(doc._id, { _id: doc.to }) } } } }
      })
      yield* send("PUT", "/db/_design/l", { body: { views: { v: { map: text } } } })
      yield* send("PUT", "/db/a", { body: { to: "b" } })
      yield* send("PUT", "/db/b", { body: { to: "none" } })
      expect((yield* send("GET", "/db/_design/l/_view/v?include_docs=true")).json).toMatchObject({
        rows: [{ id: "a", doc: { _id: "b" } }, { id: "b", doc: null }]
      })
    }))
})

describe("a partition", () => {
  it.effect("applies parameters in alphabetical order, so that startkey overrides key", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/parts?partitioned=true")
      for (const id of ["p:a", "p:b"]) yield* send("PUT", `/parts/${id}`, { body: {} })
      const offset = (query: string) =>
        Effect.map(send("GET", `/parts/_partition/p/_all_docs?descending=true&${query}`), ({ json }) => json)
      expect(yield* offset("key=%22z%22")).toMatchObject({ offset: 0 })
      expect(yield* offset("startkey=%22a%22&key=%22z%22")).toMatchObject({ offset: 2 })
      expect(yield* offset("key=%22z%22&startkey=%22a%22")).toMatchObject({ offset: 2 })
    }))

  it.effect("skips existing rows only, and counts them in its offset", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/parts?partitioned=true")
      for (const id of ["p:a", "p:b", "p:c"]) yield* send("PUT", `/parts/${id}`, { body: {} })
      for (
        const [query, offset] of [
          ["skip=1", 1],
          ["skip=5", 3],
          ["key=%22a%22&skip=1", 0],
          ["key=%22p:b%22&skip=2", 2],
          ["startkey=%22p:c%22&endkey=%22p:a%22&skip=1", 2]
        ] as const
      ) expect((yield* send("GET", `/parts/_partition/p/_all_docs?${query}`)).json).toMatchObject({ offset })
    }))

  it.effect("has its own document list, views and searches", () =>
    Effect.gen(function*() {
      const send = yield* fresh({ functions: { d: { views: { n: { map: (doc, emit) => emit(doc.n, null) } } } } })
      yield* send("PUT", "/parts?partitioned=true")
      yield* send("PUT", "/parts/_design/d", { body: { views: { n: { map: text } } } })
      const docs = ["a:1", "a:2", "b:1", "b:2", "b:3"].map((_id, n) => ({ _id, n: 9 - n }))
      yield* send("POST", "/parts/_bulk_docs", { body: { docs } })
      expect((yield* send("GET", "/parts/_partition/b")).json).toMatchObject({ partition: "b", doc_count: 3 })
      expect((yield* send("GET", "/parts/_partition/a/_all_docs")).json)
        .toMatchObject({ rows: [{ id: "a:1" }, { id: "a:2" }] })
      expect((yield* send("GET", "/parts/_partition/b/_design/d/_view/n?limit=2")).json)
        .toMatchObject({ rows: [{ id: "b:3", key: 5 }, { id: "b:2", key: 6 }] })
      expect((yield* send("POST", "/parts/_partition/b/_find", { body: { selector: { n: { $gt: 5 } } } })).json)
        .toMatchObject({ docs: [{ _id: "b:1" }, { _id: "b:2" }] })
      expect((yield* send("GET", "/parts/_design/d/_view/n")).json).toEqual({
        error: "query_parse_error",
        reason: "`partition` parameter is mandatory for queries to this view."
      })
    }))
})

describe("an updated index", () => {
  const step = Arbitrary.record({
    id: Arbitrary.constantFrom("a", "b", "c", "d", "e"),
    tags: Arbitrary.option(Arbitrary.array(Arbitrary.constantFrom("x", "Y", "é", "z"), { maxLength: 3 })),
    read: Arbitrary.boolean()
  })

  it.effect.prop(
    "equals a rebuilt index",
    [Arbitrary.array(step, { maxLength: 15 })],
    ([steps]) =>
      Effect.gen(function*() {
        const send = yield* fresh({ functions })
        yield* send("PUT", "/db/_design/people", { body: people })
        const read = (name: string) => send("GET", `/db/_design/${name}/_view/tags?reduce=false`)
        for (const { id, read: now, tags } of steps) {
          const held = yield* send("GET", `/db/${id}`)
          const rev = held.status === 200 ? `?rev=${/"_rev":"([^"]+)"/.exec(held.text)?.[1]}` : ""
          if (tags === null) yield* send("DELETE", `/db/${id}${rev}`)
          else yield* send("PUT", `/db/${id}${rev}`, { body: { tags } })
          if (now) yield* read("people")
        }
        const kept = yield* read("people")
        // Another text at the same path makes another index.
        const changed = { ...people.views, tags: { map: `${text} // again`, reduce: "_count" } }
        const { text: before } = yield* send("GET", "/db/_design/people")
        const rev = /"_rev":"([^"]+)"/.exec(before)?.[1]
        expect((yield* send("PUT", `/db/_design/people?rev=${rev}`, { body: { views: changed } })).status).toBe(201)
        expect(kept.text).toBe((yield* read("people")).text)
      })
  )
})
