import { assert } from "@effect/vitest"
import { Changes, Collection, Document, Documents, View } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { butterflies, Butterfly, type Contract, database, raw } from "./suite.js"

const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })

const design = {
  language: "javascript",
  views: { bySeen: { map: "function (doc) { if ('seen' in doc) emit(doc.seen, null) }" } }
}

const numbers = [0, 1, 2, 3, 4, 5, 6]
const idOf = (n: number) => `b-${n}`

/** Butterflies `b-0` to `b-6`, seen in the reverse order of their ids, and a design document. */
const seven = Effect.tap(butterflies, (zoo) =>
  Effect.zipRight(
    raw("PUT", `/${zoo.database}/_design/zoo`, design),
    raw("POST", `/${zoo.database}/_bulk_docs`, {
      docs: numbers.map((n) => ({ _id: idOf(n), name: `n${n}`, seen: 6 - n }))
    })
  ))

const idsOf = (docs: Iterable<{ readonly id: string }>) => Array.from(docs, ({ id }) => id)

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

export const collectionDocuments: Contract = (it) => {
  it.scoped("all documents of a collection, without design documents", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const all = yield* Documents.fetch(zoo)
      assert.deepStrictEqual(idsOf(all), numbers.map(idOf))
      assert.deepStrictEqual(all[2]?.body, { name: "n2", seen: 4 })
      assert.deepStrictEqual(idsOf(yield* collected(Documents.stream(zoo))), numbers.map(idOf))
    }))

  it.scoped("the documents of a collection can be saved", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const [first] = yield* Documents.fetch(zoo, { limit: 1 })
      assert.isDefined(first)
      yield* Document.save(Document.modify(first, (b) => ({ ...b, seen: 100 })))
      assert.strictEqual((yield* Document.fetch(zoo, "b-0")).body.seen, 100)
    }))

  it.scoped("documents by keys, prefix, range and order", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      yield* Document.create(zoo, "c-0", { name: "c", seen: 0 })
      const ids = (options: Parameters<typeof Documents.fetch<Butterfly, Butterfly, never, string>>[1]) =>
        Effect.map(Documents.fetch(zoo, options), idsOf)
      assert.deepStrictEqual(yield* ids({ keys: ["b-3", "missing", "b-1"] }), ["b-3", "b-1"])
      assert.deepStrictEqual(yield* ids({ prefix: "c-" }), ["c-0"])
      assert.deepStrictEqual(yield* ids({ startKey: "b-2", endKey: "b-4" }), ["b-2", "b-3", "b-4"])
      assert.deepStrictEqual(yield* ids({ descending: true, limit: 2, skip: 1 }), ["b-6", "b-5"])
    }))

  it.scoped("the documents of a view, in the order of its keys", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const docs = yield* Documents.fetch(zoo, { view: bySeen, startKey: 2, endKey: 4 })
      assert.deepStrictEqual(docs.map(({ body }) => body.seen), [2, 3, 4])
      assert.deepStrictEqual(
        idsOf(yield* collected(Documents.stream(zoo, { view: bySeen, descending: true, limit: 2 }))),
        ["b-0", "b-1"]
      )
    }))

  it.scoped("a document that does not match its schema", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      yield* raw("PUT", `/${zoo.database}/b-1x`, { name: 3 })
      const error = yield* Effect.flip(Documents.fetch(zoo))
      assert.strictEqual(error._tag === "DecodeError" && error.id, "b-1x")
      const eithers = yield* collected(Documents.streamEither(zoo))
      const lefts = eithers.filter(Either.isLeft)
      assert.deepStrictEqual(lefts.map(({ left }) => left.id), ["b-1x"])
      assert.strictEqual(eithers.length, 8)
      assert.deepStrictEqual(idsOf(yield* collected(Documents.streamValid(zoo))), numbers.map(idOf))
    }))

  it.scoped("documents page by page", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const pages = yield* collected(Documents.pages(zoo, { pageSize: 3 }))
      assert.deepStrictEqual(pages.map(idsOf), [["b-0", "b-1", "b-2"], ["b-3", "b-4", "b-5"], ["b-6"]])
    }))

  it.scoped("a page, and the start of the next one", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const first = yield* Documents.page(zoo, { limit: 4 })
      assert.deepStrictEqual(idsOf(first.documents), ["b-0", "b-1", "b-2", "b-3"])
      // A document between the pages, and one that the next page would have started with.
      yield* Document.create(zoo, "b-3x", { name: "late", seen: 0 })
      yield* Effect.flatMap(Document.fetch(zoo, "b-4"), Document.delete)
      const second = yield* Documents.page(zoo, { limit: 4, ...Option.getOrThrow(first.next) })
      assert.deepStrictEqual(idsOf(second.documents), ["b-5", "b-6"])
      assert.isTrue(Option.isNone(second.next))
      const exact = yield* Documents.page(zoo, { limit: 7 })
      assert.isTrue(Option.isNone(exact.next))
    }))

  it.scoped("pages of a view whose rows have equal keys", () =>
    Effect.gen(function*() {
      const name = yield* database
      const zoo = Collection.make(name, Butterfly)
      yield* raw("PUT", `/${name}/_design/zoo`, design)
      yield* raw("POST", `/${name}/_bulk_docs`, { docs: numbers.map((n) => ({ _id: idOf(n), name: "n", seen: 1 })) })
      const first = yield* Documents.page(zoo, { view: bySeen, limit: 3, endKey: 1 })
      assert.deepStrictEqual(idsOf(first.documents), ["b-0", "b-1", "b-2"])
      const second = yield* Documents.page(zoo, {
        view: bySeen,
        limit: 3,
        endKey: 1,
        ...Option.getOrThrow(first.next)
      })
      assert.deepStrictEqual(idsOf(second.documents), ["b-3", "b-4", "b-5"])
    }))

  it.scoped("a follower that starts at the current sequence misses no later change", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      const since = yield* Changes.now(zoo)
      yield* Document.create(zoo, "later", { name: "later", seen: 0 })
      const docs = yield* Changes.followDocuments(zoo, { since, heartbeat: "1 second" }).pipe(Stream.take(1), collected)
      assert.deepStrictEqual(docs.map(({ body, id }) => [id, body.name]), [["later", "later"]])
    }))

  it.scoped("followed documents omit deletions", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      yield* Effect.flatMap(Document.fetch(zoo, "b-2"), Document.delete)
      const docs = yield* Changes.followDocuments(zoo, { heartbeat: "1 second" }).pipe(Stream.take(6), collected)
      assert.deepStrictEqual(idsOf(docs).sort(), ["b-0", "b-1", "b-3", "b-4", "b-5", "b-6"])
    }))

  it.scoped("the document of a change, from the feed or from the database", () =>
    Effect.gen(function*() {
      const zoo = yield* seven
      yield* Effect.flatMap(Document.fetch(zoo, "b-6"), Document.delete)
      const names = (includeDocs: boolean) =>
        Changes.stream(zoo, { includeDocs }).pipe(
          Stream.mapEffect((change) => Changes.document(zoo, change)),
          Stream.map(Option.map(({ body }) => body.name)),
          collected
        )
      for (const includeDocs of [true, false]) {
        const found = yield* names(includeDocs)
        assert.strictEqual(found.length, 7)
        assert.deepStrictEqual(found.flatMap(Option.toArray).sort(), ["n0", "n1", "n2", "n3", "n4", "n5"])
      }
      // A feed of the database has other documents, and changes of others.
      const [one] = (yield* Changes.fetch(zoo.database, { limit: 100, includeDocs: true })).changes.filter(({ id }) =>
        id === "b-0"
      )
      assert.isDefined(one)
      assert.strictEqual(Option.getOrThrow(yield* Changes.document(zoo, one)).body.name, "n0")
      yield* Effect.flatMap(Document.fetch(zoo, "b-0"), Document.delete)
      assert.isTrue(Option.isNone(yield* Changes.document(zoo, one)))
    }))
}
