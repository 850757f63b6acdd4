import * as Json from "effect-couchdb/Json"
import { compareNumbers } from "./collation.js"
import * as Utf8 from "./utf8.js"

const isNumeric = (value: Json.Json): value is number | Json.RawNumber =>
  typeof value === "number" || Json.isRawNumber(value)

const rank = (value: Json.Json): number => {
  if (isNumeric(value)) return 0
  if (value === null || typeof value === "boolean") return 1
  if (typeof value === "string") return 4
  return Json.isArray(value) ? 3 : 2
}

const compareLists = <A>(
  self: ReadonlyArray<A>,
  that: ReadonlyArray<A>,
  each: (self: A, that: A) => number
): number => {
  for (const [i, item] of self.entries()) {
    const other = that[i]
    if (i >= that.length || other === undefined) return 1
    const order = each(item, other)
    if (order !== 0) return order
  }
  return self.length - that.length
}

/**
 * Erlang's term order for JSON values: numbers, `false`, `null`, `true`, objects, arrays, strings by their bytes. It
 * applies to views with raw collation, and to the values under one key.
 */
export const compare = (self: Json.Json, that: Json.Json): number => {
  if (isNumeric(self) && isNumeric(that)) return compareNumbers(self, that)
  if (typeof self === "string" && typeof that === "string") return Utf8.compare(self, that)
  const order = rank(self) - rank(that)
  if (order !== 0) return order
  if (Json.isArray(self) && Json.isArray(that)) return compareLists(self, that, compare)
  if (Json.isObject(self) && Json.isObject(that)) {
    return compareLists(
      Json.entries(self),
      Json.entries(that),
      ([leftKey, left], [rightKey, right]) => Utf8.compare(leftKey, rightKey) || compare(left, right)
    )
  }
  const left = String(self)
  const right = String(that)
  return left < right ? -1 : left > right ? 1 : 0
}
