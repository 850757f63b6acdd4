import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Search, Transport } from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { makeResponse, transport } from "../support/transport.js"

const orders = Collection.make("shop", Schema.Struct({ n: Schema.Number }), { id: Collection.prefixed("order:") })
const nouveau = Search.nouveau({ design: "d", index: "i" })
const clouseau = Search.clouseau({ design: "d", index: "i" })

/** All that matches: an order after each two customers. */
const matches = Array.from({ length: 30 }, (_, i) => i % 3 === 2 ? `order:${i}` : `customer:${i}`)
const own = matches.filter((id) => id.startsWith("order:"))

const hit = (id: string) => ({ id, order: [1], fields: {}, doc: { _id: id, _rev: `1-${"0".repeat(32)}`, n: 1 } })

interface Asked {
  readonly limit?: number
  readonly bookmark?: string
  readonly group_field?: string
  readonly group_limit?: number
}

/** A server whose bookmark is the number of hits that came before, and whose groups are of three hits each. */
const respond = (path: string, { bookmark, group_field, group_limit = 10, limit = 25 }: Asked) => {
  if (group_field !== undefined) {
    const groups = [matches.slice(0, 12), matches.slice(12, 24), ["customer:x"], matches.slice(24)]
    return makeResponse(200, {
      total_rows: 30,
      groups: groups.slice(0, group_limit).map((all, i) => ({
        by: `group ${i}`,
        total_rows: all.length,
        rows: all.slice(0, limit).map(hit)
      }))
    })
  }
  const from = bookmark === undefined ? 0 : Number(bookmark)
  const hits = matches.slice(from, from + limit).map(hit)
  const next = String(Math.min(matches.length, from + limit))
  return path.includes("_nouveau")
    ? makeResponse(200, {
      bookmark: next,
      total_hits: 30,
      total_hits_relation: "EQUAL_TO",
      hits,
      counts: null,
      ranges: null
    })
    : makeResponse(200, { bookmark: next, total_rows: 30, rows: hits })
}

const server = Effect.map(Ref.make<ReadonlyArray<Asked>>([]), (all) => ({
  asked: Ref.getAndSet(all, []),
  layer: CouchHttp.layer({ url: "http://stub", retry: "none" }).pipe(
    Layer.provide(Layer.succeed(
      Transport.Transport,
      transport(({ body, path }) => {
        const asked = JSON.parse(String(body)) as Asked
        return Effect.as(Ref.update(all, Arr.append(asked)), respond(path, asked))
      })
    ))
  )
}))

const idsOf = (hits: ReadonlyArray<{ readonly id: string }>) => hits.map(({ id }) => id)

it.effect("a page of hits is full of those of the collection, and its bookmark is after the last", () =>
  Effect.gen(function*() {
    const { asked, layer } = yield* server
    const pages = (index: typeof nouveau) =>
      Effect.gen(function*() {
        const found: Array<string> = []
        let bookmark: string | undefined
        while (true) {
          const page = yield* Search.fetch(orders, index, { query: "*:*", limit: 4, bookmark })
          if (page.hits.length === 0) break
          found.push(...idsOf(page.hits))
          assert.strictEqual(page.hits.length, Math.min(4, own.length - found.length + page.hits.length))
          assert.strictEqual(page.totalHits, 30)
          bookmark = Option.getOrThrow(page.bookmark)
          if (found.length === own.length) break
        }
        assert.deepStrictEqual(found, own)
      })
    yield* Effect.provide(Effect.zipRight(pages(nouveau), pages(clouseau as never)), layer)
    assert.isTrue((yield* asked).every(({ limit = 0 }) => limit <= 200))
    const all = yield* Effect.provide(Search.fetch(orders, nouveau, { query: "*:*" }), layer)
    assert.deepStrictEqual(idsOf(all.hits), own)
  }))

it.effect("a stream of hits ends after the limit of hits of the collection", () =>
  Effect.gen(function*() {
    const { layer } = yield* server
    for (const limit of [undefined, 1, 5, 10, 11]) {
      for (const pageSize of [1, 3, 100]) {
        const hits = yield* Effect.provide(
          Stream.runCollect(Search.stream(orders, nouveau, { query: "*:*", limit, pageSize })),
          layer
        )
        assert.deepStrictEqual(idsOf(Array.from(hits)), own.slice(0, limit))
      }
    }
  }))

it.effect("groups are full of hits of the collection, and those without any are left out", () =>
  Effect.gen(function*() {
    const { asked, layer } = yield* server
    const { groups } = yield* Effect.provide(
      Search.groups(orders, clouseau, { query: "*:*", groupField: "by", groupLimit: 3, limit: 3 }),
      layer
    )
    assert.deepStrictEqual(groups.map(({ hits }) => idsOf(hits)), [
      own.slice(0, 3),
      own.slice(4, 7),
      own.slice(8)
    ])
    assert.isAtMost((yield* asked).length, 3)
  }))
