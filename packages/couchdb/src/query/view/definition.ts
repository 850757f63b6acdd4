import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"
import { compiled, type Decoder, parseOptions, unfit } from "../../document/compiledDecoder.js"
import { exact, member, type Row } from "../../rows/row.js"
import type { Codec, Listed, Place, Reduced, View } from "../View.js"

/**
 * A codec that decodes a member of a row without an effect. `decodeSync` returns `unfit` if it cannot; `decode` then
 * reports the error.
 */
export interface SyncDecode<A> {
  readonly decodeSync: (value: unknown, row: Row, name: string) => A | typeof unfit
}

/** A codec that applies a schema to the parsed JSON of a member. */
const ofSchema = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  decodeSync: Decoder = compiled(schema)
): Codec<A, R> & SyncDecode<A> => {
  const decode = ParseResult.decodeUnknown(schema, parseOptions)
  return {
    decode: (row, name) => decode(member(row.json, name)),
    decodeSync: decodeSync as SyncDecode<A>["decodeSync"],
    encode: ParseResult.encode(schema, parseOptions)
  }
}

/** A codec that returns a member as exact JSON. */
const asJson: Codec<Json.Json> & SyncDecode<Json.Json> = {
  decode: (row, name) => Effect.succeed(exactMember(row, name)),
  decodeSync: (_, row, name) => exactMember(row, name),
  encode: Effect.succeed
}

/** The exact JSON of a member, or `null` if the row does not have it. */
export const exactMember = (row: Row, name: string): Json.Json => {
  const found = exact(row)
  return (Json.isObject(found) ? Json.get(found, name) : undefined) ?? null
}

// Without a schema, the public overloads set the types to `Json`.
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

/** A fast decoder that returns the same as the schema, or `unfit` to use the schema. */
const decodeListedSync: Decoder = (json) => {
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

export const allDocs = listing("AllDocs", ofSchema(listed, decodeListedSync))
export const designDocs = listing("DesignDocs", ofSchema(listed, decodeListedSync))
export const localDocs = listing("LocalDocs", ofSchema(Schema.Struct({ rev: Schema.String })))

/** The name of a view in error messages. */
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
