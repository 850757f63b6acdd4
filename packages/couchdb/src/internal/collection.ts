import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { Prototype } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Types from "../Collection.js"
import type { Collection, IdCodec } from "../Collection.js"
import * as DatabaseName from "../DatabaseName.js"
import { decodeUnknown, parseOptions } from "./decoder.js"
import { structural } from "./equivalence.js"

export const TypeId: Types.TypeId = Symbol.for("effect-couchdb/Collection") as Types.TypeId

const asIs: IdCodec<string> = { encode: (key) => key, decode: Option.some }

const build = <A, I, R, K>(
  database: string,
  schema: Schema.Schema<A, I, R>,
  id: IdCodec<K>
): Collection<A, I, R, K> => ({
  [TypeId]: TypeId,
  database: DatabaseName.make(database),
  schema,
  id,
  decode: decodeUnknown(schema),
  encode: ParseResult.encode(schema, parseOptions),
  equivalence: structural,
  ...Prototype
})

export const make: {
  <A, I, R>(database: string, schema: Schema.Schema<A, I, R>): Collection<A, I, R>
  <A, I, R, K>(
    database: string,
    schema: Schema.Schema<A, I, R>,
    options: { readonly id: IdCodec<K> }
  ): Collection<A, I, R, K>
} = <A, I, R>(
  database: string,
  schema: Schema.Schema<A, I, R>,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the overloads above tie it to the key
  options?: { readonly id: IdCodec<any> }
) => build(database, schema, options?.id ?? asIs)
