/**
 * Pure three-way merges of documents.
 *
 * `Merge.make(schema)` derives a merge from a schema, as `Equivalence` and `Arbitrary` are derived. Annotations replace
 * three-way equality for individual fields. A merge never guesses: two different edits at one path are an `Overlap`,
 * which is returned as data.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import type * as Equivalence from "effect/Equivalence"
import type * as FastCheck from "effect/FastCheck"
import type * as Option from "effect/Option"
import type * as Order from "effect/Order"
import type { Pipeable } from "effect/Pipeable"
import * as Schema from "effect/Schema"
import * as crdt from "./crdt.js"
import * as internal from "./make.js"
import * as strategies from "./strategy.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = internal.TypeId as never

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * @since 0.1.0
 * @category symbols
 */
export const StrategyTypeId: unique symbol = strategies.StrategyTypeId as never

/**
 * @since 0.1.0
 * @category symbols
 */
export type StrategyTypeId = typeof StrategyTypeId

/**
 * A value with a schema, such as a `Collection`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Described<A, I = A, R = never> {
  readonly schema: Schema.Schema<A, I, R>
}

/**
 * The input of a merge: both sides, and their common ancestor if it is known.
 *
 * @since 0.1.0
 * @category model
 */
export interface Versions<out A> {
  readonly base: Option.Option<A>
  readonly mine: A
  readonly theirs: A
}

/**
 * A path at which the sides cannot be merged. A side is `None` if it does not have a value at the path. The base is
 * `None` if it has no value there or is unknown.
 *
 * @since 0.1.0
 * @category model
 */
export interface Clash {
  readonly path: ReadonlyArray<PropertyKey>
  readonly why: string
  readonly base: Option.Option<unknown>
  readonly mine: Option.Option<unknown>
  readonly theirs: Option.Option<unknown>
}

/**
 * The result of a failed merge: every path at which two versions clash.
 *
 * @since 0.1.0
 * @category model
 */
export interface Overlap {
  readonly _tag: "Overlap"
  readonly clashes: readonly [Clash, ...ReadonlyArray<Clash>]
}

/**
 * A merged value, and the paths that were merged without a base. The result is symmetric at these paths, but an edit
 * that both sides made may count once, and a value that one side removed may come back.
 *
 * @since 0.1.0
 * @category model
 */
export interface Merged<out A> {
  readonly value: A
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/**
 * A merge of values of type `A`: a pure function from three versions to a value or an overlap.
 *
 * - `detailed` also reports the paths without a base
 * - `equivalence`: the equality of values that the merge uses
 *
 * @since 0.1.0
 * @category model
 */
export interface Merge<in out A> extends Pipeable {
  readonly [TypeId]: TypeId
  (versions: Versions<A>): Either.Either<A, Overlap>
  readonly detailed: (versions: Versions<A>) => Either.Either<Merged<A>, Overlap>
  readonly equivalence: Equivalence.Equivalence<A>
}

/**
 * A strategy for merging the values of a field; {@link annotate} attaches it to a schema.
 *
 * @since 0.1.0
 * @category model
 */
export interface Strategy<in A> {
  readonly [StrategyTypeId]: { readonly _A: (_: A) => void }
}

/**
 * A value with a natural order.
 *
 * @since 0.1.0
 * @category model
 */
export type Comparable = number | bigint | string | Date

/**
 * Derives a merge from a schema, or from the schema of a collection. Without annotations every leaf uses {@link equal}:
 * structs, records, tuples, classes, optional keys and unions are merged member by member, and arrays as a whole.
 *
 * A key that one side removed stays removed if the other side did not change it, and clashes if it did. If a filter
 * refuses a merged value, the result is an overlap. `overrides` sets strategies for fields that cannot be annotated.
 *
 * @example
 * import { Either, Option, Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Butterfly = Schema.Struct({
 *   name: Schema.String,
 *   seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
 *   tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
 * })
 *
 * const merged = Merge.make(Butterfly)({
 *   base: Option.some({ name: "Monarch", seen: 3, tags: ["orange"] }),
 *   mine: { name: "Monarch", seen: 4, tags: ["orange", "rare"] },
 *   theirs: { name: "Danaus plexippus", seen: 5, tags: [] }
 * })
 * console.log(Either.getOrNull(merged)) // { name: "Danaus plexippus", seen: 6, tags: ["rare"] }
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  <A, I, R>(
    schema: Schema.Schema<A, I, R>,
    overrides?: { readonly [K in keyof A]?: Strategy<NoInfer<A>[K]> }
  ): Merge<A>
  <A, I, R>(
    collection: Described<A, I, R>,
    overrides?: { readonly [F in keyof A]?: Strategy<NoInfer<A>[F]> }
  ): Merge<A>
} = internal.make

/**
 * Makes a merge from one strategy, for values without a schema.
 *
 * @example
 * import { Option } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const sum = Merge.fromStrategy<number>(Merge.counter)({ base: Option.some(1), mine: 2, theirs: 3 }) // 4
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStrategy: <A>(strategy: Strategy<A>) => Merge<A> = internal.fromStrategy

/**
 * Makes a merge of objects from the merges of their fields. Other keys are omitted.
 *
 * @example
 * import { Merge } from "effect-couchdb"
 *
 * const point = Merge.struct<{ readonly x: number; readonly y: number }>({
 *   x: Merge.fromStrategy<number>(Merge.counter),
 *   y: Merge.fromStrategy<number>(Merge.max)
 * })
 *
 * @since 0.1.0
 * @category combinators
 */
export const struct: <A extends object>(
  fields: { readonly [K in keyof A]-?: Merge<Exclude<A[K], undefined>> }
) => Merge<
  A
> = internal.struct

/**
 * Makes a merge of objects with any keys from the merge of their values.
 *
 * @example
 * import { Merge } from "effect-couchdb"
 *
 * const counts = Merge.record(Merge.fromStrategy<number>(Merge.counter))
 *
 * @since 0.1.0
 * @category combinators
 */
export const record: <A>(value: Merge<A>) => Merge<Readonly<Record<string, A>>> = internal.record

/**
 * Makes a merge of arrays of a fixed length, element by element.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tuple: <A extends ReadonlyArray<unknown>>(...elements: { readonly [K in keyof A]: Merge<A[K]> }) => Merge<
  A
> = internal.tuple

/**
 * Makes a merge of a union: if both sides belong to the same member, its merge applies, otherwise three-way equality.
 *
 * @since 0.1.0
 * @category combinators
 */
export const oneOf: <A>(
  ...members: ReadonlyArray<{ readonly is: (value: A) => boolean; readonly merge: Merge<A> }>
) => Merge<A> = internal.oneOf

/**
 * Makes a merge check its values against a schema: a value that the schema cannot encode, or cannot decode again, is an
 * overlap. A merge from {@link make} checks the filters of its schema itself; this is for merges that are made by hand.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Stay = Schema.Struct({ from: Schema.Number, to: Schema.Number }).pipe(
 *   Schema.filter(({ from, to }) => from <= to)
 * )
 * const stays = Merge.struct<typeof Stay.Type>({
 *   from: Merge.fromStrategy<number>(Merge.min),
 *   to: Merge.fromStrategy<number>(Merge.equal)
 * }).pipe(Merge.validated(Stay))
 *
 * @since 0.1.0
 * @category combinators
 */
export const validated: <A, I>(schema: Schema.Schema<A, I>) => (self: Merge<A>) => Merge<A> = internal.validated

/**
 * Attaches a strategy to a schema. Annotate the field's own schema, before `optional`, `propertySignature` or
 * `fromKey`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Count = Schema.Int.pipe(Merge.annotate(Merge.counter))
 *
 * @since 0.1.0
 * @category annotations
 */
export const annotate: <A>(
  strategy: Strategy<A>
) => <S extends Schema.Annotable.All & { readonly Type: A }>(self: S) => S = strategies.annotate

/**
 * Three-way equality, the default: the side that changed the value wins, and two different changes are an overlap.
 *
 * @since 0.1.0
 * @category strategies
 */
export const equal: Strategy<unknown> = strategies.equal

/**
 * Always picks this side. It is not symmetric, so two resolvers may disagree.
 *
 * @since 0.1.0
 * @category strategies
 */
export const mine: Strategy<unknown> = strategies.mine

/**
 * Always picks the other side. It is not symmetric, so two resolvers may disagree.
 *
 * @since 0.1.0
 * @category strategies
 */
export const theirs: Strategy<unknown> = strategies.theirs

/**
 * Picks the side with the greater time, version or other value of `by`. Ties resolve to the same value on every
 * replica. Needs no base.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Note = Schema.Struct({ at: Schema.Number, text: Schema.String })
 * const Latest = Note.pipe(Merge.annotate(Merge.lastWriteWins((note: typeof Note.Type) => note.at)))
 *
 * @since 0.1.0
 * @category strategies
 */
export const lastWriteWins: <A>(by: (value: A) => Comparable) => Strategy<A> = strategies.lastWriteWins

/**
 * Picks the greater value. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const max: Strategy<Comparable> = strategies.max

/**
 * Picks the smaller value. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const min: Strategy<Comparable> = strategies.min

/**
 * Picks the greater value by a custom order. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const greatest: <A>(order: Order.Order<A>) => Strategy<A> = strategies.greatest

/**
 * Adds the changes of both sides to the base. A key that the base does not have counts from 0. Two different counts
 * without a base overlap, and so does a sum of integers beyond the safe integers. Exact for integers.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Seen = Schema.Int.pipe(Merge.annotate(Merge.counter))
 *
 * @since 0.1.0
 * @category strategies
 */
export const counter: Strategy<number | bigint> = strategies.counter

/**
 * Merges a set, as an array or a `Set`, by its additions and removals against the base. Without a base it is the union.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Tags = Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
 *
 * @since 0.1.0
 * @category strategies
 */
export const set: Strategy<ReadonlyArray<unknown> | ReadonlySet<unknown>> = strategies.set

/**
 * Merges a set that only grows: the union of both sides, in canonical order. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const union: Strategy<ReadonlyArray<unknown> | ReadonlySet<unknown>> = strategies.union

/**
 * Merges a list whose elements have keys: its members as a set, each element by its schema, and the order as a separate
 * value.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Line = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const Lines = Schema.Array(Line).pipe(Merge.annotate(Merge.list((line: typeof Line.Type) => line.id)))
 *
 * @since 0.1.0
 * @category strategies
 */
export const list: <A>(key: (element: A) => string | number) => Strategy<ReadonlyArray<A>> = strategies.list

/**
 * Merges text with diff3 over words, lines or characters. Edits of different parts are both kept, edits of the same
 * part overlap. A word or line overlaps as well if one side moved it and the other side moved it elsewhere or removed
 * it: no word is duplicated, lost or restored. By character, words are made of parts, so only complete words of the
 * base are checked.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Article = Schema.String.pipe(Merge.annotate(Merge.text("line")))
 *
 * @since 0.1.0
 * @category strategies
 */
export const text: (grain?: "line" | "word" | "character") => Strategy<string> = strategies.text

/**
 * Treats any change as an overlap.
 *
 * @since 0.1.0
 * @category strategies
 */
export const immutable: Strategy<unknown> = strategies.immutable

/**
 * Computes the value from its merged siblings in a struct, instead of merging it.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Name = Schema.Struct({
 *   first: Schema.String,
 *   last: Schema.String,
 *   full: Schema.String.pipe(Merge.annotate(Merge.computed(({ first, last }) => `${first} ${last}`)))
 * })
 *
 * @since 0.1.0
 * @category strategies
 */
export const computed: <A>(compute: (siblings: Readonly<Record<PropertyKey, unknown>>) => A) => Strategy<A> =
  strategies.computed

/**
 * Joins two states, such as those of a CRDT. The function must be commutative, associative and idempotent, which
 * {@link laws} checks. Needs no base.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Flags = Schema.Int.pipe(Merge.annotate(Merge.join((a: number, b: number) => a | b)))
 *
 * @since 0.1.0
 * @category strategies
 */
export const join: <A>(f: (self: A, that: A) => A) => Strategy<A> = strategies.join

/**
 * Makes a custom strategy: it returns a value, or the reason of an overlap.
 *
 * @example
 * import { Either, Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Shorter = Schema.String.pipe(Merge.annotate(Merge.custom<string>(({ mine, theirs }) =>
 *   mine.length === theirs.length ? Either.left("equally long") : Either.right(mine.length < theirs.length ? mine : theirs)
 * )))
 *
 * @since 0.1.0
 * @category strategies
 */
export const custom: <A>(f: (versions: Versions<A>) => Either.Either<A, string>) => Strategy<A> = strategies.custom

/**
 * A number that counts, merged by {@link counter}.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Counter = Schema.Number.pipe(annotate(counter))

/**
 * A text that two people may edit, merged word by word.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Text = Schema.String.pipe(annotate(text()))

/**
 * A counter that needs no base: it stores the additions and subtractions of each actor.
 *
 * @example
 * import { Merge } from "effect-couchdb"
 *
 * const { add, value, zero } = Merge.PNCounter
 * console.log(value(add(add(zero, "ada", 3), "ben", -1))) // 2
 *
 * @since 0.1.0
 * @category crdt
 */
export const PNCounter = crdt.PNCounter

/**
 * A set that needs no base, and in which a removed element can be added again: each addition has its own tag.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Tags = Merge.ORSet(Schema.String)
 * const tags = Tags.add(Tags.empty, "0f5c", "orange")
 *
 * @since 0.1.0
 * @category crdt
 */
export const ORSet = crdt.ORSet

/**
 * A value with the time and the author of its last write. Needs no base.
 *
 * @example
 * import { Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Name = Merge.LWWRegister(Schema.String)
 * const name: typeof Name.Type = { value: "Monarch", at: 1_764_000_000_000, by: "ada" }
 *
 * @since 0.1.0
 * @category crdt
 */
export const LWWRegister = crdt.LWWRegister

/**
 * The name of a law.
 *
 * @since 0.1.0
 * @category laws
 */
export type LawName = "totality" | "baseNeutrality" | "idempotence" | "commutativity" | "associativity"

/**
 * A law, and its check, which throws with the counterexample.
 *
 * @since 0.1.0
 * @category laws
 */
export interface Law {
  readonly name: LawName
  readonly says: string
  readonly check: (parameters?: FastCheck.Parameters<[unknown, unknown, unknown, unknown]>) => void
}

/**
 * Makes the laws of a merge over arbitrary values, for a test suite. Replicas that use a merge with all the laws
 * converge; `mine`, `theirs` and floating-point counters do not satisfy all of them.
 *
 * @example
 * import { Arbitrary, Schema } from "effect"
 * import { Merge } from "effect-couchdb"
 *
 * const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Int.pipe(Merge.annotate(Merge.counter)) })
 *
 * for (const law of Merge.laws(Merge.make(Butterfly), Arbitrary.make(Butterfly))) law.check()
 *
 * @since 0.1.0
 * @category laws
 */
export const laws: <A>(merge: Merge<A>, arbitrary: FastCheck.Arbitrary<A>) => ReadonlyArray<Law> = internal.laws
