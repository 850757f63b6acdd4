import { assert } from "@effect/vitest"
import { Collection, Document, Json, Mango } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { butterflies, type Contract, database, raw } from "./suite.js"

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

const Sighting = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number,
  on: Schema.Date,
  tags: Schema.Array(Schema.String),
  note: Schema.optional(Schema.String),
  place: Schema.Struct({ country: Schema.String, point: Schema.Struct({ lat: Schema.Number, lon: Schema.Number }) })
})

const sighting = (i: number) => ({
  _id: `s${String(i).padStart(3, "0")}`,
  name: ["monarch", "brimstone", "peacock"][i % 3],
  seen: i,
  on: `2024-05-${String(i % 28 + 1).padStart(2, "0")}T00:00:00.000Z`,
  tags: i % 2 === 0 ? ["even", `t${i}`] : ["odd"],
  ...(i % 5 === 0 && { note: `note ${i}` }),
  place: { country: i % 2 === 0 ? "DE" : "FR", point: { lat: 40 + i, lon: i } }
})

const bulk = (name: string, docs: ReadonlyArray<unknown>) => raw("POST", `/${name}/_bulk_docs`, { docs })

/** So many sightings in a database of their own. */
const sightings = (count: number) =>
  Effect.gen(function*() {
    const name = yield* database
    yield* bulk(name, Array.from({ length: count }, (_, i) => sighting(i)))
    return Collection.make(name, Sighting)
  })

export const mango: Contract = (it) => {
  it.scoped("finds documents as a fetch does, ready to be edited and saved", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/monarch`, `{"name":"Monarch","seen":1,"big":12345678901234567890}`)
      yield* raw("PUT", `/${zoo.database}/other`, { name: "Other", seen: 2 })
      const { documents } = yield* Mango.find(zoo, { selector: { name: "Monarch" } })
      assert.deepStrictEqual(documents.map(({ body, id }) => [id, body]), [["monarch", { name: "Monarch", seen: 1 }]])
      for (const doc of documents) yield* Document.save(Document.modify(doc, (b) => ({ ...b, seen: 2 })))
      const [json] = (yield* Mango.find(zoo.database, { selector: { _id: "monarch" } })).documents
      assert.match(Json.stringify(json ?? null), /"seen":2,"big":12345678901234567890}$/)
    }))

  it.scoped("operators, on paths, objects, arrays and combinations", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(12)
      const seen = (selector: Mango.Selector<typeof Sighting.Encoded>) =>
        Effect.map(Mango.find(zoo, { selector }), ({ documents }) => documents.map(({ body }) => body.seen))
      assert.deepStrictEqual(yield* seen({ seen: { $gte: 3, $lt: 6 } }), [3, 4, 5])
      assert.deepStrictEqual(yield* seen({ "place.point.lat": { $in: [41, 43] } }), [1, 3])
      assert.deepStrictEqual(yield* seen({ place: { country: "DE", point: { lon: { $gt: 7 } } } }), [8, 10])
      assert.deepStrictEqual(yield* seen({ tags: { $all: ["even", "t4"] } }), [4])
      assert.deepStrictEqual(yield* seen({ tags: ["odd"], seen: { $lt: 4 } }), [1, 3])
      assert.deepStrictEqual(yield* seen({ tags: { $elemMatch: { $beginsWith: "t1" } } }), [10])
      assert.deepStrictEqual(yield* seen({ tags: { $size: 1 }, name: "monarch" }), [3, 9])
      assert.deepStrictEqual(yield* seen({ note: { $exists: true } }), [0, 5, 10])
      assert.deepStrictEqual(
        yield* seen({ $or: [{ seen: 1 }, { $and: [{ seen: { $mod: [5, 0] } }, { note: "note 5" }] }] }),
        [1, 5]
      )
      assert.deepStrictEqual(yield* seen({ $nor: [{ seen: { $gt: 1 } }], name: { $regex: "^m" } }), [0])
      assert.deepStrictEqual(yield* seen({ $not: { seen: { $gt: 1 } } }), [0, 1])
      assert.deepStrictEqual(yield* seen({ on: "2024-05-03T00:00:00.000Z" }), [2])
      assert.deepStrictEqual(
        yield* seen({ name: { $nin: ["monarch", "peacock"], $type: "string", $ne: "x" }, seen: { $lte: 4 } }),
        [1, 4]
      )
    }))

  it.scoped("fields, as they are on the wire, of the fields that are asked for alone", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(2)
      const { documents } = yield* Mango.find(zoo, {
        selector: { seen: { $lt: 2 } },
        fields: ["_id", "on", "note", "place.point.lat"]
      })
      assert.deepStrictEqual([...documents], [
        { _id: "s000", on: "2024-05-01T00:00:00.000Z", note: "note 0", place: { point: { lat: 40 } } },
        { _id: "s001", on: "2024-05-02T00:00:00.000Z", place: { point: { lat: 41 } } }
      ])
      yield* raw("PUT", `/${zoo.database}/s100`, { seen: "many", note: 7 })
      const error = yield* Effect.flip(Mango.find(zoo, { selector: {}, fields: ["_id", "seen"] }))
      assert.strictEqual(error._tag, "DecodeError")
      if (error._tag === "DecodeError") assert.deepStrictEqual([error.id, error.issues[0]?.path], ["s100", ["seen"]])
      const valid = yield* collected(Mango.streamValid(zoo, { selector: {}, fields: ["seen"] }))
      assert.deepStrictEqual(valid, [{ seen: 0 }, { seen: 1 }])
    }))

  it.scoped("streams all over bookmarks, whatever the page; skip counts once and limit in all", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(57)
      yield* Mango.createIndex(zoo, { fields: ["name", "seen"], design: "by", name: "name" })
      const all = Array.from({ length: 57 }, (_, i) => i)
      for (const useIndex of [undefined, ["by", "name"] as const]) {
        const query = { selector: { name: { $gt: null }, seen: { $gte: 0 } }, useIndex } as const
        const whole = yield* collected(Mango.stream(zoo, query))
        assert.sameMembers(whole.map(({ body }) => body.seen), all)
        const order = whole.map(({ id }) => id)
        for (const pageSize of [1, 10, 19, 57, 58]) {
          const paged = yield* collected(Mango.stream(zoo, { ...query, pageSize }))
          assert.deepStrictEqual(paged.map(({ id }) => id), order)
          const part = yield* collected(Mango.stream(zoo, { ...query, pageSize, skip: 7, limit: 23 }))
          assert.deepStrictEqual(part.map(({ id }) => id), order.slice(7, 30))
        }
        assert.deepStrictEqual(yield* collected(Mango.stream(zoo, { ...query, skip: 60 })), [])
        assert.deepStrictEqual(yield* collected(Mango.stream(zoo, { ...query, limit: 0 })), [])
      }
    }))

  it.scoped("pages by hand, over their bookmarks", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(5)
      const query = { selector: { seen: { $gte: 0 } }, limit: 3 } as const
      const first = yield* Mango.find(zoo, query)
      const second = yield* Mango.find(zoo, { ...query, bookmark: Option.getOrThrow(first.bookmark) })
      assert.deepStrictEqual([first, second].map(({ documents }) => documents.map(({ body }) => body.seen)), [
        [0, 1, 2],
        [3, 4]
      ])
      assert.strictEqual((yield* Mango.find(zoo, { selector: {} })).documents.length, 5)
      const nonsense = yield* Effect.flip(Mango.find(zoo, { ...query, bookmark: "nonsense" }))
      assert.strictEqual(nonsense._tag, "BadRequestError")
    }))

  it.scoped("warnings and statistics are values", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(4)
      const slow = yield* Mango.find(zoo, { selector: { seen: { $gt: 1 } }, executionStats: true })
      assert.match(Option.getOrElse(slow.warning, () => ""), /index/i)
      assert.deepInclude(Option.getOrThrow(slow.executionStats), { resultsReturned: 2 })
      assert.isAtLeast(Option.getOrThrow(slow.executionStats).totalDocsExamined, 4)
      yield* Mango.createIndex(zoo, { fields: ["seen"] })
      const plain = yield* Mango.find(zoo, { selector: { seen: { $gt: 1 } } })
      assert.deepStrictEqual([plain.warning, plain.executionStats], [Option.none(), Option.none()])
    }))

  it.scoped("sorts by an index in both directions, and fails without an index", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(6)
      const missing = yield* Effect.flip(Mango.find(zoo, { selector: { seen: { $gt: 0 } }, sort: ["seen"] }))
      assert.deepInclude(missing, { _tag: "BadRequestError", error: "no_usable_index" })
      yield* Mango.createIndex(zoo, { fields: ["seen"] })
      const sorted = (sort: Mango.Sort<typeof Sighting.Encoded>) =>
        Effect.map(Mango.find(zoo, { selector: { seen: { $gt: 2 } }, sort }), ({ documents }) =>
          documents.map(({ body }) => body.seen))
      assert.deepStrictEqual(yield* sorted(["seen"]), [3, 4, 5])
      assert.deepStrictEqual(yield* sorted([{ seen: "desc" }]), [5, 4, 3])
    }))

  it.scoped("indexes: made once, listed, explained, deleted; partial ones too", () =>
    Effect.gen(function*() {
      const zoo = yield* sightings(3)
      const options = {
        fields: ["name"],
        design: "queries",
        name: "rare",
        partialFilter: { seen: { $lt: 2 } }
      } as const
      assert.deepStrictEqual(yield* Mango.createIndex(zoo, options), { design: "queries", name: "rare", created: true })
      assert.strictEqual((yield* Mango.createIndex(zoo, options)).created, false)
      const [special, rare, ...others] = yield* Mango.indexes(zoo)
      assert.deepStrictEqual(others, [])
      assert.deepInclude(special, { design: Option.none(), name: "_all_docs", type: "special" })
      assert.deepInclude(rare, { design: Option.some("queries"), name: "rare", type: "json" })
      assert.deepStrictEqual(rare?.fields, [{ path: "name", direction: "asc" }])
      assert.deepStrictEqual(rare?.partialFilter, Option.some({ seen: { $lt: 2 } }))
      const query = { selector: { name: "monarch" }, useIndex: ["queries", "rare"] } as const
      const explained = yield* Mango.explain(zoo, query)
      assert.strictEqual(explained.index.name, "rare")
      assert.isFalse(explained.covering)
      const found = yield* Mango.find(zoo, query)
      assert.deepStrictEqual(found.documents.map(({ id }) => id), ["s000"])
      yield* Mango.deleteIndex(zoo, { design: "queries", name: "rare" })
      assert.strictEqual(
        (yield* Effect.flip(Mango.deleteIndex(zoo, { design: "queries", name: "rare" })))._tag,
        "NotFoundError"
      )
      assert.strictEqual((yield* Mango.explain(zoo, { selector: { name: "monarch" } })).index.name, "_all_docs")
      assert.strictEqual((yield* Mango.indexes(zoo.database)).length, 1)
    }))

  it.scoped("one bad document: fails, is a Left, or is skipped and counted; others are not this collection's", () =>
    Effect.gen(function*() {
      const name = yield* database
      const zoo = Collection.make(name, Schema.Struct({ n: Schema.Number }), { id: Collection.prefixed("b:") })
      yield* bulk(name, [{ _id: "b:1", n: 1 }, { _id: "b:2", n: "two" }, { _id: "b:3", n: 3 }, { _id: "m:1", n: "x" }])
      const error = yield* Effect.flip(Mango.find(zoo, { selector: {} }))
      assert.strictEqual(error._tag === "DecodeError" && error.id, "b:2")
      const both = yield* collected(Mango.streamEither(zoo, { selector: {}, pageSize: 1 }))
      assert.deepStrictEqual(both.map(Either.isRight), [true, false, true])
      const before = yield* Metric.value(Mango.skipped)
      const valid = yield* collected(Mango.streamValid(zoo, { selector: {}, pageSize: 2 }))
      assert.deepStrictEqual(valid.map(({ body }) => body.n), [1, 3])
      assert.isAtLeast((yield* Metric.value(Mango.skipped)).count, before.count + 1)
      const fields = yield* Effect.flip(Mango.find(zoo, { selector: {}, fields: ["n"] }))
      assert.strictEqual(fields._tag === "DecodeError" && fields.id, "b:2")
      const some = yield* collected(Mango.streamValid(zoo, { selector: {}, fields: ["n"] }))
      assert.deepStrictEqual(some, [{ n: 1 }, { n: 3 }])
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(Mango.stream(zoo, { selector: {} }))))._tag, "DecodeError")
    }))

  it.scoped("one partition alone", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("DELETE", `/${name}`)
      yield* raw("PUT", `/${name}?partitioned=true`)
      yield* bulk(name, ["x:a", "x:b", "x:c", "y:a"].map((_id, n) => ({ _id, n })))
      const zoo = Collection.make(name, Schema.Struct({ n: Schema.Number }))
      yield* Mango.createIndex(zoo, { fields: ["n"], partitioned: true })
      const query = { selector: { n: { $gte: 0 } }, partition: "x" } as const
      const found = yield* collected(Mango.stream(zoo, { ...query, pageSize: 2 }))
      assert.deepStrictEqual(found.map(({ id }) => id), ["x:a", "x:b", "x:c"])
      assert.strictEqual((yield* Mango.explain(zoo, query)).index.type, "json")
      assert.isTrue((yield* Mango.indexes(zoo)).some(({ partitioned }) => Option.contains(partitioned, true)))
    }))

  it.scoped("fails for a missing database, an invalid name and an invalid selector", () =>
    Effect.gen(function*() {
      const name = yield* database
      const tag = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.flip(effect), ({ _tag }) => _tag)
      assert.strictEqual(yield* tag(Mango.find(`${name}-not`, { selector: {} })), "NotFoundError")
      assert.strictEqual(yield* tag(Mango.find("Not a name", { selector: {} })), "InvalidIdError")
      assert.strictEqual(yield* tag(Mango.find(name, { selector: { n: NaN } })), "EncodeError")
      assert.strictEqual(yield* tag(Mango.find(name, { selector: { n: { $like: 1 } } })), "BadRequestError")
      assert.strictEqual(yield* tag(Mango.find(name, { selector: {}, partition: ".." })), "InvalidIdError")
      assert.strictEqual(yield* tag(Mango.deleteIndex(name, { design: "..", name: "x" })), "InvalidIdError")
    }))
}
