import * as Option from "effect/Option"
import type { Clash } from "./Merge.js"

/**
 * The known part of the base at one place: nothing, that there was no value, or the value. A field that is absent from
 * the base was added on both sides. A field of an unknown base may have been removed on either side.
 */
export type Base =
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Value"; readonly value: unknown }

export const unknown: Base = { _tag: "Unknown" }
export const absent: Base = { _tag: "Absent" }
export const value = (value: unknown): Base => ({ _tag: "Value", value })

export const fromOption = (base: Option.Option<unknown>): Base => Option.isSome(base) ? value(base.value) : unknown

/** The base of a part. `get` finds the part in the whole. */
export const part = (base: Base, get: (whole: unknown) => Option.Option<unknown>): Base => {
  if (base._tag !== "Value") return base
  const found = get(base.value)
  return Option.isSome(found) ? value(found.value) : absent
}

export interface Sides {
  readonly base: Base
  readonly mine: unknown
  readonly theirs: unknown
}

/** A path, as text. */
export type Place = string

/** The state of one run of a merge. */
export interface Run {
  readonly path: Array<PropertyKey>
  readonly clashes: Array<Clash>
  /** Paths at which a base would have been used, if there had been one. */
  readonly withoutBase: Array<ReadonlyArray<PropertyKey>>
  /** Places at which the base is unknown, although there is one. */
  readonly holes: ReadonlySet<Place>
  /** The place of each clash. It is more precise than its path: the order of a list has its own place. */
  readonly places: Array<Place>
}

export const makeRun = (holes: ReadonlySet<Place> = new Set()): Run => ({
  path: [],
  clashes: [],
  withoutBase: [],
  holes,
  places: []
})

/** The last segment of the place of a list's order, which is separate from the places of its members. */
export const order = Symbol.for("effect-couchdb/Merge/order")

export const placeOf = (path: ReadonlyArray<PropertyKey>): Place => JSON.stringify(path.map(String))

/** The base at the current place of the run. */
export const baseAt = (base: Base, run: Run, ...deeper: ReadonlyArray<PropertyKey>): Base =>
  run.holes.size > 0 && run.holes.has(placeOf([...run.path, ...deeper])) ? unknown : base

/** Whether a place equals another one or is inside it. */
export const isPartOf = (place: Place, whole: Place): boolean =>
  place === whole || whole === "[]" || place.startsWith(`${whole.slice(0, -1)},`)

/** The base at the current place of the run, for a merge of the whole value: unknown if any part of it is unknown. */
export const wholeBaseAt = (base: Base, run: Run): Base => {
  if (run.holes.size === 0) return base
  const here = placeOf(run.path)
  return Array.from(run.holes).some((hole) => isPartOf(hole, here)) ? unknown : base
}

/** Merges the values at one place, and compares them. */
export interface Node {
  readonly merge: (sides: Sides, run: Run) => unknown
  readonly equals: (self: unknown, that: unknown) => boolean
  /** Computes the value from its merged siblings, instead of merging it. */
  readonly computed?: ((siblings: Readonly<Record<PropertyKey, unknown>>) => unknown) | undefined
}

export const clash = (
  run: Run,
  why: string,
  base: Base,
  mine: Option.Option<unknown>,
  theirs: Option.Option<unknown>,
  ...deeper: ReadonlyArray<PropertyKey>
): void => {
  run.places.push(placeOf([...run.path, ...deeper]))
  run.clashes.push({
    path: [...run.path],
    why,
    base: base._tag === "Value" ? Option.some(base.value) : Option.none(),
    mine,
    theirs
  })
}

/** Records a clash of two values. The returned value is then irrelevant. */
export const overlap = (sides: Sides, run: Run, why: string): unknown => {
  clash(run, why, sides.base, Option.some(sides.mine), Option.some(sides.theirs))
  return sides.mine
}

export const within = <A>(run: Run, key: PropertyKey, f: () => A): A => {
  run.path.push(key)
  const result = f()
  run.path.pop()
  return result
}

/**
 * The value of the other side, if one side changed nothing. `None` if both sides changed differently, or if the base is
 * unknown.
 */
export const oneSided = (node: Pick<Node, "equals">, { base, mine, theirs }: Sides): Option.Option<unknown> => {
  if (base._tag === "Value") {
    if (node.equals(base.value, mine)) return Option.some(theirs)
    if (node.equals(base.value, theirs)) return Option.some(mine)
  }
  return node.equals(mine, theirs) ? Option.some(mine) : Option.none()
}

/** Merges a member that either side may lack. Removal wins over an unchanged member, and clashes with a changed one. */
export const mergeSlot = (
  node: Node,
  whole: Base,
  mine: Option.Option<unknown>,
  theirs: Option.Option<unknown>,
  run: Run
): Option.Option<unknown> => {
  if (Option.isSome(mine) && Option.isSome(theirs)) {
    return Option.some(node.merge({ base: baseAt(whole, run), mine: mine.value, theirs: theirs.value }, run))
  }
  const base = wholeBaseAt(whole, run)
  const present = Option.isSome(mine) ? mine : theirs
  if (Option.isNone(present)) return Option.none()
  if (base._tag === "Absent") return present
  if (base._tag === "Value" && node.equals(base.value, present.value)) return Option.none()
  clash(
    run,
    base._tag === "Value"
      ? "removed on one side, changed on the other"
      : "on one side only, and it is not known whether it was added there or removed on the other",
    base,
    mine,
    theirs
  )
  return present
}
