import * as Equal from "effect/Equal"
import { comparesMembers } from "../data/equivalence.js"
import * as Json from "../data/Json.js"
import { copyTree, isObject, setMember } from "../data/json/copy.js"

type Members = Record<PropertyKey, unknown>

/** Copies JSON, sharing no array and no object with the original. */
export const copyJson = <A>(json: A): A =>
  copyTree(json, (value) => Json.isRawNumber(value) ? value : undefined, false) as A

/**
 * The current state of a value.
 *
 * - `copy`: shares nothing with the value that an edit in place could change, except opaque parts
 * - `opaque`: whether part of it may have state outside its members, such as an instance of a class
 */
export interface Snapshot<out A> {
  readonly copy: A
  readonly opaque: boolean
}

/** The kinds of Effect's values that have no mutable members. */
const immutable = ["Duration", "DateTime", "BigDecimal", "Redacted"].map((name) => Symbol.for(`effect/${name}`))

const hashMap = Symbol.for("effect/HashMap")

export const snapshot = <A>(value: A): Snapshot<A> => {
  let opaque = false
  const open: Array<object> = []

  const members = (source: object, target: object): object => {
    for (const key of Object.keys(source)) {
      const member = (source as Members)[key]
      setMember(target, key, isObject(member) ? copy(member) : member)
    }
    for (const key of Object.getOwnPropertySymbols(source)) {
      if (Object.prototype.propertyIsEnumerable.call(source, key)) {
        setMember(target, key, copy((source as Members)[key]))
      }
    }
    return target
  }

  /** Returns the value itself, since its state cannot be read. */
  const asOpaque = <B>(value: B): B => {
    opaque = true
    return value
  }

  /** Whether no element can be edited in place. */
  const areFixed = (elements: Iterable<unknown>): boolean => {
    for (const element of elements) if (isObject(element) && copy(element) !== element) return false
    return true
  }

  const copyObject = (value: object): unknown => {
    if (Array.isArray(value)) {
      const prototype = Object.getPrototypeOf(value) as object
      const items = Array.prototype.slice.call(value)
      for (let i = 0; i < items.length; i++) if (isObject(items[i])) items[i] = copy(items[i])
      return prototype === Array.prototype ? items : Object.setPrototypeOf(items, prototype)
    }
    if (comparesMembers(value)) {
      return members(value, Object.create(Object.getPrototypeOf(value) as object | null) as object)
    }
    switch (Object.getPrototypeOf(value)) {
      case Date.prototype:
        return new Date((value as Date).getTime())
      case Set.prototype:
        return new Set(Array.from(value as Set<unknown>, copy))
      case Map.prototype:
        // A copied key could not be looked up again.
        return Array.from((value as Map<unknown, unknown>).keys()).some(isObject)
          ? asOpaque(value)
          : new Map(Array.from(value as Map<unknown, unknown>, ([key, member]) => [key, copy(member)]))
      case URL.prototype:
        return new URL((value as URL).href)
      case ArrayBuffer.prototype:
        return (value as ArrayBuffer).slice(0)
      case RegExp.prototype:
        return value
    }
    // All typed arrays share this method.
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Uint8Array.prototype.slice.call(value)
    if (Json.isRawNumber(value) || immutable.some((id) => id in value)) return value
    if (Equal.isEqual(value) && Symbol.iterator in value) {
      const elements = Array.from(value as Iterable<unknown>)
      const parts = hashMap in value ? (elements as ReadonlyArray<readonly [unknown, unknown]>).flat() : elements
      return areFixed(parts) ? value : asOpaque(value)
    }
    return asOpaque(value)
  }

  const copy = (value: unknown): unknown => {
    if (!isObject(value)) return value
    // The copy of a value that contains itself would not terminate.
    if (open.length > 500 || open.includes(value)) return asOpaque(value)
    open.push(value)
    const made = copyObject(value)
    open.pop()
    return made
  }

  const made = copy(value) as A
  return { copy: made, opaque }
}
