import * as Option from "effect/Option"
import { structural } from "../data/equivalence.js"
import {
  baseAt,
  isPartOf,
  mergeSlot,
  type Node,
  overlap,
  part,
  placeOf,
  type Run,
  type Sides,
  wholeBaseAt,
  within
} from "./node.js"

type Members = Readonly<Record<PropertyKey, unknown>>

const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null

const member = (key: PropertyKey) => (whole: unknown): Option.Option<unknown> =>
  isMembers(whole) && Object.hasOwn(whole, key) && whole[key] !== undefined ? Option.some(whole[key]) : Option.none()

/**
 * Merges an object member by member: `fields` by their name, and every other key by `rest`, if it is given. Computed
 * members come last.
 */
export const struct = (
  fields: ReadonlyMap<PropertyKey, Node>,
  rest: ((key: PropertyKey) => Node | undefined) | undefined,
  equals: Node["equals"]
): Node => ({
  equals,
  merge: (sides, run) => {
    if (!isMembers(sides.mine) || !isMembers(sides.theirs)) return overlap(sides, run, "not two objects")
    const merged: Record<PropertyKey, unknown> = {}
    const deferred: Array<readonly [PropertyKey, NonNullable<Node["computed"]>]> = []
    for (const key of keysOf(sides, fields, rest !== undefined)) {
      const node = fields.get(key) ?? rest?.(key)
      if (node === undefined) continue
      if (node.computed !== undefined) {
        deferred.push([key, node.computed])
        continue
      }
      const result = mergeMember(node, sides, key, run)
      if (Option.isSome(result)) define(merged, key, result.value)
    }
    for (const [key, compute] of deferred) define(merged, key, compute(merged))
    return merged
  }
})

/** Defines a member. The key may be `__proto__`, which an assignment would not define. */
const define = (target: object, key: PropertyKey, value: unknown): void => {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

const mergeMember = (node: Node, { base, mine, theirs }: Sides, key: PropertyKey, run: Run) => {
  const read = member(key)
  const left = read(mine)
  const right = read(theirs)
  run.path.push(key)
  const result = mergeSlot(node, part(base, read), left, right, run)
  run.path.pop()
  return result
}

/** The fields in order, then other keys sorted, so that all replicas write them in the same order. */
const keysOf = (
  { base, mine, theirs }: Sides,
  fields: ReadonlyMap<PropertyKey, Node>,
  others: boolean
): ReadonlyArray<PropertyKey> => {
  if (!others) return Array.from(fields.keys())
  const sides = [mine, theirs, ...(base._tag === "Value" ? [base.value] : [])]
  const more = new Set(sides.flatMap((side) => isMembers(side) ? Object.keys(side) : []))
  for (const key of fields.keys()) more.delete(String(key))
  return [...fields.keys(), ...Array.from(more).sort()]
}

/** Merges a fixed number of elements, each with its own merge. Arrays of other lengths are merged as a whole. */
export const tuple = (elements: ReadonlyArray<Node>, whole: Node): Node => ({
  equals: whole.equals,
  merge: (sides, run) => {
    const { base, mine, theirs } = sides
    const fits = (side: unknown): side is ReadonlyArray<unknown> =>
      Array.isArray(side) && side.length === elements.length
    if (!fits(mine) || !fits(theirs)) return whole.merge({ ...sides, base: wholeBaseAt(base, run) }, run)
    return elements.map((node, i) =>
      within(run, i, () =>
        node.merge({
          base: baseAt(part(base, (side) => fits(side) ? Option.some(side[i]) : Option.none()), run),
          mine: mine[i],
          theirs: theirs[i]
        }, run))
    )
  }
})

/** Merges a union: both sides with the merge of their common member, other pairs as a whole. */
export const union = (
  members: ReadonlyArray<{ readonly is: (value: unknown) => boolean; readonly node: Node }>,
  whole: Node
): Node => ({
  equals: whole.equals,
  merge: (sides, run) => {
    const member = members.find(({ is }) => is(sides.mine) && is(sides.theirs))
    if (member === undefined) return whole.merge({ ...sides, base: wholeBaseAt(sides.base, run) }, run)
    // A base of another member has none of the parts, so both sides added them.
    const base = sides.base._tag === "Value" && !member.is(sides.base.value) ? { _tag: "Absent" as const } : sides.base
    return member.node.merge({ ...sides, base }, run)
  }
})

/**
 * Compares objects member by member with the equality of each member's merge. Other members count if there is a `rest`.
 */
export const memberwise = (
  fields: ReadonlyMap<PropertyKey, Node>,
  rest?: (key: PropertyKey) => Node | undefined
): Node["equals"] =>
(self, that) => {
  const others = rest === undefined ? [] : [self, that].flatMap((side) => isMembers(side) ? Object.keys(side) : [])
  return Array.from(new Set([...fields.keys(), ...others])).every((key) => {
    const left = member(key)(self)
    const right = member(key)(that)
    const equals = (fields.get(key) ?? rest?.(key))?.equals ?? structural
    return Option.isSome(left) && Option.isSome(right)
      ? equals(left.value, right.value)
      : Option.isNone(left) && Option.isNone(right)
  })
}

/** The holes outside the members that are merged already: these have equal values on both sides and in the base. */
const holesOutside = ({ holes, path }: Run, merged: ReadonlyArray<PropertyKey>): Run["holes"] => {
  if (holes.size === 0) return holes
  const places = merged.map((key) => placeOf([...path, key]))
  return new Set(Array.from(holes).filter((hole) => !places.some((place) => isPartOf(hole, place))))
}

/** Merges objects with other merges for some fields. The original merge has no effect on these fields. */
export const overlaid = (node: Node, fields: ReadonlyMap<PropertyKey, Node>): Node => ({
  equals: node.equals,
  merge: (sides, run) => {
    const { base, mine, theirs } = sides
    if (!isMembers(mine) || !isMembers(theirs)) return node.merge(sides, run)
    const mergedFields = new Map<PropertyKey, Option.Option<unknown>>()
    for (const [key, field] of fields) {
      if (field.computed === undefined) mergedFields.set(key, mergeMember(field, sides, key, run))
    }
    // Both sides and the base get the same value for a merged field, so the original merge finds no difference there.
    const withMergedFields = (side: unknown): unknown => {
      if (!isMembers(side)) return side
      const copy = Object.assign(Object.create(Object.getPrototypeOf(side)), side)
      for (const [key, result] of mergedFields) {
        if (Option.isSome(result)) define(copy, key, result.value)
        else delete copy[key]
      }
      for (const [key, { computed }] of fields) if (computed !== undefined) define(copy, key, mine[key])
      return copy
    }
    const rest = node.merge({
      base: base._tag === "Value" ? { _tag: "Value", value: withMergedFields(base.value) } : base,
      mine: withMergedFields(mine),
      theirs: withMergedFields(theirs)
    }, { ...run, holes: holesOutside(run, Array.from(fields.keys())) })
    if (isMembers(rest)) {
      for (const [key, { computed }] of fields) if (computed !== undefined) define(rest, key, computed(rest))
    }
    return rest
  }
})
