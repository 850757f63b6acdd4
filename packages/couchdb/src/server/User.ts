/**
 * Users who log in: documents in `_users`, whose passwords the server hashes. An administrator of the server may do all of
 * this; users may read and change their own document.
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
 * A user as `_users` has it. What else the document holds is kept by every operation here, hashes included, and shown by
 * none.
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
 * What a change of a user can fail with. It is read and written again after a conflict, a few times.
 *
 * @since 0.1.0
 * @category errors
 */
export type UserFailure = EncodeError | InvalidIdError | NotFoundError | RequestError | UpdateConflictError

/**
 * Creates a user: `PUT /_users/org.couchdb.user:{name}`. Fails with an `UpdateConflictError` if the user exists, and writes
 * nothing. `members` are further members of the document.
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
 * Reads a user: `GET /_users/org.couchdb.user:{name}`. Fails with a `NotFoundError` if the user does not exist.
 *
 * @since 0.1.0
 * @category operations
 */
export const fetch: (
  name: string
) => Effect.Effect<User, InvalidIdError | NotFoundError | RequestError, CouchHttp> = internal.fetch

/**
 * Reads a user, or `None` if the user does not exist: `GET /_users/org.couchdb.user:{name}`.
 *
 * @since 0.1.0
 * @category operations
 */
export const fetchOption: (
  name: string
) => Effect.Effect<Option.Option<User>, InvalidIdError | NotFoundError | RequestError, CouchHttp> = internal.fetchOption

/**
 * Gives a user another password, which ends the sessions that were begun with the one before:
 * `PUT /_users/org.couchdb.user:{name}`.
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
 * Edits the roles of a user, and gives the user: `PUT /_users/org.couchdb.user:{name}`. Roles that stay as they are write
 * nothing.
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
