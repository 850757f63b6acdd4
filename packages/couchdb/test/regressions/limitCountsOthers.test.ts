import { assert, it } from "@effect/vitest"
import { Changes, Collection, CouchHttp, Database, Mango, View } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type InterceptedClient, interceptedClient, requests } from "../support/transport.js"

const Numbered = Schema.Struct({ n: Schema.Number })
const ranged = Collection.make("shop", Numbered, { id: Collection.prefixed("order:") })
const custom = Collection.make("shop", Numbered, {
  id: {
    encode: (key: string) => `order:${key}`,
    decode: (id) => id.startsWith("order:") ? Option.some(id.slice(6)) : Option.none()
  }
})
const plain = Collection.make("shop", Numbered)

const bulk = (ids: ReadonlyArray<string>) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    couch.execute({
      method: "POST",
      path: "/shop/_bulk_docs",
      route: "/{db}/_bulk_docs",
      body: JSON.stringify({ docs: ids.map((_id, n) => ({ _id, n })) })
    }))

const five = [1, 2, 3, 4, 5]
const orders = five.map((n) => `order:${n}`)

/** A shop with five customers, and five orders after them. */
const shop = <A, E>(test: (on: InterceptedClient) => Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.provide(
      Effect.gen(function*() {
        yield* Database.create("shop")
        yield* bulk([...five.map((n) => `customer:${n}`), "_design/a", ...orders])
        yield* test(on)
      }),
      on.layer
    )
  })

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const ids = (rows: ReadonlyArray<{ readonly _tag: string } & object>) => rows.map((row) => "id" in row ? row.id : "!")

it.effect("a limit of all documents counts those of the collection, in one request if it has a range", () =>
  shop((on) =>
    Effect.gen(function*() {
      const [found, asked] = yield* requests(on, View.fetch(ranged, View.allDocs, { limit: 3 }))
      assert.deepStrictEqual(ids(found.rows), orders.slice(0, 3))
      assert.strictEqual(asked.length, 1)
      const [read, more] = yield* requests(on, View.fetch(custom, View.allDocs, { limit: 3 }))
      assert.deepStrictEqual(ids(read.rows), orders.slice(0, 3))
      assert.strictEqual(more.length, 2)
      const [skipped, once] = yield* requests(on, View.fetch(ranged, View.allDocs, { skip: 3, limit: 3 }))
      assert.deepStrictEqual(ids(skipped.rows), orders.slice(3))
      assert.strictEqual(once.length, 1)
    })
  ))

it.effect("every page of a collection but the last is full", () =>
  shop((on) =>
    Effect.gen(function*() {
      for (const zoo of [ranged, custom]) {
        const pages = yield* collected(View.pages(zoo, View.allDocs, { pageSize: 2 }))
        assert.deepStrictEqual(pages.map(({ rows }) => ids(rows)), [
          orders.slice(0, 2),
          orders.slice(2, 4),
          orders.slice(4)
        ])
      }
      const [pages, asked] = yield* requests(on, collected(View.pages(ranged, View.allDocs, { pageSize: 5 })))
      assert.deepStrictEqual([pages.length, asked.length], [1, 1])
      const everything = yield* collected(View.pages(plain, View.allDocs, { pageSize: 5 }))
      assert.deepStrictEqual(everything.map(({ rows }) => rows.length), [5, 5])
    })
  ))

it.effect("a limit of Mango counts the documents of the collection, in one request if it has a range", () =>
  shop((on) =>
    Effect.gen(function*() {
      for (const zoo of [ranged, custom]) {
        const [page, asked] = yield* requests(on, Mango.find(zoo, { selector: {}, limit: 3 }))
        assert.deepStrictEqual(page.documents.map(({ id }) => id), orders.slice(0, 3))
        if (zoo === ranged) assert.strictEqual(asked.length, 1)
        const next = yield* Mango.find(zoo, {
          selector: {},
          limit: 3,
          bookmark: Option.getOrThrow(page.bookmark)
        })
        assert.deepStrictEqual(next.documents.map(({ id }) => id), orders.slice(3))
      }
    })
  ))

it.effect("a page of Mango without a limit has 25 documents of the collection", () =>
  shop(() =>
    Effect.gen(function*() {
      const more = Array.from({ length: 60 }, (_, i) => String(100 + i))
      yield* bulk(more.map((n) => `customer:${n}`))
      yield* bulk(more.map((n) => `order:${n}`))
      for (const zoo of [ranged, custom]) {
        assert.strictEqual((yield* Mango.find(zoo, { selector: {} })).documents.length, 25)
        assert.strictEqual((yield* collected(Mango.stream(zoo, { selector: {}, pageSize: 7 }))).length, 65)
      }
    })
  ))

it.effect("a limit of changes counts those of the collection, and the next answer begins after the last", () =>
  shop((on) =>
    Effect.gen(function*() {
      for (const zoo of [ranged, custom]) {
        const [page, asked] = yield* requests(on, Changes.fetch(zoo, { limit: 3 }))
        assert.strictEqual(page.changes.length, 3)
        assert.isAtMost(asked.length, 3)
        const rest = yield* Changes.fetch(zoo, { since: page.lastSequence })
        assert.sameMembers([...page.changes, ...rest.changes].map(({ id }) => id), orders)
        const left = yield* Changes.fetch("shop", { since: page.lastSequence })
        assert.strictEqual(Option.getOrNull(page.pending), left.changes.length)
        assert.strictEqual((yield* collected(Changes.stream(zoo, { limit: 4 }))).length, 4)
      }
    })
  ))
