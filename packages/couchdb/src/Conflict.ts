/**
 * What to do about a conflict: policies, which are functions from a `ConflictError` to an effect.
 *
 * A policy is handed to `Effect.catchTag`, and the error channel afterwards says what can remain.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type { ConflictError, InvalidIdError, RepeatError, RequestError } from "./CouchError.js"
import type { CouchHttp } from "./CouchHttp.js"
import type { Document } from "./Document.js"
import * as internal from "./internal/conflict.js"

/**
 * A marker in a policy's error: after it, a conflict of the same kind may remain.
 *
 * @since 0.1.0
 * @category model
 */
export interface Again {
  readonly _tag: "effect-couchdb/Conflict/Again"
}

/**
 * What an operation gives once its conflict is settled: what it would have given, or a document.
 *
 * @since 0.1.0
 * @category type level
 */
export type DocumentOf<X> = X extends ConflictError<infer A, infer R, infer Done> ? Document<A, R> | Done : never

/**
 * What the schema of a conflict's document requires.
 *
 * @since 0.1.0
 * @category type level
 */
export type ContextOf<X> = X extends ConflictError<infer _A, infer R, infer _Done> ? R : never

/**
 * The error that a policy leaves for a conflict of type `X`: markers become `X`.
 *
 * @since 0.1.0
 * @category type level
 */
export type Reify<E, X> = E extends Again ? X | OwnErrors<X> : E

/**
 * What repeating the operation can fail with, apart from the conflict itself.
 *
 * @since 0.1.0
 * @category type level
 */
export type OwnErrors<X> = X extends ConflictError<infer A, infer R, infer Done>
  ? Exclude<RepeatError<A, R, Done>, { readonly _tag: "ConflictError" }>
  : never

/**
 * A function from a conflict to an effect, for documents whose body is `A` (`any` for every document). `E` and `R` are
 * what the policy adds to the errors and requirements.
 *
 * It is generic over the very error it is given, so that it fits a `catchTag` with several document types. In `catchTags`
 * write `(conflict) => policy(conflict)`, since a bare generic function loses its type there.
 *
 * @since 0.1.0
 * @category model
 */
export interface Policy<in out A, out E = never, out R = never> extends Pipeable {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirement, and whatever the operation gives
  <X extends ConflictError<A, any, any>>(
    conflict: X
  ): Effect.Effect<DocumentOf<X>, Reify<E, X>, R | ContextOf<X>>
}

/**
 * Leaves the server as it is, and gives back the document that was to be written, still with its edits. Right where only
 * the existence of the document matters.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const seen = Collection.make("zoo", Schema.Struct({ at: Schema.String }))
 *
 * const mark = Document.create(seen, "monarch", { at: "2026-11-23" }).pipe(
 *   Effect.catchTag("ConflictError", Conflict.ignore)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const ignore: Policy<any> = internal.ignore

/**
 * Repeats the operation over whatever stands on the server now, which loses the other side's edits of the body; its
 * attachments stay. A document that the other side deleted is created again. Somebody may be faster once more, so a
 * `ConflictError` can remain.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const settings = Collection.make("zoo", Schema.Struct({ theme: Schema.String }))
 *
 * const dark = Document.make(settings, "settings", { theme: "dark" }).pipe(
 *   Document.save,
 *   Effect.catchTag("ConflictError", Conflict.overwrite)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const overwrite: Policy<any, Again | InvalidIdError | RequestError, CouchHttp> = internal.overwrite
