import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { numRuns, sample, seed } from "../../couchdb/test/support/deep.js"
import * as Simulation from "../src/Simulation.js"

const told = (from: number, histories: number, options: Simulation.Options) =>
  Effect.map(Stream.runCollect(Simulation.runAll(from, histories, options)), Chunk.toReadonlyArray)

/** If replicas take more rounds, they do not converge. */
const resting = 12

describe("histories of replicas", () => {
  it.effect("lose no edit, double no edit, and need no manual resolution", () =>
    Effect.gen(function*() {
      for (const outcome of yield* told(seed ?? 1, numRuns ?? sample(4, 200), {})) {
        assert.isFalse(Simulation.failed(outcome), `seed ${outcome.seed}`)
        assert.deepStrictEqual(outcome.deferred, [])
        assert.isBelow(outcome.rounds, resting)
      }
    }))

  it.effect("are identical for the same seed", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Simulation.run(7, { deletions: true }),
        yield* Simulation.run(7, { deletions: true })
      )
    }))

  it.effect(
    "converge even if one replica rejects merges permanently, and documents are deleted",
    () =>
      Effect.gen(function*() {
        for (const outcome of yield* told(seed ?? 1, numRuns ?? sample(2, 100), { deletions: true, refusals: true })) {
          assert.isFalse(Simulation.failed(outcome), `seed ${outcome.seed}`)
          assert.isBelow(outcome.rounds, resting, `seed ${outcome.seed}`)
        }
      })
  )
})
