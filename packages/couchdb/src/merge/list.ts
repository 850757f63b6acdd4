import * as Option from "effect/Option"
import { canonical } from "./canonical.js"
import { baseAt, clash, mergeSlot, type Node, order, overlap, part, type Run, type Sides, within } from "./node.js"

type KeyOf = (element: unknown) => string | number

interface Keyed {
  readonly order: ReadonlyArray<string>
  readonly byKey: ReadonlyMap<string, unknown>
}

const keyed = (value: unknown, keyOf: KeyOf): Keyed | undefined => {
  if (!Array.isArray(value)) return undefined
  const byKey = new Map(value.map((element) => [canonical(keyOf(element)), element] as const))
  return byKey.size === value.length ? { order: Array.from(byKey.keys()), byKey } : undefined
}

const sameOrder = (self: ReadonlyArray<string>, that: ReadonlyArray<string>): boolean =>
  self.length === that.length && self.every((key, i) => key === that[i])

const nothing: Keyed = { order: [], byKey: new Map() }

/**
 * Merges a list whose elements have keys: its members as a set, each element by its own merge, and the order as a
 * separate value. An element that one side added follows the same element as on that side.
 */
export const list = (keyOf: KeyOf, element: Node, equals: Node["equals"]): Node => ({
  equals,
  merge: (sides, run) => {
    const mine = keyed(sides.mine, keyOf)
    const theirs = keyed(sides.theirs, keyOf)
    const base = sides.base._tag === "Value" ? keyed(sides.base.value, keyOf) : nothing
    if (mine === undefined || theirs === undefined || base === undefined) {
      return overlap(sides, run, "not lists whose elements have a key each")
    }
    const merged = mergeMembers(sides, base, mine, theirs, element, run)
    return mergeOrder(sides, base, mine, theirs, (key) => merged.has(key), run).map((key) => merged.get(key))
  }
})

const mergeMembers = (
  sides: Sides,
  base: Keyed,
  mine: Keyed,
  theirs: Keyed,
  element: Node,
  run: Run
): ReadonlyMap<string, unknown> => {
  const merged = new Map<string, unknown>()
  const at = (side: Keyed, key: string): Option.Option<unknown> =>
    side.byKey.has(key) ? Option.some(side.byKey.get(key)) : Option.none()
  for (const key of new Set([...base.order, ...mine.order, ...theirs.order])) {
    const result = within(
      run,
      key,
      () => mergeSlot(element, part(sides.base, () => at(base, key)), at(mine, key), at(theirs, key), run)
    )
    if (Option.isSome(result)) merged.set(key, result.value)
  }
  return merged
}

const mergeOrder = (
  { base: whole, ...sides }: Sides,
  base: Keyed,
  mine: Keyed,
  theirs: Keyed,
  remains: (key: string) => boolean,
  run: Run
): ReadonlyArray<string> => {
  // Either side could change the order only of elements that both sides and the base have.
  const isShared = (key: string): boolean =>
    remains(key) && mine.byKey.has(key) && theirs.byKey.has(key) &&
    (whole._tag === "Unknown" || base.byKey.has(key))
  const left = mine.order.filter(isShared)
  const right = theirs.order.filter(isShared)
  const from = base.order.filter(isShared)
  const known = baseAt(whole, run, order)._tag === "Value"
  const shared = sameOrder(left, right) || (known && sameOrder(right, from))
    ? left
    : known && sameOrder(left, from)
    ? right
    : undefined
  if (shared === undefined) {
    clash(run, "put into two different orders", whole, Option.some(sides.mine), Option.some(sides.theirs), order)
  }
  return place(shared ?? left, [mine, theirs], remains)
}

/**
 * Inserts added elements after the nearest element that precedes them on the side that added them. If both sides added
 * elements after the same one, the text of the keys determines the order, so that all replicas agree.
 */
const place = (
  shared: ReadonlyArray<string>,
  sides: ReadonlyArray<Keyed>,
  remains: (key: string) => boolean
): ReadonlyArray<string> => {
  const start = ""
  const placed = new Set(shared)
  const after = new Map<string, Array<ReadonlyArray<string>>>()
  for (const { order } of sides) {
    let anchor = start
    let group: Array<string> = []
    const close = (): void => {
      if (group.length > 0) after.set(anchor, [...(after.get(anchor) ?? []), group])
      group = []
    }
    for (const key of order) {
      if (!remains(key)) continue
      if (placed.has(key)) {
        close()
        anchor = key
      } else group.push(key)
    }
    close()
  }
  const groups = (anchor: string): ReadonlyArray<string> =>
    [...(after.get(anchor) ?? [])].sort((a, b) => a.join() < b.join() ? -1 : 1).flat()
  // An element that both sides added may be inserted twice: the first position counts.
  return Array.from(new Set([...groups(start), ...shared.flatMap((key) => [key, ...groups(key)])]))
}
