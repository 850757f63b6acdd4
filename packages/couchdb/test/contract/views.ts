import { assert } from "@effect/vitest"
import type { CouchError, CouchHttp } from "effect-couchdb"
import { Collection, Document, Json, View } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { butterflies, Butterfly, type Contract, database, raw } from "./suite.js"

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const ids = (rows: Iterable<View.Row<unknown, unknown, unknown> | View.Refused>) =>
  Array.from(rows, (row) => View.isRow(row) ? row.id : `! ${row.error}`)

const rowsOf = <A extends { readonly _tag: string }>(rows: ReadonlyArray<A | View.Refused>) => rows.filter(View.isRow)

const bulk = (name: string, docs: ReadonlyArray<unknown>) => raw("POST", `/${name}/_bulk_docs`, { docs })

const zooDesign = {
  language: "javascript",
  views: {
    byKey: { map: "function (doc) { if ('k' in doc) emit(doc.k, doc.v) }" },
    each: { map: "function (doc) { (doc.each || []).forEach(function (k, i) { emit(k, i) }) }" },
    twice: { map: "function (doc) { for (var i = 0; i < (doc.times || 0); i++) emit(doc.k, i) }" },
    count: { map: "function (doc) { if ('k' in doc) emit(doc.k, 1) }", reduce: "_count" },
    sum: { map: "function (doc) { if ('k' in doc) emit([doc.k, doc._id], doc.v) }", reduce: "_sum" },
    linked: { map: "function (doc) { if (doc.to) emit(doc._id, { _id: doc.to }) }" }
  }
}

/** A database with the views and these documents. */
const viewed = (docs: ReadonlyArray<unknown>, path = "") =>
  Effect.gen(function*() {
    const name = yield* database
    if (path !== "") {
      yield* raw("DELETE", `/${name}`)
      yield* raw("PUT", `/${name}${path}`)
    }
    yield* raw("PUT", `/${name}/_design/zoo`, zooDesign)
    yield* bulk(name, docs)
    return name
  })

const Key = Schema.Union(Schema.Null, Schema.Boolean, Schema.Number, Schema.String)
const byKey = View.make({ design: "zoo", view: "byKey", key: Key, value: Schema.Number })
const anyKey = View.make({ design: "zoo", view: "byKey" })
const each = View.make({ design: "zoo", view: "each" })
const twice = View.make({ design: "zoo", view: "twice" })
const count = View.reduced({ design: "zoo", view: "count", key: Key, value: Schema.Number })
const sum = View.reduced({
  design: "zoo",
  view: "sum",
  key: Schema.Tuple(Key, Schema.optionalElement(Schema.String)),
  value: Schema.Number
})

const falsy = [
  { _id: "null", k: null, v: 1 },
  { _id: "false", k: false, v: 2 },
  { _id: "zero", k: 0, v: 3 },
  { _id: "one", k: 1, v: 4 },
  { _id: "empty", k: "", v: 5 },
  { _id: "text", k: "a\u2028b", v: 6 }
]

/** All pages in a row, and how many rows each has. */
const unpaged = <A, E, R>(pages: Stream.Stream<View.Page<A>, E, R>) =>
  Effect.map(collected(pages), (pages) => ({
    rows: pages.flatMap(({ rows }) => rows),
    sizes: pages.map(({ rows }) => rows.length)
  }))

/** A view in pages of every size is the view in one answer. */
const pagesAgree = <K, V, R>(
  name: string,
  view: View.View<K, V, R>,
  options: View.DatabasePaging<K> = {}
): Effect.Effect<void, View.QueryError | CouchError.DecodeError, CouchHttp.CouchHttp | R> =>
  Effect.gen(function*() {
    const { rows: whole } = yield* View.fetch(name, view, options as never)
    for (const pageSize of [1, 2, 3, whole.length, whole.length + 1]) {
      if (pageSize === 0) continue
      const { rows, sizes } = yield* unpaged(View.pages(name, view, { ...options, pageSize }))
      assert.deepStrictEqual(rows, whole)
      assert.strictEqual(sizes.length, Math.max(1, Math.ceil(whole.length / pageSize)))
    }
  })

export const views: Contract = (it) => {
  it.scoped("all documents: as JSON of a database, as documents of a collection", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/monarch`, `{"name":"Monarch","seen":1,"big":12345678901234567890}`)
      yield* raw("PUT", `/${zoo.database}/_design/zoo`, { views: {} })
      const all = yield* View.fetch(zoo.database, View.allDocs)
      assert.deepStrictEqual(ids(all.rows), ["_design/zoo", "monarch"])
      assert.deepStrictEqual([all.totalRows, all.offset], [Option.some(2), Option.some(0)])
      assert.isTrue(rowsOf(all.rows).every(({ document, value }) => Option.isNone(document) && !value.deleted))
      const json = yield* View.fetch(zoo.database, View.allDocs, { key: "monarch", includeDocs: true })
      const document = Option.getOrThrow(Option.getOrThrow(Option.fromNullable(rowsOf(json.rows)[0])).document)
      assert.match(Json.stringify(document), /"big":12345678901234567890}$/)
      const [row, ...others] = yield* collected(View.stream(zoo, View.allDocs))
      assert.deepStrictEqual(others, [])
      if (row === undefined || !View.isRow(row)) return assert.fail("no row")
      const doc = Option.getOrThrow(row.document)
      assert.deepStrictEqual(doc.body, { name: "Monarch", seen: 1 })
      assert.deepStrictEqual(doc.rev, Option.some(row.value.rev))
      yield* Document.save(Document.modify(doc, (b) => ({ ...b, seen: 2 })))
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.seen, 2)
      const bare = yield* View.fetch(zoo, View.allDocs, { includeDocs: false })
      assert.isTrue(rowsOf(bare.rows).every(({ document }) => Option.isNone(document)))
    }))

  it.scoped("keys in their order; a missing one and a deleted one are values", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      for (const name of ["a", "b", "c"]) yield* Document.create(zoo, name, { name, seen: 1 })
      yield* Effect.flatMap(Document.fetch(zoo, "b"), Document.delete)
      const { rows } = yield* View.fetch(zoo, View.allDocs, { keys: ["c", "nobody", "b", "a"] })
      assert.deepStrictEqual(ids(rows), ["c", "! not_found", "b", "a"])
      assert.deepStrictEqual(rows[1]?.key, "nobody")
      assert.deepStrictEqual(rowsOf(rows).map(({ value }) => value.deleted), [false, true, false])
      assert.deepStrictEqual(rowsOf(rows).map(({ document }) => Option.isSome(document)), [true, false, true])
      const many = Array.from({ length: 600 }, (_, i) => `key-${i}-that-makes-the-query-long`)
      const long = yield* View.fetch(zoo, View.allDocs, { keys: [...many, "a"] })
      assert.strictEqual(long.rows.length, 601)
      assert.deepStrictEqual(ids(long.rows.slice(-1)), ["a"])
      assert.deepStrictEqual((yield* View.fetch(zoo, View.allDocs, { keys: [] })).rows, [])
    }))

  it.scoped("ranges and prefixes of ids, up and down", () =>
    Effect.gen(function*() {
      const name = yield* database
      const all = ["a", "b", "b:", "b:1", "b:\u{10ffff}", "b:é", "b:😀", "b;", "c"]
      yield* bulk(name, all.map((_id) => ({ _id })))
      const asked = (options: View.DatabaseOptions<string>) =>
        Effect.map(View.fetch(name, View.allDocs, options), ({ rows }) => ids(rows))
      const under = ["b:", "b:1", "b:é", "b:😀", "b:\u{10ffff}"]
      assert.deepStrictEqual(yield* asked({ prefix: "b:" }), under)
      assert.deepStrictEqual(yield* asked({ prefix: "b:", descending: true }), [...under].reverse())
      assert.deepStrictEqual(yield* asked({ prefix: "" }), yield* asked({}))
      assert.deepStrictEqual(yield* asked({ startKey: "b;" }), ["b;", "c"])
      assert.deepStrictEqual(yield* asked({ startKey: "a", endKey: "b", inclusiveEnd: false }), ["a"])
      assert.deepStrictEqual(yield* asked({ startKey: "b", endKey: "a", descending: true }), ["b", "a"])
      assert.deepStrictEqual(yield* asked({ skip: 1, limit: 2 }), ["b", "b:"])
      assert.deepStrictEqual(yield* asked({ limit: 0 }), [])
      const { updateSequence } = yield* View.fetch(name, View.allDocs, { updateSeq: true, limit: 1 })
      assert.isTrue(Option.isSome(updateSequence))
    }))

  it.scoped("all documents, a page at a time", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* bulk(name, Array.from({ length: 7 }, (_, i) => ({ _id: `id ${i}` })))
      yield* pagesAgree(name, View.allDocs)
      yield* pagesAgree(name, View.allDocs, { descending: true })
      yield* pagesAgree(name, View.allDocs, { skip: 2, limit: 4 })
      yield* pagesAgree(name, View.allDocs, { startKey: "id 2", endKey: "id 4" })
      yield* pagesAgree(name, View.allDocs, { key: "nobody" })
    }))

  it.scoped("a collection sees its own keys only", () =>
    Effect.gen(function*() {
      const name = yield* database
      const keyed = Collection.make(name, Butterfly, { id: Collection.prefixed("butterfly:") })
      yield* Document.create(keyed, "monarch", { name: "Monarch", seen: 1 })
      yield* raw("PUT", `/${name}/moth:emperor`, { wings: 4 })
      assert.deepStrictEqual(ids(yield* collected(View.stream(keyed, View.allDocs))), ["butterfly:monarch"])
      const { rows } = yield* unpaged(View.pages(keyed, View.allDocs, { pageSize: 1 }))
      assert.deepStrictEqual(ids(rows), ["butterfly:monarch"])
    }))

  it.scoped("design documents, and local ones", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* bulk(name, [{ _id: "a" }, { _id: "_design/x" }, { _id: "_design/y" }])
      yield* raw("PUT", `/${name}/_local/z`, { since: "0" })
      assert.deepStrictEqual(ids((yield* View.fetch(name, View.designDocs)).rows), ["_design/x", "_design/y"])
      const [one] = yield* collected(View.stream(name, View.designDocs, { includeDocs: true, limit: 1 }))
      assert.isTrue(one !== undefined && View.isRow(one) && Option.isSome(one.document))
      const local = yield* View.fetch(name, View.localDocs, { includeDocs: true })
      assert.deepStrictEqual(ids(local.rows), ["_local/z"])
      assert.deepStrictEqual(rowsOf(local.rows)[0]?.value, { rev: "0-1" })
      assert.include(
        Json.stringify(
          Option.getOrThrow(Option.flatMap(Option.fromNullable(rowsOf(local.rows)[0]), (r) => r.document))
        ),
        "\"since\":\"0\""
      )
      yield* pagesAgree(name, View.designDocs)
    }))

  it.scoped("one bad document among 3,000: fails, is a Left, or is skipped and counted", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* bulk(
        zoo.database,
        Array.from(
          { length: 3_000 },
          (_, i) => ({ _id: `b${String(i).padStart(4, "0")}`, name: "b", seen: i === 1_700 ? "often" : i })
        )
      )
      const seen = yield* Ref.make(0)
      const error = yield* View.stream(zoo, View.allDocs).pipe(
        Stream.runForEach(() => Ref.update(seen, (n) => n + 1)),
        Effect.flip
      )
      assert.strictEqual(error._tag, "DecodeError")
      if (error._tag === "DecodeError") assert.deepStrictEqual([error.id, error.issues[0]?.path], ["b1700", ["seen"]])
      assert.strictEqual(yield* Ref.get(seen), 1_700)
      const both = yield* collected(View.streamEither(zoo, View.allDocs))
      assert.deepStrictEqual(
        both.flatMap((one, i) => Either.isLeft(one) ? [[i, one.left.id]] : []),
        [[1_700, "b1700"]]
      )
      assert.strictEqual(both.length, 3_000)
      const before = yield* Metric.value(View.skipped)
      assert.strictEqual((yield* collected(View.streamValid(zoo, View.allDocs))).length, 2_999)
      assert.isAtLeast((yield* Metric.value(View.skipped)).count, before.count + 1)
      assert.strictEqual((yield* Effect.flip(View.fetch(zoo, View.allDocs)))._tag, "DecodeError")
    }))

  it.scoped("fails for a missing database, an invalid name and an invalid key", () =>
    Effect.gen(function*() {
      const name = yield* database
      const tag = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.flip(effect), ({ _tag }) => _tag)
      assert.strictEqual(yield* tag(View.fetch(`${name}-not`, View.allDocs)), "NotFoundError")
      assert.strictEqual(yield* tag(View.fetch("Not a name", View.allDocs)), "InvalidIdError")
      assert.strictEqual(yield* tag(View.fetch(name, View.make({ design: "nobody", view: "x" }))), "NotFoundError")
      for (const part of ["", ".", "..", "\ud800"]) {
        assert.strictEqual(yield* tag(View.fetch(name, View.make({ design: part, view: "x" }))), "InvalidIdError")
        assert.strictEqual(yield* tag(View.fetch(name, View.make({ design: "x", view: part }))), "InvalidIdError")
        assert.strictEqual(yield* tag(View.fetch(name, View.allDocs, { partition: part })), "InvalidIdError")
      }
      assert.strictEqual(yield* tag(View.fetch(name, View.allDocs, { key: "\ud800" })), "EncodeError")
      assert.strictEqual(yield* tag(View.fetch(name, byKey, { startKey: Infinity })), "EncodeError")
      assert.strictEqual(yield* tag(Stream.runDrain(View.stream(`${name}-not`, View.allDocs))), "NotFoundError")
    }))

  it.scoped("the partitions of a database", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("DELETE", `/${name}`)
      yield* raw("PUT", `/${name}?partitioned=true`)
      yield* bulk(name, ["x:a", "x:b", "x:c", "y:a"].map((_id) => ({ _id })))
      const inX = yield* View.fetch(name, View.allDocs, { partition: "x" })
      assert.deepStrictEqual(ids(inX.rows), ["x:a", "x:b", "x:c"])
      yield* pagesAgree(name, View.allDocs, { partition: "x" })
      yield* pagesAgree(name, View.allDocs, { partition: "x", descending: true })
      const [keys] = yield* View.queries(name, View.allDocs, [{ keys: ["x:b"] }], { partition: "x" })
      assert.deepStrictEqual(ids(keys?.rows ?? []), ["x:b"])
    }))

  it.scoped("several queries of all documents in one request", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      for (const name of ["a", "b", "c"]) yield* Document.create(zoo, name, { name, seen: 1 })
      const [first, second, third] = yield* View.queries(zoo, View.allDocs, [
        { keys: ["b", "nobody"] },
        { startKey: "b", includeDocs: false },
        { limit: 0 }
      ])
      assert.deepStrictEqual(ids(first?.rows ?? []), ["b", "! not_found"])
      const [b] = rowsOf(first?.rows ?? [])
      assert.deepStrictEqual(Option.map(b?.document ?? Option.none(), ({ body }) => body.name), Option.some("b"))
      assert.deepStrictEqual(ids(second?.rows ?? []), ["b", "c"])
      assert.deepStrictEqual([third?.rows, third?.totalRows], [[], Option.some(3)])
      assert.deepStrictEqual(yield* View.queries(zoo, View.allDocs, []), [])
    }))
}

/** What needs somebody to run the functions of design documents. */
export const viewsByFunctions: Contract = (it) => {
  it.scoped("falsy keys are keys", () =>
    Effect.gen(function*() {
      const name = yield* viewed(falsy)
      for (const { _id, k, v } of falsy) {
        const { rows } = yield* View.fetch(name, byKey, { key: k })
        assert.deepStrictEqual(rowsOf(rows).map(({ id, key, value }) => [id, key, value]), [[_id, k, v]])
        assert.deepStrictEqual(ids((yield* View.fetch(name, byKey, { keys: [k] })).rows), [_id])
        const from = yield* View.fetch(name, byKey, { startKey: k, endKey: k })
        assert.deepStrictEqual(ids(from.rows), [_id])
      }
      const all = yield* View.fetch(name, byKey)
      assert.deepStrictEqual(ids(all.rows), ["null", "false", "zero", "one", "empty", "text"])
      assert.deepStrictEqual(ids((yield* View.fetch(name, byKey, { keys: ["", 0, null] })).rows), [
        "empty",
        "zero",
        "null"
      ])
    }))

  it.scoped("keys, values and documents decode, each with its schema", () =>
    Effect.gen(function*() {
      const name = yield* viewed([{ _id: "a", k: "2024-05-01T00:00:00.000Z", v: "7", name: "a", seen: 1 }])
      const zoo = Collection.make(name, Butterfly)
      const view = View.make({ design: "zoo", view: "byKey", key: Schema.Date, value: Schema.NumberFromString })
      const { rows } = yield* View.fetch(zoo, view, { startKey: new Date(0) })
      const [row] = rowsOf(rows)
      assert.deepStrictEqual(row?.key, new Date("2024-05-01"))
      assert.strictEqual(row?.value, 7)
      assert.deepStrictEqual(
        Option.map(row?.document ?? Option.none(), ({ body }) => body),
        Option.some({ name: "a", seen: 1 })
      )
      const issue = <K, V>(view: View.View<K, V>) =>
        Effect.map(Effect.flip(View.fetch(zoo, view)), (error) =>
          error._tag === "DecodeError" ? error.issues[0]?.path : [])
      assert.deepStrictEqual(yield* issue(View.make({ design: "zoo", view: "byKey", key: Schema.Number })), ["key"])
      assert.deepStrictEqual(yield* issue(View.make({ design: "zoo", view: "byKey", value: Schema.Number })), ["value"])
    }))

  it.scoped("without a schema, keys and values are exact", () =>
    Effect.gen(function*() {
      const name = yield* viewed([])
      yield* raw("PUT", `/${name}/a`, `{"k":["x",{"b":1,"a":2}],"v":{"big":9007199254740993}}`)
      const { rows } = yield* View.fetch(name, anyKey)
      assert.deepStrictEqual(rowsOf(rows).map(({ key }) => Json.stringify(key)), [`["x",{"b":1,"a":2}]`])
    }))

  it.scoped("duplicate and compound keys in pages, up and down", () =>
    Effect.gen(function*() {
      const keys: ReadonlyArray<Json.Json> = [1, 1, 1, "a", ["a", 1], ["a", 1], { b: 1 }, { b: 1 }, null]
      const name = yield* viewed(keys.map((k, i) => ({ _id: `d${i}`, k, v: i, times: i % 2 * 3 })))
      for (const descending of [false, true]) {
        yield* pagesAgree(name, anyKey, { descending })
        yield* pagesAgree(name, twice, { descending })
        for (const skip of [1, 2, 3, 4]) yield* pagesAgree(name, twice, { descending, skip, limit: 7 })
        yield* pagesAgree(name, twice, { descending, key: View.bound(1) })
      }
    }))

  it.scoped("keys that collate as one, of one document and of several, in pages", () =>
    Effect.gen(function*() {
      const keys = ["a", "a\u00ad", "\u0000a", "é", "e\u0301", 1, ["a", 0], ["a\u00ad", -0], { a: 1 }, { "a\u00ad": 1 }]
      const name = yield* viewed(["x", "y"].map((_id) => ({ _id, each: [...keys, ...keys] })))
      for (const descending of [false, true]) {
        yield* pagesAgree(name, each, { descending })
        yield* pagesAgree(name, each, { descending, skip: 2 })
      }
    }))

  it.scoped("startKeyDocId and endKeyDocId, update, stable, sorted and updateSeq", () =>
    Effect.gen(function*() {
      const name = yield* viewed(["a", "b", "c", "d"].map((_id) => ({ _id, k: 1, v: 1 })))
      const asked = (options: View.DatabaseOptions<string | number | boolean | null>) =>
        Effect.map(View.fetch(name, byKey, options), ({ rows }) => ids(rows))
      const range = { startKey: 1, endKey: 1 } as const
      assert.deepStrictEqual(yield* asked({ ...range, startKeyDocId: "b", endKeyDocId: "c" }), ["b", "c"])
      yield* raw("PUT", `/${name}/e`, { k: 1, v: 1 })
      // Whether "e" is there is up to the server, which may index it of its own accord.
      assert.includeMembers(yield* asked({ update: false }), ["a", "b", "c", "d"])
      assert.includeMembers(yield* asked({ update: "lazy" }), ["a", "b", "c", "d"])
      assert.include(yield* asked({ update: true, stable: true }), "e")
      assert.strictEqual((yield* asked({ sorted: false })).length, 5)
      assert.isTrue(Option.isSome((yield* View.fetch(name, byKey, { updateSeq: true })).updateSequence))
    }))

  it.scoped("prefixes of texts and of arrays", () =>
    Effect.gen(function*() {
      const keys: ReadonlyArray<Json.Json> = ["a", "ab", "abc", "b", ["a"], ["a", 1], ["a", { z: 1 }], ["b"]]
      const name = yield* viewed(keys.map((k, i) => ({ _id: `d${i}`, k })))
      const asked = (prefix: string | ReadonlyArray<Json.Json>, descending = false) =>
        Effect.map(View.fetch(name, anyKey, { prefix, descending }), ({ rows }) => rowsOf(rows).map(({ key }) => key))
      assert.deepStrictEqual(yield* asked("ab"), ["ab", "abc"])
      assert.deepStrictEqual(yield* asked("ab", true), ["abc", "ab"])
      assert.deepStrictEqual(yield* asked(["a"]), [["a"], ["a", 1], ["a", { z: 1 }]])
      assert.deepStrictEqual(yield* asked(["a"], true), [["a", { z: 1 }], ["a", 1], ["a"]])
    }))

  it.scoped("reduced: one value, a value for each key, and for each beginning of a key", () =>
    Effect.gen(function*() {
      const name = yield* viewed([...falsy, { _id: "two", k: 1, v: 10 }])
      assert.deepStrictEqual(yield* View.reduce(name, count), Option.some(7))
      assert.deepStrictEqual(yield* View.reduce(name, count, { key: 1 }), Option.some(2))
      assert.deepStrictEqual(yield* View.reduce(name, count, { key: "nobody" }), Option.none())
      const { rows, totalRows } = yield* View.fetch(name, count, { group: true })
      assert.deepStrictEqual(totalRows, Option.none())
      assert.deepStrictEqual(
        rowsOf(rows).map(({ key, value }) => [Option.getOrThrow(key), value]),
        [[null, 1], [false, 1], [0, 1], [1, 2], ["", 1], ["a\u2028b", 1]]
      )
      const keys = yield* View.fetch(name, count, { keys: [1, null] })
      assert.deepStrictEqual(rowsOf(keys.rows).map(({ value }) => value), [2, 1])
      const levels = yield* collected(
        View.stream(name, sum, { groupLevel: 1, startKey: [1], endKey: View.bound([1, View.high]) })
      )
      assert.deepStrictEqual(rowsOf(levels).map(({ key, value }) => [key, value]), [[Option.some([1] as const), 14]])
      const [one] = yield* collected(View.stream(name, count))
      assert.deepStrictEqual(one !== undefined && View.isRow(one) ? one.key : undefined, Option.none())
      // The same view, its map function alone.
      const mapped = View.make({ design: "zoo", view: "count" })
      assert.strictEqual((yield* View.fetch(name, mapped)).rows.length, 7)
      const noReduce = View.reduced({ design: "zoo", view: "byKey" })
      assert.strictEqual((yield* Effect.flip(View.reduce(name, noReduce)))._tag, "BadRequestError")
      const [a, b] = yield* View.queries(name, count, [{}, { group: true, key: 0 }])
      assert.deepStrictEqual([a, b].map((page) => rowsOf(page?.rows ?? []).map(({ value }) => value)), [[7], [1]])
    }))

  it.scoped("documents that rows link to, and siblings", () =>
    Effect.gen(function*() {
      const name = yield* viewed([{ _id: "a", to: "b" }, { _id: "b", name: "B", seen: 1 }, { _id: "c", to: "nobody" }])
      const linked = View.make({ design: "zoo", view: "linked" })
      const { rows } = yield* View.fetch(Collection.make(name, Butterfly), linked)
      assert.deepStrictEqual(
        rowsOf(rows).map(({ document, id }) => [id, Option.getOrNull(Option.map(document, (doc) => doc.id))]),
        [["a", "b"], ["c", null]]
      )
      yield* raw("POST", `/${name}/_bulk_docs`, {
        new_edits: false,
        docs: ["a", "b"].map((letter) => ({ _id: "s", _rev: `1-${letter.repeat(32)}`, k: "s" }))
      })
      const siblings = yield* View.fetch(name, anyKey, { key: View.bound("s"), includeDocs: true, conflicts: true })
      assert.deepStrictEqual(rowsOf(siblings.rows).map(({ conflicts }) => conflicts.map(String)), [[
        `1-${"a".repeat(32)}`
      ]])
    }))

  it.scoped("a view of one partition", () =>
    Effect.gen(function*() {
      const name = yield* viewed(
        [{ _id: "x:a", k: 1, v: 1 }, { _id: "x:b", k: 1, v: 2 }, { _id: "y:a", k: 1, v: 3 }],
        "?partitioned=true"
      )
      yield* raw("PUT", `/${name}/_design/only`, { language: "javascript", views: { byKey: zooDesign.views.byKey } })
      const view = View.make({ design: "only", view: "byKey", value: Schema.Number })
      const { rows } = yield* View.fetch(name, view, { partition: "x", includeDocs: true })
      assert.deepStrictEqual(rowsOf(rows).map(({ value }) => value), [1, 2])
      yield* pagesAgree(name, view, { partition: "x" })
      yield* pagesAgree(name, view, { partition: "x", descending: true })
      const [one] = yield* View.queries(name, view, [{ key: 1 }], { partition: "y" })
      assert.deepStrictEqual(ids(one?.rows ?? []), ["y:a"])
    }))
}
