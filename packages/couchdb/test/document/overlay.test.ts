import { assert, describe, it } from "@effect/vitest"
import { Json } from "effect-couchdb"
import * as FastCheck from "effect/FastCheck"
import { align } from "../../src/document/patch/align.js"
import { overlay } from "../../src/document/patch/overlay.js"
import { json, jsonObject } from "../arbitraries.js"
import { runs } from "../support/deep.js"

/** What a schema that knows only some members would write, at every depth. */
const narrow = (value: Json.Json, knows: (key: string) => boolean): Json.Json =>
  Json.isArray(value)
    ? value.map((item) => narrow(item, knows))
    : Json.isObject(value)
    ? Json.fromEntries(
      Json.entries(value).filter(([key]) => knows(key)).map(([key, member]) => [key, narrow(member, knows)] as const)
    )
    : value

/** The members that the schema does not know, by path; array positions left out, since elements move. */
const unknowns = (value: Json.Json, knows: (key: string) => boolean, path = ""): ReadonlyArray<string> =>
  Json.isArray(value)
    ? value.flatMap((item) => unknowns(item, knows, `${path}[]`))
    : Json.isObject(value)
    ? Json.entries(value).flatMap(([key, member]) =>
      knows(key) ? unknowns(member, knows, `${path}/${key}`) : [`${path}/${key}=${Json.stringify(member)}`]
    )
    : []

const knows = (key: string): boolean => key.length % 2 === 1

describe("overlay", () => {
  it.prop("without an edit, nothing changes, not even in text", [jsonObject], ([raw]) => {
    const known = narrow(raw, knows)
    assert.strictEqual(Json.stringify(overlay(raw, known, known)), Json.stringify(raw))
  })

  it.prop("after any edit, the schema reads just what was written", [jsonObject, jsonObject], ([raw, other]) => {
    const after = narrow(other, knows)
    const result = overlay(raw, narrow(raw, knows), after)
    assert.isTrue(Json.equals(narrow(result, knows), after), Json.stringify(result))
  }, runs(300, 10_000))

  it.prop("an edit of one member loses nothing that the schema does not know", [
    jsonObject.filter((raw) => Json.keys(raw).some(knows)),
    json
  ], ([raw, value]) => {
    const key = Json.keys(raw).find(knows) as string
    const before = narrow(raw, knows) as Json.JsonObject
    const after = Json.fromEntries([...Json.entries(before), [key, narrow(value, knows)]])
    const result = overlay(raw, before, after) as Json.JsonObject
    const rest = (object: Json.JsonObject) => Json.fromEntries(Json.entries(object).filter(([k]) => k !== key))
    assert.deepStrictEqual(unknowns(rest(result), knows), unknowns(rest(raw), knows))
  }, runs(300, 10_000))

  const element = FastCheck.tuple(FastCheck.nat(5), FastCheck.nat(2)).map(([n, m]) => ({ n, m }))

  it.prop("elements that were moved, removed or joined by new ones keep their own unknown fields", [
    FastCheck.array(element, { maxLength: 8 }),
    FastCheck.array(element, { maxLength: 3 }),
    FastCheck.nat()
  ], ([elements, added, seed]) => {
    // Every element has a name of its own, and something beside it that only the raw body has.
    const before = elements.map((value, i) => ({ ...value, id: `e${i}` }))
    const raw = before.map((value) => ({ ...value, secret: `of ${value.id}` }))
    const kept = before.filter((_, i) => (seed >> i) % 3 !== 0)
    const after = [...added.map((value, i) => ({ ...value, id: `new${i}` })), ...kept]
    const result = overlay(raw, before, after) as ReadonlyArray<Json.JsonObject>
    result.forEach((value) => {
      const id = Json.get(value, "id") as string
      const secret = Json.get(value, "secret")
      // A new element may take the place of a removed one, and is then read as an edit of it; a kept one keeps its own.
      if (id.startsWith("e")) assert.strictEqual(secret, `of ${id}`)
    })
    assert.deepStrictEqual(result.map((value) => Json.get(value, "id")), after.map(({ id }) => id))
  }, runs(300, 10_000))

  it.prop("elements that stay keep their own unknown fields also where nothing names them and as many go as come", [
    FastCheck.integer({ min: 1, max: 8 }),
    FastCheck.nat(),
    FastCheck.boolean()
  ], ([count, seed, first]) => {
    const before = Array.from({ length: count }, (_, i) => ({ title: `t${i}` }))
    const raw = before.map((value) => ({ ...value, secret: `of ${value.title}` }))
    const kept = before.filter((_, i) => (seed >> i) % 2 === 0)
    const added = Array.from({ length: count - kept.length }, (_, i) => ({ title: `new${i}` }))
    const after = first ? [...added, ...kept] : [...kept, ...added]
    for (const value of overlay(raw, before, after) as ReadonlyArray<Json.JsonObject>) {
      const title = Json.get(value, "title") as string
      if (title.startsWith("t")) assert.strictEqual(Json.get(value, "secret"), `of ${title}`)
    }
  }, runs(300, 10_000))
})

describe("align", () => {
  it("follows elements through edits, removals, insertions and moves", () => {
    const cases: ReadonlyArray<readonly [ReadonlyArray<Json.Json>, ReadonlyArray<Json.Json>, ReadonlyArray<number>]> = [
      [[1, 2, 3], [1, 2, 3], [0, 1, 2]],
      [[1, 2, 3], [2, 3], [1, 2]],
      [[1, 2, 3], [0, 1, 2, 3], [-1, 0, 1, 2]],
      [[1, 2, 3], [3, 2, 1], [2, 1, 0]],
      [[{ a: 1, b: 1 }], [{ a: 1, b: 2 }], [0]],
      [[{ a: 1, b: 1 }, { a: 2, b: 2 }], [{ a: 2, b: 3 }], [1]],
      [[{ a: "1" }, { a: "2" }, { a: "3" }], [{ a: "2" }, { a: "3" }, { a: "4" }], [1, 2, -1]],
      [[{ a: "1" }, { a: "2" }, { a: "3" }], [{ a: "1" }, { a: "9" }, { a: "3" }], [0, 1, 2]],
      [[{ a: "1" }, { a: "1" }], [{ a: "2" }, { a: "1" }], [0, 1]],
      [[{ a: 1 }, { a: 2 }, { a: 3 }], [{ a: 2 }, { a: 3 }, { a: 4 }], [0, 1, 2]],
      [[{ id: 1, x: 1 }, { id: 2, x: 2 }], [{ id: 2, x: 9 }, { id: 1, x: 8 }], [1, 0]],
      [[], [1], [-1]],
      [[1], [], []]
    ]
    for (const [before, after, expected] of cases) assert.deepStrictEqual(align(before, after), expected)
  })

  it("long lists that have little in common are aligned in reasonable time", () => {
    const left = Array.from({ length: 3_000 }, (_, i) => ({ id: `l${i}`, n: i }))
    const right = Array.from({ length: 3_000 }, (_, i) => ({ id: `l${2_999 - i}`, n: i + 1 }))
    assert.deepStrictEqual(align(left, right).slice(0, 3), [2_999, 2_998, 2_997])
  })
})
