import { assert } from "@effect/vitest"
import { Changes, Collection, Document, Mango, View } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { every } from "../support/deep.js"
import { type Contract, database, raw } from "./suite.js"

const Numbered = Schema.Struct({ n: Schema.Number })

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const ids = (rows: Iterable<View.Row<unknown, unknown, unknown> | View.Refused>) =>
  Array.from(rows, (row) => View.isRow(row) ? row.id : `! ${row.error}`)

const bulk = (name: string, docs: ReadonlyArray<unknown>) => raw("POST", `/${name}/_bulk_docs`, { docs })

/** The ids of orders, as three codecs know them: by a prefix, by a range that has other ids too, and not at all. */
const decode = (id: string) => /^order:[0-9]+$/.test(id) ? Option.some(id.slice(6)) : Option.none()
const encode = (key: string | number) => `order:${key}`
const codecs: ReadonlyArray<Collection.IdCodec<string>> = [
  Collection.prefixed("order:"),
  { encode, decode, range: { prefix: "order" } },
  { encode, decode }
]

const keys = [1, 2, 3, 4, 5]
const orders = keys.map(encode)

/** Others around the orders, and in the middle of the range of one codec. */
const others = [
  ...keys.map((key) => `customer:${key}`),
  "order",
  "order-line",
  "order;",
  "orders:1",
  "zebra",
  "Order:1"
]

const design = {
  language: "javascript",
  views: {
    byN: { map: "function (doc) { emit(doc.n, null); emit(doc.n, { _id: doc.link || doc._id }) }" },
    one: { map: "function (doc) { emit(1, doc.n) }", reduce: "_sum" }
  }
}

/** A database with orders, with others, and with two design documents. */
const shop = Effect.gen(function*() {
  const name = yield* database
  yield* bulk(name, [...others, ...orders].map((_id) => ({ _id, n: Number(Option.getOrElse(decode(_id), () => 0)) })))
  yield* raw("PUT", `/${name}/_design/a`, design)
  yield* raw("PUT", `/${name}/_design/b`, { views: {} })
  return {
    name,
    plain: Collection.make(name, Numbered),
    all: codecs.map((id) => Collection.make(name, Numbered, { id }))
  }
})

/** Parts of so many rows. */
const windows = (length: number) =>
  [0, 2, length, length + 3].flatMap((skip) => [undefined, 0, 1, 3, length + 1].map((limit) => [skip, limit] as const))

const slice = <A>(all: ReadonlyArray<A>, skip: number, limit: number | undefined) =>
  all.slice(skip, limit === undefined ? undefined : skip + limit)

const byBytes = (all: ReadonlyArray<string>) => Array.from(all).sort((a, b) => a < b ? -1 : 1)

export const collections: Contract = (it) => {
  it.scoped("all documents: limit and skip count those of the collection, up and down", () =>
    Effect.gen(function*() {
      const { all, plain } = yield* shop
      for (const descending of [false, true]) {
        const order = (ids: ReadonlyArray<string>) => descending ? byBytes(ids).reverse() : byBytes(ids)
        for (
          const [zoo, own] of [...all.map((zoo) => [zoo, orders] as const), [plain, [...orders, ...others]] as const]
        ) {
          const expected = order(own)
          for (const [skip, limit] of every(3, windows(own.length))) {
            const options = { skip, limit, descending }
            const page = yield* View.fetch(zoo, View.allDocs, options)
            assert.deepStrictEqual(ids(page.rows), slice(expected, skip, limit), JSON.stringify(options))
            const streamed = yield* collected(View.stream(zoo, View.allDocs, options))
            assert.deepStrictEqual(ids(streamed), slice(expected, skip, limit))
          }
        }
      }
    }))

  it.scoped("all documents: every page but the last is full, and the last is not empty", () =>
    Effect.gen(function*() {
      const { all, plain } = yield* shop
      for (const descending of [false, true]) {
        for (
          const [zoo, own] of [...all.map((zoo) => [zoo, orders] as const), [plain, [...orders, ...others]] as const]
        ) {
          const expected = descending ? byBytes(own).reverse() : byBytes(own)
          for (const pageSize of every(2, [2, 1, 5, own.length, own.length + 1])) {
            for (
              const [skip, limit] of [[0, undefined], [0, 4], [2, undefined], [3, 2], [own.length, undefined]] as const
            ) {
              const pages = yield* collected(
                View.pages(zoo, View.allDocs, { descending, pageSize, skip, limit })
              )
              const rows = slice(expected, skip, limit)
              assert.deepStrictEqual(pages.flatMap(({ rows }) => ids(rows)), rows)
              assert.deepStrictEqual(
                pages.map(({ rows }) => rows.length),
                rows.length === 0
                  ? [0]
                  : Array.from({ length: Math.ceil(rows.length / pageSize) }, (_, i) =>
                    Math.min(pageSize, rows.length - i * pageSize))
              )
            }
          }
        }
      }
    }))

  it.scoped("all documents: a range of the caller's is narrowed down to the collection", () =>
    Effect.gen(function*() {
      const { all } = yield* shop
      const ranges: ReadonlyArray<View.Options<string>> = [
        { startKey: "order:2" },
        { startKey: "a" },
        { startKey: "order:2", endKey: "order:4" },
        { startKey: "order:2", endKey: "order:4", inclusiveEnd: false },
        { startKey: "order", endKey: "orders:1" },
        { endKey: "order;" },
        { startKey: "order;" },
        { startKey: "customer:1", endKey: "customer:9" },
        { endKey: "a" },
        { startKey: "z" },
        { prefix: "order:1" },
        { prefix: "order" },
        { prefix: "o" },
        { prefix: "" },
        { prefix: "customer" },
        { prefix: "order:12" },
        { startKey: View.bound(null) },
        { endKey: View.bound(7) },
        { key: "order:3" },
        { key: "customer:3" },
        { keys: ["customer:1", "order:9", "order:2", "customer:9", "order:1", "_design/a"] },
        { keys: ["customer:1"] }
      ]
      const expected = [
        [2, 3, 4, 5],
        keys,
        [2, 3, 4],
        [2, 3],
        keys,
        keys,
        [],
        [],
        [],
        [],
        [1],
        keys,
        keys,
        keys,
        [],
        [],
        keys,
        [],
        [3],
        []
      ]
      for (const zoo of all) {
        for (const [i, found] of expected.entries()) {
          for (const limit of [undefined, 2]) {
            const { rows } = yield* View.fetch(zoo, View.allDocs, { ...ranges[i], limit })
            assert.deepStrictEqual(ids(rows), slice(found.map(encode), 0, limit), JSON.stringify(ranges[i]))
          }
          const { startKey, endKey, ...rest } = ranges[i] ?? {}
          const { rows } = yield* View.fetch(zoo, View.allDocs, {
            ...rest,
            ...(endKey !== undefined && { startKey: endKey }),
            ...(startKey !== undefined && { endKey: startKey }),
            descending: true
          })
          const down = found.map(encode).reverse()
          // The end that may be excluded is the other one now.
          if (rest.inclusiveEnd !== false) assert.deepStrictEqual(ids(rows), down, JSON.stringify(ranges[i]))
          else assert.deepStrictEqual(ids(rows), ["order:4", "order:3"])
        }
        const named = yield* View.fetch(zoo, View.allDocs, ranges[20])
        assert.deepStrictEqual(ids(named.rows), ["! not_found", "order:2", "order:1"])
        const some = yield* View.fetch(zoo, View.allDocs, { ...ranges[20], skip: 1, limit: 1 })
        assert.deepStrictEqual(ids(some.rows), ["order:2"])
        assert.deepStrictEqual((yield* View.fetch(zoo, View.allDocs, ranges[21])).rows, [])
      }
    }))

  it.scoped("several queries in one, each with its own limit", () =>
    Effect.gen(function*() {
      const { all } = yield* shop
      for (const zoo of all) {
        const pages = yield* View.queries(zoo, View.allDocs, [
          { limit: 2 },
          { keys: ["customer:1", "order:2", "order:1"], limit: 1 },
          { skip: 3 },
          { descending: true, limit: 2, skip: 1 },
          { startKey: "p" }
        ])
        assert.deepStrictEqual(pages.map(({ rows }) => ids(rows)), [
          ["order:1", "order:2"],
          ["order:2"],
          ["order:4", "order:5"],
          ["order:4", "order:3"],
          []
        ])
      }
    }))

  it.scoped("counts of the whole view are not those of a collection", () =>
    Effect.gen(function*() {
      const { all, name } = yield* shop
      const prefixed = all[0] as (typeof all)[number]
      const page = yield* View.fetch(prefixed, View.allDocs, { limit: 1, updateSeq: true })
      assert.deepStrictEqual([page.totalRows, page.offset].map(Option.getOrNull), [null, null])
      assert.isTrue(Option.isSome(page.updateSequence))
      const whole = yield* View.fetch(name, View.allDocs, { limit: 1 })
      assert.deepStrictEqual([whole.totalRows, whole.offset].map(Option.getOrNull), [18, 0])
    }))

  it.scoped("ids with any character after the prefix, and prefixes that end with the last ones", () =>
    Effect.gen(function*() {
      const name = yield* database
      for (const prefix of ["p:", "p\uffff", "p\u{10ffff}", "é", "เ", "p\ud7ff", "p~"]) {
        const own = ["", "a", "é", "\u0301", "ก", "\uffff", "\ufffd", "😀", "\u{10ffff}", "\u{10ffff}a", "\u{f0000}"]
          .map((rest) => prefix + rest)
        yield* bulk(name, own.map((_id) => ({ _id, n: 1 })))
        const zoo = Collection.make(name, Numbered, { id: Collection.prefixed(prefix) })
        const expected = own.length
        for (const descending of [false, true]) {
          const { rows } = yield* View.fetch(zoo, View.allDocs, { descending })
          const found = rows.filter(View.isRow).map(({ id }) => id).filter((id) => own.includes(id))
          assert.strictEqual(found.length, expected, JSON.stringify([prefix, descending]))
        }
        const queries = [{}, { n: 1 }, { _id: { $gte: prefix } }, { $or: [{ n: 1 }, { n: 2 }] }]
        for (const selector of queries) {
          const { documents } = yield* Mango.find(zoo, { selector, limit: 1_000 })
          const found = documents.map(({ id }) => id).filter((id) => own.includes(id))
          assert.strictEqual(found.length, expected, JSON.stringify([prefix, selector]))
        }
      }
    }))

  it.scoped("Mango: limit and skip count the documents of the collection, over bookmarks", () =>
    Effect.gen(function*() {
      const { all } = yield* shop
      for (const zoo of all) {
        for (const [skip, limit] of every(3, windows(5))) {
          const { documents } = yield* Mango.find(zoo, { selector: {}, skip, limit })
          assert.deepStrictEqual(documents.map(({ id }) => id), slice(orders, skip, limit))
          for (const pageSize of [1, 100]) {
            const streamed = yield* collected(Mango.stream(zoo, { selector: {}, skip, limit, pageSize }))
            assert.deepStrictEqual(streamed.map(({ id }) => id), slice(orders, skip, limit))
          }
        }
        for (const size of [1, 2, 5, 6]) {
          const found: Array<string> = []
          let bookmark: string | undefined
          while (true) {
            const page: Mango.Page<Document.Document<{ readonly n: number }>> = yield* Mango.find(zoo, {
              selector: {},
              limit: size,
              bookmark
            })
            if (page.documents.length === 0) break
            found.push(...page.documents.map(({ id }) => id))
            bookmark = Option.getOrUndefined(page.bookmark)
          }
          assert.deepStrictEqual(found, orders)
        }
      }
    }))

  it.scoped("Mango: selectors, sorts and indexes of the caller's own", () =>
    Effect.gen(function*() {
      const { all } = yield* shop
      const first = all[0] as (typeof all)[number]
      yield* Mango.createIndex(first, { fields: ["n"], design: "by", name: "n" })
      for (const zoo of all) {
        const found = (query: Mango.Query<typeof Numbered.Encoded, never>) =>
          Effect.map(Mango.find(zoo, query), ({ documents }) => documents.map(({ body }) => body.n))
        assert.deepStrictEqual(yield* found({ selector: { n: { $gte: 0 } }, limit: 3 }), [1, 2, 3])
        assert.deepStrictEqual(yield* found({ selector: { n: { $gt: 1 } }, sort: [{ n: "desc" }], limit: 2 }), [5, 4])
        assert.deepStrictEqual(
          yield* found({ selector: { n: { $gte: 0 } }, sort: ["n"], useIndex: ["by", "n"], skip: 1, limit: 2 }),
          [2, 3]
        )
        assert.deepStrictEqual(yield* found({ selector: { _id: "order:3" }, limit: 1 }), [3])
        assert.deepStrictEqual(yield* found({ selector: { _id: "customer:3" }, limit: 1 }), [])
        assert.deepStrictEqual(yield* found({ selector: { _id: { $lt: "order;" } }, limit: 9 }), keys)
        assert.deepStrictEqual(yield* found({ selector: { _id: { $gt: "order:1" }, n: { $lt: 5 } }, limit: 2 }), [2, 3])
        assert.deepStrictEqual(yield* found({ selector: { $or: [{ n: 0 }, { n: 1 }, { n: 4 }] }, limit: 2 }), [1, 4])
        assert.deepStrictEqual(
          yield* found({ selector: { $or: [{ _id: "customer:1" }, { _id: "order:4" }] }, limit: 1 }),
          [4]
        )
        assert.deepStrictEqual(yield* found({ selector: { $not: { n: 2 } }, limit: 3 }), [1, 3, 4])
        const some = yield* Mango.find(zoo, { selector: { n: { $gte: 0 } }, fields: ["n"], limit: 2 })
        assert.deepStrictEqual(some.documents, [{ n: 1 }, { n: 2 }])
        const explained = yield* Mango.explain(zoo, { selector: { n: { $gte: 0 } } })
        assert.strictEqual(explained.index.name, "n")
      }
      assert.deepStrictEqual(
        (yield* Mango.find(first, { selector: {}, sort: [{ _id: "desc" }], limit: 2 })).documents.map(({ id }) => id),
        ["order:5", "order:4"]
      )
    }))

  it.scoped("Mango: what a query costs is what all its requests cost", () =>
    Effect.gen(function*() {
      const { all } = yield* shop
      for (const [i, zoo] of all.entries()) {
        const page = yield* Mango.find(zoo, { selector: {}, limit: 2, executionStats: true })
        const stats = Option.getOrThrow(page.executionStats)
        assert.deepStrictEqual([stats.resultsReturned, page.documents.length], [2, 2])
        // The range of ids leaves out everything before it.
        if (i === 0) assert.isAtMost(stats.totalDocsExamined, 5)
        assert.isTrue(Option.isSome(page.warning))
      }
    }))

  it.scoped("one partition alone", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("DELETE", `/${name}`)
      yield* raw("PUT", `/${name}?partitioned=true`)
      yield* bulk(
        name,
        ["a:o1", "b:c1", "b:o1", "b:o2", "b:o3", "c:o1"].map((_id) => ({ _id, n: 1 }))
      )
      const zoo = Collection.make(name, Numbered, { id: Collection.prefixed("b:o") })
      const plain = Collection.make(name, Numbered)
      const asked = (options: View.Options<string>) =>
        Effect.map(View.fetch(zoo, View.allDocs, { partition: "b", ...options }), ({ rows }) => ids(rows))
      assert.deepStrictEqual(yield* asked({ limit: 2 }), ["b:o1", "b:o2"])
      assert.deepStrictEqual(yield* asked({ skip: 1, limit: 2, descending: true }), ["b:o2", "b:o1"])
      assert.deepStrictEqual(yield* asked({ partition: "a", limit: 2 }), [])
      const skipped = yield* View.fetch(plain, View.allDocs, { partition: "b", skip: 1, limit: 2 })
      assert.deepStrictEqual(ids(skipped.rows), ["b:o1", "b:o2"])
      const { documents } = yield* Mango.find(zoo, { selector: {}, partition: "b", skip: 1, limit: 1 })
      assert.deepStrictEqual(documents.map(({ id }) => id), ["b:o2"])
    }))

  it.scoped("changes: limit counts those of the collection, and nothing is left out after them", () =>
    Effect.gen(function*() {
      const { all, name, plain } = yield* shop
      const own = ({ changes }: Changes.Page<unknown>) => changes.map(({ id }) => id)
      const everything = yield* Changes.fetch(name)
      const sequence = everything.changes.filter(({ id }) => orders.includes(id)).map(({ id }) => id)
      for (const zoo of all) {
        for (const limit of [1, 2, 3, 5, 6]) {
          const found: Array<string> = []
          let since = "0"
          while (true) {
            const page = yield* Changes.fetch(zoo, { since, limit })
            const left = limit < 5 - found.length ? limit : 5 - found.length
            assert.strictEqual(page.changes.length, left)
            since = page.lastSequence
            const rest = yield* Changes.fetch(name, { since })
            assert.strictEqual(Option.getOrNull(page.pending), rest.changes.length)
            if (page.changes.length === 0) break
            found.push(...own(page))
          }
          assert.sameMembers(found, orders)
          assert.strictEqual(found.length, 5)
          assert.strictEqual((yield* collected(Changes.stream(zoo, { limit }))).length, Math.min(limit, 5))
          const down = yield* Changes.fetch(zoo, { limit, descending: true })
          assert.strictEqual(down.changes.length, Math.min(limit, 5))
          assert.isTrue(own(down).every((id) => orders.includes(id)))
          assert.strictEqual(
            (yield* collected(Changes.stream(zoo, { limit, descending: true }))).length,
            Math.min(limit, 5)
          )
          const sparse = yield* Changes.fetch(zoo, { limit, seqInterval: 4 })
          const behind = yield* Changes.fetch(zoo, { since: sparse.lastSequence })
          assert.sameMembers([...own(sparse), ...own(behind)], sequence)
        }
        assert.deepStrictEqual((yield* Changes.fetch(zoo, { limit: 0 })).changes, [])
        const live = yield* collected(Changes.continuous(zoo, { limit: 4 }))
        assert.strictEqual(live.length, 4)
        assert.strictEqual((yield* Changes.longpoll(zoo, { limit: 4 })).changes.length, 4)
      }
      const documents = yield* Changes.fetch(plain, { limit: 16 })
      assert.sameMembers(own(documents), [...orders, ...others])
    }))

  it.scoped("changes: a long poll of a collection waits for one of its own", () =>
    Effect.gen(function*() {
      const { all, name } = yield* shop
      const zoo = all[0] as (typeof all)[number]
      const { lastSequence } = yield* Changes.fetch(name)
      yield* raw("PUT", `/${name}/customer:6`, { n: 6 })
      const poll = yield* Effect.fork(Changes.longpoll(zoo, { since: lastSequence, heartbeat: "1 second" }))
      for (let n = 7; n < 12; n++) yield* raw("PUT", `/${name}/customer:${n}`, { n })
      yield* Document.create(zoo, "6", { n: 6 })
      assert.deepStrictEqual((yield* Fiber.join(poll)).changes.map(({ id }) => id), ["order:6"])
    }))
}

/** What needs somebody to run the functions of design documents. */
export const collectionsByFunctions: Contract = (it) => {
  it.scoped("views: rows of other collections are left out, and counted nowhere", () =>
    Effect.gen(function*() {
      const { all, name } = yield* shop
      yield* bulk(name, [{ _id: "customer:7", n: 2, link: "order:2" }])
      const byN = View.make({ design: "a", view: "byN", key: Schema.Number })
      const whole = (yield* View.fetch(name, byN, { includeDocs: true })).rows.filter(View.isRow)
      const linked = (row: (typeof whole)[number]): string => {
        const value = row.value as { readonly _id?: string } | null
        return value?._id ?? row.id
      }
      for (const zoo of all) {
        for (const descending of [false, true]) {
          const own = whole.filter((row) => orders.includes(linked(row))).map(({ id, key }) => [id, key])
          assert.strictEqual(own.length, 11)
          const expected = descending ? own.reverse() : own
          for (const [skip, limit] of every(3, windows(11))) {
            const { rows } = yield* View.fetch(zoo, byN, { skip, limit, descending })
            const found = rows.filter(View.isRow)
            assert.deepStrictEqual(found.map(({ id, key }) => [id, key]), slice(expected, skip, limit))
            assert.isTrue(found.every(({ document }) => Option.isSome(document)))
          }
          for (const pageSize of [1, 2, 3, 11, 12]) {
            const pages = yield* collected(View.pages(zoo, byN, { descending, pageSize, skip: 1, limit: 9 }))
            assert.deepStrictEqual(
              pages.flatMap(({ rows }) => rows.filter(View.isRow).map(({ id, key }) => [id, key])),
              expected.slice(1, 10)
            )
            assert.strictEqual(pages.length, Math.ceil(9 / pageSize))
          }
        }
        const named = yield* View.fetch(zoo, byN, { keys: [3, 0, 2], skip: 1, limit: 3, includeDocs: false })
        assert.deepStrictEqual(ids(named.rows), ["order:3", "customer:7", "order:2"])
        const one = View.make({ design: "a", view: "one", key: Schema.Number, value: Schema.Number })
        const streamed = yield* collected(View.stream(zoo, one, { key: 1, limit: 4 }))
        assert.deepStrictEqual(ids(streamed), orders.slice(0, 4))
        const [first, second] = yield* View.queries(zoo, byN, [{ limit: 2 }, { startKey: 4, limit: 2 }])
        assert.deepStrictEqual([first, second].map((page) => ids(page?.rows ?? [])), [
          ["order:1", "order:1"],
          ["order:4", "order:4"]
        ])
      }
    }))
}
