/**
 * Policies that resolve siblings: conflicting leaf revisions of one document, which replicas wrote independently and
 * replication brought together.
 *
 * `Conflict.resolve`, `Conflict.sweep` and `Conflict.watch` take a policy. It decides pair by pair, winner first, and
 * uses neither time nor randomness, so every replica that resolves the same siblings writes the same revision.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Order from "effect/Order"
import type { Pipeable } from "effect/Pipeable"
import type { Clash, Merge, Versions } from "../merge/Merge.js"
import * as internal from "./policy.js"

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
 * The rules of a policy that do not depend on bodies.
 *
 * - `deleted`: what happens if a deletion and an edit were made independently. `editWins`, the default, keeps the edit,
 *   as CouchDB does. `deleteWins` deletes every version. `deleteWinsIfBase` deletes the versions that equal the deleted
 *   one. The tombstone of a version that is deleted in this way keeps its body
 * - `attachments`: what happens to two attachments with the same name. `rename`, the default, keeps both, and derives a
 *   new name for the loser's one from its digest. `winner` keeps the one of the winner. `fail` reports an overlap
 * - `missingBase`: what happens if the common ancestor is not on this server. `defer`, the default, leaves the siblings
 *   unresolved if the merge depends on the ancestor. `merge` merges two ways, which may restore elements that one side
 *   removed
 *
 * @since 0.1.0
 * @category model
 */
export interface Rules {
  readonly deleted: "editWins" | "deleteWins" | "deleteWinsIfBase"
  readonly attachments: "rename" | "winner" | "fail"
  readonly missingBase: "defer" | "merge"
}

/**
 * Two versions that do not merge automatically. `mine` is CouchDB's winner of the two, and `base` is their common
 * ancestor, if it is known. An `Overlap` means that both sides edited the same place. An `Unknown` means that
 * information is missing which another replica may have, so any decision may turn out wrong.
 *
 * @since 0.1.0
 * @category model
 */
export interface Question<out A> extends Versions<A> {
  readonly _tag: "Overlap" | "Unknown"
  readonly database: string
  readonly id: string
  readonly clashes: ReadonlyArray<Clash>
}

/**
 * A policy for the siblings of documents with body `A` (`any` for every document). `E` and `R` are the failures and the
 * requirements of its decisions.
 *
 * @since 0.1.0
 * @category model
 */
export interface SiblingPolicy<in out A, out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: {
    readonly _A: (_: A) => A
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
  }
  readonly name: string
  readonly rules: Rules
}

/**
 * Merges the versions, three ways if their common ancestor is available. Members that the schema does not declare merge
 * as JSON. Versions that do not merge are left as they are, and reported as `Unresolved`. `Conflict.resolve` also
 * accepts a `Merge` in place of this policy with the default rules.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge, SiblingPolicy } from "effect-couchdb"
 *
 * const Card = Schema.Struct({ title: Schema.String, votes: Merge.Counter })
 *
 * const policy = SiblingPolicy.merge(Merge.make(Card), { deleted: "deleteWins" })
 *
 * @since 0.1.0
 * @category constructors
 */
export const merge: <A>(merge: Merge<A>, rules?: Partial<Rules>) => SiblingPolicy<A> = internal.merge

/**
 * Takes one whole version, the greatest by the order. Of equal versions CouchDB's winner is taken. Attachments of the
 * other versions are kept by the `attachments` rule, and their bodies in their tombstones.
 *
 * @example
 * import { Order } from "effect"
 * import { SiblingPolicy } from "effect-couchdb"
 *
 * const latest = SiblingPolicy.pick(Order.mapInput(Order.string, (note: { readonly at: string }) => note.at))
 *
 * @since 0.1.0
 * @category constructors
 */
export const pick: <A>(order: Order.Order<A>, rules?: Partial<Rules>) => SiblingPolicy<A> = internal.pick

/**
 * Takes CouchDB's winner: the version with the most edits, then the one with the greater hash.
 *
 * @example
 * import { Merge, SiblingPolicy } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const policy = SiblingPolicy.merge(Merge.make(Schema.Struct({ title: Schema.String }))).pipe(
 *   SiblingPolicy.orElse(SiblingPolicy.winner)
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const winner: SiblingPolicy<any> = internal.winner

/**
 * Applies a second policy to pairs that the first one does not merge. The rules of the first policy apply.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse: {
  <B, E2, R2>(
    that: SiblingPolicy<B, E2, R2>
  ): <A extends B, E, R>(self: SiblingPolicy<A, E, R>) => SiblingPolicy<A, E | E2, R | R2>
  <B, E2, R2, A extends B, E, R>(
    self: SiblingPolicy<A, E, R>,
    that: SiblingPolicy<B, E2, R2>
  ): SiblingPolicy<A, E | E2, R | R2>
} = internal.orElse

/**
 * Decides each overlap with an effect. It returns the body to write, or `None` to leave the siblings unresolved. If
 * replicas decide differently, their results conflict again.
 *
 * @example
 * import { Effect, Option, Schema } from "effect"
 * import { Merge, SiblingPolicy } from "effect-couchdb"
 *
 * const Note = Schema.Struct({ text: Schema.String })
 *
 * const both = SiblingPolicy.merge(Merge.make(Note)).pipe(
 *   SiblingPolicy.onOverlap(({ mine, theirs }) =>
 *     Effect.succeed(Option.some({ text: `${mine.text}\n---\n${theirs.text}` }))
 *   )
 * )
 *
 * @since 0.1.0
 * @category combinators
 */
export const onOverlap: <A, E2, R2>(
  decide: (question: Question<A>) => Effect.Effect<Option.Option<NoInfer<A>>, E2, R2>
) => <E, R>(self: SiblingPolicy<A, E, R>) => SiblingPolicy<A, E | E2, R | R2> = internal.onOverlap

/**
 * Decides overlaps, and also pairs whose history is partly unknown on this server. Another replica may have the missing
 * information, so use it for manual review of both versions.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onUnknown: <A, E2, R2>(
  decide: (question: Question<A>) => Effect.Effect<Option.Option<NoInfer<A>>, E2, R2>
) => <E, R>(self: SiblingPolicy<A, E, R>) => SiblingPolicy<A, E | E2, R | R2> = internal.onUnknown

/**
 * Whether the value is a `SiblingPolicy`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSiblingPolicy: (value: unknown) => value is SiblingPolicy<unknown, unknown, unknown> =
  internal.isSiblingPolicy
