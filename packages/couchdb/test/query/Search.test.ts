// Neither Nouveau nor Clouseau runs here, as both need Java. What is sent is compared with what CouchDB 3.5 documents and
// takes, and the answers have the form that its sources write. Only the refusals at the end come from a CouchDB.
import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Search, Transport } from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { fetchTransport } from "../contract/targets.js"
import { makeResponse, transport } from "../support/transport.js"

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const zoo = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
const Fields = Schema.Struct({ name: Schema.String, since: Schema.optional(Schema.NumberFromString) })

const nouveau = Search.nouveau({ design: "a b", index: "by/name", fields: Fields })
const clouseau = Search.clouseau({ design: "a b", index: "by/name", fields: Fields })

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

const answering = (respond: (asked: Asked, number: number) => Transport.BufferedResponse) =>
  Effect.map(Ref.make<ReadonlyArray<Asked>>([]), (all) => ({
    asked: Ref.get(all),
    layer: CouchHttp.layer({ url: "http://stub", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(
        Transport.Transport,
        transport(({ body, method, path }) => {
          const asked = { method, path, body: typeof body === "string" ? JSON.parse(body) as unknown : undefined }
          return Effect.map(Ref.updateAndGet(all, Arr.append(asked)), ({ length }) => respond(asked, length))
        })
      ))
    )
  }))

const doc = (i: number) => ({ _id: `d${i}`, _rev: `1-${"0".repeat(32)}`, name: "m", seen: i })

const nouveauHit = (i: number, fields: unknown = { name: "m", since: "7" }) => ({
  id: `d${i}`,
  order: [{ "@type": "float", value: 1.5 }, { "@type": "string", value: `d${i}` }],
  fields,
  doc: doc(i)
})

const nouveauAnswer = (hits: ReadonlyArray<unknown>, bookmark = "b", rest: object = {}) =>
  makeResponse(200, {
    bookmark,
    total_hits: 7,
    total_hits_relation: "EQUAL_TO",
    hits,
    counts: null,
    ranges: null,
    update_latency: 3,
    ...rest
  })

const clouseauHit = (i: number, rest: object = {}) => ({
  id: `d${i}`,
  order: [1.5, 0],
  fields: { name: "m" },
  doc: doc(i),
  ...rest
})

describe("Nouveau", () => {
  it.effect("is asked in a body, with all that the query says", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(() => nouveauAnswer([]))
      const ask = Search.fetch("zoo", nouveau, {
        query: "name:\"a b\"&?",
        limit: 3,
        bookmark: "b",
        sort: ["-seen", "name"],
        counts: ["family"],
        ranges: { seen: [{ label: "rare", min: 0, max: 3, max_inclusive: false }] },
        topN: 5,
        locale: "de",
        update: false,
        includeDocs: true
      })
      const partitioned = Search.fetch(zoo, nouveau, { query: "*:*", partition: "x/y" })
      yield* Effect.provide(Effect.zip(ask, partitioned), layer)
      assert.deepStrictEqual(yield* asked, [
        {
          method: "POST",
          path: "/zoo/_design/a%20b/_nouveau/by%2Fname",
          body: {
            q: "name:\"a b\"&?",
            limit: 3,
            bookmark: "b",
            sort: ["-seen", "name"],
            counts: ["family"],
            ranges: { seen: [{ label: "rare", min: 0, max: 3, max_inclusive: false }] },
            top_n: 5,
            locale: "de",
            update: false,
            include_docs: true
          }
        },
        {
          method: "POST",
          path: "/zoo/_partition/x%2Fy/_design/a%20b/_nouveau/by%2Fname",
          body: { q: "*:*", include_docs: true }
        }
      ])
    }))

  it.effect("hits have decoded fields and documents, and facets", () =>
    Effect.gen(function*() {
      const { layer } = yield* answering(() =>
        nouveauAnswer([nouveauHit(1)], "next", {
          total_hits_relation: "GREATER_THAN_OR_EQUAL_TO",
          counts: { family: { nymphalidae: 4, pieridae: 3 } },
          ranges: { seen: { rare: 2 } }
        })
      )
      const page = yield* Effect.provide(Search.fetch(zoo, nouveau, { query: "name:m" }), layer)
      assert.deepStrictEqual([page.totalHits, page.totalIsExact], [7, false])
      assert.deepStrictEqual(page.bookmark, Option.some("next"))
      assert.deepStrictEqual(page.counts, Option.some({ family: { nymphalidae: 4, pieridae: 3 } }))
      assert.deepStrictEqual(page.ranges, Option.some({ seen: { rare: 2 } }))
      const [hit] = page.hits
      assert.deepStrictEqual(hit?.fields, { name: "m", since: 7 })
      assert.deepStrictEqual(
        Option.map(hit?.document ?? Option.none(), ({ body }) => body),
        Option.some({ name: "m", seen: 1 })
      )
      assert.deepStrictEqual(hit?.order[0], { "@type": "float", value: 1.5 })
    }))

  it.effect("a stream follows bookmarks to the last page, and no further than its limit", () =>
    Effect.gen(function*() {
      const five = yield* answering((_, number) =>
        nouveauAnswer(number < 3 ? [nouveauHit(number * 2), nouveauHit(number * 2 + 1)] : [nouveauHit(6)], `b${number}`)
      )
      const all = yield* collected(Search.stream(zoo, nouveau, { query: "*:*", pageSize: 2 })).pipe(
        Effect.provide(five.layer)
      )
      assert.deepStrictEqual(all.map(({ id }) => id), ["d2", "d3", "d4", "d5", "d6"])
      assert.deepStrictEqual((yield* five.asked).map(({ body }) => body), [
        { q: "*:*", limit: 2, include_docs: true },
        { q: "*:*", limit: 2, bookmark: "b1", include_docs: true },
        { q: "*:*", limit: 2, bookmark: "b2", include_docs: true }
      ])
      const many = yield* answering(({ body }, number) =>
        nouveauAnswer(
          Array.from({ length: (body as { readonly limit: number }).limit }, (_, i) => nouveauHit(i)),
          `b${number}`
        )
      )
      const three = yield* collected(Search.stream("zoo", nouveau, { query: "*:*", pageSize: 2, limit: 3 })).pipe(
        Effect.provide(many.layer)
      )
      assert.strictEqual(three.length, 3)
      assert.strictEqual((yield* many.asked).length, 2)
      const stuck = yield* answering(() => nouveauAnswer([nouveauHit(1), nouveauHit(2)], "same"))
      const four = yield* collected(Search.stream("zoo", nouveau, { query: "*:*", pageSize: 2 })).pipe(
        Effect.provide(stuck.layer)
      )
      assert.strictEqual(four.length, 4)
    }))

  it.effect("one bad hit: fails, is a Left, or is skipped", () =>
    Effect.gen(function*() {
      const hits = [
        nouveauHit(1),
        nouveauHit(2, { name: 7 }),
        { ...nouveauHit(3), doc: { ...doc(3), seen: "often" } },
        nouveauHit(4)
      ]
      const { layer } = yield* answering(() => nouveauAnswer(hits))
      const error = yield* Effect.flip(Search.fetch(zoo, nouveau, { query: "*:*" })).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        error._tag === "DecodeError" ? [error.id, error.issues[0]?.path] : [],
        ["d2", ["fields", "name"]]
      )
      const both = yield* collected(Search.streamEither(zoo, nouveau, { query: "*:*" })).pipe(Effect.provide(layer))
      assert.deepStrictEqual(both.map((one) => one._tag === "Left" ? one.left.id : "good"), [
        "good",
        "d2",
        "d3",
        "good"
      ])
      const valid = yield* collected(Search.streamValid(zoo, nouveau, { query: "*:*" })).pipe(Effect.provide(layer))
      assert.deepStrictEqual(valid.map(({ id }) => id), ["d1", "d4"])
    }))
})

describe("Clouseau", () => {
  it.effect("is asked in a body, with all that the query says", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(() => makeResponse(200, { total_rows: 0, bookmark: "b", rows: [] }))
      const ask = Search.fetch("zoo", clouseau, {
        query: "name:a*",
        limit: 3,
        sort: "-seen<number>",
        counts: ["family"],
        ranges: { seen: { rare: "[0 TO 3]" } },
        drilldown: [["family", "nymphalidae"], ["place", "DE", "FR"]],
        update: false,
        includeFields: ["name"],
        highlight: { fields: ["name"], before: "<b>", after: "</b>", fragments: 2, size: 60 }
      })
      yield* Effect.provide(ask, layer)
      assert.deepStrictEqual(yield* asked, [{
        method: "POST",
        path: "/zoo/_design/a%20b/_search/by%2Fname",
        body: {
          q: "name:a*",
          limit: 3,
          sort: "-seen<number>",
          counts: ["family"],
          ranges: { seen: { rare: "[0 TO 3]" } },
          drilldown: [["family", "nymphalidae"], ["place", "DE", "FR"]],
          stale: "ok",
          include_docs: false,
          include_fields: ["name"],
          highlight_fields: ["name"],
          highlight_pre_tag: "<b>",
          highlight_post_tag: "</b>",
          highlight_number: 2,
          highlight_size: 60
        }
      }])
    }))

  it.effect("hits, highlights, and a stream of them", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering((_, number) =>
        makeResponse(200, {
          total_rows: 3,
          bookmark: `b${number}`,
          rows: number === 1 ? [clouseauHit(1, { highlights: { name: ["<b>m</b>"] } }), clouseauHit(2)] : []
        })
      )
      const hits = yield* collected(Search.stream(zoo, clouseau, { query: "m", pageSize: 2 })).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(hits.map(({ fields, id, order }) => [id, fields, order]), [
        ["d1", { name: "m" }, [1.5, 0]],
        ["d2", { name: "m" }, [1.5, 0]]
      ])
      assert.deepStrictEqual(hits.map(({ highlights }) => highlights), [{ name: ["<b>m</b>"] }, {}])
      assert.strictEqual((yield* asked).length, 2)
    }))

  it.effect("groups", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(() =>
        makeResponse(200, {
          total_rows: 9,
          groups: [{ by: "pieridae", total_rows: 5, rows: [clouseauHit(1)] }, { by: null, total_rows: 4, rows: [] }]
        })
      )
      const found = yield* Search.groups(zoo, clouseau, {
        query: "m",
        groupField: "family",
        groupLimit: 2,
        groupSort: "-seen<number>",
        limit: 1
      }).pipe(Effect.provide(layer))
      assert.strictEqual(found.totalHits, 9)
      assert.deepStrictEqual(
        found.groups.map(({ by, hits, totalHits }) => [by, totalHits, hits.map(({ id }) => id)]),
        [[Option.some("pieridae"), 5, ["d1"]], [Option.none(), 4, []]]
      )
      assert.deepStrictEqual((yield* asked)[0]?.body, {
        q: "m",
        limit: 1,
        include_docs: true,
        group_field: "family",
        group_limit: 2,
        group_sort: "-seen<number>"
      })
    }))
})

describe("about an index", () => {
  it.effect("its size, and what an analyzer does", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(({ path }) =>
        path.includes("_analyze")
          ? makeResponse(200, { tokens: ["butterfli", "moth"] })
          : makeResponse(200, {
            name: "_design/a b/by/name",
            search_index: path.includes("_nouveau_info")
              ? { num_docs: 1000, update_seq: 5000, disk_size: 1048576 }
              : { doc_count: 9, doc_del_count: 1, pending_seq: 7, committed_seq: 7, disk_size: 70 }
          })
      )
      const program = Effect.gen(function*() {
        assert.deepInclude(yield* Search.info("zoo", nouveau), { documents: 1000, diskSize: 1048576 })
        assert.deepInclude(yield* Search.info(zoo, clouseau), { documents: 9, diskSize: 70 })
        assert.deepStrictEqual(yield* Search.analyze("Nouveau", "english", "butterflies and moths"), [
          "butterfli",
          "moth"
        ])
        yield* Search.analyze("Clouseau", { name: "classic", stopwords: ["and"] }, "butterflies and moths")
      })
      yield* Effect.provide(program, layer)
      assert.deepStrictEqual((yield* asked).map(({ body, method, path }) => [method, path, body]), [
        ["GET", "/zoo/_design/a%20b/_nouveau_info/by%2Fname", undefined],
        ["GET", "/zoo/_design/a%20b/_search_info/by%2Fname", undefined],
        ["POST", "/_nouveau_analyze", { analyzer: "english", text: "butterflies and moths" }],
        ["POST", "/_search_analyze", {
          analyzer: { name: "classic", stopwords: ["and"] },
          text: "butterflies and moths"
        }]
      ])
    }))
})

describe("what is not there", () => {
  const missing = makeResponse(404, { error: "not_found", reason: "missing" })
  const tagOf = (index: typeof nouveau | typeof clouseau, respond: (asked: Asked) => Transport.BufferedResponse) =>
    Effect.flatMap(answering(respond), ({ layer }) =>
      (index._tag === "Nouveau"
        ? Search.fetch("zoo", index, { query: "a" })
        : Search.fetch("zoo", index, { query: "a" })).pipe(Effect.flip, Effect.provide(layer)))

  it.effect("distinguishes a server without search from a missing index", () =>
    Effect.gen(function*() {
      const without = yield* tagOf(nouveau, () => missing)
      assert.deepInclude(without, { _tag: "SearchUnavailableError", engine: "Nouveau", database: "zoo" })
      assert.match(without.message, /\[nouveau\]/)
      const index = yield* tagOf(nouveau, ({ path }) =>
        path === "/_nouveau_analyze" ? makeResponse(200, { tokens: ["a"] }) : missing)
      assert.strictEqual(index._tag, "NotFoundError")
      const database = yield* tagOf(nouveau, () =>
        makeResponse(404, { error: "not_found", reason: "Database does not exist." }))
      assert.strictEqual(database._tag, "NotFoundError")
      const unavailable = makeResponse(503, { error: "service unavailable", reason: "Search is not available" })
      assert.deepInclude(
        yield* tagOf(clouseau, () =>
          unavailable),
        {
          _tag: "SearchUnavailableError",
          engine: "Clouseau",
          reason: "Search is not available"
        }
      )
      const lost = makeResponse(500, {
        error: "ou_est_clouseau",
        reason: "Could not connect to the Clouseau Java service"
      })
      assert.strictEqual(
        (yield* tagOf(clouseau, () =>
          lost))._tag,
        "SearchUnavailableError"
      )
      const busy = makeResponse(503, { error: "maintenance", reason: "soon" })
      assert.strictEqual(
        (yield* tagOf(clouseau, () =>
          busy))._tag,
        "ServerError"
      )
      const wrong = makeResponse(400, { error: "bad_request", reason: "Cannot parse" })
      assert.strictEqual((yield* tagOf(clouseau, () => wrong))._tag, "BadRequestError")
    }))

  it.effect("does not send invalid names or queries that JSON cannot represent", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(() => nouveauAnswer([]))
      const tag = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
        effect.pipe(Effect.flip, Effect.map(({ _tag }) => _tag), Effect.provide(layer))
      const bad = Search.nouveau({ design: "..", index: "a" })
      assert.strictEqual(yield* tag(Search.fetch("zoo", bad, { query: "a" })), "InvalidIdError")
      assert.strictEqual(yield* tag(Search.info("zoo", Search.clouseau({ design: "a", index: "" }))), "InvalidIdError")
      assert.strictEqual(yield* tag(Search.fetch("zoo", nouveau, { query: "\ud800" })), "EncodeError")
      assert.deepStrictEqual(yield* asked, [])
    }))

  const url = process.env["COUCHDB_URL"]
  it.live.skipIf(url === undefined)("CouchDB itself, without search", () =>
    Effect.gen(function*() {
      for (const index of [nouveau, clouseau]) {
        const error = yield* Effect.flip(
          index._tag === "Nouveau"
            ? Search.fetch("_users", index, { query: "a" })
            : Search.fetch("_users", index, { query: "a" })
        )
        // A server that has search would miss the index.
        assert.include(["SearchUnavailableError", "NotFoundError"], error._tag)
      }
    }).pipe(Effect.provide(Layer.provide(CouchHttp.layerConfig(), fetchTransport))))
})
