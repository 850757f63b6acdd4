import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, Transport, View } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { runs } from "../support/deep.js"
import { makeResponse, transport } from "../support/transport.js"

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const emissions = View.make({ design: "zoo", view: "emissions" })

interface Emission {
  readonly key: unknown
  readonly value: unknown
}

/** A CouchDB whose view emits what a document lists. */
const engine = CouchHttp.layer({ url: "http://embedded" }).pipe(
  Layer.provide(EmbeddedCouch.layer({
    functions: {
      zoo: {
        views: {
          emissions: {
            map: (doc, emit) => {
              for (const { key, value } of (doc["emissions"] ?? []) as ReadonlyArray<Emission>) emit(key, value)
            }
          }
        }
      }
    }
  }))
)

const send = (method: "PUT" | "POST", path: string, body: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method, path, route: path, body: JSON.stringify(body) })
  )

// Few keys, so that many are equal; 1 and 1.0 are, and so are texts that differ in characters without weight.
const key = FastCheck.constantFrom<unknown>(
  null,
  false,
  0,
  1,
  "",
  "a",
  "A",
  "a\u00ad",
  "é",
  "e\u0301",
  ["a"],
  ["a", 1],
  ["a", { b: [0] }],
  {},
  { b: 1 }
)

const documents = FastCheck.array(FastCheck.array(key, { maxLength: 5 }), { maxLength: 12 })

interface Paged {
  readonly documents: ReadonlyArray<ReadonlyArray<unknown>>
  readonly pageSize: number
  readonly descending: boolean
  readonly skip: number
  readonly limit: number | undefined
  readonly start: unknown
}

/** The pages of a view are the view in one answer. */
const agree = ({ descending, documents, limit, pageSize, skip, start }: Paged) =>
  Effect.gen(function*() {
    yield* Database.create("zoo")
    yield* send("PUT", "/zoo/_design/zoo", { views: { emissions: { map: "function (doc) {}" } } })
    yield* send("POST", "/zoo/_bulk_docs", {
      docs: documents.map((keys, i) => ({ _id: `d${i}`, emissions: keys.map((key, value) => ({ key, value })) }))
    })
    const options = {
      descending,
      skip,
      limit,
      ...(start !== undefined && { startKey: View.bound(start as never) })
    }
    const { rows } = yield* View.fetch("zoo", emissions, options)
    const count = Math.max(1, Math.ceil(rows.length / pageSize))
    // One more than there are, so that paging without end fails too.
    const pages = yield* collected(Stream.take(View.pages("zoo", emissions, { ...options, pageSize }), count + 1))
    assert.deepStrictEqual(pages.flatMap(({ rows }) => rows), rows)
    assert.strictEqual(pages.length, count)
  }).pipe(Effect.provide(engine))

describe("pages", () => {
  it.effect.prop(
    "of any size, up or down, are the view in one answer",
    {
      documents,
      pageSize: FastCheck.integer({ min: 1, max: 8 }),
      descending: FastCheck.boolean(),
      skip: FastCheck.integer({ min: 0, max: 3 }),
      limit: FastCheck.option(FastCheck.integer({ min: 0, max: 20 }), { nil: undefined }),
      start: FastCheck.option(key, { nil: undefined })
    },
    agree,
    runs(50, 1_000)
  )

  it.effect("that skip some of the rows which one document emits under one key, over several pages", () =>
    Effect.forEach(
      [1, 2, 3, 4].flatMap((skip) =>
        [1, 2].flatMap((pageSize) => [true, false].map((up) => [skip, pageSize, up] as const))
      ),
      ([skip, pageSize, descending]) =>
        agree({
          documents: [["a", "a\u00ad", "a", "a", "a"], ["a", "a", "a"]],
          pageSize,
          descending,
          skip,
          limit: undefined,
          start: undefined
        })
    ))
})

/** A CouchHttp whose every answer is given here. */
const answering = (f: (request: Transport.TransportRequest) => Transport.BufferedResponse) =>
  CouchHttp.layer({ url: "http://stub", retry: "none" }).pipe(
    Layer.provide(Layer.succeed(Transport.Transport, transport((request) => Effect.sync(() => f(request)))))
  )

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => `{"id":"d${i}","key":"d${i}","value":{"rev":"1-${"0".repeat(32)}"}}`)

const around = (rows: ReadonlyArray<string>, tail = "\r\n]}\n") =>
  `{"total_rows":3,"offset":0,"rows":[\r\n${rows.join(",\r\n")}${tail}`

describe("answers", () => {
  const read = (body: string) =>
    collected(View.stream("zoo", View.allDocs)).pipe(Effect.provide(answering(() => makeResponse(200, body))))

  it.effect("fails for an error after status 200", () =>
    Effect.gen(function*() {
      const late = yield* Effect.flip(read(around(rows(2), `,\r\n{"error":"timeout","reason":"too slow"}\n`)))
      assert.deepInclude(late, { _tag: "ServerError", error: "timeout", reason: "too slow" })
      const instead = yield* Effect.flip(read(`{"error":"compilation_error","reason":"no function"}`))
      assert.deepInclude(instead, { _tag: "ServerError", error: "compilation_error" })
    }))

  it.effect("one that breaks off is never just short", () =>
    Effect.gen(function*() {
      const whole = around(rows(3))
      for (let length = 0; length < whole.trimEnd().length; length += 7) {
        const error = yield* Effect.flip(read(whole.slice(0, length)))
        assert.include(["TransportError", "ServerError"], error._tag)
      }
      assert.strictEqual((yield* read(whole)).length, 3)
    }))

  it.effect("rows in one line, and pretty-printed, are the same rows", () =>
    Effect.gen(function*() {
      const expected = yield* read(around(rows(3)))
      assert.deepStrictEqual(yield* read(JSON.stringify(JSON.parse(around(rows(3))))), expected)
      assert.deepStrictEqual(yield* read(JSON.stringify(JSON.parse(around(rows(3))), null, 2)), expected)
    }))

  it.effect("a row that is not one is an UnexpectedResponseError", () =>
    Effect.gen(function*() {
      for (const row of ["7", "null", `{"key":"a","value":1}`]) {
        assert.strictEqual((yield* Effect.flip(read(around([row]))))._tag, "UnexpectedResponseError")
      }
    }))

  it.effect("returns a reduce error as a value, and fails if it is the only row", () =>
    Effect.gen(function*() {
      const refused = `{"key":1,"error":"reduce_overflow_error","reason":"must shrink"}`
      const view = View.reduced({ design: "zoo", view: "v", key: Schema.Number, value: Schema.Number })
      const layer = answering(() =>
        makeResponse(200, `{"rows":[\r\n${[`{"key":0,"value":7}`, refused].join(",\r\n")}\r\n]}`)
      )
      const page = yield* View.fetch("zoo", view, { group: true }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(page.rows.map(({ _tag }) => _tag), ["Group", "Refused"])
      const error = yield* View.reduce("zoo", view).pipe(
        Effect.provide(answering(() => makeResponse(200, `{"rows":[\r\n${refused}\r\n]}`))),
        Effect.flip
      )
      assert.deepInclude(error, { _tag: "ServerError", error: "reduce_overflow_error", reason: "must shrink" })
    }))

  it.effect("emits the first row before the last is sent, and stops reading when the consumer does", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const [first = "", second = ""] = rows(2)
      const endless = Stream.concat(
        Stream.make(`{"total_rows":3,"offset":0,"rows":[\r\n`, `${first},\r\n${second},\r\n`),
        Stream.never
      ).pipe(Stream.map((text) => new TextEncoder().encode(text)))
      const layer = CouchHttp.layer({ url: "http://stub" }).pipe(Layer.provide(Layer.succeed(Transport.Transport, {
        request: () => Effect.dieMessage("a stream was asked for"),
        stream: () =>
          Effect.as(
            Effect.addFinalizer(() => Deferred.succeed(closed, undefined)),
            { status: 200, headers: {}, body: endless }
          )
      })))
      const row = yield* Stream.runHead(View.stream("zoo", View.allDocs)).pipe(Effect.provide(layer))
      assert.deepStrictEqual(Option.map(row, (row) => View.isRow(row) && row.id), Option.some("d0"))
      yield* Deferred.await(closed)
    }))
})

describe("requests", () => {
  const asked = <A, E>(effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<Transport.TransportRequest>>([])
      const layer = CouchHttp.layer({ url: "http://stub" }).pipe(
        Layer.provide(Layer.succeed(
          Transport.Transport,
          transport((request) => Effect.as(Ref.update(seen, Arr.append(request)), makeResponse(200, `{"rows":[]}`)))
        ))
      )
      yield* Effect.provide(effect, layer)
      const [{ body, method, path } = { body: undefined, method: "none", path: "" }] = yield* Ref.get(seen)
      return { method, url: decodeURIComponent(path), body: typeof body === "string" ? body : undefined }
    })

  it.effect("sends keys as JSON in the query, and in the body if they are long", () =>
    Effect.gen(function*() {
      const view = View.make({ design: "a b", view: "c/d" })
      const short = yield* asked(View.fetch("zoo", view, { keys: [null, 0, "", false, ["ü", 1]], includeDocs: true }))
      assert.strictEqual(short.method, "GET")
      assert.match(
        short.url,
        /\/zoo\/_design\/a b\/_view\/c\/d\?keys=\[null,0,"",false,\["ü",1\]\]&reduce=false&include_docs=true$/
      )
      const long = yield* asked(View.fetch("zoo", view, { keys: Array.from({ length: 500 }, (_, i) => `key ${i}`) }))
      assert.strictEqual(long.method, "POST")
      assert.match(long.body ?? "", /^\{"keys":\["key 0","key 1",.*"key 499"\],"reduce":false\}$/)
    }))

  it.effect("every option of a view and of its reduce function", () =>
    Effect.gen(function*() {
      const all = yield* asked(View.fetch("zoo", View.make({ design: "z", view: "v" }), {
        startKey: [1],
        endKey: { b: 1.5 },
        startKeyDocId: "a b",
        endKeyDocId: "null",
        inclusiveEnd: false,
        descending: true,
        skip: 0,
        limit: 7,
        stable: true,
        update: "lazy",
        sorted: false,
        updateSeq: true,
        includeDocs: true,
        conflicts: true,
        attachments: true,
        attachmentEncodingInfo: true,
        partition: "p/q"
      }))
      assert.strictEqual(
        all.url.split("?")[1],
        "startkey=[1]&endkey={\"b\":1.5}&startkey_docid=a b&endkey_docid=null&inclusive_end=false&descending=true&" +
          "skip=0&limit=7&reduce=false&stable=true&update=lazy&sorted=false&update_seq=true&include_docs=true&" +
          "conflicts=true&attachments=true&att_encoding_info=true"
      )
      assert.include(all.url, "/zoo/_partition/p/q/_design/z/_view/v?")
      const reduced = View.reduced({ design: "z", view: "v" })
      assert.match((yield* asked(View.fetch("zoo", reduced, { groupLevel: 2 }))).url, /\?reduce=true&group_level=2$/)
      assert.match(
        (yield* asked(View.fetch("zoo", reduced, { keys: [1] }))).url,
        /\?keys=\[1\]&reduce=true&group=true$/
      )
      const zoo = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
      assert.match((yield* asked(View.fetch(zoo, View.allDocs))).url, /\/_all_docs\?include_docs=true$/)
      assert.match((yield* asked(View.fetch(zoo, View.designDocs))).url, /\/_design_docs$/)
    }))
})
