import { assert } from "@effect/vitest"
import { Document, Edit, Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { butterflies, type Butterfly, type Contract } from "./suite.js"

const seenAgain = (b: Butterfly): Butterfly => ({ ...b, seen: b.seen + 1 })

export const updates: Contract = (it) => {
  it.scoped("update reads, edits and saves; an edit that changes nothing writes nothing", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", { name: "Monarch", seen: 0 })
      const updated = yield* Document.update(zoo, "monarch", seenAgain)
      assert.strictEqual(updated.body.seen, 1)
      const kept = yield* Document.update(zoo, "monarch", (b) => ({ ...b }))
      assert.deepStrictEqual(kept.rev, updated.rev)
      const missing = yield* Effect.flip(Document.update(zoo, "nobody", seenAgain))
      assert.strictEqual(missing._tag, "NotFoundError")
    }))

  it.scoped("update re-applies the edit after a rival's write", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", { name: "Monarch", seen: 0 })
      const rounds = yield* Ref.make(0)
      const updated = yield* Document.updateEffect(zoo, "monarch", (body) =>
        Effect.gen(function*() {
          const round = yield* Ref.getAndUpdate(rounds, (n) => n + 1)
          if (round === 0) yield* Document.update(zoo, "monarch", (b) => ({ ...b, name: "Rival" }))
          return Edit.change(seenAgain(body))
        }))
      assert.strictEqual(yield* Ref.get(rounds), 2)
      assert.deepStrictEqual(updated._tag === "Document" && updated.body, { name: "Rival", seen: 1 })
    }))

  it.scoped("many writers lose no edit", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", { name: "Monarch", seen: 0 })
      const writers = Array.from({ length: 16 }, () =>
        Document.update(zoo, "monarch", seenAgain, { schedule: Schedule.recurs(200) }))
      yield* Effect.all(writers, { concurrency: "unbounded" })
      const after = yield* Document.fetch(zoo, "monarch")
      assert.strictEqual(after.body.seen, 16)
      assert.strictEqual(Revision.generation(Option.getOrThrow(after.rev)), 17)
    }))

  it.scoped("a bounded update gives up with the conflict and its attempts", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", { name: "Monarch", seen: 0 })
      const error = yield* Effect.flip(Document.updateEffect(
        zoo,
        "monarch",
        (body) =>
          Effect.as(
            Document.update(zoo, "monarch", (b) => ({ ...b, seen: b.seen + 100 })),
            Edit.change({ ...body, name: "Late" })
          ),
        { schedule: Schedule.recurs(2) }
      ))
      assert.strictEqual(error._tag === "ConflictError" && error.attempts, 3)
      assert.include(error.message, "3 attempts")
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.seen, 300)
    }))

  it.scoped("an effectful edit can keep, change and delete, and its own failure comes through", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const first = yield* Document.create(zoo, "monarch", { name: "Monarch", seen: 0 })
      const kept = yield* Document.updateEffect(zoo, "monarch", () => Effect.succeed(Edit.keep))
      assert.deepStrictEqual(kept.rev, first.rev)
      const failed = yield* Effect.flip(Document.updateEffect(zoo, "monarch", () => Effect.fail("mine" as const)))
      assert.strictEqual(failed, "mine")
      const gone = yield* Document.updateEffect(zoo, "monarch", () => Effect.succeed(Edit.delete))
      assert.strictEqual(gone._tag, "Tombstone")
      assert.isFalse(yield* Document.exists(zoo, "monarch"))
    }))

  it.scoped("upsert creates, updates, and creates again after a deletion", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const once = Document.upsert(
        zoo,
        "monarch",
        Option.match({ onNone: () => ({ name: "New", seen: 1 }), onSome: seenAgain })
      )
      assert.strictEqual((yield* once).body.seen, 1)
      const second = yield* once
      assert.strictEqual(second.body.seen, 2)
      yield* Document.delete(second)
      const third = yield* once
      assert.deepStrictEqual(third.body, { name: "New", seen: 1 })
      assert.strictEqual(Revision.generation(Option.getOrThrow(third.rev)), 4)
    }))
}
