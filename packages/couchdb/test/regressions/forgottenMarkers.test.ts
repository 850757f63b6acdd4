import { assert, describe, it } from "@effect/vitest"
import { Conflict, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import {
  blank,
  carry,
  carryVersion,
  embedded,
  fork,
  id,
  live,
  merging,
  polls,
  raw,
  vote
} from "../support/manySiblings.js"

describe("a merge whose path is shorter than what it merged", () => {
  it.effect("counts no edit of a loser twice that fell off the path", () =>
    embedded(Effect.gen(function*() {
      const here = yield* polls("here", false)
      const there = yield* polls("there", false)
      yield* raw("PUT", `/${here.database}/_revs_limit`, 6)
      const first = yield* Document.create(here, id, blank(1))
      for (let i = 0; i < 9; i++) yield* fork(first, vote(i, 100))
      yield* carryVersion(here, there, yield* Document.revision(first))
      yield* carry(here, there)
      yield* Conflict.resolve(here, id, merging)
      assert.deepStrictEqual((yield* live(here)).map(({ votes }) => votes), [9])
      // Every loser is edited elsewhere, and each edit comes late.
      const { leaves: [, ...losers] } = yield* Conflict.siblings(there, id)
      for (const [i, loser] of losers.entries()) {
        if (loser._tag !== "Live") continue
        yield* Document.save(Document.modify(loser.document, (poll) => ({ ...poll, votes: poll.votes + 100 })))
        yield* carry(there, here, (all) => all.filter(({ _rev }) => _rev.startsWith("3-")))
        const outcome = yield* Conflict.resolve(here, id, merging)
        const [winner] = yield* live(here)
        if (outcome._tag === "Resolved") assert.strictEqual(winner?.votes, 9 + 100 * (i + 1))
        else {
          assert.strictEqual(outcome._tag === "Unresolved" && outcome.reason._tag, "Unknown")
          break
        }
      }
    })))

  it.effect("buries no merge that may hold more than it shows", () =>
    embedded(Effect.gen(function*() {
      const here = yield* polls("here", false)
      const there = yield* polls("there", false)
      const first = yield* Document.create(here, id, blank(1))
      for (let i = 0; i < 9; i++) yield* fork(first, vote(i, 100))
      yield* carryVersion(here, there, yield* Document.revision(first))
      // Here are the versions that the merge from there shows on its cut path, and not all that it merged.
      const all = yield* live(here)
      yield* carry(here, there)
      yield* Conflict.resolve(there, id, merging)
      yield* raw("PUT", `/${there.database}/_revs_limit`, 3)
      const some = yield* polls("some", false)
      yield* carryVersion(here, some, yield* Document.revision(first))
      yield* carry(here, some, () => all.slice(0, 5))
      yield* Conflict.resolve(some, id, merging)
      yield* carry(there, some)
      yield* Conflict.resolve(some, id, merging)
      const votes = (yield* live(some)).map(({ votes = 0 }) => votes)
      assert.strictEqual(Math.max(...votes), 9)
    })))
})
