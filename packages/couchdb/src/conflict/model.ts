import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type { Document } from "../document/Document.js"
import type { ConflictError, RepeatError } from "../document/errors.js"
import type { OverlapError } from "./overlapError.js"

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
 * A marker in a policy's error: the two edits may not merge, which is an `OverlapError` of the document's type.
 *
 * @since 0.1.0
 * @category model
 */
export interface Overlapping {
  readonly _tag: "effect-couchdb/Conflict/Overlapping"
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
 * The error that a policy leaves for a conflict of type `X`: the markers become errors of its document.
 *
 * @since 0.1.0
 * @category type level
 */
export type Reify<E, X> = E extends Again ? X | OwnErrors<X>
  : E extends Overlapping ? OverlapOf<X>
  : E

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
 * The overlap of a conflict's document.
 *
 * @since 0.1.0
 * @category type level
 */
export type OverlapOf<X> = X extends ConflictError<infer A, infer R, infer Done> ? OverlapError<A, R, Done> : never
