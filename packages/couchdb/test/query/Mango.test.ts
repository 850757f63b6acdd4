import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Mango, Transport } from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { makeResponse, transport } from "../support/transport.js"

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const zoo = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))

interface Asked {
  readonly path: string
  readonly body: unknown
}

/** A CouchHttp whose answers are a function of how often it was asked, and what it was asked. */
const answering = (text: (number: number) => string) =>
  Effect.map(Ref.make<ReadonlyArray<Asked>>([]), (asked) => ({
    asked: Ref.get(asked),
    layer: CouchHttp.layer({ url: "http://stub", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(
        Transport.Transport,
        transport(({ body, path }) =>
          Effect.map(
            Ref.updateAndGet(asked, Arr.append({ path, body: JSON.parse(String(body)) as unknown })),
            ({ length }) => makeResponse(200, text(length))
          )
        )
      ))
    )
  }))

const doc = (i: number) => `{"_id":"d${i}","_rev":"1-${"0".repeat(32)}","name":"d","seen":${i}}`

const docs = (from: number, count: number) => Array.from({ length: count }, (_, i) => doc(from + i))

const found = (docs: ReadonlyArray<string>, rest = `"bookmark": "next"`) =>
  `{"docs":[\r\n${docs.join(",\r\n")}\r\n],\r\n${rest}}\r\n`

describe("requests", () => {
  it.effect("a query is sent with all that it says", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering(() => found([]))
      const query = {
        selector: { name: "a", seen: { $gt: 0 } },
        fields: ["name"],
        sort: [{ name: "desc" }],
        limit: 3,
        skip: 0,
        bookmark: "b",
        useIndex: ["d", "i"],
        allowFallback: false,
        conflicts: true,
        quorum: 2,
        update: false,
        stable: true,
        executionStats: true,
        partition: "p/q"
      } as const
      yield* Effect.provide(Mango.find(zoo, query), layer)
      assert.deepStrictEqual(yield* asked, [{
        path: "/zoo/_partition/p%2Fq/_find",
        body: {
          selector: { name: "a", seen: { $gt: 0 } },
          // So that a collection can tell whose fields these are.
          fields: ["_id", "name"],
          sort: [{ name: "desc" }],
          limit: 3,
          skip: 0,
          bookmark: "b",
          use_index: ["d", "i"],
          allow_fallback: false,
          conflicts: true,
          r: 2,
          update: false,
          stable: true,
          execution_stats: true
        }
      }])
    }))

  it.effect("a stream follows the bookmarks, skips once, and sends no request after a page that is not full", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering((number) =>
        found(docs(number * 2, number < 3 ? 2 : 1), `"bookmark": "b${number}"`)
      )
      const all = yield* collected(Mango.stream(zoo, { selector: {}, skip: 4, pageSize: 2 })).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(all.map(({ body }) => body.seen), [2, 3, 4, 5, 6])
      assert.deepStrictEqual((yield* asked).map(({ body }) => body), [
        { selector: {}, skip: 4, limit: 2 },
        { selector: {}, limit: 2, bookmark: "b1" },
        { selector: {}, limit: 2, bookmark: "b2" }
      ])
    }))

  it.effect("a stream has one page in memory, and asks for the next when somebody wants it", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering((number) => found(docs(number * 10, 10)))
      const some = yield* collected(Stream.take(Mango.stream(zoo, { selector: {}, pageSize: 10 }), 20)).pipe(
        Effect.provide(layer)
      )
      assert.strictEqual(some.length, 20)
      assert.strictEqual((yield* asked).length, 2)
    }))

  it.effect("never exceeds the limit, and ends a stream at an invalid bookmark", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* answering((number) => found(docs(number, number === 1 ? 2 : 1)))
      const three = yield* collected(Mango.stream(zoo, { selector: {}, pageSize: 2, limit: 3 })).pipe(
        Effect.provide(layer)
      )
      assert.strictEqual(three.length, 3)
      assert.deepStrictEqual((yield* asked).map(({ body }) => (body as { readonly limit: number }).limit), [2, 1])
      const nil = yield* answering(() => found(docs(0, 2), `"bookmark": "nil"`))
      const two = yield* collected(Mango.stream(zoo, { selector: {}, pageSize: 2 })).pipe(Effect.provide(nil.layer))
      assert.strictEqual(two.length, 2)
      const page = yield* Mango.find(zoo, { selector: {} }).pipe(Effect.provide(nil.layer))
      assert.deepStrictEqual(page.bookmark, Option.none())
    }))
})

describe("answers", () => {
  const fails = (text: string) =>
    Effect.flatMap(answering(() => text), ({ layer }) =>
      Effect.provide(
        Effect.zip(
          Effect.flip(Mango.find(zoo, { selector: {} })),
          Effect.flip(Stream.runDrain(Mango.stream(zoo, { selector: {} })))
        ),
        layer
      ))

  it.effect("fails for a response that breaks off, for an error after status 200, and for an element that is not a document", () =>
    Effect.gen(function*() {
      const whole = found(docs(0, 2)).trimEnd()
      for (let length = 0; length < whole.length; length += 9) {
        for (const error of yield* fails(whole.slice(0, length))) {
          assert.include(["TransportError", "UnexpectedResponseError"], error._tag)
        }
      }
      for (const error of yield* fails(`{"docs":[\r\n${doc(1)},\r\n{"error":"timeout","reason":"too slow"}\n`)) {
        assert.deepInclude(error, { _tag: "ServerError", error: "timeout" })
      }
      for (const error of yield* fails(found(["7"]))) assert.strictEqual(error._tag, "UnexpectedResponseError")
      for (const error of yield* fails(found([`{"name":"nobody"}`]))) {
        assert.strictEqual(error._tag, "UnexpectedResponseError")
      }
    }))

  it.effect("fields of nested, optional, recursive and united schemas are checked as they come", () =>
    Effect.gen(function*() {
      interface Tree {
        readonly name: string
        readonly left?: Tree
      }
      const Tree: Schema.Schema<Tree> = Schema.Struct({
        name: Schema.String,
        left: Schema.optionalWith(Schema.suspend((): Schema.Schema<Tree> => Tree), { exact: true })
      })
      const Thing = Schema.Union(
        Schema.Struct({
          kind: Schema.Literal("tree"),
          tree: Tree,
          counts: Schema.Record({ key: Schema.String, value: Schema.Number })
        }),
        Schema.Struct({
          kind: Schema.Literal("note"),
          "a.b": Schema.NullOr(Schema.Struct({ c: Schema.NumberFromString }))
        })
      )
      const things = Collection.make("zoo", Thing)
      const rows = [
        `{"_id":"1","kind":"tree","tree":{"left":{"name":"l"}},"counts":{"may":1}}`,
        `{"_id":"2","kind":"tree"}`,
        `{"_id":"3","kind":"note","a.b":{"c":"7"}}`,
        `{"_id":"4","kind":"note"}`,
        `{"_id":"5","kind":"note","a.b":{"c":7}}`,
        `{"_id":"6","kind":"tree","tree":{"left":{"name":7}}}`,
        `{"_id":"7","kind":"tree","counts":{"may":"many"}}`
      ]
      const { layer } = yield* answering(() => found(rows))
      const query = { selector: {}, fields: ["kind", "tree.left.name", "counts.may", "a\\.b.c"] } as const
      const both = yield* collected(Mango.streamEither(things, query)).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        both.map((one) => one._tag === "Right" ? one.right : one.left.id),
        [
          { kind: "tree", tree: { left: { name: "l" } }, counts: { may: 1 } },
          { kind: "tree" },
          { kind: "note", "a.b": { c: "7" } },
          { kind: "note" },
          "5",
          "6",
          "7"
        ]
      )
    }))
})
