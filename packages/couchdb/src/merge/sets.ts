import * as Option from "effect/Option"
import { byCanonical, canonical } from "./canonical.js"
import { type Node, oneSided, overlap, type Sides } from "./node.js"

const isArray = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)
const isSet = (value: unknown): value is ReadonlySet<unknown> => value instanceof Set

/** The elements by their canonical text, in order. */
const elements = (value: unknown): Map<string, unknown> | undefined =>
  isArray(value) || isSet(value)
    ? new Map(Array.from(value, (element) => [canonical(element), element] as const))
    : undefined

const sameKind = (model: unknown, members: ReadonlyArray<unknown>): unknown => isSet(model) ? new Set(members) : members

const sameElements = (self: unknown, that: unknown): boolean => {
  const left = elements(self)
  const right = elements(that)
  return left !== undefined && right !== undefined && left.size === right.size &&
    Array.from(left.keys()).every((key) => right.has(key))
}

const joined = (mine: Map<string, unknown>, theirs: Map<string, unknown>): ReadonlyArray<unknown> =>
  Array.from(new Map([...theirs, ...mine]).values()).sort(byCanonical)

/** The union of both sides, in canonical order. Needs no base. */
export const union: Node = {
  equals: sameElements,
  merge: (sides, run) => {
    const mine = elements(sides.mine)
    const theirs = elements(sides.theirs)
    if (mine === undefined || theirs === undefined) return overlap(sides, run, "not two sets")
    return sameElements(sides.mine, sides.theirs) && canonical(sides.mine) === canonical(sides.theirs)
      ? sides.mine
      : sameKind(sides.mine, joined(mine, theirs))
  }
}

/** Applies the additions and removals of both sides to the base. Without a base it is the union. */
export const set: Node = {
  equals: sameElements,
  merge: (sides: Sides, run) => {
    const alone = oneSided({ equals: sameElements }, sides)
    if (Option.isSome(alone) && !sameElements(sides.mine, sides.theirs)) return alone.value
    const mine = elements(sides.mine)
    const theirs = elements(sides.theirs)
    if (mine === undefined || theirs === undefined) return overlap(sides, run, "not two sets")
    if (canonical(sides.mine) === canonical(sides.theirs)) return sides.mine
    if (sides.base._tag === "Unknown") {
      run.withoutBase.push([...run.path])
      return sameKind(sides.mine, joined(mine, theirs))
    }
    const base = sides.base._tag === "Value" ? elements(sides.base.value) ?? new Map() : new Map<string, unknown>()
    const kept = Array.from(base).filter(([key]) => mine.has(key) && theirs.has(key)).map(([, element]) => element)
    const added = joined(
      new Map(Array.from(mine).filter(([key]) => !base.has(key))),
      new Map(Array.from(theirs).filter(([key]) => !base.has(key)))
    )
    return sameKind(sides.mine, [...kept, ...added])
  }
}
