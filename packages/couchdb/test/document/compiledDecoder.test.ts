import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { decodeUnknown, parseOptions } from "../../src/document/compiledDecoder.js"
import { runs } from "../support/deep.js"

class Card extends Schema.Class<Card>("Card")({ name: Schema.String, seen: Schema.optional(Schema.Number) }) {}

interface Tree {
  readonly name: string
  readonly branches: ReadonlyArray<Tree>
}
const Tree: Schema.Schema<Tree> = Schema.Struct({
  name: Schema.String,
  branches: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => Tree))
})

const Short = Schema.String.pipe(Schema.maxLength(2), Schema.brand("Short"))

const schemas: Record<string, Schema.Schema<unknown, unknown>> = {
  struct: Schema.Struct({ name: Schema.String, seen: Schema.Number, on: Schema.Boolean }),
  "members that other objects inherit": Schema.Struct({
    constructor: Schema.Unknown,
    toString: Schema.optional(Schema.Unknown)
  }),
  "order of members": Schema.Struct({
    seen: Schema.Number,
    "10": Schema.Unknown,
    name: Schema.String,
    "1": Schema.Unknown
  }),
  optional: Schema.Struct({ name: Schema.optional(Schema.String), seen: Schema.optional(Schema.Unknown) }),
  defaults: Schema.Struct({
    seen: Schema.optionalWith(Schema.Number, { default: () => 7 }),
    name: Schema.optionalWith(Schema.String, { as: "Option" }),
    on: Schema.optionalWith(Schema.Boolean, { nullable: true })
  }),
  names: Schema.Struct({
    other: Schema.String.pipe(Schema.propertySignature, Schema.fromKey("name")),
    name: Schema.optional(Schema.Number).pipe(Schema.fromKey("seen"))
  }),
  arrays: Schema.Struct({ tags: Schema.Array(Schema.NullOr(Schema.String)) }),
  tuple: Schema.Struct({ tags: Schema.Tuple(Schema.String, Schema.optionalElement(Schema.Number)) }),
  records: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  "records of texts": Schema.Record({ key: Schema.String, value: Schema.String }),
  "records with members": Schema.Struct({ name: Schema.String }, { key: Schema.String, value: Schema.Unknown }),
  "literal members": Schema.Struct({ name: Schema.Literal("a", "b", 1, null) }),
  "tagged members": Schema.Union(
    Schema.Struct({ name: Schema.Literal("a"), seen: Schema.Number }),
    Schema.Struct({ name: Schema.Literal("b"), on: Schema.Boolean }),
    Schema.Struct({ name: Schema.String })
  ),
  "members that overlap": Schema.Union(
    Schema.Struct({ name: Schema.String }),
    Schema.Struct({ name: Schema.Literal("a"), seen: Schema.Number }),
    Schema.Struct({ name: Schema.String, seen: Schema.Unknown })
  ),
  "numbers in texts": Schema.Struct({
    name: Schema.Union(Schema.NumberFromString, Schema.String),
    seen: Schema.Number
  }),
  refinements: Schema.Struct({ name: Short, seen: Schema.Int }),
  "refined struct": Schema.Struct({ name: Schema.String, seen: Schema.Number }).pipe(
    Schema.filter(({ name, seen }) => name.length > seen)
  ),
  dates: Schema.Struct({ name: Schema.Date, seen: Schema.DateFromNumber }),
  class: Card,
  "classes inside": Schema.Struct({ doc: Schema.Union(Card, Schema.Null) }),
  recursive: Schema.Struct({ doc: Tree }),
  "options of its own": Schema.Struct({
    doc: Schema.Struct({ name: Schema.String }).annotations({ parseOptions: { onExcessProperty: "error" } }),
    name: Schema.String
  }),
  "a fallback": Schema.Struct({
    name: Schema.Number.annotations({ decodingFallback: () => Effect.succeed(0) }),
    seen: Schema.Number.annotations({ decodingFallback: () => Either.right(0) })
  }),
  "a wait": Schema.Struct({
    name: Schema.transformOrFail(Schema.String, Schema.String, {
      decode: (text) => text === "a" ? Effect.as(Effect.yieldNow(), text) : ParseResult.succeed(text),
      encode: ParseResult.succeed
    })
  }),
  empty: Schema.Struct({}),
  anything: Schema.Unknown,
  data: Schema.Struct({ doc: Schema.Data(Schema.Struct({ name: Schema.String })) })
} as never

const leaf = FastCheck.constantFrom<unknown>(
  "a",
  "b",
  "abc",
  "1",
  "2024-01-01",
  0,
  1,
  1.5,
  7,
  true,
  false,
  null,
  [],
  {}
)

/** Inputs that nearly fit. */
const input: FastCheck.Arbitrary<unknown> = FastCheck.letrec((tie) => ({
  value: FastCheck.oneof(
    { depthSize: "small" },
    leaf,
    leaf,
    tie("members"),
    FastCheck.array(tie("value"), { maxLength: 3 })
  ),
  members: FastCheck.dictionary(
    FastCheck.constantFrom(
      "name",
      "seen",
      "on",
      "tags",
      "doc",
      "branches",
      "1",
      "10",
      "constructor",
      "toString",
      "other"
    ),
    tie("value"),
    { maxKeys: 6 }
  )
})).value

const likely = FastCheck.record({
  name: FastCheck.constantFrom<unknown>("a", "b", "abc", "1", 1),
  seen: FastCheck.constantFrom<unknown>(0, 1, 1.5, "a"),
  on: FastCheck.boolean(),
  tags: FastCheck.array(FastCheck.constantFrom<unknown>("a", null, 1), { maxLength: 2 }),
  doc: FastCheck.constantFrom<unknown>(
    { name: "a" },
    { name: "a", seen: 1, more: 2 },
    { name: "a", branches: [{ name: "b", branches: [] }] },
    null
  )
}, { requiredKeys: [] })

/** What is seen of a value: its class, the order of its members, and all that is in it. */
const seen = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(seen)
    : typeof value === "object" && value !== null
    ? [
      Object.getPrototypeOf(value),
      Object.entries(value).map(([key, inner]) => [key, seen(inner)]),
      value instanceof Date ? value.getTime() : undefined
    ]
    : value

const outcome = (effect: Effect.Effect<unknown, ParseResult.ParseIssue>) =>
  Effect.map(
    Effect.either(effect),
    Either.match({ onLeft: ParseResult.TreeFormatter.formatIssueSync, onRight: seen })
  )

/** Schema itself throws at what cannot be made a text, such as `{"toString":"a"}`: then so must the compiled one. */
const orThrew = <A>(outcome: () => Effect.Effect<A>): Effect.Effect<A | "threw"> =>
  Effect.catchAllDefect(Effect.suspend(outcome), () => Effect.succeed("threw"))

describe("a compiled schema", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    it.effect.prop(
      `decodes as Schema does: ${name}`,
      [FastCheck.oneof(input, likely, likely)],
      ([json]) =>
        Effect.gen(function*() {
          const text = JSON.stringify(json)
          const parsed: unknown = JSON.parse(text)
          const compiled = yield* orThrew(() => outcome(decodeUnknown(schema)(parsed)))
          assert.strictEqual(JSON.stringify(parsed), text)
          assert.deepStrictEqual(
            compiled,
            yield* orThrew(() => outcome(ParseResult.decodeUnknown(schema, parseOptions)(JSON.parse(text))))
          )
        }),
      runs(10, 300)
    )
  }

  it.effect("throws where Schema throws", () =>
    Effect.gen(function*() {
      const strange = JSON.parse(`{"name":{"toString":"a"}}`) as unknown
      const schema = Schema.Union(
        Schema.Struct({ name: Schema.String }),
        Schema.Struct({ name: Schema.Literal("a"), seen: Schema.Number })
      )
      assert.strictEqual(yield* orThrew(() => outcome(decodeUnknown(schema)(strange))), "threw")
      assert.strictEqual(
        yield* orThrew(() => outcome(ParseResult.decodeUnknown(schema, parseOptions)(strange))),
        "threw"
      )
    }))

  it("needs no effect where the schema needs none, and is never what came in", () => {
    const decode = decodeUnknown(Schema.Struct({ tags: Schema.Array(Schema.String) }))
    const json = { tags: ["a"], more: 1 }
    const decoded = decode(json)
    assert.isTrue(Either.isEither(decoded))
    const body = Effect.runSync(decoded)
    assert.deepStrictEqual(body, { tags: ["a"] })
    assert.notStrictEqual(body.tags, json.tags)
  })

  it("keeps what a schema makes equal", () => {
    const decode = decodeUnknown(Schema.Struct({ doc: Schema.Data(Schema.Struct({ name: Schema.String })) }))
    assert.deepStrictEqual(Effect.runSync(decode({ doc: { name: "a" } })).doc, Data.struct({ name: "a" }))
  })
})
