import type { DatabaseName } from "../data/DatabaseName.js"
import type { JsonObject } from "../data/Json.js"
import type { Collection, TypeId } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"

/** Any collection. `Collection` itself is invariant, so no instance of it includes all others. */
export interface AnyCollection {
  readonly [TypeId]: TypeId
  readonly database: DatabaseName
}

/**
 * The source of a query or of a feed: a collection, or a database by its name.
 *
 * An operation that accepts both has one signature over the type of its first argument. With an overload for each,
 * the compiler reports any error in the other arguments as the wrong source.
 */
export type CollectionOrDatabase = AnyCollection | string

/** The documents that a target returns: decoded documents, or JSON. */
export type DocumentOf<T> = T extends Collection<infer A, infer _I, infer R, infer _K> ? Document<A, R> : JsonObject

/** The requirements of the schema of a target. */
export type ContextOf<T> = T extends Collection<infer _A, infer _I, infer R, infer _K> ? R : never

/** The encoded body of the documents of a target. */
export type EncodedOf<T> = T extends Collection<infer _A, infer I, infer _R, infer _K> ? I : never

/** The error of documents that do not match the schema. A database has no schema. */
export type DecodeErrorOf<T> = T extends string ? never : DecodeError
