import { assert, describe, it } from "@effect/vitest"
import type { Transport } from "effect-couchdb"
import { Changes, Collection, Database, Document } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { logged } from "../support/logged.js"
import { layerOver, proxyPage, substitute, withSubstitutes } from "../support/outages.js"
import { adjustUntil, adjustUntilDone } from "../support/passing.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const checkpoint = Changes.inLocalDocument("zoo", "indexer")

/** A database with a checkpoint after `a`, and `b` after it; and what is answered for the checkpoint instead. */
const world = (
  answer: (request: Transport.TransportRequest, number: number) => Transport.BufferedResponse | undefined
) =>
  Effect.gen(function*() {
    const plain = EmbeddedCouch.transport(yield* EmbeddedCouch.make())
    const direct = layerOver(plain)
    const write = (id: string) => Effect.provide(Document.create(zoo, id, { n: 1 }), direct)
    yield* Effect.provide(Database.create("zoo"), direct)
    yield* write("a")
    yield* Effect.provide(
      Effect.flatMap(Changes.fetch("zoo"), ({ lastSequence }) => checkpoint.write(lastSequence)),
      direct
    )
    yield* write("b")
    let count = 0
    const layer = layerOver(
      withSubstitutes(plain, (request) => request.path.includes("/_local/") ? answer(request, ++count) : undefined)
    )
    const seen: Array<string> = []
    const follow = Changes.follow("zoo", { since: "now", checkpoint, checkpointEvery: 0 }).pipe(
      Stream.runForEach((change) => Effect.sync(() => seen.push("id" in change ? change.id : "gone"))),
      Effect.provide(layer)
    )
    return { direct, layer, write, seen, follow, stored: Effect.provide(checkpoint.read, direct), asked: () => count }
  })

const ofProxies: ReadonlyArray<readonly [string, Transport.BufferedResponse]> = [
  ["the 404 page of a proxy", proxyPage(404)],
  ["the 404 of another service", substitute(404, { message: "no Route matched with those values" })],
  ["the 404 of another service, in other words", substitute(404, { error: "Not Found", reason: "no such path" })],
  [
    "a 404 in CouchDB's shape that names something else",
    substitute(404, { error: "not_found", reason: "no such route" })
  ],
  ["a 404 in CouchDB's shape without a reason", substitute(404, { error: "not_found", reason: "unknown" })],
  ["an empty 404", substitute(404, "")],
  ["a login page", proxyPage(200)]
]

describe("a follower whose checkpoint cannot be read", () => {
  for (const [name, response] of ofProxies) {
    it.effect(`once, for ${name}, begins after it and not at now`, () =>
      Effect.gen(function*() {
        const on = yield* world((_, number) => number === 1 ? response : undefined)
        const fiber = yield* Effect.fork(on.follow)
        yield* adjustUntil(() => on.seen.length > 0)
        assert.deepStrictEqual(on.seen, ["b"])
        yield* Fiber.interrupt(fiber)
      }))

    it.effect(`for good, for ${name}, begins nowhere and warns`, () =>
      logged((log) =>
        Effect.gen(function*() {
          const on = yield* world(() => response)
          const fiber = yield* Effect.fork(on.follow)
          yield* TestClock.adjust("10 minutes")
          yield* on.write("c")
          yield* TestClock.adjust("1 minute")
          assert.isNull(fiber.unsafePoll())
          assert.deepStrictEqual(on.seen, [])
          assert.isTrue(log.some(({ level }) => level === "WARN"))
          yield* Fiber.interrupt(fiber)
        })
      ))
  }

  for (const reason of ["missing", "deleted"]) {
    it.effect(`since it is ${reason}, begins at now`, () =>
      Effect.gen(function*() {
        const on = yield* world(({ method }) =>
          method === "GET" ? substitute(404, { error: "not_found", reason }) : undefined
        )
        const fiber = yield* Effect.fork(on.follow)
        yield* TestClock.adjust("1 minute")
        yield* on.write("c")
        yield* adjustUntil(() => on.seen.length > 0)
        assert.deepStrictEqual(on.seen, ["c"])
        yield* Fiber.interrupt(fiber)
      }))
  }
})

describe("a follower whose checkpoint cannot be written", () => {
  for (const [name, response] of ofProxies) {
    it.effect(`for ${name}, warns, continues, and writes it later`, () =>
      logged((log) =>
        Effect.gen(function*() {
          let trouble = true
          const on = yield* world(({ method }) => method === "PUT" && trouble ? response : undefined)
          const before = yield* on.stored
          const fiber = yield* Effect.fork(on.follow)
          yield* adjustUntil(() => on.seen.includes("b"))
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* on.stored, before)
          assert.isTrue(log.some(({ level, message }) => level === "WARN" && message.includes("checkpoint")))
          trouble = false
          yield* TestClock.adjust("1 minute")
          assert.notDeepEqual(yield* on.stored, before)
          yield* Fiber.interrupt(fiber)
        })
      ))
  }
})

describe("a checkpoint in a database that does not exist", () => {
  it.effect("is an error if another database is followed, when it is read and when it is written", () =>
    Effect.gen(function*() {
      const on = yield* world(() => undefined)
      const elsewhere = Changes.inLocalDocument("elsewhere", "indexer")
      const read = yield* Effect.flip(
        Effect.provide(Stream.runDrain(Changes.follow("zoo", { checkpoint: elsewhere })), on.layer)
      )
      assert.strictEqual(read._tag, "NotFoundError")
      const lost: typeof elsewhere = { read: Effect.succeedNone, write: elsewhere.write }
      const written = yield* adjustUntilDone(
        yield* Effect.fork(
          Effect.flip(Effect.provide(Stream.runDrain(Changes.follow("zoo", { checkpoint: lost })), on.layer))
        )
      )
      assert.strictEqual(written._tag, "NotFoundError")
    }))

  it.effect("is the feed's matter if it is the one that is followed: it reports that the database is gone", () =>
    Effect.gen(function*() {
      const on = yield* world(() => undefined)
      const fiber = yield* Effect.fork(on.follow)
      yield* adjustUntil(() => on.seen.includes("b"))
      yield* Effect.provide(Database.delete("zoo"), on.direct)
      yield* adjustUntilDone(fiber)
      assert.deepStrictEqual(on.seen, ["b", "gone"])
      assert.strictEqual((yield* adjustUntilDone(yield* Effect.fork(Effect.flip(on.follow))))._tag, "NotFoundError")
    }))

  it.effect("is an error when a program reads or writes it itself", () =>
    Effect.gen(function*() {
      const on = yield* world(() => undefined)
      const elsewhere = Changes.inLocalDocument("elsewhere", "indexer")
      assert.strictEqual((yield* Effect.flip(Effect.provide(elsewhere.read, on.layer)))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(Effect.provide(elsewhere.write("1-x"), on.layer)))._tag, "NotFoundError")
      assert.isTrue(Option.isSome(yield* on.stored))
    }))
})
