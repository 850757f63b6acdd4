import { assert, describe, it } from "@effect/vitest"
import { Conflict, Document } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { sample } from "../support/deep.js"
import {
  carry,
  carryVersion,
  dying,
  embedded,
  expected,
  fork,
  id,
  leaves,
  live,
  merging,
  polls,
  raw,
  tally,
  version,
  vote,
  withSiblings
} from "../support/manySiblings.js"

/** Enough for several merges, one on top of the other. */
const several = sample(70, 150)

for (const lineage of [false, true]) {
  describe(`many siblings ${lineage ? "with" : "without"} lineage`, () => {
    for (const [howMany, lines] of sample([[17, 1]] as const, [[16, 1], [17, 1], [100, 1], [500, 10]] as const)) {
      it.effect(`${howMany} become one, and each edit counts once`, () =>
        embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          yield* withSiblings(cards, howMany, lines)
          assert.lengthOf(yield* live(cards), howMany)
          const outcome = yield* Conflict.resolve(cards, id, merging)
          if (outcome._tag !== "Resolved") return assert.fail(JSON.stringify(outcome))
          assert.lengthOf(outcome.merged, howMany - 1)
          assert.sameMembers([...outcome.deleted], [...outcome.merged])
          const doc = yield* Document.fetch(cards, id)
          assert.deepStrictEqual(tally(doc.body), expected(howMany, lines))
          assert.deepStrictEqual(Option.map(outcome.document, ({ rev }) => rev), Option.some(doc.rev))
          assert.lengthOf(yield* live(cards), 1)
          assert.strictEqual((yield* Conflict.resolve(cards, id, merging))._tag, "NothingToDo")
          // What was merged is edited like any other version.
          yield* Document.update(cards, id, vote(howMany))
          assert.strictEqual((yield* Document.fetch(cards, id)).body.votes, howMany + 1)
        })))
    }

    it.effect(
      "become the same revision wherever they arrive, in whatever order",
      () =>
        embedded(Effect.gen(function*() {
          const here = yield* polls("here", lineage)
          const there = yield* polls("there", lineage)
          const first = yield* withSiblings(here, several, 5)
          yield* carryVersion(here, there, yield* Document.revision(first))
          yield* carry(here, there, (all) => [...all].reverse())
          for (const each of [here, there]) {
            assert.strictEqual((yield* Conflict.resolve(each, id, merging))._tag, "Resolved")
          }
          assert.deepStrictEqual(yield* leaves(there), yield* leaves(here))
        }))
    )

    it.effect("are swept and watched like any others", () =>
      embedded(Effect.gen(function*() {
        const cards = yield* polls("office", lineage)
        yield* withSiblings(cards, 80, 10)
        const swept = Chunk.toReadonlyArray(yield* Stream.runCollect(Conflict.sweep(cards, merging)))
        assert.deepInclude(swept[swept.length - 1], { _tag: "Summary", resolved: 1, unresolved: 0 })
        assert.deepStrictEqual(tally((yield* Document.fetch(cards, id)).body), expected(80, 10))

        const watched = yield* polls("watched", lineage)
        yield* withSiblings(watched, 80, 10)
        const [outcome] = Chunk.toReadonlyArray(
          yield* Conflict.watch(watched, merging).pipe(Stream.take(1), Stream.runCollect)
        )
        assert.strictEqual(outcome?._tag, "Resolved")
        assert.deepStrictEqual(tally((yield* Document.fetch(watched, id)).body), expected(80, 10))
      })))

    it.effect("come to the same revision if a resolver dies between any two requests", () =>
      Effect.gen(function*() {
        const versions = yield* embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          const first = yield* withSiblings(cards, several, 200)
          return [yield* version(cards, yield* Document.revision(first)), ...yield* leaves(cards)]
        }))
        const ends = new Set<string>()
        for (let requests = 1, done = false; !done; requests++) {
          const { layer, until } = yield* dying
          yield* Effect.gen(function*() {
            const cards = yield* polls("office", lineage)
            yield* raw("POST", `/${cards.database}/_bulk_docs`, { new_edits: false, docs: versions })
            done = yield* until(requests, Conflict.resolve(cards, id, merging))
            const outcome = yield* Conflict.resolve(cards, id, merging)
            assert.include(done ? ["NothingToDo"] : ["Resolved", "NothingToDo"], outcome._tag, `after ${requests}`)
            const [doc, ...others] = yield* live(cards)
            assert.lengthOf(others, 0, `after ${requests}`)
            assert.strictEqual(doc?.votes, several, `after ${requests}`)
            ends.add((yield* leaves(cards)).map(({ _rev }) => _rev).join())
          }).pipe(Effect.provide(layer))
        }
        assert.strictEqual(ends.size, 1)
      }))

    it.effect(
      "that come late, or are edited after they were merged, count once",
      () =>
        embedded(Effect.gen(function*() {
          const here = yield* polls("here", lineage)
          const there = yield* polls("there", lineage)
          const first = yield* withSiblings(here, several, 10)
          yield* carryVersion(here, there, yield* Document.revision(first))
          yield* carry(here, there)
          assert.strictEqual((yield* Conflict.resolve(here, id, merging))._tag, "Resolved")
          // One that was taken in early, one late, and one that nobody saw.
          const { leaves: [, ...losers] } = yield* Conflict.siblings(there, id)
          for (const [i, leaf] of [losers[3], losers[several - 10]].entries()) {
            if (leaf?._tag !== "Live") return assert.fail("no loser")
            yield* Document.save(
              Document.modify(leaf.document, (poll) => ({ ...poll, votes: poll.votes + 1000 * (i + 1) }))
            )
          }
          yield* fork(first, (poll) => ({ ...poll, votes: poll.votes + 10_000 }))
          yield* carry(there, here)
          assert.strictEqual((yield* Conflict.resolve(here, id, merging))._tag, "Resolved")
          assert.strictEqual((yield* Document.fetch(here, id)).body.votes, several + 13_000)
          yield* carry(here, there)
          yield* Conflict.resolve(there, id, merging)
          yield* carry(there, here)
          yield* Conflict.resolve(here, id, merging)
          for (const each of [here, there]) {
            assert.lengthOf(yield* live(each), 1)
            assert.strictEqual((yield* Document.fetch(each, id)).body.votes, several + 13_000)
          }
        }))
    )
  })
}
