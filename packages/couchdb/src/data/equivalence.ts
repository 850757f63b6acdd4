import * as Data from "effect/Data"
import * as Equal from "effect/Equal"
import * as Json from "./Json.js"
import { isObject } from "./json/copy.js"

// The comparison of `Data.Class`, and so of `Schema.Class`: member by member, but nested plain values by reference.
const memberwise: unknown = Data.struct({})[Equal.symbol as never]

const option = Symbol.for("effect/Option")
const either = Symbol.for("effect/Either")

/** Whether the members of a value determine it completely. */
export const comparesMembers = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value) ||
    (value as Record<symbol, unknown>)[Equal.symbol] === memberwise || option in value || either in value
}

/**
 * Whether two values are certainly equal. It decides whether an edit changes anything, so it never reports two values
 * as equal that may differ. Plain objects, arrays, dates, maps, sets, bytes, URLs and Effect's data are compared by
 * value, and anything else by reference.
 */
export const structural = (self: unknown, that: unknown): boolean => {
  try {
    return same(self, that)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return sameText(self as Json.Json, that as Json.Json)
  }
}

/** Compares values that are nested too deeply for the stack: the JSON writer does not recurse. */
const sameText = (self: Json.Json, that: Json.Json): boolean => {
  try {
    return Json.stringify(self) === Json.stringify(that)
  } catch {
    return false
  }
}

const same = (self: unknown, that: unknown): boolean => {
  if (Object.is(self, that)) return true
  if (typeof self !== "object" || typeof that !== "object" || self === null || that === null) return false
  if (Object.getPrototypeOf(self) !== Object.getPrototypeOf(that)) return false
  // Effect's own comparison hashes these first, and considers zero and minus zero equal.
  if (Array.isArray(self)) return sameItems(self, that as ReadonlyArray<unknown>)
  if (comparesMembers(self)) return sameMembers(self, that)
  if (Equal.isEqual(self) && Equal.equals(self, that)) return true
  if (self instanceof Date) return Object.is(self.getTime(), (that as Date).getTime())
  if (self instanceof Map) return sameEntries(self, that as ReadonlyMap<unknown, unknown>)
  if (self instanceof Set) return sameElements(self, that as ReadonlySet<unknown>)
  if (self instanceof URL) return self.href === (that as URL).href
  const bytes = bytesOf(self)
  return bytes !== undefined && sameItems(bytes, bytesOf(that) as Uint8Array)
}

/** The bytes of a typed array, a view or a buffer. */
const bytesOf = (value: object): Uint8Array | undefined =>
  ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : undefined

const sameItems = (self: ArrayLike<unknown>, that: ArrayLike<unknown>): boolean => {
  if (self.length !== that.length) return false
  for (let i = 0; i < self.length; i++) {
    const item = self[i]
    const other = that[i]
    if (item !== other && !same(item, other)) return false
    // `===` considers zero and minus zero equal, but JSON writes them differently.
    if (item === 0 && !Object.is(item, other)) return false
  }
  return true
}

/** An undefined member is equal to a missing one. */
const sameMembers = (self: object, that: object): boolean => {
  const left = self as Readonly<Record<string, unknown>>
  const right = that as Readonly<Record<string, unknown>>
  let more = 0
  for (const key of Object.keys(left)) {
    if (left[key] === undefined) continue
    if (!Object.hasOwn(right, key) || !same(left[key], right[key])) return false
    more--
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) more++
  return more === 0
}

const sameEntries = (self: ReadonlyMap<unknown, unknown>, that: ReadonlyMap<unknown, unknown>): boolean =>
  self.size === that.size &&
  Array.from(self).every(([key, member]) => that.has(key) && same(member, that.get(key)))

/** Pairs each element with a distinct one of the other set. */
const sameElements = (self: ReadonlySet<unknown>, that: ReadonlySet<unknown>): boolean => {
  if (self.size !== that.size) return false
  const left = Array.from(self).filter((element) => !that.has(element))
  const right = Array.from(that).filter((element) => !self.has(element))
  return left.every((element) => {
    const at = isObject(element) ? right.findIndex((other) => same(element, other)) : -1
    if (at !== -1) right.splice(at, 1)
    return at !== -1
  })
}
