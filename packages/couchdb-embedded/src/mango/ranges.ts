import * as Json from "effect-couchdb/Json"
import * as Collation from "../encoding/collation.js"
import * as Utf8 from "../encoding/utf8.js"
import { onlyMember } from "../selector/normalise.js"

/** A bound of a range. Without a value, the range is unbounded. */
export interface End {
  readonly value: Json.Json | undefined
  readonly closed: boolean
}

/** The values that a selector allows for a field. */
export type Range = { readonly low: End; readonly high: End } | "empty"

export type FieldRange = readonly [field: string, range: Range]

const indexable = new Set(["$lt", "$lte", "$eq", "$gt", "$gte", "$beginsWith", "$exists"])

/** The fields that an index can narrow down, in order. */
export const indexableFields = (selector: Json.Json): ReadonlyArray<string> => {
  const found = onlyMember(selector)
  if (found === undefined) return []
  const [name, argument] = found
  if (name === "$and" && Json.isArray(argument)) {
    return Array.from(new Set(argument.flatMap(indexableFields))).sort(Utf8.compare)
  }
  return !name.startsWith("$") && indexable.has(onlyMember(argument)?.[0] ?? "") ? [name] : []
}

const unbounded: End = { value: undefined, closed: false }

/** Everything. */
const everything: Range = { low: unbounded, high: unbounded }

/** Every id. CouchDB reads the keys after null. */
export const allIds: Range = { low: { value: null, closed: false }, high: unbounded }

const exactly = (value: Json.Json): Range => ({ low: { value, closed: true }, high: { value, closed: true } })

/**
 * The position of a value relative to a range: below it, at its lower bound, inside, at its upper bound, or above it.
 */
const placeOf = (value: Json.Json, low: End, high: End): "below" | "low" | "inside" | "high" | "above" => {
  const fromLow = low.value === undefined ? 1 : Collation.compare(value, low.value)
  if (fromLow <= 0) return fromLow < 0 ? "below" : "low"
  const fromHigh = high.value === undefined ? -1 : Collation.compare(value, high.value)
  return fromHigh < 0 ? "inside" : fromHigh === 0 ? "high" : "above"
}

const atMost = (range: Exclude<Range, "empty">, value: Json.Json, closed: boolean): Range => {
  const { high, low } = range
  switch (placeOf(value, low, high)) {
    case "below":
      return "empty"
    case "low":
      return closed && low.closed ? exactly(value) : "empty"
    case "inside":
      return { low, high: { value, closed } }
    case "high":
      return closed ? range : { low, high: { value, closed } }
    case "above":
      return range
  }
}

const atLeast = (range: Exclude<Range, "empty">, value: Json.Json, closed: boolean): Range => {
  const { high, low } = range
  switch (placeOf(value, low, high)) {
    case "below":
      return range
    case "low":
      return closed ? range : { low: { value, closed }, high }
    case "inside":
      return { low: { value, closed }, high }
    case "high":
      return closed && high.closed ? exactly(value) : "empty"
    case "above":
      return "empty"
  }
}

const equal = (range: Exclude<Range, "empty">, value: Json.Json): Range => {
  const place = placeOf(value, range.low, range.high)
  const inside = place === "inside" || (place === "low" && range.low.closed) || (place === "high" && range.high.closed)
  return inside ? exactly(value) : "empty"
}

const narrow = (range: Range, operator: string, value: Json.Json): Range => {
  if (range === "empty") return range
  switch (operator) {
    case "$lt":
      return atMost(range, value, false)
    case "$lte":
      return atMost(range, value, true)
    case "$gt":
      return atLeast(range, value, false)
    case "$gte":
      return atLeast(range, value, true)
    case "$eq":
      return equal(range, value)
    case "$beginsWith":
      // U+FFFF sorts after every other character.
      return typeof value === "string"
        ? narrow(narrow(range, "$gte", value), "$lte", `${value}\uffff`)
        : range
    default:
      return range
  }
}

const rangeOf = (selector: Json.Json, field: string, range: Range): Range => {
  const found = onlyMember(selector)
  if (found === undefined) return range
  const [name, argument] = found
  if (name === "$and" && Json.isArray(argument)) {
    return argument.reduce<Range>((narrowed, part) => rangeOf(part, field, narrowed), range)
  }
  const condition = name === field ? onlyMember(argument) : undefined
  return condition === undefined ? range : narrow(range, condition[0], condition[1])
}

/** The range of every field that an index can narrow down. Only the empty range if nothing can match. */
export const fieldRanges = (selector: Json.Json): ReadonlyArray<FieldRange> => {
  const ranges: Array<FieldRange> = []
  for (const field of indexableFields(selector)) {
    const range = rangeOf(selector, field, everything)
    if (range === "empty") return [[field, range]]
    ranges.push([field, range])
  }
  return ranges
}
