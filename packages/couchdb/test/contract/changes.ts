import { assert } from "@effect/vitest"
import { Changes, Collection, Document, Json, Revision } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { butterflies, Butterfly, type Contract, database, raw } from "./suite.js"

const some = (names: ReadonlyArray<string>, seen = 1) => (zoo: Collection.Collection<Butterfly, Butterfly>) =>
  Effect.forEach(names, (name) => Document.create(zoo, name, { name, seen }))

const ids = (changes: Iterable<{ readonly id: string }>) => Array.from(changes, ({ id }) => id).sort()

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunk) => Chunk.toReadonlyArray(chunk))

/** A feed of three documents, the second of them deleted. */
const three = Effect.gen(function*() {
  const zoo = yield* butterflies
  const [, brimstone] = yield* some(["monarch", "brimstone", "peacock"])(zoo)
  if (brimstone !== undefined) yield* Document.delete(brimstone)
  return zoo
})

export const changes: Contract = (it) => {
  it.scoped("a feed contains every document once, including deleted ones, each with its winner", () =>
    Effect.gen(function*() {
      const zoo = yield* three
      const { changes, lastSequence, pending } = yield* Changes.fetch(zoo.database)
      assert.deepStrictEqual(ids(changes), ["brimstone", "monarch", "peacock"])
      assert.deepStrictEqual(pending, Option.some(0))
      for (const change of changes) {
        assert.strictEqual(change._tag, change.id === "brimstone" ? "Deleted" : "Changed")
        assert.strictEqual(Revision.generation(change.rev), change.id === "brimstone" ? 2 : 1)
        assert.deepStrictEqual(change.revisions, [change.rev])
        assert.isTrue(Option.isSome(change.sequence))
        assert.isTrue(Option.isNone(change._tag === "Changed" ? change.document : change.body))
      }
      const behind = yield* Changes.fetch(zoo.database, { since: lastSequence })
      assert.deepStrictEqual(behind.changes, [])
    }))

  it.scoped("a collection's feed brings documents as a fetch does, ready to be edited and saved", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/monarch`, `{"name":"Monarch","seen":1,"big":12345678901234567890,"n":1.0}`)
      yield* raw("PUT", `/${zoo.database}/_design/x`, { views: {} })
      const changes = yield* collected(Changes.stream(zoo))
      assert.deepStrictEqual(ids(changes), ["monarch"])
      const [change] = changes
      if (change?._tag !== "Changed" || Option.isNone(change.document)) return assert.fail("no document")
      const doc = change.document.value
      assert.deepStrictEqual(doc.body, { name: "Monarch", seen: 1 })
      assert.deepStrictEqual(doc.rev, Option.some(change.rev))
      yield* Document.save(Document.modify(doc, (b) => ({ ...b, seen: 2 })))
      const read = yield* Changes.fetch(zoo.database, { includeDocs: true, filter: Changes.byIds(["monarch"]) })
      const stored = read.changes[0]
      assert.match(
        stored?._tag === "Changed" && Option.isSome(stored.document) ? Json.stringify(stored.document.value) : "",
        /"name":"Monarch","seen":2,"big":12345678901234567890,"n":1\.0}$/
      )
    }))

  it.scoped("a collection sees its own keys only", () =>
    Effect.gen(function*() {
      const name = yield* database
      const keyed = Collection.make(name, Butterfly, { id: Collection.prefixed("butterfly:") })
      yield* Document.create(keyed, "monarch", { name: "Monarch", seen: 1 })
      yield* raw("PUT", `/${name}/moth:emperor`, { wings: 4 })
      assert.deepStrictEqual(ids(yield* collected(Changes.stream(keyed))), ["butterfly:monarch"])
      assert.deepStrictEqual(ids(yield* collected(Changes.stream(name))), ["butterfly:monarch", "moth:emperor"])
    }))

  it.scoped("one bad document among good ones: fails, is a Left, or is skipped and counted", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b"])(zoo)
      yield* raw("PUT", `/${zoo.database}/bad`, { name: "Bad", seen: "often" })
      yield* some(["c", "d"])(zoo)
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const error = yield* Changes.stream(zoo).pipe(
        Stream.runForEach(({ id }) => Ref.update(seen, (all) => [...all, id])),
        Effect.flip
      )
      assert.strictEqual(error._tag, "DecodeError")
      if (error._tag === "DecodeError") assert.deepStrictEqual([error.id, error.issues[0]?.path], ["bad", ["seen"]])
      const both = yield* collected(Changes.streamEither(zoo))
      assert.deepStrictEqual(ids(Chunk.separate(Chunk.fromIterable(both))[1]), ["a", "b", "c", "d"])
      assert.strictEqual(both.filter(Either.isLeft).length, 1)
      assert.notInclude(yield* Ref.get(seen), "bad")
      const before = yield* Metric.value(Changes.skipped)
      assert.deepStrictEqual(ids(yield* collected(Changes.streamValid(zoo))), ["a", "b", "c", "d"])
      assert.isAtLeast((yield* Metric.value(Changes.skipped)).count, before.count + 1)
    }))

  it.scoped("since, limit, descending and seqInterval", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b", "c", "d", "e"])(zoo)
      const first = yield* Changes.fetch(zoo.database, { limit: 2 })
      assert.strictEqual(first.changes.length, 2)
      assert.deepStrictEqual(first.pending, Option.some(3))
      const rest = yield* Changes.fetch(zoo.database, { since: first.lastSequence })
      assert.deepStrictEqual(ids([...first.changes, ...rest.changes]), ["a", "b", "c", "d", "e"])
      assert.deepStrictEqual((yield* Changes.fetch(zoo.database, { since: "now" })).changes, [])
      const down = yield* Changes.fetch(zoo.database, { descending: true })
      assert.deepStrictEqual(ids(down.changes), ["a", "b", "c", "d", "e"])
      const sparse = yield* Changes.fetch(zoo.database, { seqInterval: 3 })
      assert.isTrue(sparse.changes.some(({ sequence }) => Option.isNone(sequence)))
      assert.strictEqual(sparse.changes.length, 5)
    }))

  it.scoped("the style all_docs names every leaf, and conflicts the siblings of the winner", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("POST", `/${zoo.database}/_bulk_docs`, {
        new_edits: false,
        docs: ["a", "b"].map((letter) => ({
          _id: "monarch",
          _rev: `1-${letter.repeat(32)}`,
          name: letter,
          seen: 1
        }))
      })
      const [winner, loser] = [`1-${"b".repeat(32)}`, `1-${"a".repeat(32)}`]
      const [change] = yield* collected(Changes.stream(zoo, { style: "all_docs", conflicts: true }))
      assert.strictEqual(change?.rev, winner)
      assert.deepStrictEqual(change?.revisions.map(String), [winner, loser])
      assert.deepStrictEqual(change?._tag === "Changed" ? change.conflicts.map(String) : [], [loser])
      const [plain] = yield* collected(Changes.stream(zoo))
      assert.deepStrictEqual(plain?.revisions.map(String), [winner])
      assert.deepStrictEqual(plain?._tag === "Changed" ? plain.conflicts : undefined, [])
    }))

  it.scoped("the documents of a database come with their attachments, and a tombstone with what it says", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/a`, { _attachments: { note: { content_type: "text/plain", data: "aGk=" } } })
      yield* raw("POST", `/${name}/_bulk_docs`, { docs: [{ _id: "gone", _deleted: true, by: "ada" }] })
      const { changes } = yield* Changes.fetch(name, { includeDocs: true, attachments: true })
      const texts = changes.map((change) =>
        Json.stringify(Option.getOrElse(change._tag === "Changed" ? change.document : change.body, () => null))
      )
      assert.isTrue(texts.some((text) => text.includes("\"data\":\"aGk=\"")))
      assert.include(texts, "{\"by\":\"ada\"}")
    }))

  it.scoped("filters by ids, by selector, and for design documents", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b", "c"])(zoo)
      yield* some(["d"], 7)(zoo)
      yield* raw("PUT", `/${zoo.database}/_design/x`, { views: {} })
      const through = (filter: Changes.Filter) => Effect.map(collected(Changes.stream(zoo.database, { filter })), ids)
      assert.deepStrictEqual(yield* through(Changes.byIds(["a", "c", "nobody"])), ["a", "c"])
      assert.deepStrictEqual(yield* through(Changes.byIds([])), [])
      assert.deepStrictEqual(yield* through(Changes.bySelector({ seen: { $gt: 1 } })), ["d"])
      assert.deepStrictEqual(yield* through(Changes.designDocuments), ["_design/x"])
      const typed = yield* collected(Changes.stream(zoo, { filter: Changes.bySelector({ name: "b" }) }))
      assert.deepStrictEqual(ids(typed), ["b"])
    }))

  it.scoped("fails for a missing database, an invalid name and an invalid sequence", () =>
    Effect.gen(function*() {
      const name = yield* database
      const fails = (given: string, options?: Changes.Options) =>
        Effect.map(Effect.flip(Changes.fetch(given, options)), ({ _tag }) => _tag)
      assert.strictEqual(yield* fails(`${name}-not`), "NotFoundError")
      assert.strictEqual(yield* fails("Not a name"), "InvalidIdError")
      assert.strictEqual(yield* fails(name, { since: "nonsense" }), "BadRequestError")
      const followed = Changes.follow(`${name}-not`).pipe(Stream.runDrain, Effect.flip)
      assert.strictEqual((yield* followed)._tag, "NotFoundError")
    }))

  it.scoped("a long poll waits for the next change", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a"])(zoo)
      const { lastSequence } = yield* Changes.fetch(zoo.database)
      const fiber = yield* Effect.fork(Changes.longpoll(zoo, { since: lastSequence, heartbeat: "1 second" }))
      yield* some(["b"])(zoo)
      const { changes } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(ids(changes), ["b"])
    }))

  it.scoped("a continuous feed emits changes until the limit", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a"])(zoo)
      const fiber = yield* Effect.fork(collected(Changes.continuous(zoo, { limit: 3, heartbeat: "1 second" })))
      yield* some(["b", "c"])(zoo)
      assert.deepStrictEqual(ids(yield* Fiber.join(fiber)), ["a", "b", "c"])
    }))

  it.scoped("a follower emits past and new changes, and keeps its checkpoint in a local document", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b"])(zoo)
      const checkpoint = Changes.inLocalDocument(zoo.database, "follower")
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const following = Changes.process(
        zoo,
        (changes) => Ref.update(seen, (all) => [...all, ...changes.map(({ id }) => id)]),
        { checkpoint, checkpointEvery: 0, heartbeat: "1 second" }
      )
      const behind = Effect.flatMap(Effect.flatten(checkpoint.read), (since) => Changes.fetch(zoo.database, { since }))
        .pipe(
          Effect.map(({ changes }) => changes.length),
          Effect.orElseSucceed(() => -1)
        )
      const done = (id: string) =>
        Effect.zipRight(Effect.yieldNow(), Effect.all([Ref.get(seen), behind])).pipe(
          Effect.repeat({ until: ([all, left]) => all.includes(id) && left === 0 })
        )
      const first = yield* Effect.fork(following)
      yield* some(["c"])(zoo)
      yield* done("c")
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual((yield* Ref.getAndSet(seen, [])).slice().sort(), ["a", "b", "c"])
      yield* some(["d"])(zoo)
      const second = yield* Effect.fork(following)
      yield* done("d")
      yield* Fiber.interrupt(second)
      assert.deepStrictEqual(yield* Ref.get(seen), ["d"])
    }))

  it.scoped("a follower since now emits no past changes", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b"])(zoo)
      const checkpoint = yield* Changes.inMemory
      const fiber = yield* Effect.fork(
        Changes.follow(zoo, { since: "now", checkpoint, heartbeat: "1 second" }).pipe(Stream.runHead)
      )
      // Its place is known when it begins to wait.
      yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), checkpoint.read), { until: Option.isSome })
      yield* some(["c"])(zoo)
      const first = yield* Effect.flatten(Fiber.join(fiber))
      assert.strictEqual(first._tag === "Changed" && first.id, "c")
    }))

  it.scoped("a follower ends with the deletion of its database", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a"])(zoo)
      const batches = yield* Ref.make<ReadonlyArray<string>>([])
      const end = yield* Changes.process(
        zoo,
        (changes) =>
          Effect.zipRight(
            Ref.update(batches, (all) => [...all, ...ids(changes)]),
            raw("DELETE", `/${zoo.database}`)
          ),
        { heartbeat: "1 second", retry: Schedule.recurs(100) }
      )
      assert.strictEqual(end._tag, "DatabaseGone")
      assert.deepStrictEqual(yield* Ref.get(batches), ["a"])
    }))
}

/** What needs somebody to run the functions of design documents. */
export const changesByFunctions: Contract = (it) => {
  it.scoped("filters by a view, and by a function with parameters", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a", "b"])(zoo)
      yield* some(["c"], 7)(zoo)
      yield* raw("PUT", `/${zoo.database}/_design/zoo`, {
        language: "javascript",
        views: { often: { map: "function (doc) { if (doc.seen > 5) emit(doc._id, null) }" } },
        filters: { named: "function (doc, req) { return doc.name === req.query.name }" }
      })
      const through = (filter: Changes.Filter) => Effect.map(collected(Changes.stream(zoo, { filter })), ids)
      assert.deepStrictEqual(yield* through(Changes.byView("zoo", "often")), ["c"])
      assert.deepStrictEqual(yield* through(Changes.byFunction("zoo", "named", { name: "b", since: "now" })), ["b"])
      const missing = yield* Effect.flip(through(Changes.byFunction("nobody", "named")))
      assert.strictEqual(missing._tag, "NotFoundError")
    }))

  const broken = {
    language: "javascript",
    views: { throws: { map: "function (doc) { throw new Error('no') }" } },
    filters: {
      throws: "function (doc, req) { throw new Error('no') }",
      trips: "function (doc, req) { return doc.nothing.at.all }",
      fails: "function (doc, req) { if (doc.seen > 5) { throw new Error('no') } return true }"
    }
  }

  it.scoped("a filter or view that throws is a ServerError, of each feed", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* some(["a"])(zoo)
      yield* raw("PUT", `/${zoo.database}/_design/zoo`, broken)
      for (
        const filter of [
          Changes.byFunction("zoo", "throws"),
          Changes.byFunction("zoo", "trips"),
          Changes.byView("zoo", "throws")
        ]
      ) {
        const options = { filter, heartbeat: "1 second" } as const
        for (
          const feed of [
            Effect.asVoid(Changes.fetch(zoo.database, options)),
            Effect.asVoid(Changes.longpoll(zoo.database, options)),
            Stream.runDrain(Changes.continuous(zoo.database, options))
          ]
        ) {
          const error = yield* Effect.flip(feed)
          assert.deepStrictEqual([error._tag, "status" in error && error.status], ["ServerError", 500])
        }
      }
    }))

  it.scoped("a follower whose filter throws sees what passes before, and then fails instead of repeating it for ever", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/_design/zoo`, broken)
      yield* some(["a"])(zoo)
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const fiber = yield* Changes.follow(zoo, {
        filter: Changes.byFunction("zoo", "fails"),
        heartbeat: "1 second",
        retry: Schedule.recurs(1_000)
      }).pipe(
        Stream.runForEach((change) => Ref.update(seen, (ids) => change._tag === "Changed" ? [...ids, change.id] : ids)),
        Effect.flip,
        Effect.fork
      )
      yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), Ref.get(seen)), { until: (ids) => ids.length > 0 })
      yield* some(["b"], 7)(zoo)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ServerError")
      assert.deepStrictEqual(Array.from(new Set(yield* Ref.get(seen))), ["a"])
    }))
}
