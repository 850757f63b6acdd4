import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Order from "effect/Order"
import { structural } from "../data/equivalence.js"
import { canonical } from "./canonical.js"
import { type Node, oneSided, overlap, type Sides } from "./node.js"

type Equals = (self: unknown, that: unknown) => boolean

/** Three-way equality: the side that changed wins, and two different changes are a clash. */
export const equal = (equals: Equals): Node => ({
  equals,
  merge: (sides, run) =>
    Option.getOrElse(oneSided({ equals }, sides), () =>
      overlap(
        sides,
        run,
        sides.base._tag === "Value" ? "changed on both sides" : "different on both sides, and there is no base"
      ))
})

export const side = (which: "mine" | "theirs", equals: Equals): Node => ({
  equals,
  merge: (sides) => sides[which]
})

/**
 * The greater of two values by an order, or by their canonical text if the order considers them equal. Needs no base.
 */
export const greater = (order: Order.Order<unknown>, equals: Equals): Node => ({
  equals,
  merge: ({ mine, theirs }) => {
    const by = order(mine, theirs) || (canonical(mine) < canonical(theirs) ? -1 : 1)
    return by < 0 ? theirs : mine
  }
})

const isCount = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint"

/** Adds the changes of both sides to the base. */
export const counter: Node = {
  equals: structural,
  merge: (sides, run) => {
    const { base, mine, theirs } = sides
    if (!isCount(mine) || !isCount(theirs)) return overlap(sides, run, "not two numbers")
    if (base._tag === "Unknown") {
      if (mine !== theirs) {
        return overlap(sides, run, "two counts without a base, so the change of each side is unknown")
      }
      run.withoutBase.push([...run.path])
      return mine
    }
    if (typeof mine === "bigint" || typeof theirs === "bigint") {
      const from = base._tag === "Value" ? base.value : 0n
      return typeof mine === "bigint" && typeof theirs === "bigint" && typeof from === "bigint"
        ? mine + theirs - from
        : overlap(sides, run, "not three numbers of one kind")
    }
    const from = base._tag === "Value" ? base.value : 0
    if (typeof from !== "number") return overlap(sides, run, "not three numbers of one kind")
    const sum = mine + theirs - from
    const exact = [mine, theirs, from].every(Number.isInteger)
    return Number.isFinite(sum) && (!exact || Number.isSafeInteger(sum))
      ? sum
      : overlap(sides, run, "the sum is beyond the safe integers")
  }
}

/** Treats any change as an overlap. */
export const immutable = (equals: Equals): Node => ({
  equals,
  merge: (sides, run) => {
    const { base, mine, theirs } = sides
    const original = base._tag === "Value" ? base.value : mine
    return equals(original, mine) && equals(original, theirs)
      ? original
      : overlap(sides, run, "changed, although it is immutable")
  }
})

/** Joins two states. Needs no base. */
export const join = (f: (self: unknown, that: unknown) => unknown, equals: Equals): Node => ({
  equals,
  merge: ({ mine, theirs }) => f(mine, theirs)
})

export const custom = (
  f: (versions: {
    readonly base: Option.Option<unknown>
    readonly mine: unknown
    readonly theirs: unknown
  }) => Either.Either<unknown, string>,
  equals: Equals
): Node => ({
  equals,
  merge: (sides: Sides, run) => {
    const { base, mine, theirs } = sides
    return Either.getOrElse(
      f({ base: base._tag === "Value" ? Option.some(base.value) : Option.none(), mine, theirs }),
      (why) => overlap(sides, run, why)
    )
  }
})

export const computed = (compute: (siblings: Readonly<Record<PropertyKey, unknown>>) => unknown): Node => ({
  // It is computed again in any case, so it never differs.
  equals: () => true,
  merge: ({ mine }) => mine,
  computed: compute
})
