/**
 * Pure three-way merges: what becomes of two edits of one document.
 *
 * `Merge.make(schema)` derives a merge from a schema, as `Equivalence` and `Arbitrary` are derived; annotations say where
 * three-way equality is not what is meant. Nothing is guessed: two different edits of one place are an `Overlap`, which
 * is data.
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
 * Something that a schema describes, such as a `Collection`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Described<A, I = A, R = never> {
  readonly schema: Schema.Schema<A, I, R>
}

/**
 * What a merge is given: both sides, and what they both come from, where that is known.
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
 * One place at which the sides cannot both be had. A side that is `None` does not have the place at all; a base that is
 * `None` does not either, or is not known.
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
 * Why two versions do not merge: every place at which they clash.
 *
 * @since 0.1.0
 * @category model
 */
export interface Overlap {
  readonly _tag: "Overlap"
  readonly clashes: readonly [Clash, ...ReadonlyArray<Clash>]
}

/**
 * A merged value, and the places at which it had to do without a base: what it says there is symmetric, but an edit may
 * count once where it was made twice, or come back where it was removed.
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
 * - `detailed` also tells where there was no base
 * - `equivalence`: when two values say the same to it
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
 * How the values at one place merge; put there with {@link annotate}.
 *
 * @since 0.1.0
 * @category model
 */
export interface Strategy<in A> {
  readonly [StrategyTypeId]: { readonly _A: (_: A) => void }
}

/**
 * What has an order of its own.
 *
 * @since 0.1.0
 * @category model
 */
export type Comparable = number | bigint | string | Date

/**
 * Derives a merge from a schema, or from the schema of a collection. Without annotations every leaf goes by {@link equal}:
 * structs, records, tuples, classes, optional keys and unions merge member by member, arrays as a whole.
 *
 * A key that one side removed stays removed if the other side left it alone, and clashes if it changed it. A merged value
 * that a filter refuses is an overlap. `overrides` names strategies of fields that cannot be annotated.
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
 * A merge by one strategy, for values that have no schema.
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
 * A merge of objects from the merges of their fields. Other keys are left out.
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
 * A merge of objects with any keys, from the merge of their values.
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
 * A merge of arrays of a fixed length, element by element.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tuple: <A extends ReadonlyArray<unknown>>(...elements: { readonly [K in keyof A]: Merge<A[K]> }) => Merge<
  A
> = internal.tuple

/**
 * A merge of values of several kinds: both sides of one kind merge as that kind says, others by three-way equality.
 *
 * @since 0.1.0
 * @category combinators
 */
export const oneOf: <A>(
  ...members: ReadonlyArray<{ readonly is: (value: A) => boolean; readonly merge: Merge<A> }>
) => Merge<A> = internal.oneOf

/**
 * A merge whose values are what a schema takes: what it would not write, or would not read again, is an overlap. A merge
 * that `make` derived checks the filters of its schema by itself; this is for one that was put together by hand.
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
 * Puts a strategy on a schema. Annotate the field's own schema, before `optional`, `propertySignature` or `fromKey`.
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
 * Three-way equality, the default: whoever changed it wins, and two different changes are an overlap.
 *
 * @since 0.1.0
 * @category strategies
 */
export const equal: Strategy<unknown> = strategies.equal

/**
 * Mine, whatever the other side did. Not symmetric, so two resolvers may disagree.
 *
 * @since 0.1.0
 * @category strategies
 */
export const mine: Strategy<unknown> = strategies.mine

/**
 * Theirs, whatever this side did. Not symmetric, so two resolvers may disagree.
 *
 * @since 0.1.0
 * @category strategies
 */
export const theirs: Strategy<unknown> = strategies.theirs

/**
 * The side with the later time, version or whatever `by` gives; of equal ones the same on every replica. Needs no base.
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
 * The greater one. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const max: Strategy<Comparable> = strategies.max

/**
 * The smaller one. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const min: Strategy<Comparable> = strategies.min

/**
 * The greater one by an order of one's own. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const greatest: <A>(order: Order.Order<A>) => Strategy<A> = strategies.greatest

/**
 * The base and what each side added to it. A key that the base does not have counts from 0; without a base two different
 * counts overlap, and a sum of integers beyond the safe ones does. Exact for integers.
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
 * A set, as an array or a `Set`: adds and removes against the base. Without one, what either side has.
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
 * A set that only grows: what either side has, in canonical order. Needs no base.
 *
 * @since 0.1.0
 * @category strategies
 */
export const union: Strategy<ReadonlyArray<unknown> | ReadonlySet<unknown>> = strategies.union

/**
 * A list whose elements have a key: members merge as a set, each element as its schema says, and the order as a value of
 * its own.
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
 * diff3 over words, lines or characters: edits of different places are both kept, edits of one place overlap. So does a
 * word, or a line, that one side moved and the other moved elsewhere or removed: no word is doubled, lost or brought back.
 * By character words are made of parts, and only whole words that were there before are looked after.
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
 * Nobody may change it: any change is an overlap.
 *
 * @since 0.1.0
 * @category strategies
 */
export const immutable: Strategy<unknown> = strategies.immutable

/**
 * Not merged but worked out from its merged siblings, in a struct.
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
 * The join of two states, such as those of a CRDT. It must be commutative, associative and idempotent, which {@link laws}
 * checks; then it needs no base.
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
 * A strategy of one's own: a value, or why there is none.
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
 * A number that counts.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Counter = Schema.Number.pipe(annotate(counter))

/**
 * A text that two people may edit, word by word.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Text = Schema.String.pipe(annotate(text()))

/**
 * A counter that needs no base: what each actor added and took away.
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
 * A set that needs no base, in which an element that was removed can be added again: each add has a tag of its own.
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
 * A value with the time and the writer of its last write. Needs no base.
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
 * The laws of a merge over values of one's own, for a test suite. A merge that keeps them converges among replicas;
 * `mine`, `theirs` and floating-point counters do not keep them all.
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
