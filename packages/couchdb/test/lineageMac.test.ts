import { assert, describe, it } from "@effect/vitest"
import { Json, Lineage, Revision } from "effect-couchdb"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { slimmed } from "../src/internal/lineage/mac.js"
import { pureHistory, tallied } from "./support/lineageHistory.js"

type Rev = Revision.Revision

const key = Redacted.make("correct horse")
const older = Redacted.make("battery staple")
const signed = Lineage.settings({ mac: [key] })
const plain = Lineage.settings()

const rev = (generation: number, letter: string): Rev =>
  Revision.make(`${generation}-${letter.charCodeAt(0).toString(16).padStart(32, "0")}`)

interface Written {
  readonly kind?: "edit" | "merge"
  readonly over?: Lineage.Version
  readonly also?: ReadonlyArray<Rev>
}

const written = (
  settings: Lineage.Settings,
  at: Rev,
  body: Json.JsonObject,
  { also = [], kind = "edit", over }: Written = {}
): Lineage.Version => {
  const record = Lineage.recordOf(Lineage.knowledge(settings, over === undefined ? [] : [over]), {
    kind,
    parent: over?.rev ?? null,
    also,
    content: { body, files: {} },
    deleted: false,
    edit: kind === "merge" ? undefined : `edit of ${at}`
  })
  return {
    rev: at,
    path: [at, ...over?.path ?? []],
    deleted: false,
    body: { ...body, lineage: Lineage.sealed(settings, Lineage.encodeRecord(record)) },
    files: {}
  }
}

const fieldOf = ({ body }: Lineage.Version): Json.JsonObject => {
  const field = Json.get(body, "lineage")
  assert(Json.isObject(field))
  return field
}

const withMember = (of: Lineage.Version, name: string, value: Json.Json): Lineage.Version => ({
  ...of,
  body: { ...of.body, lineage: { ...fieldOf(of), [name]: value } }
})

const root = written(signed, rev(1, "r"), { n: 0 })
const left = written(signed, rev(2, "a"), { n: 1 }, { over: root })
const right = written(signed, rev(2, "b"), { n: 2 }, { over: root })

const kindOf = (of: Lineage.Version, settings = signed) => Lineage.knowledge(settings, [of]).links.get(of.rev)?.kind

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
    assert.strictEqual(kindOf(written(plain, rev(1, "x"), { n: 0 })), "foreign")
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
    assert.deepStrictEqual(Lineage.sealed(signed, fieldOf(left)), fieldOf(left))
    assert.deepStrictEqual(Lineage.sealed(plain, { v: 1 }), { v: 1 })
  })

  it("cannot be forged to bury what it does not contain", () => {
    const forged = written(plain, rev(3, "m"), { n: 1 }, { kind: "merge", over: left, also: [right.rev] })
    const planned = (settings: Lineage.Settings) =>
      Lineage.plan(Lineage.knowledge(settings, [forged, right, left]), [forged, right], "editWins")
    assert.strictEqual(planned(plain)._tag, "Bury")
    const plan = planned(signed)
    assert(plan._tag === "Merge")
    assert.deepStrictEqual(plan.burials, [])
    assert.deepStrictEqual(plan.merged, [right.rev])
  })

  it("does not become genuine by being slimmed, and stays it", () => {
    assert.strictEqual(kindOf({ ...left, body: { n: 1, lineage: slimmed(signed, fieldOf(left)) ?? null } }), "edit")
    const lie = withMember(left, "also", [right.rev])
    assert.strictEqual(kindOf({ ...lie, body: { n: 1, lineage: slimmed(signed, fieldOf(lie)) ?? null } }), "foreign")
  })
})

describe("a signed burial", () => {
  const burial = (settings: Lineage.Settings): Lineage.Version => ({
    rev: rev(3, "t"),
    path: [rev(3, "t"), ...right.path],
    deleted: true,
    body: {
      lineage: Lineage.sealed(
        settings,
        Lineage.encodeBurial({
          of: right.rev,
          ofParent: root.rev,
          into: { rev: left.rev, parent: root.rev, kind: "edit", also: [right.rev] },
          content: { n: 2 },
          field: fieldOf(right)
        })
      )
    },
    files: {}
  })
  const tombstoneOf = (version: Lineage.Version) => Lineage.knowledge(signed, [version]).tombstones.get(version.rev)

  it("is one with its key, and a bare tombstone without", () => {
    assert.strictEqual(tombstoneOf(burial(signed)), "burial")
    assert.strictEqual(tombstoneOf(burial(plain)), "bare")
    // What it says of other revisions is not believed either.
    assert.isFalse(Lineage.knowledge(signed, [burial(plain)]).links.has(left.rev))
  })
})

describe("signed histories", () => {
  it("come to what unsigned ones come to", () => {
    let merged = 0
    for (let seed = 1; seed <= 60; seed++) {
      const history = pureHistory(seed, 30, 3, signed)
      for (const leaves of history.replicas) {
        const knowledge = Lineage.knowledge(signed, leaves)
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
