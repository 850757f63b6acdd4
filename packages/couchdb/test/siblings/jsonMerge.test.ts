import { assert, describe, it } from "@effect/vitest"
import { Json, Merge } from "effect-couchdb"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { partially } from "../../src/merge/make.js"
import { type Place, placeOf, value } from "../../src/merge/node.js"
import { mergeJson } from "../../src/siblings/jsonMerge.js"

const Item = Schema.Struct({ id: Schema.String, n: Merge.Counter, label: Schema.String })
type Item = typeof Item.Type
const Shape = Schema.Union(
  Schema.TaggedStruct("Circle", { label: Schema.String }),
  Schema.TaggedStruct("Square", { side: Schema.Number })
)
const Note = Schema.Struct({
  list: Schema.Array(Item).pipe(Merge.annotate(Merge.list<Item>(({ id }) => id))),
  shape: Shape,
  name: Schema.String
})
type Note = typeof Note.Type

const item: Item = { id: "a", n: 1, label: "x" }
const note: Note = { list: [item], shape: { _tag: "Circle", label: "x" }, name: "" }

const at = (...paths: ReadonlyArray<ReadonlyArray<string>>): ReadonlySet<Place> => new Set(paths.map(placeOf))

const clashes = (merge: Merge.Merge<Note>, mine: Note, theirs: Note, holes: ReadonlySet<Place>) => {
  const run = partially(merge, { base: value(note), mine, theirs }, holes)
  return [...run.clashes.map(({ path }) => path), ...run.withoutBase].map((path) => path.map(String).join("."))
}

describe("a base that is not known in places", () => {
  const plain = Merge.make(Note)
  const label = at(["list", `"a"`, "label"])

  it("is not known to be what a side left alone, where a part of it is not", () => {
    const removed = { ...note, list: [] }
    assert.deepStrictEqual(clashes(plain, removed, note, at()), [])
    assert.deepStrictEqual(clashes(plain, removed, note, label), [`list."a"`])
    assert.deepStrictEqual(clashes(plain, note, removed, label), [`list."a"`])
    // Another element is another place.
    assert.deepStrictEqual(clashes(plain, removed, note, at(["list", `"ab"`, "label"])), [])
    assert.deepStrictEqual(clashes(plain, removed, removed, label), [])
  })

  it("is not known as a whole either, where the sides are of two kinds", () => {
    const square: Note = { ...note, shape: { _tag: "Square", side: 1 } }
    assert.deepStrictEqual(clashes(plain, square, note, at()), [])
    assert.deepStrictEqual(clashes(plain, square, note, at(["shape", "label"])), ["shape"])
    assert.deepStrictEqual(clashes(plain, note, note, at(["shape", "label"])), [])
  })

  it("is not asked for where another strategy settles the field", () => {
    const settling = Merge.make(Note, { list: Merge.mine, name: Merge.max })
    const counted = { ...note, list: [{ ...item, n: 2 }] }
    const holes = at(["list", `"a"`], ["name"])
    assert.deepStrictEqual(clashes(plain, counted, counted, holes), [`list."a".n`])
    assert.deepStrictEqual(clashes(settling, counted, counted, holes), [])
    assert.deepStrictEqual(clashes(settling, counted, { ...note, name: "z" }, holes), [])
    assert.deepStrictEqual(
      clashes(settling, counted, { ...note, shape: { _tag: "Square", side: 1 } }, at(["list"], ["shape"])),
      ["shape"]
    )
  })

  it("nor in members that no schema knows", () => {
    const json = (text: string): Json.JsonObject => Either.getOrThrow(Json.parse(text)) as Json.JsonObject
    const base = json(`{"more":{"a":{"b":1}}}`)
    const merged = (mine: string, holes: ReadonlySet<Place>) => {
      const { clashes, withoutBase } = mergeJson(
        { base: Option.some(base), mine: json(mine), theirs: base, known: json("{}") },
        undefined,
        holes
      )
      return [...clashes.map(({ path }) => path), ...withoutBase].map((path) => path.map(String).join("."))
    }
    assert.deepStrictEqual(merged("{}", at()), [])
    assert.deepStrictEqual(merged("{}", at(["more", "a", "b"])), ["more"])
    assert.deepStrictEqual(merged(`{"more":7}`, at(["more", "a", "b"])), ["more"])
    assert.deepStrictEqual(merged("{}", at(["mo"])), [])
  })
})
