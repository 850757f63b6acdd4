import * as Data from "effect/Data"
import * as Equal from "effect/Equal"

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

// What `Data.Class`, and so `Schema.Class`, compares with: member by member, but nested plain values by reference.
const memberwise: unknown = Data.struct({})[Equal.symbol as never]

const comparesMembers = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Array.isArray(value) ||
    (value as Record<symbol, unknown>)[Equal.symbol] === memberwise
}

/** Members that say something: one that is undefined says as little as one that is not there. */
const present = (value: object): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(value).filter(([, member]) => member !== undefined)

/**
 * Whether two values surely say the same. It is what tells an edit from none, so it never calls two values equal that
 * may differ: plain objects, arrays, dates, maps, sets, bytes and Effect's data are compared by what they hold, and
 * anything else by reference.
 */
export const structural = (self: unknown, that: unknown): boolean => {
  if (Object.is(self, that)) return true
  if (!isObject(self) || !isObject(that)) return false
  if (Object.getPrototypeOf(self) !== Object.getPrototypeOf(that)) return false
  if (Equal.isEqual(self) && Equal.equals(self, that)) return true
  if (comparesMembers(self)) return sameMembers(self, that)
  if (self instanceof Date) return self.getTime() === (that as Date).getTime()
  if (self instanceof Uint8Array) return structural(Array.from(self), Array.from(that as Uint8Array))
  if (self instanceof Map) return sameEntries(self, that as ReadonlyMap<unknown, unknown>)
  if (self instanceof Set) return sameElements(self, that as ReadonlySet<unknown>)
  return false
}

const sameMembers = (self: object, that: object): boolean => {
  if (Array.isArray(self) && self.length !== (that as ReadonlyArray<unknown>).length) return false
  const members = present(self)
  return members.length === present(that).length &&
    members.every(([key, member]) =>
      Object.hasOwn(that, key) && structural(member, (that as Record<string, unknown>)[key])
    )
}

const sameEntries = (self: ReadonlyMap<unknown, unknown>, that: ReadonlyMap<unknown, unknown>): boolean =>
  self.size === that.size &&
  Array.from(self).every(([key, member]) => that.has(key) && structural(member, that.get(key)))

const sameElements = (self: ReadonlySet<unknown>, that: ReadonlySet<unknown>): boolean =>
  self.size === that.size &&
  Array.from(self).every((element) =>
    that.has(element) || (isObject(element) && Array.from(that).some((other) => structural(element, other)))
  )
