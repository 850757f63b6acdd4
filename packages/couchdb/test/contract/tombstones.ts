import { assert } from "@effect/vitest"
import {
  Bulk,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Document,
  Edit,
  Json,
  Merge,
  Replication
} from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Lineage from "../support/lineageInternals.js"
import { type Contract, database, raw, stored } from "./suite.js"

const Card = Schema.Struct({
  type: Schema.String,
  owner: Schema.String,
  text: Schema.String,
  due: Schema.optional(Schema.Date),
  size: Schema.optional(Schema.Number)
})

const cards = Effect.map(database, (name) => Collection.make(name, Card))

/** What is stored of a tombstone, without what CouchDB says of it. */
const left = ({ collection, id, rev }: Document.Tombstone<typeof Card.Type>) =>
  Effect.map(stored(collection.database, id, `?rev=${rev}`), (text) => {
    assert.include(text, "\"_deleted\":true")
    return text.trim().replace(/"_(?:id|rev)":"[^"]*",?|"_deleted":true,?/g, "").replace(",}", "}")
  })

const body =
  `{"type":"card","owner":"ada","text":"t","due":"2026-05-01","size":1.0,"big":12345678901234567890,"x":{"b":1,"a":2}}`

const card = Effect.gen(function*() {
  const zoo = yield* cards
  yield* raw("PUT", `/${zoo.database}/a`, body)
  return { zoo, doc: yield* Document.fetch(zoo, "a") }
})

export const tombstones: Contract = (it) => {
  it.scoped("a tombstone keeps members by their names, exactly as they are stored", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* card
      const gone = yield* Document.deleteWith(doc, { keep: ["type", "due", "size", "big", "x", "nobody"] })
      assert.strictEqual(
        yield* left(gone),
        `{"type":"card","due":"2026-05-01","size":1.0,"big":12345678901234567890,"x":{"b":1,"a":2}}`
      )
      const error = yield* Effect.flip(Document.fetch(zoo, "a"))
      assert.isTrue(error._tag === "NotFoundError" && error.reason === "deleted")
      // It is a tombstone like any other.
      const back = yield* Document.save(Document.restore(gone, { type: "card", owner: "eve", text: "again" }))
      assert.strictEqual((yield* Document.fetch(zoo, "a")).body.owner, "eve")
      yield* Document.delete(back)
    }))

  it.scoped("a tombstone keeps members that are given, or made of the body", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* card
      const first = yield* doc.pipe(Document.deleteWith({ keep: { type: "card", deletedBy: "eve", at: [1, null] } }))
      assert.strictEqual(yield* left(first), `{"type":"card","deletedBy":"eve","at":[1,null]}`)
      yield* raw("PUT", `/${zoo.database}/b`, body)
      // A value of the body stays as it is stored, a date and a number as CouchDB wrote them.
      const second = yield* Effect.flatMap(Document.fetch(zoo, "b"), (doc) =>
        Document.deleteWith(doc, {
          keep: ({ due, owner, size }) => ({ owner, due, size, deletedBy: owner.toUpperCase(), none: undefined })
        }))
      assert.strictEqual(yield* left(second), `{"owner":"ada","due":"2026-05-01","size":1.0,"deletedBy":"ADA"}`)
      // Nothing kept is a plain delete.
      for (const keep of [[], {}, undefined, ["nobody"]]) {
        const doc = yield* Document.create(zoo, "c", { type: "card", owner: "ada", text: "t" })
        assert.strictEqual(yield* left(yield* Document.deleteWith(doc, { keep })), "{}")
      }
    }))

  it.scoped("what no tombstone can keep is an EncodeError, and nothing is deleted", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* card
      const bad: ReadonlyArray<Document.Keep<typeof Card.Type>> = [
        ["_id"],
        ["type", "_attachments"],
        { _deleted: false },
        { n: NaN },
        { at: new Date(0) },
        { text: "\ud800" },
        { "\ud800": 1 },
        () => ({ f: () => 1 })
      ]
      for (const keep of bad) {
        assert.strictEqual((yield* Effect.flip(Document.deleteWith(doc, { keep })))._tag, "EncodeError")
        const [row] = yield* Bulk.delete([doc], { keep })
        assert.isTrue(row !== undefined && Either.isLeft(row) && row.left._tag === "EncodeError")
      }
      assert.deepStrictEqual((yield* Document.fetch(zoo, "a")).rev, doc.rev)
    }))

  it.scoped("a delete that keeps members refuses edits and what was never saved, as a delete does", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* card
      const dirty = Document.modify(doc, (body) => ({ ...body, text: "other" }))
      const fresh = Document.make(zoo, "new", doc.body)
      const keep = ["type"]
      assert.strictEqual((yield* Effect.flip(Document.deleteWith(dirty, { keep })))._tag, "UnsavedChangesError")
      assert.strictEqual((yield* Effect.flip(Document.deleteWith(fresh, { keep })))._tag, "UnsavedDocumentError")
      assert.deepStrictEqual(
        (yield* Bulk.delete([dirty, fresh], { keep })).map((row) => Either.isLeft(row) ? row.left._tag : "deleted"),
        ["UnsavedChangesError", "UnsavedDocumentError"]
      )
    }))

  it.scoped("a refused delete is repeated with what it keeps, of the revision that it deletes then", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* card
      yield* Document.save(Document.modify(doc, (body) => ({ ...body, owner: "eve" })))
      const deleting = Document.deleteWith(doc, { keep: ["type", "owner", "big"] })
      const conflict = yield* Effect.flip(deleting)
      assert.isTrue(conflict._tag === "ConflictError" && conflict.operation === "delete")
      const merging = yield* Effect.flip(
        Effect.catchTag(deleting, "ConflictError", Conflict.merge(Merge.make(zoo.schema)))
      )
      assert.strictEqual(merging._tag, "OverlapError")
      const gone = yield* Effect.catchTag(deleting, "ConflictError", Conflict.overwrite)
      assert(gone._tag === "Tombstone")
      assert.strictEqual(yield* left(gone), `{"type":"card","owner":"eve","big":12345678901234567890}`)

      // Somebody else deleted it: there is nothing left to delete.
      const late = yield* Effect.flip(deleting)
      assert.isTrue(late._tag === "NotFoundError" && late.reason === "deleted")
      const [row] = yield* Bulk.delete([doc], { keep: ["type"] }).pipe(Bulk.resolveWith(Conflict.overwrite))
      assert.isTrue(row !== undefined && Either.isLeft(row) && row.left._tag === "NotFoundError")
      assert.strictEqual(yield* left(gone), `{"type":"card","owner":"eve","big":12345678901234567890}`)

      // What a function keeps is made of the other side's body, too.
      yield* raw("PUT", `/${zoo.database}/b`, body)
      const mine = yield* Document.fetch(zoo, "b")
      yield* Document.save(Document.modify(mine, (body) => ({ ...body, owner: "eve" })))
      const byFunction = yield* Document.deleteWith(mine, { keep: ({ owner }) => ({ owner, by: owner }) }).pipe(
        Effect.catchTag("ConflictError", Conflict.overwrite)
      )
      assert(byFunction._tag === "Tombstone")
      assert.strictEqual(yield* left(byFunction), `{"owner":"eve","by":"eve"}`)
    }))

  it.scoped("documents are deleted in bulk, each with what it keeps", () =>
    Effect.gen(function*() {
      const zoo = yield* cards
      const docs = yield* Effect.forEach(["a", "b", "c"], (id) =>
        Document.create(zoo, id, { type: "card", owner: id, text: "t" }))
      const rows = yield* Bulk.delete(docs.slice(0, 2), { keep: ["owner"], rows: 1 })
      const both = yield* Effect.forEach(rows, (row) =>
        left(Either.getOrThrow(row)))
      assert.deepStrictEqual(both, [`{"owner":"a"}`, `{"owner":"b"}`])
      const last = docs[2]
      assert(last !== undefined)
      yield* Document.save(Document.modify(last, (body) => ({ ...body, owner: "C" })))
      const [row] = yield* Bulk.delete([last], { keep: (card) => ({ was: card.owner }) }).pipe(
        Bulk.resolveWith(Conflict.overwrite)
      )
      assert(row !== undefined && Either.isRight(row) && row.right._tag === "Tombstone")
      assert.strictEqual(yield* left(row.right), `{"was":"C"}`)
    }))

  it.scoped("an edit deletes and keeps members", () =>
    Effect.gen(function*() {
      const { zoo } = yield* card
      const gone = yield* Document.updateEffect(zoo, "a", ({ due, type }) =>
        Effect.succeed(Edit.delete({ keep: { type, due, deletedBy: "eve" } })))
      assert(gone._tag === "Tombstone")
      assert.strictEqual(yield* left(gone), `{"type":"card","due":"2026-05-01","deletedBy":"eve"}`)
      yield* raw("PUT", `/${zoo.database}/b`, body)
      const named = yield* Document.updateEffect(zoo, "b", () =>
        Effect.succeed(Edit.delete({ keep: ["big"] })))
      assert(named._tag === "Tombstone")
      assert.strictEqual(yield* left(named), `{"big":12345678901234567890}`)
      yield* raw("PUT", `/${zoo.database}/c`, body)
      const plain = yield* Document.updateEffect(zoo, "c", () =>
        Effect.succeed(Edit.delete))
      assert(plain._tag === "Tombstone")
      const kinds = [Edit.delete, Edit.delete({ keep: ["a"] }), Edit.keep].map(
        Edit.match({ Keep: () => "keep", Change: () => "change", Delete: ({ keep }) => keep ?? "delete" })
      )
      assert.deepStrictEqual(kinds, ["delete", ["a"], "keep"])
      assert.strictEqual(yield* left(plain), "{}")
      yield* Document.create(zoo, "d", { type: "card", owner: "ada", text: "t" })
      const bad = yield* Effect.flip(
        Document.updateEffect(zoo, "d", () => Effect.succeed(Edit.delete({ keep: { _x: 1 } })))
      )
      assert.strictEqual(bad._tag, "EncodeError")
    }))

  it.scoped("a filtered replication carries a deletion over by what its tombstone keeps", () =>
    Effect.gen(function*() {
      const zoo = yield* cards
      const target = yield* database
      const couch = yield* CouchHttp.CouchHttp
      const docs = yield* Effect.forEach(["a", "b"], (id) =>
        Document.create(zoo, id, { type: "card", owner: "ada", text: "t" }))
      yield* Document.create(zoo, "c", { type: "note", owner: "ada", text: "t" })
      const filter = Changes.bySelector({ type: "card" })
      const replicate = Replication.run({ couch, database: zoo.database }, { couch, database: target }, { filter })
      yield* replicate
      const [first, second] = docs
      assert(first !== undefined && second !== undefined)
      yield* Document.deleteWith(first, { keep: ["type"] })
      yield* Document.delete(second)
      yield* replicate
      const there = Collection.make(target, Card)
      assert.isTrue(Option.isNone(yield* Document.fetchOption(there, "a")))
      assert.isTrue(Option.isSome(yield* Document.fetchOption(there, "b")))
      const { changes } = yield* Changes.fetch(target, { includeDocs: true })
      const told = changes.find(({ id }) =>
        id === "a"
      )
      assert(told?._tag === "Deleted")
      assert.deepStrictEqual(Option.map(told.body, Json.stringify), Option.some(`{"type":"card"}`))
    }))

  it.scoped("with lineage, a tombstone keeps members beside its record, and the deletion counts", () =>
    Effect.gen(function*() {
      const name = yield* database
      const zoo = Collection.make(name, Card, { lineage: Lineage.settings({ tombstone: { keep: ["type", "owner"] } }) })
      const doc = yield* Document.create(zoo, "a", { type: "card", owner: "ada", text: "t" })
      const gone = yield* Document.deleteWith(doc, {
        keep: { owner: "nobody", deletedBy: "eve", lineage: "not mine to write" }
      })
      const text = yield* stored(name, "a", `?rev=${gone.rev}`)
      const tombstone: { readonly [key: string]: unknown } = JSON.parse(text)
      assert.deepStrictEqual([tombstone["type"], tombstone["owner"], tombstone["deletedBy"]], ["card", "nobody", "eve"])
      assert.isTrue(Lineage.decodeField(JSON.parse(text).lineage)._tag === "Record")
      const again = yield* Document.create(zoo, "a", { type: "card", owner: "ada", text: "again" })
      const [row] = yield* Bulk.delete([again], { keep: ["text"] })
      assert(row !== undefined && Either.isRight(row))
      assert.include(yield* stored(name, "a", `?rev=${row.right.rev}`), `"text":"again"`)

      // An edit that knew nothing of it is a sibling of the deletion, which its record says.
      const other = yield* Document.create(zoo, "b", { type: "card", owner: "ada", text: "t" })
      yield* Document.deleteWith(other, { keep: ["owner", "type"] })
      yield* Bulk.insert(name, [{
        id: "b",
        revisions: ["2-00000000000000000000000000000001", Option.getOrThrow(other.rev)] as never,
        body: { type: "card", owner: "eve", text: "t" }
      }])
      const outcome = yield* Conflict.resolve(zoo, "b", Merge.make(Card))
      assert.include(["Resolved", "NothingToDo"], outcome._tag)
      assert.strictEqual((yield* Document.fetch(zoo, "b")).body.owner, "eve")
    }))
}
