import { assert, describe, it } from "@effect/vitest"
import { Bulk, Collection, Conflict, type CouchHttp, Database, Document, Edit, Merge, View } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { raw, stored } from "../contract/suite.js"
import { type InterceptedClient, interceptedClient, requests } from "../support/transport.js"

/** Runs on an engine of its own, with a database. */
const onLine = <A, E, R>(test: (on: InterceptedClient) => Effect.Effect<A, E, CouchHttp.CouchHttp | R>) =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    return yield* Effect.zipRight(Database.create("zoo"), test(on)).pipe(Effect.provide(on.layer))
  })

/** The members as the server has them. */
const body = (id: string) =>
  Effect.map(stored("zoo", id), (text) => {
    const { _id, _rev, ...members } = JSON.parse(text) as Record<string, unknown>
    return members
  })

/** Keeps its state to itself. */
class Counter {
  #n: number
  constructor(n: number) {
    this.#n = n
  }
  get n(): number {
    return this.#n
  }
  increment(): void {
    this.#n++
  }
}

const CounterFromNumber = Schema.transform(Schema.Number, Schema.instanceOf(Counter), {
  strict: true,
  decode: (n) => new Counter(n),
  encode: (counter) => counter.n
})

class Card
  extends Schema.Class<Card>("Card")({ title: Schema.String, tags: Schema.mutable(Schema.Array(Schema.String)) })
{
  #shouted: string | undefined
  get shouted(): string {
    return this.#shouted ??= this.title.toUpperCase()
  }
}

interface Tree {
  readonly name: string
  readonly children: Array<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  children: Schema.mutable(Schema.Array(Schema.suspend(() => Tree)))
})

const Tags = Schema.mutable(Schema.Array(Schema.String))

/** A member `x` of some kind, and an edit of it in place. */
interface Kind {
  readonly schema: Schema.Schema<object>
  readonly x: unknown
  readonly edit: (body: never) => unknown
  readonly edited: unknown
}

const kind = <A, I>(
  schema: Schema.Schema<A, I>,
  x: unknown,
  edit: (x: { x: A }) => unknown,
  edited: unknown
): Kind => ({
  schema: Schema.Struct({ x: schema }) as unknown as Schema.Schema<object>,
  x,
  edit,
  edited
})

const push = ({ x }: { readonly x: unknown }) => {
  ;(x as Array<string>).push("y")
}

const kinds: Readonly<Record<string, Kind>> = {
  "a mutable list": kind(Tags, ["x"], push, ["x", "y"]),
  "a list that only a type protects": kind(Schema.Array(Schema.String), ["x"], push, ["x", "y"]),
  "anything": kind(Schema.Unknown, ["x"], push, ["x", "y"]),
  "any": kind(Schema.Any, ["x"], push, ["x", "y"]),
  "an object": kind(Schema.Object, ["x"], push, ["x", "y"]),
  "anything inside": kind(
    Schema.Unknown,
    { deep: [{ list: ["x"] }] },
    ({ x }) => (x as { deep: [{ list: Array<string> }] }).deep[0].list.push("y"),
    { deep: [{ list: ["x", "y"] }] }
  ),
  "a tuple of anything": kind(
    Schema.Tuple(Schema.String, Schema.Unknown),
    ["a", ["x"]],
    ({ x }) => push({ x: x[1] }),
    ["a", ["x", "y"]]
  ),
  "a record": kind(
    Schema.mutable(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
    { a: ["x"] },
    ({ x }) => {
      x["b"] = 1
      push({ x: x["a"] })
    },
    { a: ["x", "y"], b: 1 }
  ),
  "elements of a list": kind(
    Schema.Array(Schema.mutable(Schema.Struct({ id: Schema.String, n: Schema.Number }))),
    [{ id: "a", n: 1, unknown: "a" }, { id: "b", n: 2, unknown: "b" }],
    ({ x }) => {
      for (const element of x) element.n++
      ;(x as Array<unknown>).reverse()
    },
    [{ id: "b", n: 3, unknown: "b" }, { id: "a", n: 2, unknown: "a" }]
  ),
  "a suspended schema": kind(
    Tree,
    { name: "a", children: [{ name: "b", children: [], unknown: 1 }] },
    ({ x }) => x.children[0]?.children.push({ name: "c", children: [] }),
    { name: "a", children: [{ name: "b", children: [{ name: "c", children: [] }], unknown: 1 }] }
  ),
  "a union": kind(Schema.Union(Schema.String, Tags), ["x"], push, ["x", "y"]),
  "a list with a filter": kind(Tags.pipe(Schema.minItems(1)), ["x"], push, ["x", "y"]),
  "a date": kind(
    Schema.Date,
    "2020-01-01T00:00:00.000Z",
    ({ x }) => x.setUTCFullYear(2021),
    "2021-01-01T00:00:00.000Z"
  ),
  "bytes": kind(
    Schema.Uint8ArrayFromBase64,
    "AAEC",
    ({ x }) => {
      x[0] = 255
    },
    "/wEC"
  ),
  "a map": kind(
    Schema.Map({ key: Schema.String, value: Schema.Unknown }),
    [["a", ["x"]]],
    ({ x }) => {
      push({ x: x.get("a") })
      x.set("b", 1)
    },
    [["a", ["x", "y"]], ["b", 1]]
  ),
  "a set": kind(Schema.Set(Schema.String), ["x"], ({ x }) => x.add("y"), ["x", "y"]),
  "a URL": kind(
    Schema.URL,
    "https://example.org/a",
    ({ x }) => {
      x.pathname = "/b"
    },
    "https://example.org/b"
  ),
  "an option": kind(
    Schema.OptionFromNullOr(Tags),
    ["x"],
    ({ x }) => Option.map(x, (x) => push({ x })),
    ["x", "y"]
  ),
  "an either": kind(
    Schema.EitherFromUnion({ left: Schema.Number, right: Tags }),
    ["x"],
    ({ x }) => Either.map(x, (x) => push({ x })),
    ["x", "y"]
  ),
  "a chunk of lists": kind(
    Schema.Chunk(Tags),
    [["x"]],
    ({ x }) => push({ x: Chunk.unsafeHead(x) }),
    [["x", "y"]]
  ),
  "a hash map of lists": kind(
    Schema.HashMap({ key: Schema.String, value: Tags }),
    [["a", ["x"]]],
    ({ x }) => push({ x: HashMap.unsafeGet(x, "a") }),
    [["a", ["x", "y"]]]
  ),
  "data": kind(Schema.Data(Schema.Struct({ tags: Tags })), { tags: ["x"] }, ({ x }) => push({ x: x.tags }), {
    tags: ["x", "y"]
  }),
  "an instance of a class": kind(Card, { title: "a", tags: ["x"], unknown: 1 }, ({ x }) => push({ x: x.tags }), {
    title: "a",
    tags: ["x", "y"],
    unknown: 1
  }),
  "a member of a class": kind(
    Card,
    { title: "a", tags: ["x"] },
    ({ x }) => {
      ;(x as { title: string }).title = "b"
    },
    { title: "b", tags: ["x"] }
  ),
  "state that nobody else sees": kind(CounterFromNumber, 1, ({ x }) => x.increment(), 2),
  "text that is JSON": kind(
    Schema.parseJson(Schema.Struct({ tags: Tags })),
    `{"tags":["x"]}`,
    ({ x }) => push({ x: x.tags }),
    `{"tags":["x","y"]}`
  ),
  "a part that a function hands on": kind(
    Schema.transform(Schema.Struct({ inner: Schema.Unknown }), Schema.Unknown, {
      strict: true,
      decode: ({ inner }) => inner,
      encode: (inner) => ({ inner })
    }),
    { inner: ["x"] },
    push,
    { inner: ["x", "y"] }
  ),
  "a part that a declaration hands on": kind(
    Schema.declare((u): u is Array<string> => Array.isArray(u)),
    ["x"],
    push,
    ["x", "y"]
  ),
  "a member that may be missing": {
    schema: Schema.Struct({ x: Schema.optional(Schema.Array(Schema.String)) }) as unknown as Schema.Schema<object>,
    x: ["x"],
    edit: (body: { x?: unknown }) => delete body.x,
    edited: undefined
  }
}

describe("an edit in place", () => {
  for (const [name, { edit, edited, schema, x }] of Object.entries(kinds)) {
    const things = Collection.make("zoo", schema)
    const inPlace = (body: object) => {
      edit(body as never)
      return body
    }
    const expected = { other: { kept: 1.0 }, ...(edited !== undefined && { x: edited }) }

    it.effect(`of ${name} is saved as what it is`, () =>
      onLine((on) =>
        Effect.gen(function*() {
          yield* raw("PUT", "/zoo/a", { other: { kept: 1.0 }, x })
          const doc = yield* Document.fetch(things, "a")
          assert.isFalse(Document.isDirty(doc))
          assert.lengthOf((yield* requests(on, Document.save(doc)))[1], 0)
          const [saved, sent] = yield* requests(on, Document.update(things, "a", inPlace))
          assert.deepStrictEqual(sent.map(({ method }) => method), ["GET", "PUT"])
          assert.isFalse(Document.isDirty(saved))
          assert.deepStrictEqual(yield* body("a"), expected)
          assert.deepStrictEqual(JSON.parse(JSON.stringify(Option.getOrThrow(saved.base).raw)), expected)
          assert.lengthOf((yield* requests(on, Document.save(saved)))[1], 0)
        })
      ))

    it.effect(`of ${name} leaves what the server had, and can be given up`, () =>
      onLine((on) =>
        Effect.gen(function*() {
          yield* raw("PUT", "/zoo/a", { other: { kept: 1.0 }, x })
          const doc = yield* Document.fetch(things, "a")
          inPlace(doc.body)
          assert.isTrue(Document.isDirty(doc))
          assert.isAbove(Document.changedPaths(doc).length, 0)
          assert.deepStrictEqual(
            JSON.parse(JSON.stringify(Option.getOrThrow(doc.base).raw)),
            { other: { kept: 1.0 }, x }
          )
          const refused = yield* Effect.flip(Document.delete(doc))
          assert.strictEqual(refused._tag, "UnsavedChangesError")
          assert.strictEqual((yield* Effect.flip(Document.refresh(doc)))._tag, "UnsavedChangesError")
          assert.strictEqual((yield* Effect.flip(Document.copy(doc, "b")))._tag, "UnsavedChangesError")
          const back = Document.discard(doc)
          assert.isFalse(Document.isDirty(back))
          const encode = Schema.encodeSync(schema)
          assert.deepStrictEqual(encode(back.body), encode((yield* Document.fetch(things, "a")).body))
          assert.deepStrictEqual(encode(Option.getOrThrow(doc.base).body), encode(back.body))
          // What was given back may be edited in place in its turn.
          inPlace(back.body)
          assert.isTrue(Document.isDirty(back))
          assert.isTrue(Document.isDirty(doc))
          assert.lengthOf((yield* requests(on, Document.save(Document.discard(back))))[1], 0)
        })
      ))

    it.effect(`of ${name} is one of a document that was just saved, too`, () =>
      onLine((on) =>
        Effect.gen(function*() {
          yield* raw("PUT", "/zoo/a", { x })
          const read = yield* Document.fetch(things, "a")
          const created = yield* Document.create(things, "b", read.body)
          assert.isFalse(Document.isDirty(created))
          assert.lengthOf((yield* requests(on, Document.save(created)))[1], 0)
          inPlace(created.body)
          assert.isTrue(Document.isDirty(created))
          const [saved, sent] = yield* requests(on, Document.save(created))
          assert.lengthOf(sent, 1)
          assert.isFalse(Document.isDirty(saved))
          const fetched = yield* Document.fetch(things, "b")
          const encode = Schema.encodeSync(schema)
          assert.deepStrictEqual(encode(fetched.body), encode(saved.body))
          assert.notDeepEqual(encode(Option.getOrThrow(created.base).body), encode(saved.body))
        })
      ))
  }
})

/** What a new document has: no members that its schema does not know. */
const knownMembers = (key: string, value: unknown): unknown => key === "unknown" ? undefined : value

const inBulk = <A>(doc: Document.Document<A>) =>
  Effect.flatMap(Bulk.save([doc]), ([row]) => row ?? Effect.dieMessage("no row"))

describe("an edit in place while a save is under way", () => {
  for (const [name, { edit, edited, schema, x }] of Object.entries(kinds)) {
    it.effect(`of ${name} is left to the next save`, () =>
      Effect.gen(function*() {
        let meddle = () => {}
        const on = yield* interceptedClient((request, _, pass) =>
          Effect.suspend(() => {
            if (request.method === "PUT" || request.path.endsWith("_bulk_docs")) meddle()
            return pass(request)
          })
        )
        const things = Collection.make("zoo", schema)
        yield* Effect.gen(function*() {
          yield* Database.create("zoo")
          yield* raw("PUT", "/zoo/a", { x })
          const doc = yield* Document.fetch(things, "a")
          for (const save of [Document.save<object, never>, inBulk]) {
            const copy = Document.make(things, globalThis.crypto.randomUUID(), Document.discard(doc).body)
            meddle = () => {
              edit(copy.body as never)
              meddle = () => {}
            }
            const saved = yield* save(copy)
            assert.deepStrictEqual(yield* body(copy.id), { x: JSON.parse(JSON.stringify(x, knownMembers)) })
            assert.isTrue(Document.isDirty(saved))
            assert.isFalse(Document.isDirty(yield* save(saved)))
            assert.deepStrictEqual(
              yield* body(copy.id),
              edited === undefined ? {} : { x: JSON.parse(JSON.stringify(edited, knownMembers)) }
            )
          }
        }).pipe(Effect.provide(on.layer))
      }))
  }
})

const Thing = Schema.Struct({ tags: Tags, n: Schema.Number })
const things = Collection.make("zoo", Thing)
const thing = () => ({ tags: ["x"], n: 1 })
const tagged = <B extends { readonly tags: Array<string> }>(body: B): B => {
  body.tags.push("y")
  return body
}

describe("every way to write", () => {
  it.effect("stores an edit in place", () =>
    onLine(() =>
      Effect.gen(function*() {
        const create = (id: string) => Document.create(things, id, thing())
        yield* create("modify").pipe(Effect.map(Document.modify(tagged)), Effect.flatMap(Document.save))
        yield* create("upsert")
        yield* Document.upsert(things, "upsert", (found) => tagged(Option.getOrThrow(found)))
        yield* create("change")
        yield* Document.updateEffect(things, "change", (b) => Effect.sync(() => Edit.change(tagged(b))))
        const docs = [yield* create("bulk"), yield* create("listed")]
        for (const doc of docs) tagged(doc.body)
        for (const row of yield* Bulk.save(docs)) assert.isTrue(Either.isRight(row))
        yield* create("streamed")
        const fetched = yield* Bulk.fetch(things, ["streamed"])
        yield* Stream.fromIterable(fetched).pipe(
          Stream.filterMap(Either.getRight),
          Stream.map(Document.modify(tagged)),
          Bulk.saveStream(),
          Stream.runDrain
        )
        for (const id of ["modify", "upsert", "change", "bulk", "listed", "streamed"]) {
          assert.deepStrictEqual(yield* body(id), { tags: ["x", "y"], n: 1 }, id)
        }
      })
    ))

  it.effect("stores an edit in place of a document that a view brought, and keeps the rest to the digit", () =>
    onLine(() =>
      Effect.gen(function*() {
        yield* raw("PUT", "/zoo/a", `{"tags":["x"],"big":12345678901234567890,"n":1.0,"other":{"2":1,"1":1.0}}`)
        const { rows: [row] } = yield* View.fetch(things, View.allDocs)
        assert(row !== undefined && View.isRow(row))
        const doc = Option.getOrThrow(row.document)
        assert.isFalse(Document.isDirty(doc))
        tagged(doc.body)
        yield* Document.save(doc)
        assert.include(
          yield* stored("zoo", "a"),
          `"tags":["x","y"],"big":12345678901234567890,"n":1.0,"other":{"2":1,"1":1.0}}`
        )
      })
    ))

  it.effect("leaves a document as it was if an edit keeps it", () =>
    onLine((on) =>
      Effect.gen(function*() {
        yield* Document.create(things, "a", thing())
        const [kept, sent] = yield* requests(
          on,
          Document.updateEffect(things, "a", (b) => Effect.sync(() => (tagged(b), Edit.keep)))
        )
        assert.lengthOf(sent, 1)
        assert(Document.isDocument(kept))
        assert.deepStrictEqual(kept.body, thing())
        assert.isFalse(Document.isDirty(kept))
      })
    ))

  it.effect("merges against what the server had", () =>
    onLine(() =>
      Effect.gen(function*() {
        const mine = yield* Document.create(things, "a", thing())
        yield* Document.update(things, "a", (b) => ({ ...b, n: 5 }))
        tagged(mine.body)
        const saved = yield* Document.save(mine).pipe(
          Effect.catchTag("ConflictError", Conflict.merge(Merge.make(Thing)))
        )
        assert.deepStrictEqual(saved.body, { tags: ["x", "y"], n: 5 })
        assert.deepStrictEqual(yield* body("a"), { tags: ["x", "y"], n: 5 })
      })
    ))

  it.effect("writes it over what somebody else wrote", () =>
    onLine(() =>
      Effect.gen(function*() {
        const mine = yield* Document.create(things, "a", thing())
        yield* Document.update(things, "a", (b) => ({ ...b, n: 5 }))
        tagged(mine.body)
        const saved = yield* Document.save(mine).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
        assert.isFalse(Document.isDirty(saved))
        assert.deepStrictEqual(yield* body("a"), { tags: ["x", "y"], n: 1 })
      })
    ))
})

describe("a document that nobody edited", () => {
  const schemas: Readonly<Record<string, Schema.Schema.AnyNoContext>> = {
    "whose schema has a default that differs each time": Schema.Struct({
      a: Schema.String,
      id: Schema.optionalWith(Schema.String, { default: () => globalThis.crypto.randomUUID() }),
      at: Schema.optionalWith(Schema.instanceOf(Counter), { default: () => new Counter(globalThis.performance.now()) })
    }),
    "whose schema writes another text each time": Schema.Struct({
      a: Schema.String,
      secret: Schema.transform(Schema.String, Schema.instanceOf(Counter), {
        strict: true,
        decode: (text) => new Counter(text.length),
        encode: ({ n }) => globalThis.crypto.randomUUID().slice(0, n)
      })
    }),
    "whose schema leaves members out": Schema.Struct({ a: Schema.String }),
    "whose schema decodes without writing back": Schema.transformOrFail(
      Schema.Struct({ a: Schema.String }),
      Schema.Struct({ a: Schema.String, c: Schema.instanceOf(Counter) }),
      {
        strict: true,
        decode: ({ a }) => ParseResult.succeed({ a, c: new Counter(1) }),
        encode: (body, _, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, body, "read only"))
      }
    ),
    "of instances that keep their state to themselves": Schema.Struct({ a: Schema.String, c: CounterFromNumber }),
    "that is nested deeply": Schema.Struct({ a: Schema.String, deep: Schema.Unknown })
  }
  for (const [name, schema] of Object.entries(schemas)) {
    it.effect(`${name} is clean, and a save sends nothing`, () =>
      onLine((on) =>
        Effect.gen(function*() {
          const deep = `${"[".repeat(1_900)}${"]".repeat(1_900)}`
          yield* raw("PUT", "/zoo/a", `{"a":"x","secret":"xyz","c":1,"deep":${deep},"other":-0,"e":1e2}`)
          const doc = yield* Document.fetch(Collection.make("zoo", schema as Schema.Schema<object>), "a")
          assert.isFalse(Document.isDirty(doc))
          const [same, sent] = yield* requests(on, Document.save(doc))
          assert.strictEqual(same, doc)
          assert.lengthOf(sent, 0)
          assert.lengthOf(Document.changedPaths(doc), 0)
          yield* Document.delete(doc)
        })
      ))
  }

  it.effect("is clean after a save of a body with more than the schema stores", () =>
    onLine((on) =>
      Effect.gen(function*() {
        class Odd {
          readonly tags = ["x"]
          readonly n = -0
          readonly more = () => 1
        }
        const saved = yield* Document.create(things, "a", new Odd())
        assert.isFalse(Document.isDirty(saved))
        assert.lengthOf((yield* requests(on, Document.save(saved)))[1], 0)
        tagged(saved.body)
        assert.isTrue(Document.isDirty(saved))
        yield* Document.save(saved)
        assert.deepStrictEqual(yield* body("a"), { tags: ["x", "y"], n: 0 })
      })
    ))
})

describe("a schema that needs services", () => {
  class Unit extends Context.Tag("Unit")<Unit, number>() {}
  const Measured = Schema.Struct({
    tags: Tags,
    n: Schema.transformOrFail(Schema.Number, Schema.instanceOf(Counter), {
      strict: true,
      decode: (n) => Effect.map(Unit, (unit) => new Counter(n * unit)),
      encode: ({ n }) => Effect.map(Unit, (unit) => n / unit)
    })
  })
  const measured = Collection.make("zoo", Measured)

  it.effect("stores edits in place, and nothing without an edit", () =>
    onLine((on) =>
      Effect.gen(function*() {
        yield* raw("PUT", "/zoo/a", thing())
        const doc = yield* Document.fetch(measured, "a")
        assert.isFalse(Document.isDirty(doc))
        assert.lengthOf((yield* requests(on, Document.save(doc)))[1], 0)
        tagged(doc.body)
        assert.isTrue(Document.isDirty(doc))
        assert.deepStrictEqual(Document.discard(doc).body.tags, ["x"])
        const saved = yield* Document.save(doc)
        assert.deepStrictEqual(yield* body("a"), { tags: ["x", "y"], n: 1 })
        saved.body.n.increment()
        saved.body.n.increment()
        yield* Document.save(saved)
        assert.deepStrictEqual(yield* body("a"), { tags: ["x", "y"], n: 2 })
        const [, [row]] = yield* Effect.zip(Effect.void, Bulk.save([yield* Document.fetch(measured, "a")]))
        assert.isTrue(row !== undefined && Either.isRight(row))
      })
    ).pipe(Effect.provideService(Unit, 2)))
})
