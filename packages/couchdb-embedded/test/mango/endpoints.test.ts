import { describe, expect, it } from "@effect/vitest"
import * as Json from "effect-couchdb/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Arbitrary from "effect/FastCheck"
import { matcherOf } from "../../src/selector/match.js"
import { fresh } from "../client.js"

const matches = (selector: unknown, document: unknown): boolean => {
  const [asked, given] = [selector, document].map((value) => Either.getOrThrow(Json.parse(JSON.stringify(value))))
  if (!Json.isObject(asked)) throw new Error("no selector")
  return Either.getOrThrow(matcherOf(asked))(given ?? null)
}

describe("selectors", () => {
  // As a real CouchDB responded.
  const cases: ReadonlyArray<readonly [unknown, unknown, boolean]> = [
    [{ a: 1 }, { a: 1.0 }, true],
    [{ a: { $ne: 1 } }, {}, false],
    [{ a: { $nin: [1] } }, {}, false],
    [{ $not: { a: 1 } }, {}, false],
    [{ a: { $exists: false } }, {}, true],
    [{ "a.b": { $exists: false } }, { a: 1 }, false],
    [{ "l.0": { $exists: false } }, { l: [] }, false],
    [{ "l.1": 2 }, { l: [1, 2] }, true],
    [{ "a\\.b": 1 }, { "a.b": 1 }, true],
    [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }, true],
    [{ a: { $in: [1] } }, { a: [3, 1] }, true],
    [{ a: { $all: [] } }, { a: [] }, false],
    [{ $or: [] }, {}, true],
    [{ a: { $allMatch: { $gt: 0 } } }, { a: [] }, false],
    [{ a: { $elemMatch: { b: 1 } } }, { a: [{ b: 2 }, { b: 1 }] }, true],
    [{ a: { $keyMapMatch: { $eq: "x" } } }, { a: { x: 0 } }, true],
    [{ a: { $mod: [2, 1] } }, { a: -1 }, false],
    [{ a: { $regex: "^B" } }, { a: "abc" }, false],
    [{ a: { $regex: "(?i)^A" } }, { a: "abc" }, true],
    [{ a: { $gt: "Z" } }, { a: "a" }, false],
    [{ _id: { $gt: "Z" } }, { _id: "a" }, true],
    [{ a: { $beginsWith: "é" } }, { a: "été" }, true],
    [{ a: { $size: 2 } }, { a: [1, 2] }, true]
  ]

  it.each(cases)("%j on %j: %s", (selector, document, expected) => {
    expect(matches(selector, document)).toBe(expected)
  })

  const field = Arbitrary.constantFrom("a", "b", "a.c")
  const scalar = Arbitrary.constantFrom(null, true, 1, 2, "x", "y")
  const condition = Arbitrary.tuple(
    field,
    Arbitrary.constantFrom("$eq", "$ne", "$lt", "$lte", "$gt", "$gte"),
    scalar
  ).map(([name, operator, argument]) => ({ [name]: { [operator]: argument } }))
  const document = Arbitrary.record({ a: scalar, b: scalar })

  it.prop("match or do not match an existing field, never both", [condition, document], ([selector, document]) => {
    const there = !Object.hasOwn(selector, "a.c")
    expect(Number(matches(selector, document)) + Number(matches({ $not: selector }, document))).toBe(there ? 1 : 0)
  })

  it.prop("match the same in any order", [condition, condition, document], ([left, right, document]) => {
    expect(matches({ $and: [left, right] }, document)).toBe(matches({ $and: [right, left] }, document))
    expect(matches({ $nor: [left, right] }, document))
      .toBe(matches({ $and: [{ $not: left }, { $not: right }] }, document))
  })
})

const ids = (text: string): ReadonlyArray<string> => Array.from(text.matchAll(/"_id":"(\w+)"/g), ([, id]) => id ?? "")

const numbered = (indexes: ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const send = yield* fresh()
    for (const index of indexes) yield* send("POST", "/db/_index", { body: index })
    yield* send("POST", "/db/_bulk_docs", {
      body: {
        docs: Array.from({ length: 30 }, (_, i) => ({
          _id: `d${String(i).padStart(2, "0")}`,
          n: (i * 7) % 10,
          ...(i % 3 === 0 ? { odd: i } : undefined)
        }))
      }
    })
    return send
  })

const byNumber = { index: { fields: ["n"] }, name: "by-number", ddoc: "numbers" }

describe("_find", () => {
  it.effect("returns rows in the order of the chosen index", () =>
    Effect.gen(function*() {
      const send = yield* numbered([byNumber])
      const indexed = yield* send("POST", "/db/_find", { body: { selector: { n: { $gte: 8 } } } })
      expect(ids(indexed.text)).toEqual(["d04", "d14", "d24", "d07", "d17", "d27"])
      expect(indexed.json).not.toHaveProperty("warning")
      const scanned = yield* send("POST", "/db/_find", { body: { selector: { n: { $in: [8, 9] } } } })
      expect(ids(scanned.text)).toEqual(ids(indexed.text))
      const whole = yield* send("POST", "/db/_find", { body: { selector: { _id: { $gte: "d27" } } } })
      expect(ids(whole.text)).toEqual(["d27", "d28", "d29"])
      expect(whole.json).toMatchObject({
        warning: "No matching index found, create an index to optimize query time."
      })
    }))

  it.effect("sorts by an index, or not at all", () =>
    Effect.gen(function*() {
      const send = yield* numbered([byNumber])
      const sorted = yield* send("POST", "/db/_find", {
        body: { selector: { n: { $gt: 7 } }, sort: [{ n: "desc" }], fields: ["_id", "n"], limit: 2 }
      })
      expect(sorted.json).toMatchObject({ docs: [{ _id: "d27", n: 9 }, { _id: "d17", n: 9 }] })
      const unsorted = yield* send("POST", "/db/_find", { body: { selector: { n: 1 }, sort: ["odd"] } })
      expect([unsorted.status, unsorted.json]).toEqual([400, {
        error: "no_usable_index",
        reason: "No index exists for this sort, try indexing by the sort fields."
      }])
    }))

  it.effect.prop("finds every document once, page by page", [
    Arbitrary.integer({ min: 1, max: 9 }),
    Arbitrary.constantFrom<ReadonlyArray<unknown>>([{}], [{ n: { $gt: 3 } }], [{ n: { $gt: 3 } }, [{ n: "desc" }]], [
      { odd: { $exists: true } }
    ])
  ], ([limit, [selector, sort = []]]) =>
    Effect.gen(function*() {
      const send = yield* numbered([byNumber])
      const body = { selector, sort, limit }
      const all = ids((yield* send("POST", "/db/_find", { body: { ...body, limit: 100 } })).text)
      const seen: Array<string> = []
      for (let bookmark = ""; seen.length <= all.length;) {
        const { text } = yield* send("POST", "/db/_find", { body: { ...body, bookmark } })
        const page = ids(text)
        seen.push(...page)
        bookmark = /"bookmark": "([^"]+)"/.exec(text)?.[1] ?? ""
        if (page.length === 0) break
      }
      expect(seen).toEqual(all)
      expect(all.length).toBeGreaterThan(5)
    }))

  it.effect("uses a partial index only if it is named, and then reads its documents only", () =>
    Effect.gen(function*() {
      const send = yield* numbered([{
        index: { fields: ["n"], partial_filter_selector: { odd: { $exists: true } } },
        name: "odd",
        ddoc: "partial"
      }])
      const body = { selector: { n: { $gte: 0 } }, limit: 100 }
      const whole = yield* send("POST", "/db/_find", { body })
      expect(ids(whole.text).length).toBe(30)
      const part = yield* send("POST", "/db/_find", { body: { ...body, use_index: ["partial", "odd"] } })
      expect(ids(part.text).length).toBe(10)
    }))

  it.effect("returns conflicting documents as CouchDB's scan for conflicts does", () =>
    Effect.gen(function*() {
      const send = yield* numbered([])
      const docs = ["a", "b"].map((digit) => ({ _id: "twice", _rev: `1-${digit.repeat(32)}`, digit }))
      yield* send("POST", "/db/_bulk_docs", { body: { new_edits: false, docs } })
      const found = yield* send("POST", "/db/_find", {
        body: { selector: { _conflicts: { $exists: true } }, conflicts: true }
      })
      expect(found.json).toMatchObject({ docs: [{ _id: "twice", digit: "b", _conflicts: [`1-${"a".repeat(32)}`] }] })
    }))
})

describe("_index and _explain", () => {
  it.effect("name an index by its content, as CouchDB does", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      // The name that a real CouchDB gave.
      const name = "3d4fdc43057b07474cd610d0ad5761ead92400bf"
      const made = yield* send("POST", "/db/_index", { body: { index: { fields: ["n"] } } })
      expect(made.json).toEqual({ result: "created", id: `_design/${name}`, name })
      expect((yield* send("POST", "/db/_index", { body: { index: { fields: ["n"] } } })).json)
        .toEqual({ result: "exists", id: `_design/${name}`, name })
      expect((yield* send("POST", "/db/_index/_bulk_delete", { body: { docids: [name, "none"] } })).json).toEqual({
        success: [{ id: `_design/${name}`, ok: true }],
        fail: [{ id: "_design/none", error: "not_found" }]
      })
      expect((yield* send("GET", "/db/_index")).json).toMatchObject({ total_rows: 1 })
    }))

  it.effect("say which index serves a query, and why the others do not", () =>
    Effect.gen(function*() {
      const send = yield* numbered([byNumber, { index: { fields: ["n", "odd"] }, name: "wider", ddoc: "wider" }])
      const explained = yield* send("POST", "/db/_explain", { body: { selector: { n: 3, odd: { $gt: null } } } })
      expect(explained.json).toMatchObject({
        index: { name: "wider" },
        mrargs: { start_key: [3, null], end_key: [3, "<MAX>"], direction: "fwd" },
        index_candidates: [
          { index: { name: "by-number" }, analysis: { usable: true, reasons: [{ name: "less_overlap" }], ranking: 1 } },
          { index: { name: "_all_docs" }, analysis: { reasons: [{ name: "unfavored_type" }], ranking: 2 } }
        ]
      })
    }))
})
