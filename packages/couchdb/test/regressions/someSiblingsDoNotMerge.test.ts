import { assert, describe, it } from "@effect/vitest"
import { Conflict, Document, Merge, SiblingPolicy, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import { sample } from "../support/deep.js"
import {
  blank,
  embedded,
  fork,
  id,
  live,
  merging,
  type Poll,
  type Polls,
  polls,
  raw,
  vote
} from "../support/manySiblings.js"

const partly = <A, R>(outcome: Conflict.Resolution<A, R>) => {
  if (outcome._tag !== "PartiallyResolved") throw new Error(`not partially resolved: ${JSON.stringify(outcome)}`)
  return outcome
}

/** Writes a version over another one as a program does that knows no schema. */
const overwritten = (cards: Polls, rev: string, body: object) =>
  Effect.flatMap(
    raw("GET", `/${cards.database}/${id}?rev=${rev}`),
    (response) =>
      raw("PUT", `/${cards.database}/${id}?rev=${rev}`, { ...JSON.parse(Transport.text(response)) as object, ...body })
  )

/** A first version, and a sibling of it for each edit. */
const forked = (cards: Polls, edits: ReadonlyArray<(poll: Poll) => Poll>) =>
  Effect.gen(function*() {
    const first = yield* Document.create(cards, id, blank(1))
    yield* Effect.forEach(edits, (edit) => fork(first, edit))
    return first
  })

const votes = (howMany: number, more: (poll: Poll, i: number) => Poll = (poll) => poll) =>
  Array.from(
    { length: howMany },
    (_, i) => (poll: Poll): Poll => more({ ...poll, votes: poll.votes + 1, voters: [`voter ${i}`] }, i)
  )

for (const lineage of [false, true]) {
  describe(`siblings ${lineage ? "with" : "without"} lineage, some of which do not merge`, () => {
    for (const howMany of sample([3, 17], [3, 17, 100])) {
      it.effect(
        `one of ${howMany} that does not decode stays, and keeps no others apart`,
        () =>
          embedded(Effect.gen(function*() {
            for (const which of [0, 1, howMany - 1]) {
              const cards = yield* polls(`office-${which}`, lineage)
              yield* forked(cards, votes(howMany))
              const { leaves } = yield* Conflict.siblings(cards, id)
              const rev = leaves[which]?.path[0]
              if (rev === undefined) return assert.fail("no such sibling")
              yield* overwritten(cards, rev, { votes: "many" })
              const outcome = partly(yield* Conflict.resolve(cards, id, merging))
              assert.lengthOf(outcome.merged, howMany - 2)
              assert.lengthOf(outcome.remaining, 1)
              const [odd] = outcome.remaining
              assert.include(odd?.why, "does not match the schema")
              assert.include(odd?.why, String(odd?.rev))
              const left = yield* live(cards)
              assert.sameMembers(left.map(({ votes }) => votes), ["many", howMany - 1])
              assert.strictEqual(Option.getOrThrow(outcome.document).body.votes, howMany - 1)
              const again = yield* Conflict.resolve(cards, id, merging)
              if (again._tag !== "Unresolved") return assert.fail(again._tag)
              assert.strictEqual(again.reason._tag, "Unreadable")
              assert.sameMembers(again.versions.map(({ _tag }) => _tag), ["Live", "Unreadable"])
              assert.deepStrictEqual(yield* live(cards), left)
            }
          }))
      )
    }

    it.effect(
      "those that overlap stay beside the rest, which says where",
      () =>
        embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          // Of a hundred three parties name a chair each, and all others none.
          yield* forked(cards, votes(100, (poll, i) => i % 10 === 0 ? { ...poll, chair: `chair ${i % 3}` } : poll))
          const outcome = partly(yield* Conflict.resolve(cards, id, merging))
          for (const { why } of outcome.remaining) assert.include(why, "chair")
          const left = yield* live(cards)
          assert.lengthOf(left, 3)
          assert.lengthOf(outcome.remaining, 2)
          assert.strictEqual(left.reduce((sum, { votes = 0 }) => sum + votes, 0), 100)
          const again = yield* Conflict.resolve(cards, id, merging)
          assert.strictEqual(again._tag === "Unresolved" && again.reason._tag, "Overlap")
          // A policy that decides takes what is left.
          const decides = SiblingPolicy.merge(merging).pipe(SiblingPolicy.orElse(
            SiblingPolicy.merge(Merge.make(cards, { chair: Merge.max }))
          ))
          assert.strictEqual((yield* Conflict.resolve(cards, id, decides))._tag, "Resolved")
          const { body } = yield* Document.fetch(cards, id)
          assert.strictEqual(body.votes, 100)
          assert.strictEqual(body.chair, "chair 2")
        }))
    )

    it.effect(
      "where no two merge nothing is written",
      () =>
        embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          yield* forked(cards, votes(30, (poll, i) => ({ ...poll, chair: `chair ${i}` })))
          const before = yield* live(cards)
          const outcome = yield* Conflict.resolve(cards, id, merging)
          assert.strictEqual(outcome._tag === "Unresolved" && outcome.reason._tag, "Overlap")
          assert.strictEqual(outcome._tag === "Unresolved" && outcome.versions.length, 30)
          assert.deepStrictEqual(yield* live(cards), before)
        }))
    )

    it.effect(
      "policies that pick one version pick it among all",
      () =>
        embedded(Effect.gen(function*() {
          const greatest = SiblingPolicy.pick(Order.mapInput(Order.number, (poll: Poll) => poll.votes))
          for (const [name, policy] of Object.entries({ greatest, winner: SiblingPolicy.winner })) {
            const cards = yield* polls(name, lineage)
            yield* forked(cards, votes(100, (poll, i) => ({ ...poll, votes: (i * 37) % 101 })))
            const { body } = yield* Document.fetch(cards, id)
            assert.strictEqual((yield* Conflict.resolve(cards, id, policy))._tag, "Resolved")
            assert.strictEqual((yield* Document.fetch(cards, id)).body.votes, name === "winner" ? body.votes : 100)
            assert.lengthOf(yield* live(cards), 1)
          }
        }))
    )

    it.effect(
      "those that overlap are asked about over the base of all",
      () =>
        embedded(Effect.gen(function*() {
          const cards = yield* polls("office", lineage)
          yield* forked(cards, [
            vote(1),
            (poll) => ({ ...poll, chair: "ada" }),
            (poll) => ({ ...poll, chair: "ben" })
          ])
          const asked: Array<string> = []
          const policy = SiblingPolicy.merge(merging).pipe(SiblingPolicy.onOverlap(({ base, mine, theirs }) => {
            asked.push(Option.getOrThrow(base).chair, ...[mine.chair, theirs.chair].sort())
            return Effect.succeed(Option.none<Poll>())
          }))
          const outcome = partly(yield* Conflict.resolve(cards, id, policy))
          assert.lengthOf(outcome.remaining, 1)
          assert.deepStrictEqual(asked, ["nobody", "ada", "ben"])
        }))
    )
  })
}
