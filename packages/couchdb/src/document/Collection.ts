/**
 * A database seen through a schema: the typed handle that operations take.
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
 * What a document value keeps of its collection: how its bodies are read, written and compared.
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
 * The documents of one kind in a database: `A` is a body in the program, `I` on the wire, `R` what the schema requires,
 * `K` the key that names a document. A description only, with no I/O; one database has as many collections as it holds
 * kinds of documents.
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
 * How a key becomes a document id, and back if the id is one of this collection's.
 *
 * - `range`: which ids the collection can have, so that the server finds its documents among all others. Without it, a
 *   list of the collection reads the whole database and leaves out the ids that `decode` refuses
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
 * Which ids a collection can have.
 *
 * - `prefix`: what every id that `encode` makes begins with
 * - `exact`: `decode` accepts every id that begins so, and the server may count `limit` and `skip` by itself. Otherwise,
 *   which is the default, each id is looked at
 *
 * @since 0.1.0
 * @category model
 */
export interface IdRange {
  readonly prefix: string
  readonly exact?: boolean | undefined
}

/**
 * What a collection may be described with.
 *
 * - `id`: how its keys become document ids
 * - `lineage`: keep with each document what it is made of, so that merges of its siblings are exact;
 *   `Lineage.settings()` switches it on. All programs that write the collection should agree on it
 *
 * @since 0.1.0
 * @category model
 */
export interface Options<in out K> {
  readonly id?: IdCodec<K>
  readonly lineage?: Settings
}

/**
 * Describes a collection. Throws an `InvalidIdError` at once where the name of the database is none; for a name from
 * outside, decode it first with `DatabaseName.decode`. Lineage is refused with a `RangeError` where it cannot be kept: in
 * `_users` and `_replicator`, where the schema has a member of the field's name, and where a program without types gives
 * anything but `Lineage.settings`.
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
 * Keys that follow a prefix in the id: `"monarch"` is the document `"butterfly:monarch"`. The prefix is the range of the
 * collection, so that lists of it read no other documents.
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
