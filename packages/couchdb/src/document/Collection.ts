/**
 * Typed access to the documents of one kind in a database: the handle that operations take.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Equivalence from "effect/Equivalence"
import * as Option from "effect/Option"
import type { ParseIssue } from "effect/ParseResult"
import type { Pipeable } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as internal from "./makeCollection.js"
import type { Settings } from "./recorder.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = internal.TypeId

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * The parts of a collection that a document value needs: its database, and how bodies are decoded, encoded and
 * compared.
 *
 * @since 0.1.0
 * @category model
 */
export interface Bound<in out A, out R = never> {
  readonly database: DatabaseName
  readonly decode: (encoded: unknown) => Effect.Effect<A, ParseIssue, R>
  readonly encode: (body: A) => Effect.Effect<unknown, ParseIssue, R>
  readonly equivalence: Equivalence.Equivalence<A>
  readonly lineage?: Settings
}

/**
 * The documents of one kind in a database: `A` is the body in the program, `I` the body on the wire, `R` the
 * requirements of the schema, `K` the key that identifies a document. It is only a description, without I/O. A database
 * has one collection for each kind of document.
 *
 * @since 0.1.0
 * @category model
 */
export interface Collection<in out A, in out I, out R = never, in out K = string> extends Bound<A, R>, Pipeable {
  readonly [TypeId]: TypeId
  readonly schema: Schema.Schema<A, I, R>
  readonly id: IdCodec<K>
}

/**
 * Encodes a key as a document id, and decodes it from an id of the collection.
 *
 * - `range`: the ids that the collection can have, so that the server reads only its documents. Without it, a list of
 *   the collection reads the whole database and omits the ids that `decode` refuses
 *
 * @example
 * import { Collection } from "effect-couchdb"
 * import { Option } from "effect"
 *
 * const byNumber: Collection.IdCodec<number> = {
 *   encode: (key) => `order:${key}`,
 *   decode: (id) => {
 *     const digits = /^order:([0-9]+)$/.exec(id)?.[1]
 *     return digits === undefined ? Option.none() : Option.some(Number(digits))
 *   },
 *   range: { prefix: "order:" }
 * }
 *
 * @since 0.1.0
 * @category model
 */
export interface IdCodec<in out K> {
  readonly encode: (key: K) => string
  readonly decode: (id: string) => Option.Option<K>
  readonly range?: IdRange | undefined
}

/**
 * The range of ids of a collection.
 *
 * - `prefix`: the prefix of every id that `encode` makes
 * - `exact`: whether `decode` accepts every id with the prefix, so that the server can apply `limit` and `skip`. It is
 *   `false` by default: each id is then checked
 *
 * @since 0.1.0
 * @category model
 */
export interface IdRange {
  readonly prefix: string
  readonly exact?: boolean | undefined
}

/**
 * The options of a collection.
 *
 * - `id`: encodes keys as document ids
 * - `lineage`: stores the ancestry of each document with it, so that merges of its siblings are exact;
 *   `Lineage.settings()` enables it. All programs that write the collection should use the same settings
 *
 * @since 0.1.0
 * @category model
 */
export interface Options<in out K> {
  readonly id?: IdCodec<K>
  readonly lineage?: Settings
}

/**
 * Describes a collection. Throws an `InvalidIdError` if the name of the database is invalid; decode a name from outside
 * with `DatabaseName.decode` first. Throws a `RangeError` if lineage cannot be stored: in `_users` and `_replicator`,
 * if the schema has a member with the name of its field, or if an untyped program passes anything but
 * `Lineage.settings`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Lineage } from "effect-couchdb"
 *
 * const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
 *
 * const butterflies = Collection.make("zoo", Butterfly)
 * const keyed = Collection.make("zoo", Butterfly, { id: Collection.prefixed("butterfly:") })
 * const exact = Collection.make("zoo", Butterfly, { lineage: Lineage.settings() })
 *
 * @since 0.1.0
 * @category constructors
 */
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
} = internal.make

/**
 * Makes ids from a prefix and the key: `"monarch"` is the document `"butterfly:monarch"`. The prefix is the range of
 * the collection, so lists of it read no other documents.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }), {
 *   id: Collection.prefixed("butterfly:")
 * })
 *
 * @since 0.1.0
 * @category ids
 */
export const prefixed = (prefix: string): IdCodec<string> => ({
  encode: (key) => prefix + key,
  decode: (id) => id.startsWith(prefix) ? Option.some(id.slice(prefix.length)) : Option.none(),
  range: { prefix, exact: true }
})

/**
 * Whether the value is a collection.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCollection = (value: unknown): value is Collection<unknown, unknown, unknown, unknown> =>
  hasProperty(value, TypeId)
