import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { Prototype } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as DatabaseName from "../data/DatabaseName.js"
import { structural } from "../data/equivalence.js"
import type * as Types from "./Collection.js"
import type { Collection, IdCodec, Options } from "./Collection.js"
import { decodeUnknown, parseOptions } from "./compiledDecoder.js"
import type { Settings } from "./recorder.js"
import { TypeId as LineageTypeId } from "./recorder.js"

export const TypeId: Types.TypeId = Symbol.for("effect-couchdb/Collection") as Types.TypeId

/** Whether the first argument is a collection, which distinguishes the two forms of dual functions. */
export const onCollection = (args: IArguments): boolean => hasProperty(args[0], TypeId)

const identityCodec: IdCodec<string> = { encode: identity, decode: Option.some, range: { prefix: "", exact: true } }

const withLineage = (database: string, ast: AST.AST, settings: Settings): Settings => {
  if (!hasProperty(settings, LineageTypeId)) {
    throw new RangeError(
      `the lineage of ${database} is not made by Lineage.settings({ ... }): plain options cannot record lineage`
    )
  }
  if (database === "_users" || database === "_replicator") {
    throw new RangeError(`${database} cannot store lineage: the server itself writes its documents`)
  }
  if (AST.getPropertySignatures(ast).some(({ name }) => name === settings.field)) {
    throw new RangeError(
      `the schema has a member ${
        JSON.stringify(settings.field)
      }, which is the field of lineage: set lineage.field to another name`
    )
  }
  return settings
}

const build = <A, I, R, K>(
  database: string,
  schema: Schema.Schema<A, I, R>,
  id: IdCodec<K>,
  lineage: Settings | undefined
): Collection<A, I, R, K> => ({
  [TypeId]: TypeId,
  database: DatabaseName.make(database),
  schema,
  id,
  decode: decodeUnknown(schema),
  encode: ParseResult.encode(schema, parseOptions),
  equivalence: structural,
  ...(lineage !== undefined && { lineage: withLineage(database, AST.encodedAST(schema.ast), lineage) }),
  ...Prototype
})

export const make: {
  <A, I, R>(
    database: string,
    schema: Schema.Schema<A, I, R>,
    options?: { readonly lineage?: Settings }
  ): Collection<A, I, R>
  <A, I, R, K>(
    database: string,
    schema: Schema.Schema<A, I, R>,
    options: Options<K> & { readonly id: IdCodec<K> }
  ): Collection<A, I, R, K>
} = <A, I, R>(
  database: string,
  schema: Schema.Schema<A, I, R>,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the overloads above tie it to the key
  options?: Options<any>
) => build(database, schema, options?.id ?? identityCodec, options?.lineage)
