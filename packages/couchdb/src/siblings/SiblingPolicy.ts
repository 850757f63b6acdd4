/**
 * What becomes of siblings: the versions of one document that replicas wrote apart, and that replication brought together.
 *
 * A policy is handed to `Conflict.resolve`, `Conflict.sweep` or `Conflict.watch`. It decides pair by pair, winner first,
 * and sees no clock and no chance, so that every replica that resolves the same siblings writes the same revision.
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
 * What holds for whatever the bodies say.
 *
 * - `deleted`: what a deletion is worth that met an edit made apart from it. `editWins`, the default, is CouchDB's own
 *   rule; `deleteWins` deletes every version, and `deleteWinsIfBase` those that say what the deleted one said. Whatever
 *   is deleted that way stays readable in its tombstone
 * - `attachments`: two files of one name. `rename`, the default, keeps both, the loser's under a name made from its
 *   digest; `winner` keeps the one of the version that wins; `fail` calls it an overlap
 * - `missingBase`: the common ancestor is not on this server any more, or never was. `defer`, the default, leaves such
 *   siblings alone where the merge would have to guess without it; `merge` merges two ways, where an element that one
 *   side removed may come back
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
 * Two versions that do not merge by themselves. `mine` is the one that CouchDB would let win; `base` what both come from,
 * if that is known. An `Overlap` is two edits of one place; at an `Unknown` something is missing here that another replica
 * may have, so that no answer is more than a guess.
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
 * A policy for the siblings of documents whose body is `A` (`any` for every document). `E` and `R` are what its own
 * decisions can fail with and require.
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
 * Merges the versions, three ways where their common ancestor is still there. Members that the schema does not know merge
 * too, as JSON. What does not merge stays as it is, and is told as `Unresolved`; `Conflict.resolve` takes a `Merge` for such
 * a policy with the default rules.
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
 * Takes one version whole, the greatest by the order; of equal ones the one that CouchDB lets win. Attachments of the
 * others are kept, and so is what they said, in their tombstones.
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
 * Takes the version that CouchDB lets win: most edits, then the greater hash.
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
 * What to do about two versions that do not merge: the second policy gets the pair then. The first one's rules hold.
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
 * Asks about each overlap: the body that it answers is written, and `None` leaves the siblings as they are. An answer that
 * is not the same on every replica makes the replicas meet again.
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
 * Asks also where something is missing here. Whatever it answers is a guess that another replica may know better, so this
 * is for a person who has seen both versions.
 *
 * @since 0.1.0
 * @category combinators
 */
export const onUnknown: <A, E2, R2>(
  decide: (question: Question<A>) => Effect.Effect<Option.Option<NoInfer<A>>, E2, R2>
) => <E, R>(self: SiblingPolicy<A, E, R>) => SiblingPolicy<A, E | E2, R | R2> = internal.onUnknown

/**
 * Whether the value is a policy for siblings.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSiblingPolicy: (value: unknown) => value is SiblingPolicy<unknown, unknown, unknown> =
  internal.isSiblingPolicy
