import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type { Document } from "../document/Document.js"
import type { ConflictError, RepeatError } from "../document/errors.js"
import type { OverlapError } from "./overlapError.js"

/**
 * A marker in a policy's error type: a conflict of the same kind may remain.
 *
 * @since 0.1.0
 * @category model
 */
export interface Again {
  readonly _tag: "effect-couchdb/Conflict/Again"
}

/**
 * A marker in a policy's error type: the two edits may not merge, which fails with an `OverlapError` of the document's
 * type.
 *
 * @since 0.1.0
 * @category model
 */
export interface Overlapping {
  readonly _tag: "effect-couchdb/Conflict/Overlapping"
}

/**
 * The result of an operation whose conflict is settled: its own result, or a document.
 *
 * @since 0.1.0
 * @category type level
 */
export type DocumentOf<X> = X extends ConflictError<infer A, infer R, infer Done> ? Document<A, R> | Done : never

/**
 * The requirements of the schema of a conflict's document.
 *
 * @since 0.1.0
 * @category type level
 */
export type ContextOf<X> = X extends ConflictError<infer _A, infer R, infer _Done> ? R : never

/**
 * The error that a policy leaves for a conflict of type `X`. The markers become errors of its document.
 *
 * @since 0.1.0
 * @category type level
 */
export type Reify<E, X> = E extends Again ? X | OwnErrors<X>
  : E extends Overlapping ? OverlapOf<X>
  : E

/**
 * The errors of repeating the operation, apart from the conflict itself.
 *
 * @since 0.1.0
 * @category type level
 */
export type OwnErrors<X> = X extends ConflictError<infer A, infer R, infer Done>
  ? Exclude<RepeatError<A, R, Done>, { readonly _tag: "ConflictError" }>
  : never

/**
 * A function from a conflict to an effect, for documents whose body is `A` (`any` for every document). `E` and `R` are
 * the errors and requirements that the policy adds.
 *
 * It is generic in the type of the conflict, so that `catchTag` accepts it for several document types. In `catchTags`
 * write `(conflict) => policy(conflict)`, because a bare generic function loses its type there.
 *
 * @since 0.1.0
 * @category model
 */
export interface Policy<in out A, out E = never, out R = never> extends Pipeable {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirements and any result
  <X extends ConflictError<A, any, any>>(
    conflict: X
  ): Effect.Effect<DocumentOf<X>, Reify<E, X>, R | ContextOf<X>>
}

/**
 * The `OverlapError` for a conflict of type `X`.
 *
 * @since 0.1.0
 * @category type level
 */
export type OverlapOf<X> = X extends ConflictError<infer A, infer R, infer Done> ? OverlapError<A, R, Done> : never
