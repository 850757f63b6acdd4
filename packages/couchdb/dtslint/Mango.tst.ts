import { Effect, Schema, Stream } from "effect"
import type { CouchHttp, Document, Json } from "effect-couchdb"
import { Collection, Mango } from "effect-couchdb"
import { describe, expect, test } from "tstyche"

const Sighting = Schema.Struct({
  name: Schema.String,
  seen: Schema.NumberFromString,
  wild: Schema.Boolean,
  family: Schema.Literal("nymphalidae", "pieridae"),
  note: Schema.optional(Schema.String),
  found: Schema.NullOr(Schema.Number),
  tags: Schema.Array(Schema.String),
  marks: Schema.Array(Schema.Struct({ colour: Schema.String, size: Schema.Number })),
  place: Schema.Struct({
    country: Schema.String,
    point: Schema.Struct({ lat: Schema.Number, lon: Schema.Number, height: Schema.optional(Schema.Number) })
  }),
  counts: Schema.Record({ key: Schema.String, value: Schema.Number }),
  "dotted.name": Schema.Number,
  anything: Schema.Unknown
})

const zoo = Collection.make("zoo", Sighting)

type Wire = typeof Sighting.Encoded

const Shape = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("circle"), radius: Schema.Number }),
  Schema.Struct({ kind: Schema.Literal("label"), text: Schema.String, radius: Schema.optional(Schema.String) })
)
const shapes = Collection.make("zoo", Shape)

interface Tree {
  readonly name: string
  readonly left?: Tree
}
declare const Tree: Schema.Schema<Tree>
const trees = Collection.make("zoo", Tree)

type Selector = Mango.Selector<Wire>

describe("selectors", () => {
  test("name fields as they are on the wire, with values of their type", () => {
    expect<{ readonly name: "Monarch"; readonly seen: "7" }>().type.toBeAssignableTo<Selector>()
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { name: "Monarch", seen: { $gt: "7" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { nam: "Monarch" } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: 7 } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { seen: { $gt: 7 } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { family: "danaidae" } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { _id: { $gt: null }, _rev: { $beginsWith: "1-" } } })
  })

  test("dotted paths to a depth of three, and objects", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { "place.point.lat": { $gte: 50, $lt: 60 } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { place: { point: { lat: { $gte: 50 } } } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { place: { country: "DE", $exists: true } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { "place.point.alt": 1 } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { "place.point.lat": "50" } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { place: { point: { lat: "50" } } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { place: { city: "Ulm" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { "tags.0": "a" } })
    expect(Mango.find).type.toBeCallableWith(trees, { selector: { "left.left.name": "x" } })
    expect(Mango.find).type.not.toBeCallableWith(trees, { selector: { "left.left.left.name": "x" } })
    expect(Mango.find).type.toBeCallableWith(trees, { selector: { left: { left: { left: { name: "x" } } } } })
  })

  test("names with a dot are escaped, records take any key, unknown takes anything", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { "dotted\\.name": 1 } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { "dotted.name": 1 } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { "counts.may": { $gt: 3 } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { "counts.may": "3" } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { anything: { $gt: 3 }, "anything.at.all": "x" } })
  })

  test("operators want operands of their kind", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, {
      selector: { name: { $regex: "^M", $in: ["a", "b"], $nin: ["c"], $ne: "d", $type: "string", $exists: true } }
    })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $in: [1] } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $mod: [2, 0] } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { wild: { $regex: "a" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $type: "text" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $exists: 1 } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $like: "a" } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { "place.point.lat": { $mod: [2, 0] } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { name: { $not: { $beginsWith: "M" } } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $not: { $eq: 1 } } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { counts: { $keyMapMatch: { $eq: "may" } } } })
  })

  test("arrays", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { tags: { $all: ["a", "b"], $size: 2 } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { tags: ["a", "b"] } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { tags: { $elemMatch: { $beginsWith: "a" } } } })
    expect(Mango.find).type.toBeCallableWith(zoo, {
      selector: { marks: { $elemMatch: { colour: "red", size: { $gt: 1 } } } }
    })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { marks: { $allMatch: { size: 1 } } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { tags: "a" } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { tags: { $all: [1] } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { tags: { $size: "2" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { marks: { $elemMatch: { color: "red" } } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { name: { $size: 1 } } })
  })

  test("combinations", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, {
      selector: {
        $or: [{ name: "a" }, { $and: [{ wild: true }, { $nor: [{ "place.country": "DE" }] }] }],
        $not: { wild: false }
      }
    })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { $or: [{ name: 1 }] } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { $not: { nam: "a" } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { $and: { name: "a" } } })
  })

  test("optional and nullable fields", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { note: { $exists: false } } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { note: "x", "place.point.height": { $gt: 1 } } })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: { note: null } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { found: null } })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: { found: { $in: [null, 1] } } })
  })

  test("unions have the fields of all their members", () => {
    expect(Mango.find).type.toBeCallableWith(shapes, { selector: { kind: "circle", radius: { $gt: 1 } } })
    expect(Mango.find).type.toBeCallableWith(shapes, { selector: { kind: { $in: ["circle", "label"] }, radius: "1" } })
    expect(Mango.find).type.toBeCallableWith(shapes, { selector: { text: { $regex: "a" } } })
    expect(Mango.find).type.not.toBeCallableWith(shapes, { selector: { kind: "square" } })
    expect(Mango.find).type.not.toBeCallableWith(shapes, { selector: { colour: "red" } })
  })
})

describe("sort, fields and indexes", () => {
  test("name paths that exist, in one direction", () => {
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: {}, sort: ["name", "place.point.lat"] })
    expect(Mango.find).type.toBeCallableWith(zoo, {
      selector: {},
      sort: [{ name: "desc" }, { "place.country": "desc" }]
    })
    expect(Mango.find).type.toBeCallableWith(zoo, { selector: {}, sort: ["name", { _id: "asc" }] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, sort: ["nam"] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, sort: [{ "place.city": "asc" }] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, sort: [{ name: "up" }] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, sort: [{ name: "asc" }, { wild: "desc" }] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, fields: ["nam"] })
    expect(Mango.find).type.not.toBeCallableWith(zoo, { selector: {}, fields: [] })
    expect(Mango.createIndex).type.toBeCallableWith(zoo, { fields: ["name"], partialFilter: { wild: true } })
    expect(Mango.createIndex).type.not.toBeCallableWith(zoo, { fields: ["nam"] })
    expect(Mango.createIndex).type.not.toBeCallableWith(zoo, { fields: ["name"], partialFilter: { wild: 1 } })
  })
})

describe("results", () => {
  test("are documents of the collection", () => {
    const page = Mango.find(zoo, { selector: { name: "Monarch" } })
    expect<Effect.Effect.Success<typeof page>["documents"]>().type.toBe<
      ReadonlyArray<Document.Document<typeof Sighting.Type>>
    >()
    expect<Effect.Effect.Context<typeof page>>().type.toBe<CouchHttp.CouchHttp>()
    expect<Effect.Effect.Error<typeof page>["_tag"]>().type.toBeAssignableFrom<"DecodeError">()
    expect(Mango.stream(zoo, { selector: {} })).type.toBeAssignableTo<
      Stream.Stream<Document.Document<typeof Sighting.Type>, unknown, CouchHttp.CouchHttp>
    >()
  })

  test("are narrowed by fields", () => {
    const page = Mango.find(zoo, {
      selector: { wild: true },
      fields: ["_id", "seen", "note", "place.point.lat", "dotted\\.name"]
    })
    expect<Effect.Effect.Success<typeof page>["documents"][number]>().type.toBe<{
      readonly _id: string
      readonly seen: string
      readonly note?: string | undefined
      readonly "dotted.name": number
      readonly place: { readonly point: { readonly lat: number } }
    }>()
  })

  test("a member of which nothing may be there is optional", () => {
    const page = Mango.find(zoo, { selector: {}, fields: ["place.point.height"] })
    expect<Effect.Effect.Success<typeof page>["documents"][number]>().type.toBe<{
      readonly place?: { readonly point?: { readonly height?: number | undefined } }
    }>()
    const tree = Mango.find(trees, { selector: {}, fields: ["left.name"] })
    expect<Effect.Effect.Success<typeof tree>["documents"][number]>().type.toBe<
      { readonly left?: { readonly name: string } }
    >()
  })

  test("of a union keep its members apart", () => {
    const page = Mango.find(shapes, { selector: {}, fields: ["kind", "radius"] })
    expect<Effect.Effect.Success<typeof page>["documents"][number]>().type.toBe<
      | { readonly kind: "circle"; readonly radius: number }
      | { readonly kind: "label"; readonly radius?: string | undefined }
    >()
  })

  test("of a stream are narrowed too", () => {
    const names = Mango.stream(zoo, { selector: {}, fields: ["name"] }).pipe(Stream.map(({ name }) => name))
    expect(names).type.toBeAssignableTo<Stream.Stream<string, unknown, CouchHttp.CouchHttp>>()
    expect(Mango.streamValid(zoo, { selector: {}, fields: ["name"] })).type.toBe<
      Stream.Stream<{ readonly name: string }, Mango.FindError, CouchHttp.CouchHttp>
    >()
  })

  test("of a database are JSON, whatever is asked", () => {
    const page = Mango.find("zoo", { selector: { whatever: { $gt: 1 } }, fields: ["a.b"], sort: ["c"] })
    expect<Effect.Effect.Success<typeof page>["documents"]>().type.toBe<ReadonlyArray<Json.JsonObject>>()
    expect(page.pipe(Effect.catchTag("NotFoundError", () => Effect.succeed(0)))).type.toBeAssignableTo<
      Effect.Effect<unknown, unknown, CouchHttp.CouchHttp>
    >()
  })
})
