import * as Option from "effect/Option"
import * as Json from "../data/Json.js"

/*
 * A patch that turns one JSON value into another, as JSON:
 *   [0, value]                          the new value
 *   [1]                                 removes a member
 *   [2, { key: patch }]                 members of an object
 *   [3, start, count, [inserted]]       elements of an array
 *   [4, { index: patch }]               single elements of an array
 *   [5, start, count, "inserted"]       a part of a string, in UTF-16 units
 */

export type Patch = ReadonlyArray<Json.Json>

const set = 0
const removed = 1
const members = 2
const splice = 3
const elements = 4
const text = 5

/** The patch from one value to another; `undefined` if they are equal. */
export const diff = (from: Json.Json, to: Json.Json): Patch | undefined => {
  if (Json.equals(from, to)) return undefined
  const whole: Patch = [set, to]
  const partial = partialPatch(from, to)
  return partial !== undefined && Json.stringify(partial).length < Json.stringify(whole).length ? partial : whole
}

const partialPatch = (from: Json.Json, to: Json.Json): Patch | undefined => {
  if (typeof from === "string" && typeof to === "string") {
    const [start, end] = commonEnds(from, to, pairSafe(from, to))
    return [text, start, from.length - start - end, to.slice(start, to.length - end)]
  }
  if (Json.isArray(from) && Json.isArray(to)) return arrays(from, to)
  if (!Json.isObject(from) || !Json.isObject(to)) return undefined
  const changed: Array<readonly [string, Json.Json]> = []
  for (const [key, value] of Json.entries(from)) {
    const other = Json.get(to, key)
    if (other === undefined) changed.push([key, [removed]])
    else {
      const patch = diff(value, other)
      if (patch !== undefined) changed.push([key, patch])
    }
  }
  for (const [key, value] of Json.entries(to)) if (!Json.has(from, key)) changed.push([key, [set, value]])
  return [members, Json.fromEntries(changed)]
}

const arrays = (from: ReadonlyArray<Json.Json>, to: ReadonlyArray<Json.Json>): Patch => {
  if (from.length === to.length) {
    return [
      elements,
      Json.fromEntries(from.flatMap((value, i) => {
        const patch = diff(value, to[i] as Json.Json)
        return patch === undefined ? [] : [[String(i), patch] as const]
      }))
    ]
  }
  const same = (i: number, j: number): boolean => Json.equals(from[i] as Json.Json, to[j] as Json.Json)
  const [start, end] = commonEnds(from, to, { same, whole: () => true })
  return [splice, start, from.length - start - end, to.slice(start, to.length - end)]
}

interface Comparing {
  readonly same: (i: number, j: number) => boolean
  /** Whether both values may be split before these positions. */
  readonly whole: (i: number, j: number) => boolean
}

/** The lengths of the common prefix and of the common suffix. */
const commonEnds = (
  from: { readonly length: number },
  to: { readonly length: number },
  { same, whole }: Comparing
): readonly [start: number, end: number] => {
  const shorter = Math.min(from.length, to.length)
  let start = 0
  while (start < shorter && same(start, start)) start++
  while (start > 0 && !whole(start, start)) start--
  let end = 0
  while (end < shorter - start && same(from.length - 1 - end, to.length - 1 - end)) end++
  while (end > 0 && !whole(from.length - end, to.length - end)) end--
  return [start, end]
}

/** Never splits a surrogate pair, because JSON cannot represent a lone surrogate. */
const pairSafe = (from: string, to: string): Comparing => {
  const splits = (string: string, at: number): boolean => {
    const unit = string.charCodeAt(at)
    return unit >= 0xdc00 && unit <= 0xdfff
  }
  return {
    same: (i, j) => from.charCodeAt(i) === to.charCodeAt(j),
    whole: (i, j) => !splits(from, i) && !splits(to, j)
  }
}

const isOffset = (value: Json.Json | undefined): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0

/** `null` is a valid value. */
const written = (value: Json.Json | undefined): Option.Option<Json.Json> =>
  value === undefined ? Option.none() : Option.some(value)

/** Applies a patch. Returns `None` if the patch does not fit the value. */
export const patched = (from: Json.Json, patch: Json.Json | undefined): Option.Option<Json.Json> => {
  if (!Json.isArray(patch)) return Option.none()
  const [kind, first, second, third] = patch
  switch (kind) {
    case set:
      return written(first)
    case members:
      return Json.isObject(from) && Json.isObject(first) ? patchedObject(from, first) : Option.none()
    case elements:
      return Json.isArray(from) && Json.isObject(first) ? patchedArray(from, first) : Option.none()
    case splice:
      return Json.isArray(from) && isOffset(first) && isOffset(second) && Json.isArray(third) &&
          first + second <= from.length
        ? Option.some([...from.slice(0, first), ...third, ...from.slice(first + second)])
        : Option.none()
    case text:
      return typeof from === "string" && isOffset(first) && isOffset(second) && typeof third === "string" &&
          first + second <= from.length
        ? Option.some(from.slice(0, first) + third + from.slice(first + second))
        : Option.none()
    default:
      return Option.none()
  }
}

const patchedObject = (from: Json.JsonObject, patches: Json.JsonObject): Option.Option<Json.Json> => {
  const result = new Map(Json.entries(from))
  for (const [key, patch] of Json.entries(patches)) {
    if (Json.isArray(patch) && patch[0] === removed) {
      result.delete(key)
      continue
    }
    const before = result.get(key)
    const after = before === undefined
      ? Json.isArray(patch) && patch[0] === set ? written(patch[1]) : Option.none()
      : patched(before, patch)
    if (Option.isNone(after)) return after
    result.set(key, after.value)
  }
  return Option.some(Json.fromEntries(result))
}

const patchedArray = (from: ReadonlyArray<Json.Json>, patches: Json.JsonObject): Option.Option<Json.Json> => {
  const result = [...from]
  for (const [key, patch] of Json.entries(patches)) {
    const i = Number(key)
    const before = from[i]
    const after = before === undefined ? Option.none() : patched(before, patch)
    if (Option.isNone(after)) return after
    result[i] = after.value
  }
  return Option.some(result)
}
