import { Context, Effect, Option, Schema, Stream } from "effect"
import type { CouchError, CouchHttp, Document, Json } from "effect-couchdb"
import { Collection, View } from "effect-couchdb"
import { describe, expect, test } from "tstyche"

interface Butterfly {
  readonly name: string
  readonly seen: number
}
class Units extends Context.Tag("Units")<Units, { readonly factor: number }>() {}

declare const Butterfly: Schema.Schema<Butterfly>
declare const Scaled: Schema.Schema<number, number, Units>

const zoo = Collection.make("zoo", Butterfly)
const byDay = View.make({ design: "zoo", view: "byDay", key: Schema.Date, value: Schema.NumberFromString })
const scaled = View.make({ design: "zoo", view: "scaled", key: Scaled })
const count = View.reduced({ design: "zoo", view: "byDay", key: Schema.Date, value: Schema.Number })

type Couch = CouchHttp.CouchHttp
type Rows<E> = E extends Effect.Effect<View.Page<infer A>, unknown, unknown> ? A : never

describe("descriptions", () => {
  test("keep keys, values and requirements; what has no schema is JSON", () => {
    expect(byDay).type.toBe<View.View<Date, number>>()
    expect(scaled).type.toBe<View.View<number, Json.Json, Units>>()
    expect(View.make({ design: "a", view: "b" })).type.toBe<View.View<Json.Json, Json.Json>>()
    expect(count).type.toBe<View.Reduced<Date, number>>()
  })
})

describe("rows", () => {
  test("of a collection have its documents, of a database JSON", () => {
    const typed = View.fetch(zoo, byDay)
    expect<Rows<typeof typed>>().type.toBe<View.Row<Date, number, Document.Document<Butterfly>> | View.Refused>()
    const json = View.fetch("zoo", byDay)
    expect<Rows<typeof json>>().type.toBe<View.Row<Date, number, Json.JsonObject> | View.Refused>()
    const all = View.fetch(zoo, View.allDocs)
    expect<Rows<typeof all>>().type.toBe<View.Row<string, View.Listed, Document.Document<Butterfly>> | View.Refused>()
  })

  test("of a reduced view are groups", () => {
    const groups = View.fetch(zoo, count, { group: true })
    expect<Rows<typeof groups>>().type.toBe<View.Group<Date, number> | View.Refused>()
    expect(View.reduce("zoo", count)).type.toBe<
      Effect.Effect<Option.Option<number>, View.QueryError | CouchError.DecodeError, Couch>
    >()
    expect(View.reduce).type.not.toBeCallableWith("zoo", byDay)
    expect(View.pages).type.not.toBeCallableWith("zoo", count)
  })

  test("with a value have distinct types", () => {
    const keys = View.stream(zoo, byDay).pipe(Stream.filter(View.isRow), Stream.map(({ key }) => key))
    expect<Stream.Stream.Success<typeof keys>>().type.toBe<Date>()
  })

  test("carry the requirements of keys, values and documents", () => {
    expect<Stream.Stream.Context<ReturnType<typeof ask>>>().type.toBe<Couch | Units>()
  })
})

const ask = () => View.stream(zoo, scaled)

describe("options", () => {
  test("take keys of the view, and bounds", () => {
    expect(View.fetch).type.toBeCallableWith(zoo, byDay, { key: new Date(), limit: 1 })
    expect(View.fetch).type.toBeCallableWith(zoo, byDay, { startKey: View.bound(null), endKey: View.bound(View.high) })
    expect(View.fetch).type.not.toBeCallableWith(zoo, byDay, { key: "2024" })
    expect(View.fetch).type.not.toBeCallableWith(zoo, byDay, { keys: [new Date(), 7] })
    expect(View.fetch).type.not.toBeCallableWith(zoo, View.allDocs, { key: 7 })
    expect(View.fetch).type.toBeCallableWith("zoo", View.make({ design: "a", view: "b" }), { key: { a: [1, null] } })
  })

  test("of groups belong to reduced views, of documents to others, of attachments to a database", () => {
    expect(View.fetch).type.not.toBeCallableWith(zoo, byDay, { group: true })
    expect(View.fetch).type.not.toBeCallableWith(zoo, count, { includeDocs: true })
    expect(View.fetch).type.toBeCallableWith("zoo", byDay, { attachments: true })
    expect(View.fetch).type.not.toBeCallableWith(zoo, byDay, { attachments: true })
    expect(View.pages).type.not.toBeCallableWith(zoo, byDay, { keys: [new Date()] })
    expect(View.queries).type.toBeCallableWith(zoo, byDay, [{ key: new Date() }, { limit: 1 }], { partition: "x" })
  })
})

describe("errors", () => {
  test("streamValid and streamEither have no DecodeError left", () => {
    expect(View.stream(zoo, byDay)).type.toBe<
      Stream.Stream<
        View.Row<Date, number, Document.Document<Butterfly>> | View.Refused,
        View.QueryError | CouchError.DecodeError,
        Couch
      >
    >()
    expect<Stream.Stream.Error<ReturnType<typeof valid>>>().type.toBe<View.QueryError>()
    expect<"DecodeError">().type.not.toBeAssignableTo<View.QueryError["_tag"]>()
  })

  test("catchTag narrows", () => {
    const caught = View.fetch(zoo, byDay).pipe(Effect.catchTag("NotFoundError", () => Effect.succeed(Option.none())))
    expect<"NotFoundError">().type.not.toBeAssignableTo<Effect.Effect.Error<typeof caught>["_tag"]>()
  })
})

const valid = () => View.streamValid(zoo, byDay)
