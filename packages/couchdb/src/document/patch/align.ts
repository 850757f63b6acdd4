import * as Json from "../../data/Json.js"

/** Members that identify an element of a list, if all elements have one and all are different. */
const identities = ["_id", "id", "key", "uuid"]

/** The maximum number of pairs in a table. Beyond it, the table costs more than a slightly worse match. */
const maxTableSize = 250_000

/** The elements as decoded values. An element that was not edited is the same value on both sides. */
export interface Values {
  readonly before: ReadonlyArray<unknown>
  readonly after: ReadonlyArray<unknown>
}

/**
 * Returns for each element of `after` the index of the element of `before` that it came from, or -1 for a new element.
 *
 * The most reliable criterion is applied first: the same value, then the same identity, then the same content, then the
 * same position if no element was added or removed, then similarity. Elements with different identities never match.
 */
export const align = (
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>,
  values?: Values
): ReadonlyArray<number> => {
  const source = after.map(() => -1)
  const matched = new Set<number>()
  const match = (to: number, from: number): void => {
    source[to] = from
    matched.add(from)
  }
  const unmatched = {
    before: () => before.map((_, i) => i).filter((i) => !matched.has(i)),
    after: () => source.flatMap((from, i) => (from === -1 ? [i] : []))
  }

  if (values !== undefined) {
    matchBy(unmatched, (i) => reference(values.before[i]), (i) => reference(values.after[i]), match)
  }
  const identifiedBy = identities.filter((name) => [...before, ...after].every((e) => identity(e, name) !== undefined))
  for (const name of identifiedBy) {
    matchBy(unmatched, (i) => identity(before[i], name), (i) => identity(after[i], name), match)
  }
  const differInIdentity = (from: number, to: number): boolean =>
    identifiedBy.some((name) => identity(before[from], name) !== identity(after[to], name))

  const left = before.map(Json.stringify)
  const right = after.map(Json.stringify)
  if (before.length === after.length && !isPermutation(left, right)) {
    // As many elements may have been removed as were added: an element that kept its content is then at another
    // position. Numbers do not show this, since they are incremented in place.
    const content = (elements: ReadonlyArray<Json.Json>, texts: ReadonlyArray<string>) => (i: number) =>
      hasText(elements[i]) ? texts[i] : undefined
    let moved = false
    matchBy(unmatched, content(before, left), content(after, right), (to, from) => {
      moved ||= to !== from
      match(to, from)
    })
    if (!moved) {
      for (const i of unmatched.after()) if (!matched.has(i) && !differInIdentity(i, i)) match(i, i)
      return source
    }
  }

  for (const [from, to] of commonSubsequence(left, right)) {
    if (source[to] === -1 && !matched.has(from) && !differInIdentity(from, to)) match(to, from)
  }
  matchBy(unmatched, (i) => left[i], (i) => right[i], match)
  for (const gap of gaps(source, before.length, matched)) {
    const samePlaces = gap.before.length === gap.after.length
    const found = samePlaces
      ? gap.before.map((from, i) => [from, gap.after[i] as number] as const)
      : mostSimilar(before, after, gap)
    for (const [from, to] of found) if (!differInIdentity(from, to)) match(to, from)
  }
  return source
}

const isPermutation = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean => {
  const sorted = [...right].sort()
  return [...left].sort().every((text, i) => text === sorted[i])
}

const identity = (element: Json.Json | undefined, name: string): string | undefined => {
  const value = Json.isObject(element) ? Json.get(element, name) : undefined
  return typeof value === "string" || typeof value === "number" ? JSON.stringify(value) : undefined
}

const hasText = (element: Json.Json | undefined): boolean =>
  Json.isObject(element) && Json.entries(element).some(([, value]) => typeof value === "string" && value !== "")

/** Only objects have a reference that identifies them: equal numbers are the same. */
const reference = (value: unknown): object | undefined =>
  typeof value === "object" && value !== null ? value : undefined

/** Matches elements with the same name on both sides, if the name belongs to only one element of each side. */
const matchBy = (
  unmatched: { readonly before: () => ReadonlyArray<number>; readonly after: () => ReadonlyArray<number> },
  nameBefore: (index: number) => unknown,
  nameAfter: (index: number) => unknown,
  match: (to: number, from: number) => void
): void => {
  const uniquelyNamed = (indices: ReadonlyArray<number>, name: (index: number) => unknown) => {
    const found = new Map<unknown, number>()
    const twice = new Set<unknown>()
    for (const index of indices) {
      const key = name(index)
      if (key === undefined) continue
      if (found.has(key)) twice.add(key)
      found.set(key, index)
    }
    for (const key of twice) found.delete(key)
    return found
  }
  const sources = uniquelyNamed(unmatched.before(), nameBefore)
  for (const [key, to] of uniquelyNamed(unmatched.after(), nameAfter)) {
    const from = sources.get(key)
    if (from !== undefined) match(to, from)
  }
}

/** The longest common subsequence as pairs of indices. Equal ends, which most edits have, need no table. */
const commonSubsequence = (
  left: ReadonlyArray<string>,
  right: ReadonlyArray<string>
): ReadonlyArray<readonly [number, number]> => {
  const pairs: Array<readonly [number, number]> = []
  let start = 0
  while (start < left.length && start < right.length && left[start] === right[start]) {
    pairs.push([start, start])
    start++
  }
  let end = 0
  while (
    end < left.length - start && end < right.length - start &&
    left[left.length - 1 - end] === right[right.length - 1 - end]
  ) {
    pairs.push([left.length - 1 - end, right.length - 1 - end])
    end++
  }
  const rows = left.length - start - end
  const columns = right.length - start - end
  if (rows * columns === 0 || rows * columns > maxTableSize) return pairs
  for (
    const [row, column] of bestPath(rows, columns, (i, j) => left[start + i] === right[start + j] ? 1 : 0)
  ) pairs.push([start + row, start + column])
  return pairs
}

/** The pairs with the highest total score, in order on both sides. */
const bestPath = (
  rows: number,
  columns: number,
  score: (row: number, column: number) => number
): ReadonlyArray<readonly [number, number]> => {
  const width = columns + 1
  const best = new Float64Array((rows + 1) * width)
  const scores = new Float64Array(rows * columns)
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const here = score(i, j)
      scores[i * columns + j] = here
      const paired = here > 0 ? here + (best[(i + 1) * width + j + 1] as number) : 0
      best[i * width + j] = Math.max(
        paired,
        best[(i + 1) * width + j] as number,
        best[i * width + j + 1] as number
      )
    }
  }
  const pairs: Array<readonly [number, number]> = []
  for (let i = 0, j = 0; i < rows && j < columns;) {
    const here = scores[i * columns + j] as number
    const rest = best[i * width + j] as number
    if (here > 0 && rest === here + (best[(i + 1) * width + j + 1] as number)) pairs.push([i++, j++])
    else if (rest === best[(i + 1) * width + j]) i++
    else j++
  }
  return pairs
}

interface Gap {
  readonly before: Array<number>
  readonly after: Array<number>
}

/** The unmatched elements, grouped by the matched elements around them on both sides. */
const gaps = (
  source: ReadonlyArray<number>,
  length: number,
  matched: ReadonlySet<number>
): ReadonlyArray<Gap> => {
  const found: Array<Gap> = []
  let gap: Gap = { before: [], after: [] }
  let next = 0
  const close = (until: number): void => {
    for (; next < until; next++) if (!matched.has(next)) gap.before.push(next)
    if (gap.before.length > 0 && gap.after.length > 0) found.push(gap)
    gap = { before: [], after: [] }
  }
  source.forEach((from, to) => {
    if (from === -1) gap.after.push(to)
    else if (from >= next) {
      close(from)
      next = from + 1
    }
  })
  close(length)
  return found
}

const mostSimilar = (
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>,
  gap: Gap
): ReadonlyArray<readonly [number, number]> => {
  if (gap.before.length * gap.after.length > maxTableSize) return []
  const similar = bestPath(
    gap.before.length,
    gap.after.length,
    (i, j) => similarity(before[gap.before[i] as number], after[gap.after[j] as number])
  )
  return similar.map(([i, j]) => [gap.before[i] as number, gap.after[j] as number] as const)
}

/** The number of equal members of two objects. */
const similarity = (self: Json.Json | undefined, that: Json.Json | undefined): number => {
  if (!Json.isObject(self) || !Json.isObject(that)) return 0
  return Json.entries(self).filter(([key, value]) => {
    const other = Json.get(that, key)
    return other !== undefined && Json.equals(value, other)
  }).length
}
