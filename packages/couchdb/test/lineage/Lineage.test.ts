import { assert, describe, it } from "@effect/vitest"
import { Json, Revision } from "effect-couchdb"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { canonical } from "../../src/data/json/canonical.js"
import { isAlive } from "../../src/lineage/alive.js"
import { Graph } from "../../src/lineage/graph.js"
import { diff, patched } from "../../src/lineage/patch.js"
import { hashContent } from "../../src/lineage/record.js"
import { SymbolicMerge } from "../../src/lineage/symbolicMerge.js"
import { json, jsonObject } from "../arbitraries.js"
import * as Lineage from "../support/lineageInternals.js"
import { fieldOf, rev, version, writer } from "../support/lineageVersions.js"

type Rev = Revision.Revision

const settings = Lineage.settings()

const { mergeTombstone, written } = writer(settings)

const changed = (of: Lineage.Version, f: (record: Lineage.Record) => Lineage.Record): Lineage.Version => {
  const field = Lineage.decodeField(Json.get(of.body, "lineage"))
  assert(field._tag === "Record")
  return { ...of, body: { ...of.body, lineage: Lineage.encodeRecord(f(field.record)) } }
}

const root = written(rev(1, "r"), { n: 0 })
const left = written(rev(2, "a"), { n: 1 }, { over: root })
const right = written(rev(2, "b"), { n: 2 }, { over: root })

const planned = (leaves: ReadonlyArray<Lineage.Version>, rule: "editWins" | "deleteWins" = "editWins") =>
  Lineage.plan(Lineage.buildIndex(settings, leaves), leaves, rule)

describe("canonical JSON", () => {
  it("has one text for a value", () => {
    assert.strictEqual(
      canonical({ b: 1, a: [true, null, "é\n"], "10": {}, "9": -0 }),
      `{"10":{},"9":0,"a":[true,null,"é\\n"],"b":1}`
    )
    let deep: Json.Json = 0
    for (let i = 0; i < 50_000; i++) deep = [{ a: deep }]
    assert.strictEqual(canonical(deep).length, 50_000 * "[{\"a\":}]".length + 1)
    // Servers rewrite numbers. The numbers are equal if nothing is lost by it.
    for (const text of ["1e2", "100.0", "1E+2"]) assert.strictEqual(canonical(new Json.RawNumber(text)), "100")
    assert.strictEqual(canonical(new Json.RawNumber("123456789012345678901")), "123456789012345678901")
  })

  it.prop("does not depend on the order of keys", [jsonObject], ([object]) => {
    assert.strictEqual(canonical(Json.fromEntries([...Json.entries(object)].reverse())), canonical(object))
  })

  it.prop("distinguishes values", [json, json], ([self, that]) => {
    if (Json.equals(self, that)) assert.strictEqual(canonical(self), canonical(that))
    else if (Json.stringify(self) !== Json.stringify(that)) {
      assert.isTrue(canonical(self) !== canonical(that) || Json.equals(plainNumbers(self), plainNumbers(that)))
    }
  })
})

const plainNumbers = (value: Json.Json): Json.Json => Either.getOrThrow(Json.parse(canonical(value)))

/** A value and one like it, since what comes after an edit is mostly what was there before. */
const edited: FastCheck.Arbitrary<readonly [Json.Json, Json.Json]> = FastCheck.tuple(json, json).chain(([self, that]) =>
  FastCheck.constantFrom<readonly [Json.Json, Json.Json]>(
    [self, that],
    [{ a: self, b: that }, { a: self, b: self }],
    [[self, that, self], [self, self]],
    [[self, that], [that, that]],
    [{ a: [{ deep: self }] }, { a: [{ deep: that }], c: self }],
    [`x${Json.stringify(self)}y`, `x${Json.stringify(that)}y`]
  )
)

const hasHalf = (value: Json.Json): boolean =>
  typeof value === "string"
    ? Json.hasLoneSurrogate(value)
    : Json.isArray(value)
    ? value.some(hasHalf)
    : Json.isObject(value) && Json.entries(value).some(([key, inner]) => Json.hasLoneSurrogate(key) || hasHalf(inner))

describe("patches", () => {
  it.prop("turn a value into the other one, also as JSON text", [edited], ([[from, to]]) => {
    const patch = diff(from, to)
    if (patch === undefined) {
      assert.isTrue(Json.equals(from, to))
      return
    }
    const carried = Either.getOrThrow(Json.parse(Json.stringify(patch)))
    const made = patched(from, carried)
    assert.isTrue(Option.isSome(made) && Json.equals(made.value, to), Json.stringify([from, to, patch]))
    assert.isFalse(hasHalf(patch))
  })

  it("never cut through a pair of surrogates", () => {
    const patch = diff({ text: "a\u{1F600}b", long: "x".repeat(99) }, { text: "a\u{1F601}b", long: "x".repeat(99) })
    assert.isDefined(patch)
    assert.isFalse(hasHalf(patch as Json.Json))
  })

  it.prop("that do not fit make nothing", [json, json, json], ([from, to, other]) => {
    const made = patched(other, diff(from, to) ?? [2, {}])
    assert.isTrue(Option.isNone(made) || !hasHalf(made.value))
    assert.isTrue(Option.isNone(patched(other, "no patch")))
  })
})

const revisionOf = (generation: number, hash: number): Rev =>
  Revision.make(`${generation}-${hash.toString(16).padStart(32, "0")}`)

const revision = FastCheck.tuple(FastCheck.integer({ min: 1, max: 99 }), FastCheck.nat()).map(([generation, hash]) =>
  revisionOf(generation, hash)
)

const parentOf = (rev: Rev, hash: number): Rev | null =>
  Revision.generation(rev) === 1 ? null : revisionOf(Revision.generation(rev) - 1, hash)

const link: FastCheck.Arbitrary<Lineage.Link> = FastCheck.tuple(
  FastCheck.record({
    rev: revision,
    kind: FastCheck.constantFrom<Lineage.RevisionKind>("edit", "merge", "delete", "foreign"),
    also: FastCheck.array(revision, { maxLength: 3 })
  }),
  FastCheck.option(FastCheck.nat())
).map(([link, hash]) => ({ ...link, parent: hash === null ? null : parentOf(link.rev, hash) }))

/** Names as they are met: most are edits of the one before. */
const names = FastCheck.array(FastCheck.tuple(link, FastCheck.boolean(), FastCheck.nat()), { maxLength: 6 }).map((
  all
) =>
  all.map(([name, plain, hash], i): Lineage.Link => {
    const next = all[i + 1]
    return plain
      ? {
        rev: revisionOf(20 - i, hash),
        kind: "edit",
        also: [],
        parent: next?.[1] === true ? revisionOf(19 - i, next[2]) : name.parent === null ? null : revisionOf(19 - i, 7)
      }
      : name
  })
)

const record: FastCheck.Arbitrary<Lineage.Record> = FastCheck.record({
  kind: FastCheck.constantFrom<Lineage.Record["kind"]>("edit", "merge", "delete"),
  parent: FastCheck.option(revision),
  also: FastCheck.array(revision, { maxLength: 3 }),
  sum: FastCheck.string(),
  depth: FastCheck.nat(32),
  edit: FastCheck.option(FastCheck.string(), { nil: undefined }),
  content: FastCheck.option(jsonObject, { nil: undefined }),
  redact: FastCheck.array(FastCheck.array(FastCheck.string(), { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
  path: FastCheck.array(FastCheck.record({ link, sum: FastCheck.string(), back: json, files: jsonObject }), {
    maxLength: 3
  }),
  names
})

describe("records", () => {
  it.prop("are read as they were written", [record], ([record]) => {
    const text = Json.stringify(Lineage.encodeRecord(record))
    const field = Lineage.decodeField(Either.getOrThrow(Json.parse(text)))
    assert(field._tag === "Record")
    assert.strictEqual(Json.stringify(Lineage.encodeRecord(field.record)), text)
    assert.deepStrictEqual(field.record.names, record.names)
    assert.deepStrictEqual(field.record.path.map(({ link }) => link), record.path.map(({ link }) => link))
    assert.deepStrictEqual(
      [...Json.keys(Lineage.encodeRecord(record))],
      [...Json.keys(Lineage.encodeRecord(record))].sort()
    )
  })

  it.prop("of burials too", [link, jsonObject, FastCheck.option(json)], ([into, content, field]) => {
    const burial: Lineage.MergeTombstone = {
      of: rev(3, "o"),
      ofParent: null,
      into,
      content,
      field: field ?? undefined
    }
    const read = Lineage.decodeField(Either.getOrThrow(Json.parse(Json.stringify(Lineage.encodeTombstone(burial)))))
    assert(read._tag === "MergeTombstone")
    assert.deepStrictEqual(read.tombstone.into, into)
    assert.strictEqual(
      Json.stringify(Lineage.encodeTombstone(read.tombstone)),
      Json.stringify(Lineage.encodeTombstone(burial))
    )
  })

  it.prop("never throw at what somebody wrote", [json], ([field]) => {
    assert.include(["Record", "MergeTombstone", "Newer", "None"], Lineage.decodeField(field)._tag)
  })

  it("keep the edits of the depth, and name the rest", () => {
    let last = root
    for (let i = 2; i < 30; i++) last = written(rev(i, "a"), { n: i }, { over: last })
    const knowledge = Lineage.buildIndex(settings, [last])
    assert.strictEqual(knowledge.records.get(last.rev)?.path.length, 16)
    for (let i = 29; i > 29 - 17; i--) assert.deepStrictEqual(knowledge.contents.get(rev(i, "a"))?.body, { n: i })
    assert.isFalse(knowledge.contents.has(rev(5, "a")))
    assert.deepStrictEqual(knowledge.links.get(root.rev), { rev: root.rev, parent: null, kind: "edit", also: [] })
  })
})

describe("validity", () => {
  const kindOf = (of: Lineage.Version) => Lineage.buildIndex(settings, [of]).links.get(of.rev)?.kind

  it("believes a record of its own revision", () => {
    assert.strictEqual(kindOf(left), "edit")
  })

  it("takes a stale field for a foreign edit", () => {
    assert.strictEqual(
      kindOf(version([rev(3, "a"), ...left.path], { n: 9, lineage: fieldOf(left) })),
      "foreign"
    )
    // Nothing was changed but an attachment.
    assert.strictEqual(kindOf(version([rev(3, "a"), ...left.path], left.body)), "foreign")
    assert.strictEqual(
      kindOf({ ...left, files: { a: { content_type: "text/plain", digest: "md5-x", length: 1, stub: true } } }),
      "foreign"
    )
  })

  it("takes a copied document for a foreign one", () => {
    assert.strictEqual(kindOf(version([rev(1, "c")], left.body)), "foreign")
  })

  it("does not believe a wrong sum, nor another parent", () => {
    assert.strictEqual(kindOf(changed(left, (record) => ({ ...record, sum: "0".repeat(32) }))), "foreign")
    assert.strictEqual(kindOf(changed(left, (record) => ({ ...record, parent: rev(1, "x") }))), "foreign")
  })

  it("stops a journal where a patch does not lead to what was there", () => {
    const next = changed(written(rev(3, "a"), { n: 3 }, { over: left }), (record) => ({
      ...record,
      path: record.path.map((entry, i) => i === 0 ? { ...entry, back: [2, { n: [0, 77] }] } : entry)
    }))
    const knowledge = Lineage.buildIndex(settings, [next])
    assert.isFalse(knowledge.contents.has(left.rev))
    assert.isFalse(knowledge.contents.has(root.rev))
    assert.isTrue(knowledge.links.has(root.rev))
  })

  it("does not take a newer version's tombstone for a bare one: what it deletes or buries is not known", () => {
    const first = written(rev(1, "a"), { n: 0 })
    const left = written(rev(2, "b"), { n: 1 }, { over: first })
    const right = written(rev(2, "c"), { n: 2 }, { over: first })
    for (const kind of ["delete", "burial"]) {
      const tombstone = version([rev(3, "d"), ...right.path], { lineage: { v: 2, kind, of: right.rev } }, true)
      assert.strictEqual(planned([left, tombstone])._tag, "Unknown")
    }
    assert.strictEqual(planned([left, version([rev(3, "d"), ...right.path], {}, true)])._tag, "Nothing")
  })

  it("does not know what a newer version of the library wrote", () => {
    const field = fieldOf(left)
    const newer = version(left.path, { n: 1, lineage: { ...field, v: 2 } })
    assert.isTrue(Lineage.buildIndex(settings, [newer]).newer.has(newer.rev))
    assert.strictEqual(planned([newer, right])._tag, "Unknown")
  })

  it("does not believe histories that lead in circles", () => {
    const circle: ReadonlyArray<Json.Json> = [
      [rev(2, "c"), "d", rev(1, "x")],
      [rev(1, "x"), "d", rev(1, "y")],
      [rev(1, "y"), "d", rev(1, "x")]
    ]
    const over = version([rev(2, "c"), rev(1, "x")], { n: 0 }, true)
    const lying = (letter: string): Lineage.Version => {
      const of = written(rev(3, letter), { n: 1 }, { over })
      return { ...of, body: { ...of.body, lineage: { ...fieldOf(of), names: circle } } }
    }
    const leaves = [lying("k"), lying("l")]
    assert.strictEqual(Lineage.buildIndex(settings, leaves).links.get(rev(3, "k"))?.kind, "foreign")
    assert.strictEqual(planned(leaves)._tag, "Unknown")
    const entry = (of: Rev, parent: Rev): Lineage.JournalEntry => ({
      link: { rev: of, parent, kind: "edit", also: [] },
      sum: "",
      back: [0, {}],
      files: {}
    })
    const path = [entry(rev(2, "a"), rev(1, "y")), entry(rev(1, "y"), rev(1, "y"))]
    const looped = changed(written(rev(3, "m"), { n: 3 }, { over: left }), (record) => ({ ...record, path }))
    assert.strictEqual(kindOf(looped), "foreign")
  })

  it("does not look into what is nested without end, and says so", () => {
    const deep = (levels: number): Json.Json => {
      let value: Json.Json = 0
      for (let i = 0; i < levels; i++) value = [value]
      return value
    }
    for (const  of of[{ n: 1, deep: deep(20_000) }, { n: 1, lineage: { v: 1, kind: "edit", doc: deep(20_000) } }]) {
      const plan = planned([version([rev(2, "z"), root.rev], of as Json.JsonObject), right])
      assert(plan._tag === "Unknown")
      assert.include(plan.why, "nested deeper")
    }
    assert.strictEqual(planned([written(rev(2, "z"), { n: 1, deep: deep(900) }, { over: root }), right])._tag, "Merge")
  })

  it("counts no path that is redacted", () => {
    const body = { n: 1, secret: { a: 1, b: 2 } }
    const other = { n: 1, secret: { a: 7, b: 2 } }
    const sum = (body: Json.JsonObject, redact: ReadonlyArray<ReadonlyArray<string>>) =>
      hashContent({ body, files: {} }, redact)
    assert.strictEqual(sum(body, [["secret", "a"]]), sum(other, [["secret", "a"]]))
    assert.notStrictEqual(sum(body, [["secret", "b"]]), sum(other, [["secret", "b"]]))
  })
})

describe("disagreement", () => {
  const lying = (of: Lineage.Version, about: Rev, also: ReadonlyArray<Rev>) =>
    changed(of, (record) => ({
      ...record,
      path: record.path.map((entry) => entry.link.rev === about ? { ...entry, link: { ...entry.link, also } } : entry)
    }))

  it("is unknown in any order of the sources", () => {
    // One says that the ancestor of both contains the other, and would bury it.
    const liar = lying(left, root.rev, [right.rev])
    for (const leaves of [[liar, right], [right, liar]]) {
      const knowledge = Lineage.buildIndex(settings, leaves)
      assert.deepStrictEqual([...knowledge.disputed.keys()], [root.rev])
      const plan = planned(leaves)
      assert.strictEqual(plan._tag, "Unknown")
      assert(plan._tag === "Unknown")
      assert.include(plan.why, "LineageDisagrees")
    }
  })

  it("about a current version deletes nothing", () => {
    // The merge is true, but of another version under that revision than the one that stands here.
    const merge = written(rev(3, "m"), { n: 3 }, { kind: "merge", over: right, also: [left.rev], knows: [left] })
    const other = changed(left, (record) => ({ ...record, also: [rev(2, "q")] }))
    const plan = planned([merge, other])
    assert(plan._tag === "Unknown")
    assert.include(plan.why, "LineageDisagrees")
  })

  it("on a body counts what the server has under the revision", () => {
    const other = changed(right, (record) => ({
      ...record,
      path: record.path.map((entry) => ({
        ...entry,
        back: [0, { n: 5 }],
        sum: hashContent({ body: { n: 5 }, files: {} }, [])
      }))
    }))
    assert.isTrue(Lineage.buildIndex(settings, [left, other]).disputed.has(root.rev))
    assert.strictEqual(planned([left, other])._tag, "Unknown")
    const knowledge = Lineage.buildIndex(settings, [left, other, root])
    assert.isFalse(knowledge.disputed.has(root.rev))
    assert.deepStrictEqual(knowledge.contents.get(root.rev)?.body, { n: 0 })
  })
})

describe("containment and bases", () => {
  const merge = written(rev(3, "m"), { n: 3 }, { kind: "merge", over: right, also: [left.rev], knows: [left] })

  it("counts edits, not revisions", () => {
    const other = written(rev(3, "n"), { n: 3 }, { kind: "merge", over: left, also: [right.rev], knows: [right] })
    const graph = new Graph(Lineage.buildIndex(settings, [merge, other]))
    assert.isTrue(graph.within(merge.rev, other.rev))
    assert.isTrue(graph.within(other.rev, merge.rev))
    assert.isTrue(graph.within(left.rev, merge.rev))
    assert.isFalse(graph.within(merge.rev, left.rev))
    const plan = planned([merge, other])
    assert(plan._tag === "DeleteMerged")
    assert.strictEqual(plan.head, other.rev)
    assert.deepStrictEqual(plan.tombstones.map(({ of }) => of), [merge.rev])
  })

  it("is unknown if another version may be hidden", () => {
    const later = changed(
      written(rev(3, "c"), { n: 4 }, { over: right }),
      (record) => ({ ...record, path: [], names: [] })
    )
    assert.isUndefined(new Graph(Lineage.buildIndex(settings, [left, later])).within(left.rev, later.rev))
  })

  it("merges the bases of a criss-cross", () => {
    const more = written(rev(3, "c"), { n: 11 }, { over: left })
    const crossing = written(rev(4, "d"), { n: 13 }, { kind: "merge", over: more, also: [right.rev], knows: [right] })
    const back = written(rev(4, "e"), { n: 9 }, { over: merge })
    const knowledge = Lineage.buildIndex(settings, [crossing, back])
    const value = new SymbolicMerge(knowledge, new Graph(knowledge)).mergeAll([crossing.rev, back.rev])
    assert(Either.isRight(value) && value.right._tag === "Merge")
    const { base } = value.right
    assert(base !== undefined && base._tag === "Merge" && base.base !== undefined)
    assert.deepStrictEqual(
      [base.mine, base.theirs, base.base].map((part) => part._tag === "Content" ? part.rev : part._tag),
      [right.rev, left.rev, root.rev]
    )
  })

  it("takes any number of heads", () => {
    const heads = Array.from(
      { length: 40 },
      (_, i) => written(rev(2, String.fromCharCode(65 + i)), { n: i }, { over: root })
    )
    const plan = planned(heads)
    assert(plan._tag === "Merge")
    assert.lengthOf(plan.also, 39)
    assert.lengthOf(plan.merged, 39)
  })
})

describe("alive", () => {
  const deleted = written(rev(3, "x"), { n: 1 }, { kind: "delete", over: left })
  const judged = (
    rule: "editWins" | "deleteWins" | "deleteWinsIfBase",
    ...leaves: ReadonlyArray<Lineage.Version>
  ) => {
    const knowledge = Lineage.buildIndex(settings, leaves)
    return Either.getOrThrow(
      Either.mapLeft(
        isAlive(knowledge, new Graph(knowledge), leaves.map(({ rev }) => rev), rule),
        ({ why }) => new Error(why)
      )
    )
  }

  it("is read from the newest edits and deletions of all heads, by the rule", () => {
    assert.isTrue(judged("editWins", deleted, right))
    assert.isFalse(judged("deleteWins", deleted, right))
    assert.isTrue(judged("deleteWinsIfBase", deleted, right))
    assert.isFalse(judged("deleteWinsIfBase", deleted, written(rev(2, "s"), { n: 1 }, { over: root })))
    assert.isFalse(judged("editWins", deleted, written(rev(3, "y"), { n: 2 }, { kind: "delete", over: right })))
  })

  it("comes back with an edit after the deletion", () => {
    const anew = written(rev(4, "z"), { n: 5 }, { over: deleted })
    assert.isTrue(judged("deleteWins", anew))
  })

  it("does not depend on which heads were merged first", () => {
    const third = written(rev(2, "t"), { n: 4 }, { over: root })
    const merge = written(rev(4, "m"), { n: 3 }, { kind: "merge", over: deleted, also: [right.rev], knows: [right] })
    for (const rule of ["editWins", "deleteWins"] as const) {
      assert.strictEqual(judged(rule, merge, third), judged(rule, deleted, right, third))
    }
  })
})

describe("plans", () => {
  it("of one head, or of deletions that met, are nothing", () => {
    assert.strictEqual(planned([left])._tag, "Nothing")
    assert.strictEqual(planned([])._tag, "Nothing")
    assert.strictEqual(
      planned([
        written(rev(3, "x"), { n: 1 }, { kind: "delete", over: left }),
        written(rev(3, "y"), { n: 2 }, { kind: "delete", over: right })
      ])._tag,
      "Nothing"
    )
  })

  it("bury what is contained, in what names it", () => {
    const merge = written(rev(3, "m"), { n: 3 }, { kind: "merge", over: right, also: [left.rev], knows: [left] })
    const later = written(rev(4, "l"), { n: 4 }, { over: merge })
    const plan = planned([later, left])
    assert(plan._tag === "DeleteMerged")
    assert.deepStrictEqual(plan.tombstones, [
      { of: left.rev, into: { rev: merge.rev, parent: right.rev, kind: "merge", also: [left.rev] } }
    ])
  })

  it("merge heads over what they come from", () => {
    const plan = planned([left, right])
    assert(plan._tag === "Merge")
    assert.strictEqual(plan.parent, right.rev)
    assert.deepStrictEqual(plan.also, [left.rev])
    assert.deepStrictEqual(plan.value, {
      _tag: "Merge",
      base: { _tag: "Content", rev: root.rev },
      mine: { _tag: "Content", rev: right.rev },
      theirs: { _tag: "Content", rev: left.rev }
    })
  })

  it("bring back what a burial hides for a merge that is not here", () => {
    const into: Lineage.MergedInto = { rev: rev(3, "m"), parent: right.rev, kind: "merge", also: [left.rev] }
    const plan = planned([right, mergeTombstone(rev(3, "q"), left, into)])
    assert(plan._tag === "Merge")
    assert.deepStrictEqual(plan.orphans, [left.rev])
    // Its body is gone: nobody knows what it said.
    assert.strictEqual(planned([right, mergeTombstone(rev(3, "q"), left, into, false)])._tag, "Unknown")
  })

  it("leave a bare tombstone to close its branch", () => {
    assert.strictEqual(planned([right, version([rev(3, "x"), ...left.path], {}, true)])._tag, "Nothing")
  })

  it("say what is missing", () => {
    const foreign = version([rev(3, "f"), rev(2, "u"), rev(1, "r")], { n: 7 })
    const plan = planned([foreign, right])
    assert(plan._tag === "Unknown")
    assert.strictEqual(plan.rev, rev(2, "u"))
  })
})
