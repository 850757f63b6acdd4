import { assert, describe, it } from "@effect/vitest"
import { Json } from "effect-couchdb"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { strippedField } from "../../src/lineage/mac.js"
import { stripField, stripTombstone } from "../../src/lineage/stripping.js"
import { pureHistory, tallied } from "../support/lineageHistory.js"
import * as Lineage from "../support/lineageInternals.js"
import { fieldOf, rev, writer } from "../support/lineageVersions.js"

const key = Redacted.make("correct horse")
const older = Redacted.make("battery staple")
const signed = Lineage.settings({ mac: [key] })
const plain = Lineage.settings()
const mine = writer(signed)
const theirs = writer(plain)

const withMember = (of: Lineage.Version, name: string, value: Json.Json): Lineage.Version => ({
  ...of,
  body: { ...of.body, lineage: { ...fieldOf(of), [name]: value } }
})

const root = mine.written(rev(1, "r"), { n: 0 })
const left = mine.written(rev(2, "a"), { n: 1 }, { over: root })
const right = mine.written(rev(2, "b"), { n: 2 }, { over: root })

const kindOf = (of: Lineage.Version, settings = signed) => Lineage.buildIndex(settings, [of]).links.get(of.rev)?.kind

describe("a signed record", () => {
  it("is believed with its key, also after a change of keys", () => {
    assert.match(String(Json.get(fieldOf(left), "mac")), /^[0-9a-f]{32}$/)
    assert.strictEqual(kindOf(left), "edit")
    assert.strictEqual(kindOf(left, Lineage.settings({ mac: [older, key] })), "edit")
    assert.strictEqual(kindOf(left, Lineage.settings({ mac: [older] })), "foreign")
    // Who keeps no keys asks for none.
    assert.strictEqual(kindOf(left, plain), "edit")
  })

  it("is a stranger's edit where anything of it was changed, or it was not signed", () => {
    assert.strictEqual(kindOf(theirs.written(rev(1, "x"), { n: 0 })), "foreign")
    for (
      const [name, value] of [["also", [rev(2, "b")]], ["names", [rev(1, "q")]], ["k", 99], ["edit", "e"], [
        "mac",
        null
      ]] as const
    ) {
      assert.strictEqual(kindOf(withMember(left, name, value)), "foreign", name)
    }
    assert.strictEqual(kindOf({ ...left, body: { ...left.body, n: 9 } }), "foreign")
  })

  it("is signed whatever the order of its keys, and keeps it", () => {
    const reversed = Json.fromEntries([...Json.entries(fieldOf(left))].reverse())
    assert.strictEqual(kindOf({ ...left, body: { ...left.body, lineage: reversed } }), "edit")
    assert.deepStrictEqual([...Json.keys(fieldOf(left))], [...Json.keys(fieldOf(left))].sort())
    assert.deepStrictEqual(Lineage.signed(signed, "one", fieldOf(left)), fieldOf(left))
    assert.deepStrictEqual(Lineage.signed(plain, "one", { v: 1 }), { v: 1 })
  })

  it("is one of its document alone, since another may have the same revisions", () => {
    assert.strictEqual(kindOf({ ...left, id: "other" }), "foreign")
    assert.strictEqual(kindOf({ ...left, id: "other" }, plain), "edit")
  })

  it("cannot be forged to bury what it does not contain", () => {
    const forged = theirs.written(rev(3, "m"), { n: 1 }, { kind: "merge", over: left, also: [right.rev] })
    const planned = (settings: Lineage.Settings) =>
      Lineage.plan(Lineage.buildIndex(settings, [forged, right, left]), [forged, right], "editWins")
    assert.strictEqual(planned(plain)._tag, "DeleteMerged")
    const plan = planned(signed)
    assert(plan._tag === "Merge")
    assert.deepStrictEqual(plan.tombstones, [])
    assert.deepStrictEqual(plan.merged, [right.rev])
  })

  it("does not become genuine by being slimmed, and stays it", () => {
    assert.strictEqual(
      kindOf({ ...left, body: { n: 1, lineage: strippedField(signed, "one", fieldOf(left)) ?? null } }),
      "edit"
    )
    const lie = withMember(left, "also", [right.rev])
    assert.strictEqual(
      kindOf({ ...lie, body: { n: 1, lineage: strippedField(signed, "one", fieldOf(lie)) ?? null } }),
      "foreign"
    )
  })
})

describe("a burial without the body", () => {
  it("keeps a record only if it was proven to belong to the version", () => {
    // A sibling of a merge, with the merge's own field: signed, and not its own.
    const merge = mine.written(rev(3, "m"), { n: 3 }, { kind: "merge", over: left, also: [right.rev], knows: [right] })
    const thief = { ...merge, rev: rev(3, "f"), path: [rev(3, "f"), ...left.path], body: { ...merge.body, n: 9 } }
    const fieldOfBurial = (of: Lineage.Version) =>
      stripField(Lineage.buildIndex(signed, [of]), "one", of.rev, fieldOf(of))
    assert.isDefined(fieldOfBurial(merge))
    assert.isUndefined(fieldOfBurial(thief))
    const into: Lineage.MergedInto = { rev: rev(4, "i"), parent: merge.rev, kind: "merge", also: [thief.rev] }
    const burial = mine.mergeTombstone(rev(4, "t"), thief, into)
    const knowledge = Lineage.buildIndex(signed, [burial])
    const slim = stripTombstone(knowledge, "one", knowledge.mergeTombstones.get(burial.rev) as Lineage.MergeTombstone)
    const slimmed = { ...burial, body: { lineage: Lineage.signed(signed, "one", slim) } }
    assert.strictEqual(Lineage.buildIndex(signed, [slimmed]).links.get(thief.rev)?.kind, "foreign")
  })
})

describe("a signed burial", () => {
  const into: Lineage.MergedInto = { rev: left.rev, parent: root.rev, kind: "edit", also: [right.rev] }
  const tombstoneOf = (version: Lineage.Version) =>
    Lineage.buildIndex(signed, [version]).tombstoneKinds.get(version.rev)

  it("is one with its key, and a bare tombstone without", () => {
    assert.strictEqual(tombstoneOf(mine.mergeTombstone(rev(3, "t"), right, into)), "merged")
    const forged = theirs.mergeTombstone(rev(3, "t"), right, into)
    assert.strictEqual(tombstoneOf(forged), "bare")
    // What it says of other revisions is not believed either.
    assert.isFalse(Lineage.buildIndex(signed, [forged]).links.has(left.rev))
  })
})

describe("signed histories", () => {
  it("come to what unsigned ones come to", () => {
    let merged = 0
    for (let seed = 1; seed <= 60; seed++) {
      const history = pureHistory(seed, 30, 3, signed)
      for (const leaves of history.replicas) {
        const knowledge = Lineage.buildIndex(signed, leaves)
        const plan = Lineage.plan(knowledge, leaves, "editWins")
        if (plan._tag !== "Merge") continue
        merged++
        const { count, seen } = history.truth([plan.parent, ...plan.also])
        assert.deepStrictEqual(tallied(knowledge, plan.value), { count, seen }, `seed ${seed}`)
      }
    }
    assert.isAbove(merged, 20)
  })
})

describe("the keys", () => {
  it("show in nothing that is printed", () => {
    for (const text of [inspect(signed, { depth: 9 }), JSON.stringify(signed), String(signed.mac)]) {
      assert.notInclude(text, "correct horse")
    }
  })

  it("are not empty", () => {
    assert.throws(() => Lineage.settings({ mac: [Redacted.make("")] }), RangeError)
  })
})
