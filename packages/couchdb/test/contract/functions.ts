import { assert } from "@effect/vitest"
import { Collection, CouchHttp, DesignDocument, Functions, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Butterfly, type Contract, database, raw, stored } from "./suite.js"

const sighting = Functions.make({
  design: "zoo",
  name: "sighting",
  input: Schema.Struct({ on: Schema.Date, by: Schema.Number }),
  output: Schema.Struct({ seen: Schema.NumberFromString })
})
const card = Functions.make({ design: "zoo", name: "card" })
const facts = Functions.make({
  design: "zoo",
  name: "facts",
  output: Schema.Struct({ id: Schema.NullOr(Schema.String), q: Schema.NullOr(Schema.String) })
})
const table = Functions.make({
  design: "zoo",
  name: "table",
  output: Schema.Struct({ keys: Schema.Array(Schema.Number), by: Schema.NullOr(Schema.String) })
})
const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })

const body = {
  updates: {
    sighting: "function (doc, req) {\n" +
      "  var given = JSON.parse(req.body)\n" +
      "  if (given.by < 0) return [null, { code: 403, json: { error: 'forbidden', reason: 'no less' } }]\n" +
      "  if (!doc) doc = { _id: req.id || req.uuid, name: 'new', seen: 0 }\n" +
      "  doc.seen += given.by\n" +
      "  doc.on = given.on\n" +
      "  return [doc, { json: { seen: given.by > 90 ? doc.seen : String(doc.seen) } }]\n" +
      "}",
    nothing:
      "function (doc, req) { return [null, 'nothing of ' + (doc ? doc._id : 'nobody') + ' ' + (req.query.q || '')] }"
  },
  shows: {
    said: "function (doc, req) { return { json: { id: doc ? doc._id : null, q: JSON.parse(req.body).q } } }",
    card: "function (doc, req) { return '<h1>' + (doc ? doc.name : 'nobody') + '</h1>' }",
    facts: "function (doc, req) { return { json: { id: doc ? doc._id : null, q: req.query.q || null } } }"
  },
  lists: {
    table: "function (head, req) {\n" +
      "  start({ headers: { 'Content-Type': 'application/json' } })\n" +
      "  var row, keys = []\n" +
      "  while (row = getRow()) keys.push(row.key)\n" +
      "  send(JSON.stringify({ keys: keys, by: req.query.by || null }))\n" +
      "}"
  },
  views: { bySeen: { map: "function (doc) { if (doc.seen) emit(doc.seen, null) }" } }
}

const scene = Effect.gen(function*() {
  const zoo = Collection.make(yield* database, Butterfly)
  yield* raw("PUT", `/${zoo.database}/_design/zoo`, body)
  yield* raw("PUT", `/${zoo.database}/_design/other`, { views: body.views })
  return zoo
})

const on = new Date("2026-05-01T12:00:00Z")

export const functions: Contract = (it) => {
  it.scoped("an update function is given what its schema says, writes, and answers what its schema says", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const first = yield* Functions.update(zoo, sighting, { on, by: 2 }, { id: "a/b c" })
      assert.deepStrictEqual(first.output, { seen: 2 })
      assert.deepStrictEqual(first.id, Option.some("a/b c"))
      const second = yield* Functions.update(zoo.database, sighting, { on, by: 3 }, { id: "a/b c" })
      assert.deepStrictEqual(second.output, { seen: 5 })
      const text = yield* stored(zoo.database, "a/b c")
      assert.include(text, Option.getOrThrow(second.rev))
      assert.include(text, `"on":"2026-05-01T12:00:00.000Z"`)
      const named = yield* Functions.update(zoo, sighting, { on, by: 1 })
      assert.isTrue(Option.isSome(named.rev))
    }))

  it.scoped("an update function that writes nothing answers all the same", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const nothing = Functions.make({ design: "zoo", name: "nothing" })
      const done = yield* Functions.update(zoo, nothing, undefined, { id: "a", query: { q: "x&y" } })
      assert.strictEqual(done.output, "nothing of nobody x&y")
      assert.deepStrictEqual([done.id, done.rev], [Option.none(), Option.none()])
    }))

  it.scoped("what a function refuses, answers otherwise than described, or is not there for, is an error", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const refused = yield* Effect.flip(Functions.update(zoo, sighting, { on, by: -1 }, { id: "a" }))
      assert.deepInclude(refused, { _tag: "ForbiddenError", reason: "no less" })
      const other = yield* Effect.flip(Functions.update(zoo, sighting, { on, by: 91 }, { id: "a" }))
      assert.strictEqual(other._tag, "DecodeError")
      assert.notInclude(other.message, "()")
      assert.include(other.message, "_design/zoo/_update/sighting")
      const bad = yield* Effect.flip(Functions.update(zoo, sighting, { on, by: Number.NaN }, { id: "a" }))
      assert.strictEqual(bad._tag, "EncodeError")
      const none = Functions.make({ design: "zoo", name: "none" })
      assert.strictEqual((yield* Effect.flip(Functions.update(zoo, none, undefined)))._tag, "NotFoundError")
      const odd = yield* Effect.flip(Functions.show(zoo, Functions.make({ design: "..", name: "x" }), undefined))
      assert.strictEqual(odd._tag, "InvalidIdError")
    }))

  it.scoped("an update that is lost is not sent again", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const couch = yield* CouchHttp.CouchHttp
      const asked: Array<boolean | undefined> = []
      const spy: CouchHttp.Service = {
        ...couch,
        execute: (request) => {
          asked.push(request.idempotent)
          return couch.execute(request)
        }
      }
      yield* Functions.update(zoo, sighting, { on, by: 2 }, { id: "a" }).pipe(
        Effect.provideService(CouchHttp.CouchHttp, spy)
      )
      assert.deepStrictEqual(asked, [undefined])
    }))

  it.scoped("a show function makes a text or a value of a document, or of none", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      yield* raw("PUT", `/${zoo.database}/monarch`, { name: "Monarch", seen: 4 })
      assert.strictEqual(yield* Functions.show(zoo, card, undefined, { id: "monarch" }), "<h1>Monarch</h1>")
      assert.strictEqual(yield* Functions.show(zoo, card, undefined), "<h1>nobody</h1>")
      assert.deepStrictEqual(
        yield* Functions.show(zoo, facts, undefined, { id: "monarch", query: { q: "ü 1" } }),
        { id: "monarch", q: "ü 1" }
      )
      const said = Functions.make({
        design: "zoo",
        name: "said",
        input: Schema.Struct({ q: Schema.String }),
        output: Schema.Unknown
      })
      assert.deepStrictEqual(yield* Functions.show(zoo, said, { q: "x" }, { id: "monarch" }), { id: "monarch", q: "x" })
      assert.deepStrictEqual(yield* Functions.show(zoo, said, { q: "x" }), { id: null, q: "x" })
    }))

  it.scoped("a list function makes a value of the rows of a view, of this design document or of another", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      for (const seen of [3, 1, 2]) yield* raw("PUT", `/${zoo.database}/d${seen}`, { name: "x", seen })
      assert.deepStrictEqual(yield* Functions.list(zoo, table, bySeen), { keys: [1, 2, 3], by: null })
      assert.deepStrictEqual(
        yield* Functions.list(zoo, table, bySeen, { startKey: 2, query: { by: "me" } }),
        { keys: [2, 3], by: "me" }
      )
      assert.deepStrictEqual(yield* Functions.list(zoo, table, bySeen, { keys: [3, 7, 1], query: { by: "me" } }), {
        keys: [3, 1],
        by: "me"
      })
      const other = View.make({ design: "other", view: "bySeen", key: Schema.Number })
      assert.deepStrictEqual(yield* Functions.list(zoo, table, other, { descending: true, limit: 1 }), {
        keys: [3],
        by: null
      })
      assert.strictEqual((yield* Effect.flip(Functions.list(zoo, table, View.allDocs)))._tag, "InvalidIdError")
    }))

  it.scoped("functions of a deployed design document are called as they were defined", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      yield* DesignDocument.deploy(
        zoo.database,
        DesignDocument.make("mine", { updates: { nothing: body.updates.nothing } })
      )
      const { output } = yield* Functions.update(zoo, Functions.make({ design: "mine", name: "nothing" }), undefined)
      assert.strictEqual(output, "nothing of nobody ")
    }))
}
