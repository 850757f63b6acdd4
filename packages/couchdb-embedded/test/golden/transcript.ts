import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import transcript from "./couchdb-3.5.0.json" with { type: "json" }
import listed from "./differences.json" with { type: "json" }
import fixture from "./setup.json" with { type: "json" }

const Step = Schema.Struct({
  name: Schema.String,
  method: Schema.String,
  path: Schema.String,
  reqHeaders: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  reqBody: Schema.optional(Schema.Unknown),
  status: Schema.Number,
  headers: Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Array(Schema.String)) }),
  text: Schema.optional(Schema.String),
  base64: Schema.optional(Schema.String),
  cut: Schema.optional(Schema.Unknown)
})
export type Step = typeof Step.Type

/** What differs between servers without being an error. */
export const Aspect = Schema.Literal("sizes", "index", "bookmark", "ref", "order")
export type Aspect = typeof Aspect.Type

/**
 * Why the engine responds differently.
 *
 * - `only`: the parts of the response that differ. Without it, anything may differ
 */
const Difference = Schema.Struct({ reason: Schema.String, only: Schema.optional(Schema.Array(Aspect)) })
export type Difference = typeof Difference.Type

const Setup = Schema.Struct({
  anonymous: Schema.Array(Schema.String),
  before: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({ method: Schema.String, path: Schema.String, body: Schema.optional(Schema.Unknown) })
  }),
  meanwhile: Schema.Record({
    key: Schema.String,
    value: Schema.Array(Schema.Struct({ after: Schema.Number, id: Schema.String, body: Schema.Unknown }))
  }),
  closedAfter: Schema.Record({ key: Schema.String, value: Schema.Number })
})

export const steps: ReadonlyArray<Step> = Schema.decodeUnknownSync(Schema.Array(Step))(transcript)

export const setup: typeof Setup.Type = Schema.decodeUnknownSync(Setup)(fixture)

export const differences: Readonly<Record<string, Difference>> = Schema.decodeUnknownSync(
  Schema.Record({ key: Schema.String, value: Difference })
)(listed)

/** Bytes as text, one character each. */
export const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")

/** The body of the recorded response. */
export const recorded = ({ base64, text }: Step): string =>
  base64 === undefined ? text ?? "" : latin1(Either.getOrThrow(Encoding.decodeBase64(base64)))

const isLarge = Schema.is(Schema.Struct({ note: Schema.Literal("large body"), length: Schema.Number }))
const isBinary = Schema.is(Schema.Struct({ base64: Schema.String }))

/** The body of the recorded request. */
export const bodyOf = ({ reqBody }: Step): unknown => {
  if (isBinary(reqBody)) return Either.getOrThrow(Encoding.decodeBase64(reqBody.base64))
  return isLarge(reqBody) ? JSON.stringify({ s: "x".repeat(reqBody.length - 8) }) : reqBody ?? ""
}
