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
 * An object, member by member: `fields` are known by name, every other key goes by `rest`, where there is one. What is
 * computed comes last.
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
    const late: Array<readonly [PropertyKey, NonNullable<Node["computed"]>]> = []
    for (const key of keysOf(sides, fields, rest !== undefined)) {
      const node = fields.get(key) ?? rest?.(key)
      if (node === undefined) continue
      if (node.computed !== undefined) {
        late.push([key, node.computed])
        continue
      }
      const result = mergeMember(node, sides, key, run)
      if (Option.isSome(result)) define(merged, key, result.value)
    }
    for (const [key, compute] of late) define(merged, key, compute(merged))
    return merged
  }
})

/** A key may be `__proto__`, which assignment would not take as a key. */
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

/** The fields in their order, then other keys sorted, so that both replicas write them in one order. */
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

/** A fixed number of elements, each with its own merge; `rest` for those behind. Other lengths merge as a whole. */
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

/** One of several kinds: both sides of one kind merge as that kind says, others as a whole. */
export const union = (
  members: ReadonlyArray<{ readonly is: (value: unknown) => boolean; readonly node: Node }>,
  whole: Node
): Node => ({
  equals: whole.equals,
  merge: (sides, run) => {
    const member = members.find(({ is }) => is(sides.mine) && is(sides.theirs))
    if (member === undefined) return whole.merge({ ...sides, base: wholeBaseAt(sides.base, run) }, run)
    // A base of another kind tells nothing of the parts: both sides became what they are now.
    const base = sides.base._tag === "Value" && !member.is(sides.base.value) ? { _tag: "Absent" as const } : sides.base
    return member.node.merge({ ...sides, base }, run)
  }
})

/** Equality member by member, as each member's merge sees it; other members count where there is a rest. */
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

/** Where the base is not known, but for what is settled: there it says what both sides say. */
const holesBeside = ({ holes, path }: Run, settled: ReadonlyArray<PropertyKey>): Run["holes"] => {
  if (holes.size === 0) return holes
  const places = settled.map((key) => placeOf([...path, key]))
  return new Set(Array.from(holes).filter((hole) => !places.some((place) => isPartOf(hole, place))))
}

/** A merge of objects in which some fields go another way. What the rest says of these fields does not count. */
export const overlaid = (node: Node, fields: ReadonlyMap<PropertyKey, Node>): Node => ({
  equals: node.equals,
  merge: (sides, run) => {
    const { base, mine, theirs } = sides
    if (!isMembers(mine) || !isMembers(theirs)) return node.merge(sides, run)
    const settled = new Map<PropertyKey, Option.Option<unknown>>()
    for (const [key, field] of fields) {
      if (field.computed === undefined) settled.set(key, mergeMember(field, sides, key, run))
    }
    // The rest sees one value on both sides of a settled field, and so has nothing to say about it.
    const blind = (side: unknown): unknown => {
      if (!isMembers(side)) return side
      const copy = Object.assign(Object.create(Object.getPrototypeOf(side)), side)
      for (const [key, result] of settled) {
        if (Option.isSome(result)) define(copy, key, result.value)
        else delete copy[key]
      }
      for (const [key, { computed }] of fields) if (computed !== undefined) define(copy, key, mine[key])
      return copy
    }
    const rest = node.merge({
      base: base._tag === "Value" ? { _tag: "Value", value: blind(base.value) } : base,
      mine: blind(mine),
      theirs: blind(theirs)
    }, { ...run, holes: holesBeside(run, Array.from(fields.keys())) })
    if (isMembers(rest)) {
      for (const [key, { computed }] of fields) if (computed !== undefined) define(rest, key, computed(rest))
    }
    return rest
  }
})
