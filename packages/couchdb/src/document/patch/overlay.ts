import * as Json from "../../data/Json.js"
import { align, type Values } from "./align.js"

/**
 * The decoded values before and after the edit. An element that was not edited is the same value on both sides, which
 * its JSON does not show.
 */
export interface Decoded {
  readonly before: unknown
  readonly after: unknown
}

/**
 * Applies the change from `before` to `after` to `raw`. `before` and `after` are the read and the edited body, encoded
 * by the schema, and `raw` is the stored JSON. Members that the schema does not declare, and the text of unedited
 * values, are preserved.
 */
export const overlay = (raw: Json.Json, before: Json.Json, after: Json.Json, decoded?: Decoded): Json.Json =>
  Json.equals(before, after) ? raw : overlayChanged(raw, before, after, decoded)

const overlayChanged = (
  raw: Json.Json,
  before: Json.Json,
  after: Json.Json,
  decoded: Decoded | undefined
): Json.Json => {
  if (Json.isObject(raw) && Json.isObject(before) && Json.isObject(after)) {
    return overlayObject(raw, before, after, decoded)
  }
  if (Json.isArray(raw) && Json.isArray(before) && Json.isArray(after)) {
    return overlayArray(raw, before, after, decoded)
  }
  return after
}

const member = (value: unknown, key: PropertyKey): unknown =>
  typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined

const inside = (decoded: Decoded | undefined, before: PropertyKey, after: PropertyKey): Decoded | undefined =>
  decoded === undefined
    ? undefined
    : { before: member(decoded.before, before), after: member(decoded.after, after) }

const overlayObject = (
  raw: Json.JsonObject,
  before: Json.JsonObject,
  after: Json.JsonObject,
  decoded: Decoded | undefined
): Json.JsonObject => {
  const members = new Map<string, Json.Json>()
  for (const [key, value] of Json.entries(raw)) {
    const was = Json.get(before, key)
    const is = Json.get(after, key)
    if (is === undefined) {
      if (was === undefined) members.set(key, value)
    } else if (was === undefined) members.set(key, is)
    else members.set(key, Json.equals(was, is) ? value : overlayChanged(value, was, is, inside(decoded, key, key)))
  }
  for (const [key, is] of Json.entries(after)) {
    if (Json.has(raw, key)) continue
    const was = Json.get(before, key)
    // A default that the schema would encode, and that was not changed, is not written.
    if (was === undefined || !Json.equals(was, is)) members.set(key, is)
  }
  return Json.fromEntries(members)
}

/** The elements as decoded values, if both lists are as long as their JSON. */
const valuesOf = (
  decoded: Decoded | undefined,
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>
): Values | undefined =>
  decoded !== undefined && Array.isArray(decoded.before) && Array.isArray(decoded.after) &&
    decoded.before.length === before.length && decoded.after.length === after.length
    ? { before: decoded.before, after: decoded.after }
    : undefined

const overlayArray = (
  raw: ReadonlyArray<Json.Json>,
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>,
  decoded: Decoded | undefined
): ReadonlyArray<Json.Json> => {
  const source = align(before, after, valuesOf(decoded, before, after))
  // A transformation may have removed or added elements: then these are aligned, too.
  const origin = raw.length === before.length ? before.map((_, i) => i) : align(raw, before)
  return after.map((is, i) => {
    const from = source[i] as number
    const at = from === -1 ? -1 : origin[from] as number
    return at === -1 ? is : overlay(raw[at] as Json.Json, before[from] as Json.Json, is, inside(decoded, from, i))
  })
}
