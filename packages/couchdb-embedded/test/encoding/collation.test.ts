import { describe, expect, it } from "@effect/vitest"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Arbitrary from "effect/FastCheck"
import * as Collation from "../../src/encoding/collation.js"
import * as ErlangOrder from "../../src/encoding/termOrder.js"
import type { CompareKeys } from "../../src/views/rows.js"

const json = (text: string): Json.Json => Either.getOrThrow(Json.parse(text))

/** Values as JSON text, because some numbers are not representable in JavaScript. */
const value = Arbitrary.oneof(
  { weight: 3, arbitrary: Arbitrary.jsonValue({ maxDepth: 3 }).map((plain) => json(JSON.stringify(plain))) },
  { weight: 1, arbitrary: Arbitrary.constantFrom(...["1.0", "1e2", "12345678901234567890", "-0.0", "1"].map(json)) },
  { weight: 1, arbitrary: Arbitrary.fullUnicodeString({ maxLength: 4 }) }
)

const orders: ReadonlyArray<readonly [string, CompareKeys]> = [
  ["of keys", Collation.compare],
  ["of Erlang's terms", ErlangOrder.compare]
]

describe.each(orders)("the order %s", (_, compare) => {
  it.prop("finds every value equal to itself", [value], ([x]) => {
    expect(compare(x, x)).toBe(0)
  })

  it.prop("is antisymmetric", [value, value], ([x, y]) => {
    expect(Math.sign(compare(x, y)) + Math.sign(compare(y, x))).toBe(0)
  })

  it.prop("is transitive", [value, value, value], ([x, y, z]) => {
    const [a, b, c] = [x, y, z].sort(compare)
    expect(compare(a ?? null, b ?? null)).toBeLessThanOrEqual(0)
    expect(compare(b ?? null, c ?? null)).toBeLessThanOrEqual(0)
    expect(compare(a ?? null, c ?? null)).toBeLessThanOrEqual(0)
  })
})

describe("keys of views", () => {
  // In the order of a real CouchDB's view.
  const inOrder = [
    "null",
    "false",
    "true",
    "-1",
    "0",
    "2",
    "2.5",
    "10",
    "12345678901234567889",
    "12345678901234567890",
    "\"\"",
    "\"_\"",
    "\"-\"",
    "\"~\"",
    "\"1\"",
    "\"a\"",
    "\"A\"",
    "\"ä\"",
    "\"aa\"",
    "\"b\"",
    "\"B\"",
    "\"é\"",
    "\"z\"",
    "[]",
    "[null]",
    "[\"a\"]",
    "[\"a\",1]",
    "[\"b\"]",
    "{}",
    "{\"a\":1}",
    "{\"a\":2}",
    "{\"a\":2,\"b\":1}",
    "{\"b\":1}"
  ]

  it("sort in CouchDB's order", () => {
    const sorted = inOrder.map(json).reverse().sort(Collation.compare).map(Json.stringify)
    expect(sorted).toEqual(inOrder)
  })

  it("may be equal without being identical", () => {
    expect(Collation.compare(json("1"), json("1.0"))).toBe(0)
    expect(Collation.compare("a\u00ad", "a")).toBe(0)
    expect(ErlangOrder.compare("a\u00ad", "a")).toBeGreaterThan(0)
  })
})
