/**
 * Users: documents in `_users`, whose passwords the server hashes. A server admin may perform all of these operations;
 * users may read and change their own document.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type { InvalidIdError } from "../data/errors.js"
import type { EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError, UpdateConflictError } from "../http/errors.js"
import * as internal from "./userDocuments.js"

/**
 * A user in `_users`. Every operation keeps the other members of the document, such as the password hash, and returns
 * none of them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const User: Schema.Schema<User, { readonly name: string; readonly roles?: ReadonlyArray<string> | undefined }> =
  internal.User

/**
 * @since 0.1.0
 * @category model
 */
export interface User {
  readonly name: string
  readonly roles: ReadonlyArray<string>
}

/**
 * The errors of changing a user. After a conflict, the document is read and written again a few times.
 *
 * @since 0.1.0
 * @category errors
 */
export type UserFailure = EncodeError | InvalidIdError | NotFoundError | RequestError | UpdateConflictError

/**
 * Creates a user: `PUT /_users/org.couchdb.user:{name}`. Fails with an `UpdateConflictError` if the user exists;
 * nothing is written then. `members` are added to the document.
 *
 * @example
 * import { Redacted } from "effect"
 * import { User } from "effect-couchdb"
 *
 * const program = User.create("ada", Redacted.make("secret"), { roles: ["keepers"] })
 *
 * @since 0.1.0
 * @category operations
 */
export const create: (
  name: string,
  password: Redacted.Redacted,
  options?: {
    readonly roles?: ReadonlyArray<string> | undefined
    readonly members?: Readonly<Record<string, unknown>> | undefined
  }
) => Effect.Effect<User, UserFailure, CouchHttp> = internal.create

/**
 * Returns a user: `GET /_users/org.couchdb.user:{name}`. Fails with a `NotFoundError` if the user does not exist.
 *
 * @since 0.1.0
 * @category operations
 */
export const fetch: (
  name: string
) => Effect.Effect<User, InvalidIdError | NotFoundError | RequestError, CouchHttp> = internal.fetch

/**
 * Returns a user, or `None` if it does not exist: `GET /_users/org.couchdb.user:{name}`.
 *
 * @since 0.1.0
 * @category operations
 */
export const fetchOption: (
  name: string
) => Effect.Effect<Option.Option<User>, InvalidIdError | NotFoundError | RequestError, CouchHttp> = internal.fetchOption

/**
 * Changes the password of a user: `PUT /_users/org.couchdb.user:{name}`. Sessions with the old password end.
 *
 * @example
 * import { Redacted } from "effect"
 * import { User } from "effect-couchdb"
 *
 * const program = User.changePassword("ada", Redacted.make("another secret"))
 *
 * @since 0.1.0
 * @category operations
 */
export const changePassword: (
  name: string,
  password: Redacted.Redacted
) => Effect.Effect<void, UserFailure, CouchHttp> = internal.changePassword

/**
 * Edits the roles of a user, and returns the user: `PUT /_users/org.couchdb.user:{name}`. If the roles stay the same,
 * nothing is written.
 *
 * @example
 * import { User } from "effect-couchdb"
 *
 * const program = User.updateRoles("ada", (roles) => [...roles, "keepers"])
 *
 * @since 0.1.0
 * @category operations
 */
export const updateRoles: (
  name: string,
  f: (roles: ReadonlyArray<string>) => ReadonlyArray<string>
) => Effect.Effect<User, UserFailure, CouchHttp> = internal.updateRoles

const delete_: (name: string) => Effect.Effect<void, UserFailure, CouchHttp> = internal.remove
export {
  /**
   * Deletes a user: `DELETE /_users/org.couchdb.user:{name}`. Fails with a `NotFoundError` if the user does not exist.
   *
   * @since 0.1.0
   * @category operations
   */
  delete_ as delete
}
