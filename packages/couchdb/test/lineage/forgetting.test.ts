import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { Graph } from "../../src/lineage/graph.js"
import { SymbolicMerge } from "../../src/lineage/symbolicMerge.js"
import { numRuns, sample, seed } from "../support/deep.js"
import { truncatedIndex, truncatedLeaves } from "../support/forgetting.js"
import { diceOf, type History, pureHistory, tallied, type Tally } from "../support/lineageHistory.js"
import * as Lineage from "../support/lineageInternals.js"

/** How many subsets are tried; the figures that are promised are of 10,000. */
const tries = numRuns ?? sample(1_000, 10_000)
const perState = 5

interface Counted {
  merged: number
  tombstones: number
  unknown: number
}

const within = (inner: Tally, outer: Tally): boolean => inner.seen.every((name) => outer.seen.includes(name))

/** What is wrong with what is planned on less than all knowledge; nothing, or it would not be the rule. */
const wrong = (
  { all, settings, truth }: History,
  knowledge: Lineage.LineageIndex,
  leaves: ReadonlyArray<Lineage.Version>,
  counted: Counted
): ReadonlyArray<string> => {
  const plan = Lineage.plan(knowledge, leaves, "editWins")
  const found: Array<string> = []
  const tombstones = plan._tag === "DeleteMerged" || plan._tag === "Merge" ? plan.tombstones : []
  const heads = plan._tag === "DeleteMerged"
    ? [plan.head]
    : plan._tag === "Merge"
    ? [plan.parent, ...plan.also]
    : []
  for (const { of } of tombstones) {
    if (!within(truth([of]), truth(heads))) found.push(`${of} is buried, and not contained in ${heads.join()}`)
  }
  if (plan._tag === "Unknown") counted.unknown++
  if (tombstones.length > 0) counted.tombstones++
  if (plan._tag === "Merge") {
    counted.merged++
    const full = Lineage.buildIndex(settings, all)
    const whole = new SymbolicMerge(full, new Graph(full)).mergeAll(heads)
    const value = JSON.stringify(tallied(knowledge, plan.value))
    if (Either.isRight(whole) && value !== JSON.stringify(tallied(full, whole.right))) {
      found.push(`${heads.join()} are ${value} here, and ${JSON.stringify(tallied(full, whole.right))} with everything`)
    }
    if (value !== JSON.stringify({ count: truth(heads).count, seen: truth(heads).seen })) {
      found.push(`${heads.join()} are ${value} here, and contain ${JSON.stringify(truth(heads))}`)
    }
  }
  return found
}

describe("forgetting", () => {
  it("turns merges into reports, and never into other values", () => {
    const counted: Counted = { merged: 0, tombstones: 0, unknown: 0 }
    let done = 0
    for (let next = seed ?? 1; done < tries; next++) {
      const dice = diceOf(next + 1_000_000)
      const history = pureHistory(next, 8 + dice(40))
      for (const leaves of history.replicas) {
        for (let i = 0; i < perState; i++, done++) {
          const some = i === 0 ? leaves : truncatedLeaves(leaves, dice)
          const knowledge = Lineage.buildIndex(history.settings, some)
          const less = i % 2 === 0 ? knowledge : truncatedIndex(knowledge, dice)
          assert.deepStrictEqual(wrong(history, less, some, counted), [], `seed ${next}, ${done}`)
        }
      }
    }
    // Else nothing was tried.
    for (const [what, count] of Object.entries(counted)) assert.isAbove(count, tries / 100, `${what} of ${done}`)
  })
})
