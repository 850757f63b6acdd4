import { assert, describe, it } from "@effect/vitest"
import { Conflict, Document, SiblingPolicy } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { planByLineage } from "../../src/lineage/planByLineage.js"
import { makeTombstoneCache, readAllLeaves } from "../../src/siblings/leaves.js"
import { runs, sample } from "../support/deep.js"
import {
  blank,
  carry,
  carryVersion,
  embedded,
  expected,
  fork,
  id,
  leaves,
  live,
  merging,
  type Poll,
  type Polls,
  polls,
  tally,
  vote,
  withSiblings
} from "../support/manySiblings.js"

interface Edit {
  readonly votes: number
  readonly adds: ReadonlyArray<string>
  readonly removes: ReadonlyArray<string>
}

const anEdit: FastCheck.Arbitrary<Edit> = FastCheck.record({
  votes: FastCheck.integer({ min: -5, max: 5 }),
  adds: FastCheck.subarray(["a", "b", "c", "d"]),
  removes: FastCheck.subarray(["x", "y", "z"])
})

const before: Poll = { ...blank(20), voters: ["x", "y", "z"] }

const edited = (edit: Edit, i: number) => (poll: Poll): Poll => ({
  ...vote(i)(poll),
  votes: poll.votes + edit.votes,
  voters: [...poll.voters.filter((voter) => !edit.removes.includes(voter)), ...edit.adds, `voter ${i}`]
})

/** Replicates to and fro and resolves until nothing moves any more; how often it took. */
const untilQuiet = (here: Polls, there: Polls) =>
  Effect.gen(function*() {
    for (let round = 1; round <= 6; round++) {
      yield* carry(here, there)
      yield* carry(there, here)
      const outcomes = [yield* Conflict.resolve(here, id, merging), yield* Conflict.resolve(there, id, merging)]
      if (outcomes.every(({ _tag }) => _tag === "NothingToDo")) return round
    }
    return assert.fail("the replicas do not come to rest")
  })

describe("replicas that resolve different parts of many siblings", () => {
  it.effect("come to one revision that counts each edit once, with lineage", () =>
    embedded(Effect.gen(function*() {
      const here = yield* polls("here", true)
      const [one, other] = [yield* polls("one", true), yield* polls("other", true)]
      const first = yield* withSiblings(here, sample(70, 150), 10)
      const rev = yield* Document.revision(first)
      for (const each of [one, other]) yield* carryVersion(here, each, rev)
      // Most versions are in both parts, and some in one alone.
      yield* carry(here, one, (all) => all.filter((_, i) => i % 5 !== 0))
      yield* carry(here, other, (all) => all.filter((_, i) => i % 7 !== 0))
      for (const each of [one, other]) {
        assert.strictEqual((yield* Conflict.resolve(each, id, merging))._tag, "Resolved")
      }
      assert.isAtMost(yield* untilQuiet(one, other), 4)
      // What neither had comes last.
      yield* carry(here, one)
      yield* carry(here, other)
      assert.isAtMost(yield* untilQuiet(one, other), 4)
      for (const each of [one, other]) {
        assert.lengthOf(yield* live(each), 1)
        assert.deepStrictEqual(tally((yield* Document.fetch(each, id)).body), expected(sample(70, 150), 10))
      }
      assert.deepStrictEqual(yield* live(one), yield* live(other))
    })))

  it.effect(
    "count no edit twice without lineage, and leave what crosses to somebody who decides",
    () =>
      embedded(Effect.gen(function*() {
        const here = yield* polls("here", false)
        const [one, other] = [yield* polls("one", false), yield* polls("other", false)]
        const first = yield* withSiblings(here, 100, 10)
        const rev = yield* Document.revision(first)
        for (const each of [one, other]) yield* carryVersion(here, each, rev)
        yield* carry(here, one, (all) => all.slice(10))
        yield* carry(here, other, (all) => all.slice(0, 90))
        for (const each of [one, other]) yield* Conflict.resolve(each, id, merging)
        yield* carry(one, other)
        yield* carry(other, one)
        for (const each of [one, other]) {
          const outcome = yield* Conflict.resolve(each, id, merging)
          assert.strictEqual(outcome._tag === "Unresolved" && outcome.reason._tag, "Unknown")
          assert.deepStrictEqual((yield* live(each)).map(({ votes }) => votes), [90, 90])
        }
        // One that has all of the other's versions takes it in.
        const whole = yield* polls("whole", false)
        yield* carryVersion(here, whole, rev)
        yield* carry(here, whole)
        yield* Conflict.resolve(whole, id, merging)
        yield* carry(whole, one)
        assert.strictEqual((yield* Conflict.resolve(one, id, merging))._tag, "Resolved")
        assert.deepStrictEqual((yield* live(one)).map(({ votes }) => votes), [100])
        assert.deepStrictEqual(tally((yield* Document.fetch(one, id)).body), expected(100, 10))
      }))
  )

  it.effect.prop(
    "in groups as they come make what all at once make",
    [
      FastCheck.array(anEdit, { minLength: 2, maxLength: 12 }),
      FastCheck.infiniteStream(FastCheck.integer({ min: 1, max: 4 }))
    ],
    ([edits, sizes]) =>
      embedded(Effect.gen(function*() {
        for (const lineage of [true, false]) {
          const whole = yield* polls(`whole-${lineage}`, lineage)
          const parts = yield* polls(`parts-${lineage}`, lineage)
          const first = yield* Document.create(whole, id, before)
          for (const [i, edit] of edits.entries()) yield* fork(first, edited(edit, i))
          yield* carryVersion(whole, parts, yield* Document.revision(first))
          const all = yield* leaves(whole)
          for (let at = 0; at < all.length;) {
            const size = sizes.next().value as number
            yield* carry(whole, parts, (all) => all.slice(at, at + size))
            at += size
            yield* Conflict.resolve(parts, id, merging)
          }
          assert.include(["Resolved", "NothingToDo"], (yield* Conflict.resolve(whole, id, merging))._tag)
          const said = (poll: Poll) => ({ ...poll, voters: [...poll.voters].sort() })
          assert.deepStrictEqual(
            said((yield* Document.fetch(parts, id)).body),
            said((yield* Document.fetch(whole, id)).body)
          )
          assert.lengthOf(yield* live(parts), 1)
        }
      })),
    runs(5, 100)
  )

  it.effect.prop(
    "merged one on top of the other say what one merge of all says",
    [FastCheck.array(anEdit, { minLength: 4, maxLength: 14 }), FastCheck.integer({ min: 2, max: 5 })],
    ([edits, size]) =>
      embedded(Effect.gen(function*() {
        const cards = yield* polls("office", true)
        const first = yield* Document.create(cards, id, before)
        for (const [i, edit] of edits.entries()) yield* fork(first, edited(edit, i))
        const { lineage } = cards
        if (lineage === undefined) return assert.fail("no lineage")
        const versions = yield* readAllLeaves(cards.database, [id], makeTombstoneCache())
        const planned = (size: number) =>
          Effect.map(planByLineage(cards, lineage, id, versions, SiblingPolicy.merge(merging), size), (plan) => {
            if (plan._tag !== "Write") throw new Error(plan._tag)
            return plan.steps
          })
        const [whole, ...none] = yield* planned(100)
        const steps = yield* planned(size)
        assert.lengthOf(none, 0)
        assert.lengthOf(steps, Math.ceil((edits.length - 1) / (size - 1)))
        const said = (step: typeof whole) => Option.getOrThrow(step.document ?? Option.none()).body
        assert.deepStrictEqual(said(steps[steps.length - 1] ?? whole), said(whole))
        assert.sameMembers(steps.flatMap(({ merged }) => merged), [...whole.merged])
      })),
    runs(5, 100)
  )
})
