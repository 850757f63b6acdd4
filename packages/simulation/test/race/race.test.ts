import { assert, describe, it } from "@effect/vitest"
import { Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { withoutCluster } from "../../src/race/command.js"
import { agree, contentsOf, type Copy } from "../../src/race/copies.js"
import { failed, line } from "../../src/race/figures.js"
import { type Course, type Options, race } from "../../src/race/race.js"
import type { Doc, Leaf } from "../../src/world/replicas.js"

const version = (rev: string, doc: Doc, deleted = false): Leaf => ({
  rev: Revision.make(rev),
  path: [rev],
  deleted,
  doc: { _id: "card", _rev: rev, ...doc }
})

const copy = (node: string, leaves: ReadonlyArray<Leaf>, older: ReadonlyArray<Leaf> = []): Copy => ({
  node,
  leaves,
  older
})

/** A reproducible race. */
const raced = (course: Effect.Effect<Course>, options: Options) =>
  course.pipe(Effect.flatMap((course) => race(course, options)), Effect.withRandom(Random.make("race")))

describe("two resolvers that race on one database", () => {
  it.effect(
    "count every edit once, write one content per revision, and both come to rest",
    () =>
      Effect.gen(function*() {
        const course = yield* withoutCluster(1)
        const { figures, wrong } = yield* race(course, { documents: 6, seed: 1 })
        assert.deepStrictEqual(wrong, [])
        assert.isFalse(failed(figures), line(figures))
        assert.isAbove(figures.resolutions, 12)
        assert.isAbove(figures.edits, 40)
        assert.isAbove(figures.repeated, 12)
        assert.isAbove(figures.revisions, 60)
      })
  )

  it.effect(
    "send two contents under one revision without rule 9",
    () =>
      Effect.gen(function*() {
        const { figures } = yield* raced(withoutCluster(1, new Set([9])), { documents: 6, seed: 1 })
        assert.isAbove(figures.sentTwo, 0)
        assert.isTrue(failed(figures))
      })
  )

  it.effect("are caught if a node has other content", () =>
    Effect.gen(function*() {
      const course = yield* withoutCluster(2)
      const two = {
        ...course,
        copies: (id: string) =>
          Effect.map(course.copies(id), (copies) =>
            copies.flatMap((each) => [
              each,
              {
                ...each,
                node: "another",
                leaves: each.leaves.map((leaf) =>
                  leaf.deleted ? leaf : { ...leaf, doc: { ...leaf.doc, count: Number(leaf.doc["count"]) + 1 } }
                )
              }
            ]))
      }
      const { figures, wrong } = yield* raced(Effect.succeed(two), { documents: 2, seed: 2, disturbed: 1 })
      assert.strictEqual(figures.nodes, 2)
      assert.strictEqual(figures.twoContents, 2)
      assert.strictEqual(figures.doubled, 2)
      assert.strictEqual(figures.sentTwo, 0)
      assert.lengthOf(wrong, 2)
    }))
})

describe("contents of copies", () => {
  it("differ if nodes differ in live, deleted or overwritten revisions", () => {
    const same = version("2-b", { count: 2, tags: ["x", "y"] })
    const two = [
      copy("one", [same, version("3-c", { of: 1 }, true)], [version("1-a", { count: 1 })]),
      copy("another", [same, version("3-c", { of: 2 }, true)], [version("1-a", { count: 3 })])
    ]
    assert.deepStrictEqual([...contentsOf(two).two()].sort(), ["1-a", "3-c"])
    assert.strictEqual(contentsOf(two).count(), 3)
  })

  it("are equal if only the order of members or the known history differs", () => {
    const path = { _revisions: { start: 2, ids: ["b", "a"] } }
    const one = [
      copy("one", [version("2-b", { a: { x: 1, y: [1] }, b: 2, ...path })]),
      copy("another", [version("2-b", { b: 2, a: { y: [1], x: 1 } })])
    ]
    assert.deepStrictEqual(contentsOf(one).two(), [])
    assert.deepStrictEqual(contentsOf([copy("one", []), copy("another", [])]).count(), 0)
  })

  it("are compared once all nodes have the same leaves", () => {
    const first = version("1-a", {})
    const second = version("1-b", {})
    assert.isTrue(agree([copy("one", [first, second]), copy("another", [second, first])]))
    assert.isFalse(agree([copy("one", [first, second]), copy("another", [second])]))
  })
})
