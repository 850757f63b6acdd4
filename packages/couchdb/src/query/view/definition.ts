import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"
import { compiled, type Decoder, parseOptions, unfit } from "../../document/compiledDecoder.js"
import { exact, member, type Row } from "../../rows/row.js"
import type { Codec, Listed, Place, Reduced, View } from "../View.js"

/** A codec that decodes a member of a row without an effect, or returns `unfit`: `decode` then reports why. */
export interface AtOnce<A> {
  readonly decodeNow: (value: unknown, row: Row, name: string) => A | typeof unfit
}

/** A schema decodes what `JSON.parse` made of a member. */
const ofSchema = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  decodeNow: Decoder = compiled(schema)
): Codec<A, R> & AtOnce<A> => {
  const decode = ParseResult.decodeUnknown(schema, parseOptions)
  return {
    decode: (row, name) => decode(member(row.json, name)),
    decodeNow: decodeNow as AtOnce<A>["decodeNow"],
    encode: ParseResult.encode(schema, parseOptions)
  }
}

/** Without a schema, a member is JSON to the digit. */
const asJson: Codec<Json.Json> & AtOnce<Json.Json> = {
  decode: (row, name) => Effect.succeed(exactMember(row, name)),
  decodeNow: (_, row, name) => exactMember(row, name),
  encode: Effect.succeed
}

/** A member of a row, or `null` where the row has none. */
export const exactMember = (row: Row, name: string): Json.Json => {
  const found = exact(row)
  return (Json.isObject(found) ? Json.get(found, name) : undefined) ?? null
}

// Without a schema the caller's types are those of JSON, which is what the public overloads promise.
export const codec = <A, I, R>(schema: Schema.Schema<A, I, R> | undefined): Codec<A, R> =>
  schema === undefined ? asJson as unknown as Codec<A, R> : ofSchema(schema)

const place = (design: string, view: string): Place => ({ _tag: "Design", design, view })

export interface Description<K, IK, RK, V, IV, RV> {
  readonly design: string
  readonly view: string
  readonly key?: Schema.Schema<K, IK, RK> | undefined
  readonly value?: Schema.Schema<V, IV, RV> | undefined
}

export const make = <K, IK, RK, V, IV, RV>(
  { design, key, value, view }: Description<K, IK, RK, V, IV, RV>
): View<K, V, RK | RV> => ({ _tag: "View", place: place(design, view), key: codec(key), value: codec(value) })

export const reduced = <K, IK, RK, V, IV, RV>(
  { design, key, value, view }: Description<K, IK, RK, V, IV, RV>
): Reduced<K, V, RK | RV> => ({ _tag: "Reduced", place: place(design, view), key: codec(key), value: codec(value) })

const listed: Schema.Schema<Listed, { readonly rev: string; readonly deleted?: boolean | undefined }> = Schema.Struct({
  rev: Revision.Schema,
  deleted: Schema.optionalWith(Schema.Boolean, { default: () => false })
})

/** Decodes as the schema does. `unfit` if only the schema can decide. */
const listedNow: Decoder = (json) => {
  if (typeof json !== "object" || json === null) return unfit
  const { deleted, rev } = json as { readonly deleted?: unknown; readonly rev?: unknown }
  return Revision.isRevision(rev) && (deleted === undefined || typeof deleted === "boolean")
    ? { rev, deleted: deleted === true }
    : unfit
}

const listing = <V>(_tag: "AllDocs" | "DesignDocs" | "LocalDocs", value: Codec<V>): View<string, V> => ({
  _tag: "View",
  place: { _tag },
  key: ofSchema(Schema.String),
  value
})

export const allDocs = listing("AllDocs", ofSchema(listed, listedNow))
export const designDocs = listing("DesignDocs", ofSchema(listed, listedNow))
export const localDocs = listing("LocalDocs", ofSchema(Schema.Struct({ rev: Schema.String })))

/** What a view is called in a message. */
export const nameOf = (place: Place): string => {
  switch (place._tag) {
    case "AllDocs":
      return "_all_docs"
    case "DesignDocs":
      return "_design_docs"
    case "LocalDocs":
      return "_local_docs"
    case "Design":
      return `_design/${place.design}/_view/${place.view}`
  }
}
