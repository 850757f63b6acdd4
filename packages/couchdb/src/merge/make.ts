import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { Prototype } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import { structural } from "../data/equivalence.js"
import { compile } from "./compile.js"
import type * as Types from "./Merge.js"
import { type Base, fromOption, makeRun, type Node, overlap, type Place, placeOf } from "./node.js"
import * as leaves from "./scalars.js"
import * as strategies from "./strategy.js"
import * as structs from "./structs.js"

export { laws } from "./laws.js"

export const TypeId: Types.TypeId = Symbol.for("effect-couchdb/Merge") as Types.TypeId

/** The implementation of a merge, for merges that are built from it. */
const NodeId = Symbol.for("effect-couchdb/Merge/Node")

const nodeOf = <A>(merge: Types.Merge<A>): Node => (merge as unknown as { readonly [NodeId]: Node })[NodeId]

const fromNode = <A>(node: Node): Types.Merge<A> => {
  const detailed = ({ base, mine, theirs }: Types.Versions<A>): Either.Either<Types.Merged<A>, Types.Overlap> => {
    const run = makeRun()
    const value = node.merge({ base: fromOption(base), mine, theirs }, run) as A
    const [first, ...rest] = run.clashes
    return first === undefined
      ? Either.right({ value, withoutBase: run.withoutBase })
      : Either.left({ _tag: "Overlap", clashes: [first, ...rest] })
  }
  const merge = Object.assign(
    (versions: Types.Versions<A>) => Either.map(detailed(versions), ({ value }) => value),
    {
      [TypeId]: TypeId,
      [NodeId]: node,
      detailed,
      equivalence: node.equals as Types.Merge<A>["equivalence"]
    } as const,
    Prototype
  ) as Types.Merge<A>
  return merge
}

/** A merge that continues after clashes. The values at its holes are unknown. */
export interface Partial<out A> {
  readonly value: A
  readonly clashes: ReadonlyArray<Types.Clash>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
  readonly holes: ReadonlySet<Place>
}

/** Merges with a base that may be unknown at some places. */
export const partially = <A>(
  merge: Types.Merge<A>,
  sides: { readonly base: Base; readonly mine: A; readonly theirs: A },
  holes: ReadonlySet<Place>
): Partial<A> => {
  const run = makeRun(holes)
  const value = nodeOf(merge).merge(holes.has(placeOf([])) ? { ...sides, base: fromOption(Option.none()) } : sides, run)
  return {
    value: value as A,
    clashes: run.clashes,
    withoutBase: run.withoutBase,
    holes: new Set([...run.places, ...run.withoutBase.map(placeOf)])
  }
}

type Overrides = Readonly<Record<PropertyKey, Types.Strategy<never> | undefined>>

/** The compiled merge, with other strategies for some of its fields. */
const overridden = (node: Node, overrides: Overrides): Node => {
  const fields = new Map(
    Reflect.ownKeys(overrides).flatMap((key) => {
      const strategy = overrides[key]
      return strategy === undefined ? [] : [[key, strategies.bind(strategy, strategies.nowhere)] as const]
    })
  )
  return fields.size === 0 ? node : structs.overlaid(node, fields)
}

export const make: {
  <A, I, R>(schema: Schema.Schema<A, I, R>, overrides?: object): Types.Merge<A>
  <A, I, R>(collection: Types.Described<A, I, R>, overrides?: object): Types.Merge<A>
} = <A, I, R>(
  subject: Schema.Schema<A, I, R> | Types.Described<A, I, R>,
  overrides: object = {}
): Types.Merge<A> =>
  fromNode(
    overridden(
      compile(
        "ast" in subject ? subject.ast : subject.schema.ast
      ),
      overrides as Overrides
    )
  )

export const fromStrategy = <A>(strategy: Types.Strategy<A>): Types.Merge<A> =>
  fromNode(strategies.bind(strategy as Types.Strategy<never>, strategies.nowhere))

export const struct = <A extends object>(
  fields: { readonly [K in keyof A]-?: Types.Merge<Exclude<A[K], undefined>> }
): Types.Merge<A> => {
  const known = new Map(
    Reflect.ownKeys(fields).map((key) => [key, nodeOf(fields[key as keyof A])] as const)
  )
  return fromNode(structs.struct(known, undefined, structs.memberwise(known)))
}

export const record = <A>(value: Types.Merge<A>): Types.Merge<Readonly<Record<string, A>>> =>
  fromNode(structs.struct(new Map(), () => nodeOf(value), structural))

export const tuple = <A extends ReadonlyArray<unknown>>(
  ...elements: { readonly [K in keyof A]: Types.Merge<A[K]> }
): Types.Merge<A> => fromNode(structs.tuple(elements.map(nodeOf), leaves.equal(structural)))

export const oneOf = <A>(
  ...members: ReadonlyArray<{ readonly is: (value: A) => boolean; readonly merge: Types.Merge<A> }>
): Types.Merge<A> =>
  fromNode(
    structs.union(
      members.map(({ is, merge }) => ({ is: is as (value: unknown) => boolean, node: nodeOf(merge) })),
      leaves.equal(structural)
    )
  )

/** Makes a merge check that its schema can decode the merged value that it encodes. */
export const validated = <A, I>(schema: Schema.Schema<A, I>) => (self: Types.Merge<A>): Types.Merge<A> => {
  const encode = ParseResult.encodeEither(schema)
  const decode = ParseResult.decodeUnknownEither(schema)
  const isValid = Either.liftPredicate(
    (value: A) => Either.isRight(Either.flatMap(encode(value), decode)),
    () => "the merged value is not valid"
  )
  const node = nodeOf(self)
  return fromNode({
    ...node,
    equals: node.equals,
    merge: (sides, run) => {
      const before = run.clashes.length
      const merged = node.merge(sides, run)
      if (run.clashes.length > before || merged === sides.mine || merged === sides.theirs) return merged
      return Either.getOrElse(isValid(merged as A), (why) => overlap(sides, run, why))
    }
  })
}
