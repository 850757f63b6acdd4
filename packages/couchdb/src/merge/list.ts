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
 * A list whose elements have a key: members merge as a set, each element by its own merge, and the order as a value of
 * its own. What one side added stands behind what it stood behind there.
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
  // Only what both sides and the base have was put in an order that either side could change.
  const old = (key: string): boolean =>
    remains(key) && mine.byKey.has(key) && theirs.byKey.has(key) &&
    (whole._tag === "Unknown" || base.byKey.has(key))
  const left = mine.order.filter(old)
  const right = theirs.order.filter(old)
  const from = base.order.filter(old)
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
 * Puts what was added behind the nearest element that stands before it on the side that added it. Where both sides added
 * behind one element, the text of the keys decides, so that both replicas come to one order.
 */
const place = (
  shared: ReadonlyArray<string>,
  sides: ReadonlyArray<Keyed>,
  remains: (key: string) => boolean
): ReadonlyArray<string> => {
  const start = ""
  const placed = new Set(shared)
  const behind = new Map<string, Array<ReadonlyArray<string>>>()
  for (const { order } of sides) {
    let anchor = start
    let group: Array<string> = []
    const close = (): void => {
      if (group.length > 0) behind.set(anchor, [...(behind.get(anchor) ?? []), group])
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
    [...(behind.get(anchor) ?? [])].sort((a, b) => a.join() < b.join() ? -1 : 1).flat()
  // What both sides added may stand at two places: the first one counts.
  return Array.from(new Set([...groups(start), ...shared.flatMap((key) => [key, ...groups(key)])]))
}
