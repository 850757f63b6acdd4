import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { numRuns, sample, seed } from "../../../couchdb/test/support/deep.js"
import { history, type Options, type Outcome } from "../../src/crissCross/history.js"

/** The number of histories of each kind. The figures in the chapter on lineage are from thousands of histories. */
const histories = numRuns ?? sample(4, 100)
const from = seed ?? 1

const sum = (outcomes: ReadonlyArray<Outcome>, of: (outcome: Outcome) => number): number =>
  outcomes.reduce((all, outcome) => all + of(outcome), 0)

const told = (seeds: ReadonlyArray<number>, options: Options) =>
  Effect.forEach(seeds, (seed) =>
    Effect.map(history(seed, options), (outcome) => {
      for (const figure of ["wrong", "diverged", "deferred"] as const) {
        assert.deepStrictEqual(outcome[figure], [], `${figure}, seed ${seed}`)
      }
      return outcome
    }))

const many = (options: Options) => told(Array.from({ length: histories }, (_, i) => from + i), options)

describe("criss-cross merges of texts and lists", () => {
  it.effect(
    "contain every edit once, except in decided fields, and replicas converge to one revision",
    () =>
      Effect.gen(function*() {
        const outcomes = yield* many({ replicas: 4, steps: 60, decides: "apart" })
        // Otherwise, the test exercises nothing.
        assert.isAbove(sum(outcomes, ({ crissCross }) => crissCross), histories / 4)
        assert.isAbove(sum(outcomes, ({ checked }) => checked), 5 * histories)
        assert.isAtLeast(Math.max(...outcomes.map(({ deepest }) => deepest)), sample(1, 2))
      })
  )

  it.effect("are decided alike by one policy on all replicas", () =>
    Effect.gen(function*() {
      const outcomes = yield* many({ replicas: 3, steps: 40, decides: "alike" })
      assert.isAbove(sum(outcomes, ({ decisions }) => decisions), histories)
    }))

  it.effect(
    "leave overlaps to a manual decision, by a policy or by a save, and then converge",
    () =>
      Effect.gen(function*() {
        const outcomes = yield* many({ replicas: 3, steps: 40, decides: "never" })
        assert.isAbove(sum(outcomes, ({ byPerson }) => byPerson), histories / 4)
        assert.isAbove(sum(outcomes, ({ crissCross }) => crissCross), histories / 5)
        assert.isAbove(sum(outcomes, ({ checked }) => checked), 5 * histories)
      })
  )
})
