/**
 * Database names.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Either from "effect/Either"
import * as Schema_ from "effect/Schema"
import { InvalidIdError } from "./errors.js"

/**
 * A valid database name: a lower-case letter followed by lower-case letters, digits and `_$()+-/`, or one of CouchDB's
 * system databases (`_users`, `_replicator`, `_global_changes`).
 *
 * @since 0.1.0
 * @category model
 */
export type DatabaseName = string & Brand.Brand<"effect-couchdb/DatabaseName">

const pattern = /^(?:[a-z][a-z0-9_$()+/-]*\/)?(?:[a-z][a-z0-9_$()+/-]*|_users|_replicator|_global_changes)$/

/** CouchDB's limit, which leaves room for the suffix of a shard's file name. */
const maxLength = 238

const problemOf = (name: string): string | undefined =>
  name.length > maxLength
    ? `is longer than ${maxLength} characters`
    : pattern.test(name)
    ? undefined
    : "must begin with a lower-case letter and contain only lower-case letters, digits and _$()+-/"

/**
 * Whether the text is a valid database name.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDatabaseName = (name: string): name is DatabaseName => problemOf(name) === undefined

/**
 * Makes a database name from a literal. Throws an `InvalidIdError` if the name is invalid, since an invalid literal is
 * a mistake in the program. Use {@link decode} for a name from outside.
 *
 * @example
 * import { DatabaseName } from "effect-couchdb"
 *
 * const zoo = DatabaseName.make("zoo")
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (name: string): DatabaseName => Either.getOrThrowWith(decode(name), (error) => error)

/**
 * Validates a name from outside.
 *
 * @example
 * import { DatabaseName } from "effect-couchdb"
 * import { Either } from "effect"
 *
 * console.log(Either.isLeft(DatabaseName.decode("Zoo"))) // true: upper case
 *
 * @since 0.1.0
 * @category constructors
 */
export const decode = (name: string): Either.Either<DatabaseName, InvalidIdError> => {
  const problem = problemOf(name)
  return problem === undefined
    ? Either.right(name as DatabaseName)
    : Either.left(new InvalidIdError({ kind: "database", value: name, problem }))
}

/**
 * The schema of a database name.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Schema: Schema_.Schema<DatabaseName, string> = Schema_.String.pipe(
  Schema_.filter((name): name is DatabaseName => isDatabaseName(name), { message: () => "the name of a database" })
)

/**
 * Encodes the name as a path segment.
 *
 * @example
 * import { DatabaseName } from "effect-couchdb"
 *
 * console.log(DatabaseName.toPath(DatabaseName.make("a/b+c"))) // a%2Fb%2Bc
 *
 * @since 0.1.0
 * @category encoding
 */
export const toPath = (name: DatabaseName): string => encodeURIComponent(name)
