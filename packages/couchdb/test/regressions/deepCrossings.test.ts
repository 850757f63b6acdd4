import { assert, describe, it } from "@effect/vitest"
import { Revision } from "effect-couchdb"
import * as Either from "effect/Either"
import { Graph } from "../../src/lineage/graph.js"
import { SymbolicMerge } from "../../src/lineage/symbolicMerge.js"
import * as Lineage from "../support/lineageInternals.js"
import { writer } from "../support/lineageVersions.js"

const settings = Lineage.settings()
const { written } = writer(settings)

const rev = (generation: number, side: number): Revision.Revision =>
  Revision.make(`${generation}-${(generation * 2 + side).toString(16).padStart(32, "0")}`)

/** What a counter `n` is in a value. */
const counted = (knowledge: Lineage.LineageIndex) => {
  const known = new Map<Lineage.Value, number>()
  const count = (value: Lineage.Value | undefined): number => {
    if (value === undefined) return 0
    const before = known.get(value)
    if (before !== undefined) return before
    const made = value._tag === "Content"
      ? Number(knowledge.contents.get(value.rev)?.body["n" as never])
      : count(value.mine) + count(value.theirs) - count(value.base)
    known.set(value, made)
    return made
  }
  return count
}

describe("merges that cross each other again and again", () => {
  for (const times of [2, 31, 120]) {
    it(`${times} times have a base still`, () => {
      const root = written(rev(1, 0), { n: 0 })
      const all = [root]
      let [left, right] = [root, root]
      let total = 0
      for (let i = 0; i < times; i++) {
        // Both sides count one, then each takes the other one in, on top of its own.
        const edits = [left, right].map((over, side) => written(rev(3 * i + 2, side), { n: total + 1 }, { over }))
        const [one, other] = edits as [Lineage.Version, Lineage.Version]
        all.push(one, other)
        total += 2
        const merge = (mine: Lineage.Version, theirs: Lineage.Version, side: number) =>
          written(rev(3 * i + 3, side), { n: total }, {
            kind: "merge",
            over: mine,
            also: [theirs.rev],
            knows: [theirs]
          })
        left = merge(one, other, 0)
        right = merge(other, one, 1)
        all.push(left, right)
        left = written(rev(3 * i + 4, 0), { n: total }, { over: left })
        right = written(rev(3 * i + 4, 1), { n: total }, { over: right })
        all.push(left, right)
      }
      const ends = [
        written(rev(3 * times + 2, 0), { n: total + 10 }, { over: left }),
        written(rev(3 * times + 2, 1), { n: total + 100 }, { over: right })
      ]
      const knowledge = Lineage.buildIndex(settings, [...all, ...ends])
      const value = new SymbolicMerge(knowledge, new Graph(knowledge)).mergeAll(ends.map(({ rev }) => rev))
      if (Either.isLeft(value)) return assert.fail(value.left.why)
      assert.strictEqual(counted(knowledge)(value.right), total + 110)
    })
  }
})
