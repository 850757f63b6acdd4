import { assert, describe, it } from "@effect/vitest"
import type { Transport } from "effect-couchdb"
import { Changes, Collection, Database, Document } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { layerOver } from "../support/outages.js"
import { adjustUntil, adjustUntilDone } from "../support/passing.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const all = ["a", "b", "c", "d", "e", "f", "g"]

const world = Effect.gen(function*() {
  const plain = EmbeddedCouch.transport(yield* EmbeddedCouch.make())
  let open = 0
  const counted: Transport.Service = {
    ...plain,
    stream: (request) =>
      Effect.zipRight(
        Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--)),
        plain.stream(request)
      )
  }
  const layer = layerOver(counted)
  yield* Effect.provide(Database.create("zoo"), layer)
  const write = (...ids: ReadonlyArray<string>) =>
    Effect.provide(Effect.forEach(ids, (id, n) => Document.create(zoo, id, { n }), { discard: true }), layer)
  const checkpoint = yield* Changes.inMemory
  /** The changes that a next follower sees. */
  const left = Effect.flatMap(checkpoint.read, (since) =>
    Effect.map(
      Effect.provide(Changes.fetch("zoo", { since: Option.getOrUndefined(since) }), layer),
      ({ changes }) => changes.map(({ id }) => id).sort()
    ))
  return { layer, write, checkpoint, left, open: () => open }
})

const idOf = (change: Changes.Change<unknown> | Changes.DatabaseGone): string => "id" in change ? change.id : "gone"

describe("the option limit", () => {
  for (const limit of [1, 2, 5, 7]) {
    it.effect(`ends a follower after ${limit} changes, with the checkpoint exactly after them`, () =>
      Effect.gen(function*() {
        const on = yield* world
        yield* on.write(...all)
        const seen: Array<string> = []
        yield* Changes.follow("zoo", { checkpoint: on.checkpoint, limit }).pipe(
          Stream.runForEach((change) => Effect.sync(() => seen.push(idOf(change)))),
          Effect.provide(on.layer)
        )
        assert.lengthOf(seen, limit)
        assert.deepStrictEqual([...seen, ...yield* on.left].sort(), all)
        assert.strictEqual(on.open(), 0)
      }))
  }

  it.effect("counts the changes of the collection, over several requests, and closes the feed with the last", () =>
    Effect.gen(function*() {
      const on = yield* world
      const keyed = Collection.make("zoo", Schema.Struct({ n: Schema.Number }), { id: Collection.prefixed("bird:") })
      yield* on.write("a", "bird:x", "b")
      const seen: Array<string> = []
      const fiber = yield* Changes.follow(keyed, { checkpoint: on.checkpoint, limit: 3 }).pipe(
        Stream.tap((change) => Effect.sync(() => seen.push(idOf(change)))),
        Stream.tap(() => seen.length === 3 ? Effect.sleep("1 hour") : Effect.void),
        Stream.runDrain,
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* adjustUntil(() => seen.length === 1)
      yield* on.write("c", "bird:y", "d", "bird:z", "e", "bird:late")
      yield* adjustUntil(() => seen.length === 3)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(on.open(), 0)
      yield* adjustUntilDone(fiber, "10 minutes")
      assert.deepStrictEqual(seen, ["bird:x", "bird:y", "bird:z"])
      assert.include(yield* on.left, "bird:late")
    }))

  it.effect("of 0 sends no request", () =>
    Effect.gen(function*() {
      const seen = yield* Changes.follow("nowhere", { limit: 0 }).pipe(Stream.runCollect)
      assert.isTrue(Chunk.isEmpty(seen))
    }).pipe(Effect.provide(layerOver({ request: () => Effect.never, stream: () => Effect.never }))))

  it.effect("acknowledges nothing more if the consumer fails at the last change", () =>
    Effect.gen(function*() {
      const on = yield* world
      yield* on.write(...all)
      const failed = yield* Changes.follow("zoo", { checkpoint: on.checkpoint, limit: 3 }).pipe(
        Stream.zipWithIndex,
        Stream.runForEach(([, i]) => i === 2 ? Effect.fail("bad luck") : Effect.void),
        Effect.flip,
        Effect.provide(on.layer)
      )
      assert.strictEqual(failed, "bad luck")
      assert.deepStrictEqual(yield* on.left, all)
    }))
})

describe("a consumer that ends without pulling again", () => {
  it.effect("gets what it was handed out last again, so that nothing is lost", () =>
    Effect.gen(function*() {
      const on = yield* world
      yield* on.write("a", "b", "c")
      const follow = Changes.follow("zoo", { checkpoint: on.checkpoint })
      // They come together, and it takes two of them.
      yield* follow.pipe(Stream.take(2), Stream.runDrain, Effect.provide(on.layer))
      assert.deepStrictEqual(yield* on.left, ["a", "b", "c"])
      // What is collected is not processed yet.
      yield* follow.pipe(Stream.runHead, Effect.provide(on.layer))
      assert.deepStrictEqual(yield* on.left, ["a", "b", "c"])
    }))

  it.effect("is done with what it was handed out before", () =>
    Effect.gen(function*() {
      const on = yield* world
      yield* on.write("a")
      const seen: Array<string> = []
      const fiber = yield* Changes.follow("zoo", { checkpoint: on.checkpoint }).pipe(
        Stream.tap((change) => Effect.sync(() => seen.push(idOf(change)))),
        Stream.take(2),
        Stream.runDrain,
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* adjustUntil(() => seen.length === 1)
      yield* on.write("b")
      yield* adjustUntilDone(fiber)
      yield* on.write("c")
      assert.deepStrictEqual([seen, yield* on.left], [["a", "b"], ["b", "c"]])
    }))

  it.effect("by interruption, at any change, leaves nothing out", () =>
    Effect.gen(function*() {
      for (const limit of [undefined, 3]) {
        for (let at = 0; at < 3; at++) {
          const on = yield* world
          yield* on.write("a", "b", "c")
          const done: Array<string> = []
          const fiber = yield* Changes.follow("zoo", { checkpoint: on.checkpoint, checkpointEvery: 0, limit }).pipe(
            Stream.runForEach((change) =>
              done.length === at ? Effect.never : Effect.sync(() => done.push(idOf(change)))
            ),
            Effect.provide(on.layer),
            Effect.fork
          )
          yield* TestClock.adjust("1 minute")
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(Array.from(new Set([...done, ...yield* on.left])).sort(), ["a", "b", "c"])
        }
      }
    }))
})
