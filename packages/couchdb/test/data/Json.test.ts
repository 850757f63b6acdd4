import { assert, describe, it } from "@effect/vitest"
import { Json } from "effect-couchdb"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { json, text } from "../arbitraries.js"
import { runs } from "../support/deep.js"

const parse = (source: string): Json.Json => Either.getOrThrow(Json.parse(source))

describe("Json", () => {
  it.prop("writes and reads back every value, to the digit and the order of keys", [json], ([value]) => {
    const written = Json.stringify(value)
    assert.strictEqual(Json.stringify(parse(written)), written)
    assert.isTrue(Json.equals(parse(written), value))
  })

  it.prop("reads what JSON.parse reads, and refuses what it refuses", [
    FastCheck.oneof(
      FastCheck.json(),
      FastCheck.string(),
      json.map(Json.stringify),
      FastCheck.tuple(json.map(Json.stringify), FastCheck.nat(), text).map(([source, at, junk]) =>
        source.slice(0, at % (source.length + 1)) + junk + source.slice(at % (source.length + 1))
      )
    )
  ], ([source]) => {
    const theirs = Either.try(() => JSON.parse(source) as unknown)
    const ours = Json.parse(source)
    if (Either.isLeft(theirs)) assert.isTrue(Either.isLeft(ours), source)
    else if (Either.isRight(ours)) assert.deepEqual(Json.toPlain(ours.right), theirs.right)
    // We refuse more: halves of surrogate pairs, and numbers beyond a double.
    else assert.match(source, /\\u[dD]|[\ud800-\udfff]|[eE]\+?\d{3}/)
  }, runs(500, 20_000))

  it.prop("says that JSON.parse may be inexact whenever it is", [json.map(Json.stringify)], ([source]) => {
    if (!Json.mayBeInexact(source)) {
      assert.strictEqual(JSON.stringify(JSON.parse(source)), Json.stringify(parse(source)))
    }
  }, runs(500, 20_000))

  it("looks at numbers, escapes and keys, and not into strings", () => {
    const inexact = [
      "12345678901234567",
      "-1234567890.123456",
      "1e3",
      "1.5E3",
      "-0",
      "1.0",
      "10.50",
      "-0.0",
      "0.0000001",
      "[1,-0]",
      `{"a":1.0}`,
      `{"10":1}`,
      `{"0" : 1}`,
      `{"4294967294":1}`,
      `{"__proto__":1}`,
      `"\\u0001"`,
      `{"a":"\\\\","1":2}`,
      `["\\"",1.0]`,
      "[ 1.0 ]",
      `"open`
    ]
    const exact = [
      "0",
      "10",
      "-1",
      "1.5",
      "0.000001",
      "100",
      "-10.05",
      `"1.0"`,
      `["10",1]`,
      `{"a":"10","b":"__proto__"}`,
      `{"01":1}`,
      `{"12345678901":1}`,
      `{"a1":1}`,
      `"a, 1.0 and 1e3: -0"`,
      `"\\" 1.0"`,
      `{"a":"\\\\"}`,
      `{"a\\"1":1}`,
      "[]",
      "",
      "true"
    ]
    for (const source of inexact) assert.isTrue(Json.mayBeInexact(source), source)
    for (const source of exact) assert.isFalse(Json.mayBeInexact(source), source)
  })

  it("looks through a long text at once, whatever is in it", () => {
    for (
      const one of ["1.5,", "123,", `"a",`, `"\\\\",`, `"\\"",`, `{"k12":0.25},`, "-7,", "[0],", " ".repeat(9) + "1,"]
    ) {
      assert.isFalse(Json.mayBeInexact(`[${one.repeat(200_000)}1]`), one)
    }
  })

  it("keeps the last of two equal keys at the last place, as CouchDB does", () => {
    assert.strictEqual(Json.stringify(parse(`{"a":1,"b":2,"a":3}`)), `{"b":2,"a":3}`)
  })

  it("reports the offset at which it stopped", () => {
    for (
      const [source, offset] of [
        ["", 0],
        ["{", 1],
        [`{"a":1,}`, 7],
        ["[1 2]", 3],
        ["1e400", 0],
        [`"\\ud800"`, 0],
        [
          "[1]x",
          3
        ],
        ["\u0001", 0],
        [`"\u0001"`, 0]
      ] as const
    ) {
      const error = Json.parse(source)
      assert.isTrue(Either.isLeft(error), source)
      if (Either.isLeft(error)) assert.strictEqual(error.left.offset, offset, source)
    }
  })

  it("reads nesting and strings of any size without overflowing", () => {
    assert.isTrue(Either.isRight(Json.parse("[".repeat(100_000) + "]".repeat(100_000))))
    assert.isTrue(Either.isRight(Json.parse(JSON.stringify("x\\\n".repeat(4_000_000)))))
  })

  it("compares objects in any order, and numbers by their text", () => {
    assert.isTrue(Json.equals(parse(`{"a":1,"10":2}`), parse(`{"10":2,"a":1}`)))
    assert.isFalse(Json.equals(parse("1.0"), 1))
    assert.isTrue(Json.equals(parse("1.0"), new Json.RawNumber("1.0")))
    assert.isFalse(Json.equals([], {}))
    assert.isFalse(Json.equals({ a: 1 }, { b: 1 }))
    assert.isFalse(Json.equals(null, {}))
  })

  it("converts a value to JSON, and reports the path of what JSON cannot represent", () => {
    const cycle: Array<unknown> = []
    cycle.push(cycle)
    const refused: ReadonlyArray<readonly [unknown, ReadonlyArray<string | number>]> = [
      [{ a: [1, NaN] }, ["a", 1]],
      [{ a: { b: undefined, c: Infinity } }, ["a", "c"]],
      [{ "x": cycle }, ["x", 0]],
      ["\ud800", []],
      [{ f: () => 1 }, ["f"]],
      [[undefined], [0]],
      [{ d: new Date(0) }, ["d"]],
      [Symbol.iterator, []],
      [new Map([[1, 2]]), []],
      [Array.from({ length: 1_500 }).reduce<unknown>((inner) => [inner], 1), Array.from({ length: 1_000 }, () => 0)]
    ]
    for (const [value, path] of refused) {
      const result = Json.fromUnknown(value)
      assert.deepStrictEqual(Either.isLeft(result) ? result.left.path : result, path)
    }
    assert.deepStrictEqual(
      Either.map(Json.fromUnknown({ a: 1n, b: undefined, c: new Map([["2", 1], ["1", 2]]) }), Json.stringify),
      Either.right(`{"a":1,"c":{"2":1,"1":2}}`)
    )
  })

  it("finds half of a surrogate pair, also without isWellFormed", () => {
    const half = ["\ud83d", "\ude00", "a\ud83db", "\ude00\ud83d", "\ud83d\ud83d\ude00", "x".repeat(99) + "\ude00"]
    const whole = ["", "é", "\ud83d\ude00", "a\ud83d\ude00b", "\ud83d\ude00\ud83d\ude00"]
    const native = String.prototype.isWellFormed
    try {
      for (const isWellFormed of [native, undefined as never]) {
        String.prototype.isWellFormed = isWellFormed
        for (const text of half) assert.isTrue(Json.hasLoneSurrogate(text), JSON.stringify(text))
        for (const text of whole) assert.isFalse(Json.hasLoneSurrogate(text), text)
      }
    } finally {
      String.prototype.isWellFormed = native
    }
  })
})
