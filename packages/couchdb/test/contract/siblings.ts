import { assert } from "@effect/vitest"
import { Conflict, Document, Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import { butterflies, type Contract, raw } from "./suite.js"

const hash = (letter: string) => letter.repeat(32)

/** A leaf two generations deep, on one ancestor. */
const leaf = (letter: string, members: object) => ({
  _id: "monarch",
  _rev: `2-${hash(letter)}`,
  _revisions: { start: 2, ids: [hash(letter), hash("0")] },
  ...members
})

export const siblings: Contract = (it) => {
  it.scoped("every leaf is read, winner first, live and deleted, readable or not, exact to the digit", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("POST", `/${zoo.database}/_bulk_docs`, {
        new_edits: false,
        docs: [
          leaf("a", { name: "A", seen: 1 }),
          leaf("c", { name: "C", seen: "often" }),
          leaf("f", { _deleted: true }),
          leaf("b", { name: "B", seen: 2, big: 1 })
        ]
      })
      const { id, leaves } = yield* Conflict.siblings(zoo, "monarch")
      assert.strictEqual(id, "monarch")
      assert.deepStrictEqual(leaves.map(({ _tag, path }) => [_tag, path[0]]), [
        ["Unreadable", Revision.make(`2-${hash("c")}`)],
        ["Live", Revision.make(`2-${hash("b")}`)],
        ["Live", Revision.make(`2-${hash("a")}`)],
        ["Deleted", Revision.make(`2-${hash("f")}`)]
      ])
      for (const { path } of leaves) assert.strictEqual(path[1], Revision.make(`1-${hash("0")}`))
      const [unreadable, live] = leaves
      assert.deepStrictEqual(unreadable._tag === "Unreadable" && unreadable.error.issues[0]?.path, ["seen"])
      assert.deepStrictEqual(live?._tag === "Live" && live.document.body, { name: "B", seen: 2 })
    }))

  it.scoped("a leaf is a document like any other: it can be saved on its own branch", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("POST", `/${zoo.database}/_bulk_docs`, {
        new_edits: false,
        docs: [leaf("a", { name: "A", seen: 1 }), leaf("b", { name: "B", seen: 2 })]
      })
      const { leaves: [, loser] } = yield* Conflict.siblings(zoo, "monarch")
      if (loser?._tag !== "Live") return assert.fail("no losing leaf")
      yield* Document.save(Document.modify(loser.document, (b) => ({ ...b, seen: 9 })))
      const winner = yield* Document.fetch(zoo, "monarch")
      assert.deepStrictEqual(winner.body, { name: "A", seen: 9 })
      assert.deepStrictEqual((yield* Document.conflicts(winner)).conflicts, [Revision.make(`2-${hash("b")}`)])
    }))

  it.scoped("a document without siblings has one leaf, a document that never existed has none", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const doc = yield* Document.create(zoo, "a/b", { name: "A", seen: 1 })
      assert.lengthOf((yield* Conflict.siblings(zoo, "a/b")).leaves, 1)
      yield* Document.delete(doc)
      const { leaves } = yield* Conflict.siblings(zoo, "a/b")
      assert.deepStrictEqual(leaves.map(({ _tag }) => _tag), ["Deleted"])
      assert.strictEqual((yield* Effect.flip(Conflict.siblings(zoo, "nobody")))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(Conflict.siblings(zoo, "_x")))._tag, "InvalidIdError")
    }))
}
