import * as Json from "effect-couchdb/Json"

const collator = new Intl.Collator("und")

type Numeric = number | Json.RawNumber

const isNumeric = (value: Json.Json): value is Numeric => typeof value === "number" || Json.isRawNumber(value)

const rank = (value: Json.Json): number => {
  if (value === null) return 0
  if (value === false) return 1
  if (value === true) return 2
  if (isNumeric(value)) return 3
  if (typeof value === "string") return 4
  return Json.isArray(value) ? 5 : 6
}

/** JavaScript compares a bigint with a double exactly. */
const exactValue = (value: Numeric): number | bigint =>
  typeof value === "number" ? value : /[.eE]/.test(value.text) ? Number(value.text) : BigInt(value.text)

/** Compares numbers by value: `1` and `1.0` are equal. */
export const compareNumbers = (self: Numeric, that: Numeric): number => {
  const left = exactValue(self)
  const right = exactValue(that)
  return left < right ? -1 : left > right ? 1 : 0
}

/** Compares strings as ICU does: `a` sorts before `A`, and both sort before `b`. */
const compareStrings = (self: string, that: string): number => self === that ? 0 : collator.compare(self, that)

const compareArrays = (self: ReadonlyArray<Json.Json>, that: ReadonlyArray<Json.Json>): number => {
  const length = Math.min(self.length, that.length)
  for (let i = 0; i < length; i++) {
    const order = compare(self[i] ?? null, that[i] ?? null)
    if (order !== 0) return order
  }
  return self.length - that.length
}

const compareObjects = (self: Json.JsonObject, that: Json.JsonObject): number => {
  const left = Json.entries(self)
  const right = Json.entries(that)
  for (const [i, [key, value]] of left.entries()) {
    const other = right[i]
    if (other === undefined) return 1
    const order = compareStrings(key, other[0]) || compare(value, other[1])
    if (order !== 0) return order
  }
  return left.length - right.length
}

/**
 * The order of view keys: null, false, true, numbers, strings, arrays, objects. Objects are compared member by member,
 * in insertion order. Different values may be equal, such as `1` and `1.0`.
 */
export const compare = (self: Json.Json, that: Json.Json): number => {
  if (typeof self === "string" && typeof that === "string") return compareStrings(self, that)
  if (typeof self === "number" && typeof that === "number") return self < that ? -1 : self > that ? 1 : 0
  if (isNumeric(self) && isNumeric(that)) return compareNumbers(self, that)
  const order = rank(self) - rank(that)
  if (order !== 0) return order
  if (Json.isArray(self) && Json.isArray(that)) return compareArrays(self, that)
  return Json.isObject(self) && Json.isObject(that) ? compareObjects(self, that) : 0
}
