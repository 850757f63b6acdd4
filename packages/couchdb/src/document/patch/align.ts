import * as Json from "../../data/Json.js"

/** Members that name an element of a list, if all elements have one and no two share it. */
const identities = ["_id", "id", "key", "uuid"]

/** Beyond this many pairs, a table of all of them costs more than a slightly worse match. */
const largestTable = 250_000

/** The elements as values of the program: one that was not edited is the same on both sides. */
export interface Values {
  readonly before: ReadonlyArray<unknown>
  readonly after: ReadonlyArray<unknown>
}

/**
 * For each element of `after` the index of the element of `before` that it came from, or -1 for a new one.
 *
 * The surest sign comes first: the very same value, then the same identity, then the same content, then the same place
 * where nothing came or went, then likeness. Two elements of different identities are never one.
 */
export const align = (
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>,
  values?: Values
): ReadonlyArray<number> => {
  const source = after.map(() => -1)
  const taken = new Set<number>()
  const match = (to: number, from: number): void => {
    source[to] = from
    taken.add(from)
  }
  const open = {
    before: () => before.map((_, i) => i).filter((i) => !taken.has(i)),
    after: () => source.flatMap((from, i) => (from === -1 ? [i] : []))
  }

  if (values !== undefined) matchBy(open, (i) => reference(values.before[i]), (i) => reference(values.after[i]), match)
  const identifiedBy = identities.filter((name) => [...before, ...after].every((e) => identity(e, name) !== undefined))
  for (const name of identifiedBy) {
    matchBy(open, (i) => identity(before[i], name), (i) => identity(after[i], name), match)
  }
  const strangers = (from: number, to: number): boolean =>
    identifiedBy.some((name) => identity(before[from], name) !== identity(after[to], name))

  const left = before.map(Json.stringify)
  const right = after.map(Json.stringify)
  if (before.length === after.length && !isPermutation(left, right)) {
    // As many may have gone as came: then what kept its content stands at another place. Numbers do not say so, since they
    // are counted up in place.
    const content = (elements: ReadonlyArray<Json.Json>, texts: ReadonlyArray<string>) => (i: number) =>
      hasText(elements[i]) ? texts[i] : undefined
    let moved = false
    matchBy(open, content(before, left), content(after, right), (to, from) => {
      moved ||= to !== from
      match(to, from)
    })
    if (!moved) {
      for (const i of open.after()) if (!taken.has(i) && !strangers(i, i)) match(i, i)
      return source
    }
  }

  for (const [from, to] of commonSubsequence(left, right)) {
    if (source[to] === -1 && !taken.has(from) && !strangers(from, to)) match(to, from)
  }
  matchBy(open, (i) => left[i], (i) => right[i], match)
  for (const gap of gaps(source, before.length, taken)) {
    const samePlaces = gap.before.length === gap.after.length
    const found = samePlaces
      ? gap.before.map((from, i) => [from, gap.after[i] as number] as const)
      : mostAlike(before, after, gap)
    for (const [from, to] of found) if (!strangers(from, to)) match(to, from)
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

/** Objects alone have a reference that says something: two equal numbers are one. */
const reference = (value: unknown): object | undefined =>
  typeof value === "object" && value !== null ? value : undefined

/** Pairs what has the same name on both sides, where the name is that of one element alone. */
const matchBy = (
  open: { readonly before: () => ReadonlyArray<number>; readonly after: () => ReadonlyArray<number> },
  nameBefore: (index: number) => unknown,
  nameAfter: (index: number) => unknown,
  match: (to: number, from: number) => void
): void => {
  const single = (indices: ReadonlyArray<number>, name: (index: number) => unknown) => {
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
  const sources = single(open.before(), nameBefore)
  for (const [key, to] of single(open.after(), nameAfter)) {
    const from = sources.get(key)
    if (from !== undefined) match(to, from)
  }
}

/** The longest common subsequence as pairs of indices. Equal ends, which most edits leave, cost nothing. */
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
  if (rows * columns === 0 || rows * columns > largestTable) return pairs
  for (
    const [row, column] of bestPath(rows, columns, (i, j) => left[start + i] === right[start + j] ? 1 : 0)
  ) pairs.push([start + row, start + column])
  return pairs
}

/** The pairs, in order on both sides, that score highest together. */
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

/** What is still unmatched, grouped by the matched elements that it stands between on both sides. */
const gaps = (
  source: ReadonlyArray<number>,
  length: number,
  taken: ReadonlySet<number>
): ReadonlyArray<Gap> => {
  const found: Array<Gap> = []
  let gap: Gap = { before: [], after: [] }
  let next = 0
  const close = (until: number): void => {
    for (; next < until; next++) if (!taken.has(next)) gap.before.push(next)
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

const mostAlike = (
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>,
  gap: Gap
): ReadonlyArray<readonly [number, number]> => {
  if (gap.before.length * gap.after.length > largestTable) return []
  const alike = bestPath(
    gap.before.length,
    gap.after.length,
    (i, j) => likeness(before[gap.before[i] as number], after[gap.after[j] as number])
  )
  return alike.map(([i, j]) => [gap.before[i] as number, gap.after[j] as number] as const)
}

/** How many members two objects share. */
const likeness = (self: Json.Json | undefined, that: Json.Json | undefined): number => {
  if (!Json.isObject(self) || !Json.isObject(that)) return 0
  return Json.entries(self).filter(([key, value]) => {
    const other = Json.get(that, key)
    return other !== undefined && Json.equals(value, other)
  }).length
}
