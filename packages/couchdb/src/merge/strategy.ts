import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Order from "effect/Order"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { structural } from "../data/equivalence.js"
import { list as listNode } from "./list.js"
import type * as Types from "./Merge.js"
import type { Node } from "./node.js"
import * as leaves from "./scalars.js"
import * as sets from "./sets.js"
import { type Grain, text as textNode } from "./text.js"

export const StrategyTypeId: Types.StrategyTypeId = Symbol.for(
  "effect-couchdb/Merge/Strategy"
) as Types.StrategyTypeId

/** The place at which a strategy is used. */
export interface Place {
  readonly equals: Node["equals"]
  /** The merge of the elements of a list. */
  readonly element: () => Node
}

interface Internal {
  readonly bind: (place: Place) => Node
}

const strategy = <A>(bind: (place: Place) => Node): Types.Strategy<A> => {
  const internal: Internal = { bind }
  return Object.assign({ [StrategyTypeId]: { _A: (_: never) => undefined } }, internal) as unknown as Types.Strategy<A>
}

export const bind = (self: Types.Strategy<never>, place: Place): Node => (self as unknown as Internal).bind(place)

const annotation = Symbol.for("effect-couchdb/Merge/annotation")

export const annotate =
  <A>(self: Types.Strategy<A>) => <S extends Schema.Annotable.All & { readonly Type: A }>(schema: S): S =>
    schema.annotations({ [annotation]: self }) as S

export const annotated = AST.getAnnotation<Types.Strategy<never>>(annotation)

export const equal: Types.Strategy<unknown> = strategy(({ equals }) => leaves.equal(equals))
export const mine: Types.Strategy<unknown> = strategy(({ equals }) => leaves.side("mine", equals))
export const theirs: Types.Strategy<unknown> = strategy(({ equals }) => leaves.side("theirs", equals))
export const immutable: Types.Strategy<unknown> = strategy(({ equals }) => leaves.immutable(equals))
export const counter: Types.Strategy<number | bigint> = strategy(() => leaves.counter)
export const set: Types.Strategy<ReadonlyArray<unknown> | ReadonlySet<unknown>> = strategy(() => sets.set)
export const union: Types.Strategy<ReadonlyArray<unknown> | ReadonlySet<unknown>> = strategy(() => sets.union)

const natural = (self: Types.Comparable, that: Types.Comparable): -1 | 0 | 1 => self < that ? -1 : self > that ? 1 : 0

const byOrder = <A>(order: Order.Order<A>): Types.Strategy<A> =>
  strategy(({ equals }) => leaves.greater(order as Order.Order<unknown>, equals))

export const max: Types.Strategy<Types.Comparable> = byOrder(natural)
export const min: Types.Strategy<Types.Comparable> = byOrder((self, that) => natural(that, self))
export const greatest = byOrder

export const lastWriteWins = <A>(by: (value: A) => Types.Comparable): Types.Strategy<A> =>
  byOrder((self, that) => natural(by(self), by(that)))

export const text = (grain: Grain = "word"): Types.Strategy<string> => strategy(() => textNode(grain))

export const list = <A>(key: (element: A) => string | number): Types.Strategy<ReadonlyArray<A>> =>
  strategy(({ element, equals }) => listNode(key as (element: unknown) => string | number, element(), equals))

export const join = <A>(f: (self: A, that: A) => A): Types.Strategy<A> =>
  strategy(({ equals }) => leaves.join(f as (self: unknown, that: unknown) => unknown, equals))

export const computed = <A>(
  compute: (siblings: Readonly<Record<PropertyKey, unknown>>) => A
): Types.Strategy<A> => strategy(() => leaves.computed(compute))

export const custom = <A>(
  f: (versions: {
    readonly base: Option.Option<A>
    readonly mine: A
    readonly theirs: A
  }) => Either.Either<A, string>
): Types.Strategy<A> =>
  strategy(({ equals }) => leaves.custom(f as unknown as Parameters<typeof leaves.custom>[0], equals))

/** The place of a value without a schema. */
export const nowhere: Place = { equals: structural, element: () => leaves.equal(structural) }
