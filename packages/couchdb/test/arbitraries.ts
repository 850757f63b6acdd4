import { Json } from "effect-couchdb"
import * as FastCheck from "effect/FastCheck"

/** Text that JSON can say: no half of a surrogate pair. */
export const text: FastCheck.Arbitrary<string> = FastCheck.oneof(
  FastCheck.string({ maxLength: 12 }),
  FastCheck.string({ unit: "grapheme", maxLength: 8 }),
  FastCheck.string({ unit: "binary", maxLength: 8 })
).filter((s) => !Json.hasLoneSurrogate(s))

const digits = (min: number, max: number): FastCheck.Arbitrary<string> =>
  FastCheck.tuple(
    FastCheck.integer({ min: 1, max: 9 }),
    FastCheck.array(FastCheck.nat(9), { minLength: min - 1, maxLength: max - 1 })
  )
    .map(([first, rest]) => [first, ...rest].join(""))

const exponent: FastCheck.Arbitrary<string> = FastCheck.tuple(
  FastCheck.constantFrom("e", "E", "e+", "E-", "e-", "e-00000"),
  FastCheck.oneof(FastCheck.nat(40), FastCheck.nat(400), FastCheck.integer({ min: 295, max: 345 }))
).map((parts) => parts.join(""))

/** The text of a number, often one that rounds in a way of its own. */
export const numberText: FastCheck.Arbitrary<string> = FastCheck.tuple(
  FastCheck.constantFrom("", "-"),
  FastCheck.oneof(
    digits(1, 40),
    FastCheck.tuple(digits(1, 40), FastCheck.constant("."), digits(1, 30)).map((parts) => parts.join("")),
    FastCheck.constant("0"),
    FastCheck.bigInt({ min: 22250738585071000n, max: 22250738585073000n }).map(String)
  ),
  FastCheck.oneof({ arbitrary: FastCheck.constant(""), weight: 1 }, { arbitrary: exponent, weight: 4 }, {
    arbitrary: FastCheck.constant("e-324"),
    weight: 1
  })
).map((parts) => parts.join(""))

const number: FastCheck.Arbitrary<Json.Json> = FastCheck.oneof(
  FastCheck.integer(),
  FastCheck.maxSafeInteger(),
  FastCheck.nat(255),
  FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map((n) => Object.is(n, -0) ? 0 : n),
  FastCheck.constantFrom(5e-324, -5e-324),
  FastCheck.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }).map((n) => new Json.RawNumber(n.toString())),
  FastCheck.integer().map((n) => new Json.RawNumber(`${n}.0`)),
  FastCheck.constantFrom("1e2", "1E+5", "-0.0", "2.50", "1e21", "0.00000001", "-0").map((t) => new Json.RawNumber(t))
)

const key = FastCheck.oneof(text, FastCheck.nat(99).map(String), FastCheck.constantFrom("b", "a", "id"))

/** Any JSON value, exact numbers and awkward keys among them. */
export const json: FastCheck.Arbitrary<Json.Json> = FastCheck.letrec<{ value: Json.Json }>((tie) => ({
  value: FastCheck.oneof(
    { depthSize: "small", withCrossShrink: true },
    FastCheck.constantFrom<Json.Json>(null, true, false),
    text,
    number,
    FastCheck.array(FastCheck.nat(255), { maxLength: 6 }),
    FastCheck.array(tie("value"), { maxLength: 4 }),
    FastCheck.array(FastCheck.tuple(key, tie("value")), { maxLength: 4 }).map(Json.fromEntries)
  )
})).value

/** The body of a document: no top-level key with an underscore in front. */
export const jsonObject: FastCheck.Arbitrary<Json.JsonObject> = FastCheck.array(
  FastCheck.tuple(key.filter((k) => !k.startsWith("_")), json),
  { maxLength: 6 }
).map(Json.fromEntries)
