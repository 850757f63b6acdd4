import { assert } from "@effect/vitest"
import { Bulk, Collection, Conflict, Document, type Revision } from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { butterflies, type Contract, database, raw, stored } from "./suite.js"

const tags = <A, E extends { readonly _tag: string }>(rows: ReadonlyArray<Either.Either<A, E>>) =>
  rows.map((row) => Either.isRight(row) ? "ok" : row.left._tag)

const generations = <A>(rows: ReadonlyArray<Either.Either<Document.Document<A>, unknown>>) =>
  Arr.getRights(rows).map((doc) => Option.getOrThrow(doc.rev).split("-")[0])

export const bulk: Contract = (it) => {
  it.scoped("saves, reads and deletes many, one result each and in order", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const names = Arr.makeBy(257, (n) => `doc-${(n * 7919) % 257}`)
      const saved = yield* Bulk.save(names.map((name, n) => Document.make(zoo, name, { name, seen: n })), {
        rows: 50
      })
      assert.deepStrictEqual(Arr.getRights(saved).map(({ id }) => id), names)
      assert.isTrue(Arr.getRights(saved).every((doc) => !Document.isDirty(doc) && Option.isSome(doc.rev)))

      const found = yield* Bulk.fetch(zoo, [...names].reverse(), { rows: 40 })
      assert.deepStrictEqual(Arr.getRights(found).map(({ body }) => body.name), [...names].reverse())

      const edited = Arr.getRights(found).map(Document.modify((body) => ({ ...body, seen: -1 })))
      assert.deepStrictEqual(new Set(generations(yield* Bulk.save(edited))), new Set(["2"]))

      const again = Arr.getRights(yield* Bulk.fetch(zoo, names))
      const gone = yield* Bulk.delete(again)
      assert.deepStrictEqual(
        Arr.getRights(gone).map(({ _tag, id }) => [_tag, id]),
        names.map((id) => ["Tombstone", id])
      )
      const after = yield* Bulk.fetch(zoo, names.slice(0, 3))
      assert.deepStrictEqual(
        after.map((row) => Either.isLeft(row) && row.left._tag === "NotFoundError" && row.left.reason),
        [
          "deleted",
          "deleted",
          "deleted"
        ]
      )
    }))

  it.scoped("a document that fails keeps no other from being written", () =>
    Effect.gen(function*() {
      const name = yield* database
      const Positive = Schema.Struct({ n: Schema.NonNegative })
      const zoo = Collection.make(name, Positive)
      const first = yield* Document.create(zoo, "taken", { n: 0 })
      yield* Document.save(Document.modify(first, () => ({ n: 1 })))
      const rows = yield* Bulk.save([
        Document.make(zoo, "a", { n: 1 }),
        Document.modify(first, () => ({ n: 2 })),
        Document.make(zoo, "_reserved", { n: 1 }),
        Document.make(zoo, "not-a-body", { n: -1 }),
        first,
        Document.make(zoo, "b", { n: 2 })
      ])
      assert.deepStrictEqual(tags(rows), ["ok", "ConflictError", "InvalidIdError", "EncodeError", "ok", "ok"])
      const conflict = Either.getOrThrow(Either.flip(rows[1] as Either.Either<never, Bulk.SaveError<{ n: number }>>))
      assert.isTrue(
        conflict._tag === "ConflictError" && conflict.operation === "save" && conflict.attempted.body.n === 2 &&
          conflict.id === "taken"
      )
      assert.strictEqual((yield* Document.fetch(zoo, "taken")).body.n, 1)
      assert.strictEqual((yield* Document.fetch(zoo, "b")).body.n, 2)
    }))

  it.scoped("reports missing, deleted, undecodable and invalid ids for their keys alone", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "there", { name: "there", seen: 1 })
      yield* Document.create(zoo, "gone", { name: "gone", seen: 1 }).pipe(Effect.flatMap(Document.delete))
      yield* raw("PUT", `/${zoo.database}/strange`, { name: 7 })
      const rows = yield* Bulk.fetch(zoo, ["there", "gone", "never", "_no", "strange", "there"])
      assert.deepStrictEqual(tags(rows), [
        "ok",
        "NotFoundError",
        "NotFoundError",
        "InvalidIdError",
        "DecodeError",
        "ok"
      ])
      assert.deepStrictEqual(
        rows.flatMap((row) => Either.isLeft(row) && row.left._tag === "NotFoundError" ? [row.left.reason] : []),
        ["deleted", "missing"]
      )
    }))

  it.scoped("certain revisions, and a winner among siblings", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const first = yield* Document.create(zoo, "a", { name: "a", seen: 1 })
      const firstRev = yield* Document.revision(first)
      const second = yield* Document.save(Document.modify(first, (body) => ({ ...body, seen: 2 })))
      const rows = yield* Bulk.fetchRevisions(zoo, [
        { key: "a", rev: firstRev },
        { key: "a", rev: yield* Document.revision(second) },
        { key: "a", rev: "7-00000000000000000000000000000000" as Revision.Revision }
      ])
      assert.deepStrictEqual(rows.map((row) => Either.isRight(row) ? row.right.body.seen : row.left._tag), [
        1,
        2,
        "NotFoundError"
      ])
      const sibling = yield* Bulk.insert(zoo.database, [{
        id: "a",
        revisions: ["9-ffffffffffffffffffffffffffffffff" as Revision.Revision],
        body: { name: "winner", seen: 9 }
      }, {
        id: "a",
        revisions: ["11-ffffffffffffffffffffffffffffffff" as Revision.Revision],
        deleted: true,
        body: {}
      }])
      assert.deepStrictEqual(tags(sibling), ["ok", "ok"])
      assert.deepStrictEqual((yield* Bulk.fetch(zoo, ["a"])).map((row) => Either.isRight(row) && row.right.body.seen), [
        9
      ])
      assert.strictEqual((yield* Document.fetch(zoo, "a")).body.seen, 9)
    }))

  it.scoped("a version is stored with its history, as often as it comes", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const version: Bulk.Version = {
        id: "a",
        revisions: ["3-cc", "2-bb", "1-aa"] as unknown as Bulk.Version["revisions"],
        body: { name: "a", seen: 3 }
      }
      for (const _ of [1, 2]) assert.deepStrictEqual(tags(yield* Bulk.insert(zoo.database, [version])), ["ok"])
      assert.include(yield* stored(zoo.database, "a", "?revs=true"), `"ids":["cc","bb","aa"]`)
    }))

  it.scoped("two rows of one id are written in their order", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const rows = yield* Bulk.save([
        Document.make(zoo, "a", { name: "first", seen: 1 }),
        Document.make(zoo, "b", { name: "b", seen: 1 }),
        Document.make(zoo, "a", { name: "second", seen: 2 }),
        Document.make(zoo, "a", { name: "third", seen: 3 })
      ])
      assert.deepStrictEqual(tags(rows), ["ok", "ok", "ConflictError", "ConflictError"])
      assert.strictEqual((yield* Document.fetch(zoo, "a")).body.name, "first")
    }))

  it.scoped("refused rows go to a policy, the others stay", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const ids = Arr.makeBy(40, (n) => `doc-${n}`)
      const first = Arr.getRights(yield* Bulk.save(ids.map((id) => Document.make(zoo, id, { name: id, seen: 0 }))))
      yield* Bulk.save(first.filter((_, n) => n % 2 === 0).map(Document.modify((body) => ({ ...body, seen: 1 }))))
      const rows = yield* Bulk.save(first.map(Document.modify((body) => ({ ...body, seen: 2 })))).pipe(
        Bulk.resolveWith(Conflict.reapply(zoo, (theirs, mine) => ({ ...mine, seen: theirs.seen + 10 })))
      )
      assert.deepStrictEqual(
        rows.map((row) => Either.isRight(row) && row.right.body.seen),
        ids.map((_, n) => n % 2 === 0 ? 11 : 2)
      )
      assert.deepStrictEqual(
        Arr.getRights(yield* Bulk.fetch(zoo, ids)).map(({ body }) => body.seen),
        ids.map((_, n) => n % 2 === 0 ? 11 : 2)
      )
    }))

  it.scoped("what the schema does not know survives", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/a`, `{"big":12345678901234567890,"name":"a","seen":1,"x":{"b":1,"10":2.0}}`)
      const [row] = Arr.getRights(yield* Bulk.fetch(zoo, ["a"]))
      assert.isDefined(row)
      if (row !== undefined) yield* Bulk.save([Document.modify(row, (body) => ({ ...body, seen: 2 }))])
      assert.include(
        yield* stored(zoo.database, "a"),
        `"big":12345678901234567890,"name":"a","seen":2,"x":{"b":1,"10":2.0}`
      )
    }))

  it.scoped("streams of many come out in the order that they went in", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const ids = Stream.map(Stream.range(1, 700), (n) => `doc-${n}`)
      const count = yield* ids.pipe(
        Stream.map((id) => Document.make(zoo, id, { name: id, seen: 1 })),
        Bulk.saveStream({ rows: 64, concurrency: 3 }),
        Stream.filter(Either.isRight),
        Stream.runCount
      )
      assert.strictEqual(count, 700)
      const back = yield* ids.pipe(
        Bulk.fetchStream(zoo, { rows: 64, concurrency: 3 }),
        Stream.map((row) => Either.isRight(row) ? row.right.id : row.left._tag),
        Stream.runCollect
      )
      assert.deepStrictEqual(Array.from(back), Arr.makeBy(700, (n) => `doc-${n + 1}`))
    }))

  it.scoped("reports a missing database for every document, and fails a read", () =>
    Effect.gen(function*() {
      const nowhere = Collection.make(`contract-${globalThis.crypto.randomUUID()}`, Schema.Struct({ n: Schema.Number }))
      const rows = yield* Bulk.save([Document.make(nowhere, "a", { n: 1 }), Document.make(nowhere, "b", { n: 1 })])
      assert.deepStrictEqual(tags(rows), ["NotFoundError", "NotFoundError"])
      assert.strictEqual((yield* Effect.flip(Bulk.fetch(nowhere, ["a"])))._tag, "NotFoundError")
    }))
}
