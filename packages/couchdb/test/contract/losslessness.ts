import { assert } from "@effect/vitest"
import { Collection, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Contract, database, raw, stored } from "./suite.js"

/** Stores the text, edits it through the schema, and gives the text of the body that is stored then. */
const edited = <A, I>(schema: Schema.Schema<A, I>, text: string, edit: (body: A) => A) =>
  Effect.gen(function*() {
    const name = yield* database
    yield* raw("PUT", `/${name}/doc`, text)
    const doc = yield* Document.fetch(Collection.make(name, schema), "doc")
    yield* Document.save(Document.modify(doc, edit))
    return (yield* stored(name, "doc")).trim().replace(/"_id":"doc","_rev":"[^"]*",?/, "")
  })

export const losslessness: Contract = (it) => {
  const Name = Schema.Struct({ name: Schema.String })
  const rename = (body: typeof Name.Type) => ({ ...body, name: "new" })

  it.scoped("a narrow schema drops no field that it does not know", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* edited(Name, `{"z":{"deep":[1,{"x":null}]},"name":"old","a":true}`, rename),
        `{"z":{"deep":[1,{"x":null}]},"name":"new","a":true}`
      )
    }))

  it.scoped("big integers, 1.0, exponents and integer-like keys come back byte for byte", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* edited(
          Name,
          `{"b":1,"10":2,"big":12345678901234567890,"float":1.0,"small":1e-7,"name":"old","9":{"2":1,"1":2}}`,
          rename
        ),
        `{"b":1,"10":2,"big":12345678901234567890,"float":1.0,"small":1e-7,"name":"new","9":{"2":1,"1":2}}`
      )
    }))

  it.scoped("a nested __proto__ is data", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* edited(Name, `{"name":"old","x":{"__proto__":{"y":1}}}`, rename),
        `{"name":"new","x":{"__proto__":{"y":1}}}`
      )
    }))

  it.scoped("untouched keys keep their text, and defaults stay unwritten", () =>
    Effect.gen(function*() {
      const Agent = Schema.Struct({
        number: Schema.NumberFromString,
        rank: Schema.optionalWith(Schema.Number, { default: () => 1 }),
        name: Schema.String
      })
      assert.strictEqual(
        yield* edited(Agent, `{"number":"007","name":"old"}`, (body) => ({ ...body, name: "new" })),
        `{"number":"007","name":"new"}`
      )
      assert.strictEqual(
        yield* edited(Agent, `{"number":"007","name":"old"}`, (body) => ({ ...body, number: 8, rank: 2 })),
        `{"number":"8","name":"old","rank":2}`
      )
    }))

  it.scoped("renamed keys, optional keys removed, and records that own their keys", () =>
    Effect.gen(function*() {
      const Renamed = Schema.Struct({
        title: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("Title")),
        note: Schema.optional(Schema.String),
        counts: Schema.Record({ key: Schema.String, value: Schema.Number })
      })
      assert.strictEqual(
        yield* edited(Renamed, `{"Title":"a","unknown":1,"note":"n","counts":{"x":1,"y":2}}`, (body) => ({
          title: "b",
          counts: { y: body.counts["y"] ?? 0, z: 3 }
        })),
        `{"Title":"b","unknown":1,"counts":{"y":2,"z":3}}`
      )
    }))

  it.scoped("unions and classes keep what they do not know", () =>
    Effect.gen(function*() {
      class Circle extends Schema.TaggedClass<Circle>()("Circle", { r: Schema.Number }) {}
      class Square extends Schema.TaggedClass<Square>()("Square", { side: Schema.Number }) {}
      const Drawing = Schema.Struct({ shape: Schema.Union(Circle, Square) })
      assert.strictEqual(
        yield* edited(Drawing, `{"shape":{"_tag":"Circle","r":1,"colour":"red"},"by":"me"}`, () => ({
          shape: new Square({ side: 2 })
        })),
        `{"shape":{"_tag":"Square","colour":"red","side":2},"by":"me"}`
      )
    }))

  const Lines = Schema.Struct({
    lines: Schema.Array(Schema.Struct({ text: Schema.String, count: Schema.Number }))
  })
  const three =
    `{"lines":[{"text":"a","count":1,"x":"A"},{"text":"b","count":2,"x":"B"},{"text":"c","count":3,"x":"C"}]}`

  it.scoped("array elements keep their own unknown fields when a neighbour goes or comes", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* edited(Lines, three, ({ lines }) => ({ lines: lines.slice(1) })),
        `{"lines":[{"text":"b","count":2,"x":"B"},{"text":"c","count":3,"x":"C"}]}`
      )
      assert.strictEqual(
        yield* edited(Lines, three, ({ lines }) => ({ lines: [{ text: "new", count: 0 }, ...lines] })),
        `{"lines":[{"text":"new","count":0},{"text":"a","count":1,"x":"A"},{"text":"b","count":2,"x":"B"},` +
          `{"text":"c","count":3,"x":"C"}]}`
      )
      assert.strictEqual(
        yield* edited(Lines, three, ({ lines }) => ({
          lines: lines.filter(({ text }) => text !== "b").map((l) => l.text === "c" ? { ...l, count: 30 } : l)
        })),
        `{"lines":[{"text":"a","count":1,"x":"A"},{"text":"c","count":30,"x":"C"}]}`
      )
      assert.strictEqual(
        yield* edited(Lines, three, ({ lines }) => ({ lines: [...lines].reverse() })),
        `{"lines":[{"text":"c","count":3,"x":"C"},{"text":"b","count":2,"x":"B"},{"text":"a","count":1,"x":"A"}]}`
      )
    }))

  it.scoped("a map over all elements keeps to their places, whatever the values", () =>
    Effect.gen(function*() {
      const Prices = Schema.Struct({ lines: Schema.Array(Schema.Struct({ price: Schema.Number })) })
      const stored = `{"lines":[{"price":1,"sku":"A"},{"price":2,"sku":"B"},{"price":3,"sku":"C"}]}`
      const each = (f: (price: number) => number) => (body: typeof Prices.Type) => ({
        lines: body.lines.map(({ price }) => ({ price: f(price) }))
      })
      assert.strictEqual(
        yield* edited(Prices, stored, each((price) => price * 10)),
        `{"lines":[{"price":10,"sku":"A"},{"price":20,"sku":"B"},{"price":30,"sku":"C"}]}`
      )
      assert.strictEqual(
        yield* edited(Prices, stored, each((price) => price + 1)),
        `{"lines":[{"price":2,"sku":"A"},{"price":3,"sku":"B"},{"price":4,"sku":"C"}]}`
      )
      assert.strictEqual(
        yield* edited(Prices, stored, ({ lines }) => ({ lines: [...lines.slice(1), { price: 4 }] })),
        `{"lines":[{"price":2,"sku":"B"},{"price":3,"sku":"C"},{"price":4}]}`
      )
      const Points = Schema.Struct({
        line: Schema.Tuple(Schema.Struct({ x: Schema.Number }), Schema.Struct({ x: Schema.Number }))
      })
      assert.strictEqual(
        yield* edited(Points, `{"line":[{"x":1,"label":"from"},{"x":2,"label":"to"}]}`, () => ({
          line: [{ x: 2 }, { x: 3 }] as const
        })),
        `{"line":[{"x":2,"label":"from"},{"x":3,"label":"to"}]}`
      )
    }))

  it.scoped("an element that takes another one's place does not inherit from it", () =>
    Effect.gen(function*() {
      const People = Schema.Struct({ people: Schema.Array(Schema.Struct({ id: Schema.String, n: Schema.String })) })
      assert.strictEqual(
        yield* edited(People, `{"people":[{"id":"alice","n":"A","salary":9000}]}`, () => ({
          people: [{ id: "bob", n: "B" }]
        })),
        `{"people":[{"id":"bob","n":"B"}]}`
      )
    }))

  it.scoped("data that looks like a number kept as text is data", () =>
    Effect.gen(function*() {
      const odd = `{"_tag":"RawNumber","text":"0,\\"admin\\":true"}`
      assert.strictEqual(yield* edited(Name, `{"name":"old","u":${odd}}`, rename), `{"name":"new","u":${odd}}`)
    }))

  it.scoped("recursive schemas", () =>
    Effect.gen(function*() {
      interface Tree {
        readonly name: string
        readonly subs: ReadonlyArray<Tree>
      }
      const Tree: Schema.Schema<Tree> = Schema.Struct({
        name: Schema.String,
        subs: Schema.Array(Schema.suspend(() => Tree))
      })
      assert.strictEqual(
        yield* edited(Tree, `{"name":"a","subs":[{"name":"b","subs":[],"x":1.0}]}`, (tree) => ({
          ...tree,
          subs: tree.subs.map((sub) => ({ ...sub, name: "c" }))
        })),
        `{"name":"a","subs":[{"name":"c","subs":[],"x":1.0}]}`
      )
    }))

  it.scoped("no edit is taken for none: unions whose members overlap, values that only their class can compare", () =>
    Effect.gen(function*() {
      const Contact = Schema.Union(
        Schema.Struct({ name: Schema.String, email: Schema.String }),
        Schema.Struct({ name: Schema.String })
      )
      assert.strictEqual(
        yield* edited(Contact, `{"name":"a","email":"old"}`, () => ({ name: "a", email: "new" })),
        `{"name":"a","email":"new"}`
      )
      const Site = Schema.Struct({ url: Schema.URL, any: Schema.Unknown })
      assert.strictEqual(
        yield* edited(Site, `{"url":"http://a/","any":1}`, (site) => ({ ...site, url: new URL("http://b/") })),
        `{"url":"http://b/","any":1}`
      )
    }))

  it.scoped("attachments survive a save", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/doc`, {
        name: "old",
        _attachments: { "a b.bin": { content_type: "application/octet-stream", data: "AAEC" } }
      })
      const collection = Collection.make(name, Name)
      const doc = yield* Document.fetch(collection, "doc")
      const saved = yield* Document.save(Document.modify(doc, rename))
      assert.deepStrictEqual(saved.attachments, doc.attachments)
      const read = yield* Document.fetch(collection, "doc")
      assert.deepStrictEqual(read.attachments["a b.bin"], {
        contentType: "application/octet-stream",
        length: 3,
        revpos: 1,
        digest: "md5-uV9n9h67A2GWIteY9F/C0w=="
      })
    }))

  it.scoped("a schema with unknown parts is clean after a read, and dirty after an edit", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/doc`, { any: { a: [1, { b: 2 }] }, at: "2026-11-23T00:00:00.000Z" })
      const collection = Collection.make(name, Schema.Struct({ any: Schema.Unknown, at: Schema.Date }))
      const doc = yield* Document.fetch(collection, "doc")
      const same = Document.modify(doc, () => ({ any: { a: [1, { b: 2 }] }, at: new Date("2026-11-23T00:00:00Z") }))
      assert.isFalse(Document.isDirty(same))
      assert.isTrue(Document.isDirty(Document.modify(doc, (body) => ({ ...body, any: { a: [1, { b: 3 }] } }))))
      assert.isTrue(Option.isSome(doc.rev))
    }))
}
