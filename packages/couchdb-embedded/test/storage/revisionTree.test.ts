import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/FastCheck"
import * as Revs from "../../src/storage/revision.js"
import type { Node, Path, Tree } from "../../src/storage/revisionTree.js"
import * as RevisionTree from "../../src/storage/revisionTree.js"

interface Version {
  readonly deleted: boolean
}

interface Written {
  readonly path: Path
  readonly version: Version
}

const hashOf = (choices: ReadonlyArray<number>): string =>
  `${choices.join("")}${"0".repeat(32)}`.slice(0, 31) + String(choices.length % 10)

/** A history. The choices that lead to a revision name it, so that a hash has one parent only. */
const written: Arbitrary.Arbitrary<Written> = Arbitrary.record({
  choices: Arbitrary.array(Arbitrary.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 }),
  known: Arbitrary.integer({ min: 1, max: 6 })
}).map(({ choices, known }) => ({
  path: {
    generation: choices.length,
    hashes: choices.map((_, i) => hashOf(choices.slice(0, choices.length - i))).slice(0, known)
  },
  version: { deleted: choices.reduce((sum, choice) => sum + choice, 0) % 3 === 0 }
}))

const histories = Arbitrary.array(written, { maxLength: 12 })

const build = (writes: ReadonlyArray<Written>, onto: Tree<Version> = RevisionTree.empty): Tree<Version> =>
  writes.reduce((tree: Tree<Version>, { path, version }) => RevisionTree.merge(tree, path, version).tree, onto)

const parentName = ({ generation, parent }: Node<Version>): string | undefined =>
  parent === undefined ? undefined : `${generation - 1}-${parent}`

const shape = (tree: Tree<Version>) => ({
  leaves: tree.leaves.map(Revs.format),
  nodes: RevisionTree.nodes(tree).map((node) => `${Revs.format(node)} < ${parentName(node)} ${node.version?.deleted}`)
    .sort()
})

describe("RevisionTree", () => {
  it.prop(
    "has the same winner and leaves in any order of arrival",
    [histories, Arbitrary.infiniteStream(Arbitrary.nat())],
    ([writes, order]) => {
      const shuffled = writes.map((write) => [order.next().value, write] as const).sort(([a], [b]) => a - b)
      expect(shape(build(shuffled.map(([, write]) => write)))).toEqual(shape(build(writes)))
    }
  )

  it.prop("does not change if it merges a known path", [histories], ([writes]) => {
    const tree = build(writes)
    expect(build(writes, tree)).toBe(tree)
  })

  it.prop("has leaves without children, each with its content", [histories], ([writes]) => {
    const tree = build(writes)
    const parents = new Set(RevisionTree.nodes(tree).map(parentName))
    const leaves = tree.leaves.map(Revs.format)
    expect(leaves.filter((leaf) => parents.has(leaf))).toEqual([])
    expect(tree.leaves.filter((leaf) => RevisionTree.get(tree, leaf) !== leaf || leaf.version === undefined)).toEqual(
      []
    )
    expect(RevisionTree.nodes(tree).map(Revs.format).filter((key) => !parents.has(key)).sort()).toEqual(leaves.sort())
    expect(tree.size).toBe(RevisionTree.nodes(tree).length)
  })

  it.prop(
    "has the live leaf with the highest generation and the greatest hash as its winner",
    [histories],
    ([writes]) => {
      const tree = build(writes)
      const ranked = RevisionTree.leafNodes(tree).map((node) => ({
        live: node.version?.deleted !== true,
        rev: { generation: node.generation, hash: node.hash }
      }))
      for (const [i, lower] of ranked.slice(1).entries()) {
        const higher = ranked[i]
        expect(
          higher !== undefined && (higher.live !== lower.live ? higher.live : Revs.compare(higher.rev, lower.rev) > 0)
        )
          .toBe(true)
      }
    }
  )

  it.prop(
    "keeps every leaf when it is stemmed, and no ancestor beyond the limit",
    [histories, Arbitrary.integer({ min: 1, max: 4 })],
    ([writes, limit]) => {
      const tree = build(writes)
      const stemmed = RevisionTree.stem(tree, limit)
      const near = new Set(
        RevisionTree.leafNodes(tree).flatMap((leaf) => RevisionTree.ancestry(tree, leaf).slice(0, limit))
          .map(Revs.format)
      )
      expect(stemmed.leaves.map(Revs.format)).toEqual(tree.leaves.map(Revs.format))
      const nodes = RevisionTree.nodes(stemmed)
      expect(new Set(nodes.map(Revs.format))).toEqual(near)
      expect(nodes.map(parentName).filter((parent) => parent !== undefined && !near.has(parent))).toEqual([])
    }
  )

  const abc = (start: number, ...hashes: ReadonlyArray<string>): Path => ({ generation: start, hashes })

  it("distinguishes an extended leaf from a new branch", () => {
    const first = RevisionTree.merge<Version>(RevisionTree.empty, abc(1, "a"), { deleted: false })
    const second = RevisionTree.merge(first.tree, abc(2, "b", "a"), { deleted: false })
    const sibling = RevisionTree.merge(second.tree, abc(2, "c", "a"), { deleted: false })
    expect([first.merged, second.merged, sibling.merged]).toEqual(["leaf", "leaf", "branch"])
    expect(sibling.tree.leaves.map(Revs.format)).toEqual(["2-c", "2-b"])
    expect(RevisionTree.merge(sibling.tree, abc(1, "a"), { deleted: false }).merged).toBe("known")
  })

  it("restores the ancestors of a stemmed history", () => {
    const short = build([{ path: abc(3, "c"), version: { deleted: false } }])
    const whole = build([{ path: abc(3, "c", "b", "a"), version: { deleted: false } }], short)
    const leaf = RevisionTree.winner(whole)
    expect(leaf === undefined ? [] : RevisionTree.ancestry(whole, leaf).map(Revs.format)).toEqual(["3-c", "2-b", "1-a"])
    expect(whole.leaves.map(Revs.format)).toEqual(["3-c"])
  })

  it("purges a leaf with the ancestors that only it had", () => {
    const tree = build([
      { path: abc(3, "c", "b", "a"), version: { deleted: false } },
      { path: abc(2, "d", "a"), version: { deleted: false } }
    ])
    const { purged, tree: rest } = RevisionTree.purge(tree, [{ generation: 3, hash: "c" }, {
      generation: 1,
      hash: "a"
    }])
    expect(purged).toEqual([{ generation: 3, hash: "c" }])
    expect(RevisionTree.nodes(rest).map(Revs.format).sort()).toEqual(["1-a", "2-d"])
  })

  it.prop(
    "stems a linear history revision by revision as it does at once",
    [Arbitrary.integer({ min: 1, max: 12 }), Arbitrary.integer({ min: 1, max: 5 })],
    ([length, limit]) => {
      const hashes = Array.from({ length }, (_, i) => `h${i + 1}`)
      const line = hashes.map((hash, i): Written => ({
        path: { generation: i + 1, hashes: i === 0 ? [hash] : [hash, `h${i}`] },
        version: { deleted: i % 4 === 3 }
      }))
      const stepwise = line.reduce(
        (tree: Tree<Version>, write) => RevisionTree.stem(build([write], tree), limit),
        RevisionTree.empty
      )
      expect(shape(stepwise)).toEqual(shape(RevisionTree.stem(build(line), limit)))
    }
  )

  it("compares hashes by the bytes that CouchDB keeps", () => {
    const digits = "9".repeat(32)
    // 32 digits are 16 bytes of 0x99, above any ASCII text.
    expect(Revs.compareHash(digits, "abc")).toBeGreaterThan(0)
    expect(Revs.compareHash("abc", "abd")).toBeLessThan(0)
  })
})
