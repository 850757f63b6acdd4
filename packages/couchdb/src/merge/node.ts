import * as Option from "effect/Option"
import type { Clash } from "./Merge.js"

/**
 * What is known of the base at one place: nothing, that there was no value, or the value. A field that the base is known
 * not to have was added on both sides; one of an unknown base may have been removed on either.
 */
export type Base =
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Value"; readonly value: unknown }

export const unknown: Base = { _tag: "Unknown" }
export const absent: Base = { _tag: "Absent" }
export const value = (value: unknown): Base => ({ _tag: "Value", value })

export const fromOption = (base: Option.Option<unknown>): Base => Option.isSome(base) ? value(base.value) : unknown

/** The base of a part, given how the part is found in the whole. */
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

/** A place, as text. */
export type Place = string

/** What one run of a merge finds on its way. */
export interface Run {
  readonly path: Array<PropertyKey>
  readonly clashes: Array<Clash>
  /** Places at which a base would have been used, had there been one. */
  readonly withoutBase: Array<ReadonlyArray<PropertyKey>>
  /** Places at which the base is not known, though there is one. */
  readonly holes: ReadonlySet<Place>
  /** Where each clash was, finer than its path: the order of a list is a place of its own. */
  readonly places: Array<Place>
}

export const makeRun = (holes: ReadonlySet<Place> = new Set()): Run => ({
  path: [],
  clashes: [],
  withoutBase: [],
  holes,
  places: []
})

/** The order of the list at the path, as apart from its members. */
export const order = Symbol.for("effect-couchdb/Merge/order")

export const placeOf = (path: ReadonlyArray<PropertyKey>): Place => JSON.stringify(path.map(String))

/** The base at the place where the run is. */
export const baseAt = (base: Base, run: Run, ...deeper: ReadonlyArray<PropertyKey>): Base =>
  run.holes.size > 0 && run.holes.has(placeOf([...run.path, ...deeper])) ? unknown : base

/** Whether a place is the other one, or a part of it. */
export const isPartOf = (place: Place, whole: Place): boolean =>
  place === whole || whole === "[]" || place.startsWith(`${whole.slice(0, -1)},`)

/** The base at the place where the run is, for who takes it as a whole: it is not known where a part of it is not. */
export const wholeBaseAt = (base: Base, run: Run): Base => {
  if (run.holes.size === 0) return base
  const here = placeOf(run.path)
  return Array.from(run.holes).some((hole) => isPartOf(hole, here)) ? unknown : base
}

/** How the values at one place merge, and when two of them say the same. */
export interface Node {
  readonly merge: (sides: Sides, run: Run) => unknown
  readonly equals: (self: unknown, that: unknown) => boolean
  /** A value that is not merged but worked out from its siblings, once these are. */
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

/** Notes a clash of two values; what is given back does not matter then. */
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
 * A side that changed nothing gives way to the other one. `None` where both changed, and differently, or where nobody
 * knows.
 */
export const oneSided = (node: Pick<Node, "equals">, { base, mine, theirs }: Sides): Option.Option<unknown> => {
  if (base._tag === "Value") {
    if (node.equals(base.value, mine)) return Option.some(theirs)
    if (node.equals(base.value, theirs)) return Option.some(mine)
  }
  return node.equals(mine, theirs) ? Option.some(mine) : Option.none()
}

/** A member that either side may have or not. Removed wins over unchanged; removed against changed is a clash. */
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
