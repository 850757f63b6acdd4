import * as Json from "../Json.js"
import { align } from "./align.js"

/**
 * Applies to `raw` the change that leads from `before` to `after`. Both are what the schema writes, for the body as read
 * and as edited; `raw` is what the server had. What the schema does not know stays, and so does the text of everything
 * that was not touched.
 */
export const overlay = (raw: Json.Json, before: Json.Json, after: Json.Json): Json.Json => {
  if (Json.equals(before, after)) return raw
  if (Json.isObject(raw) && Json.isObject(before) && Json.isObject(after)) return overlayObject(raw, before, after)
  if (Json.isArray(raw) && Json.isArray(before) && Json.isArray(after)) return overlayArray(raw, before, after)
  return after
}

const overlayObject = (raw: Json.JsonObject, before: Json.JsonObject, after: Json.JsonObject): Json.JsonObject => {
  const members = new Map<string, Json.Json>()
  for (const [key, value] of Json.entries(raw)) {
    const was = Json.get(before, key)
    const is = Json.get(after, key)
    if (is === undefined) {
      if (was === undefined) members.set(key, value)
    } else members.set(key, was === undefined ? is : overlay(value, was, is))
  }
  for (const [key, is] of Json.entries(after)) {
    if (Json.has(raw, key)) continue
    const was = Json.get(before, key)
    // A default that the schema would write, and that nobody changed, stays unwritten.
    if (was === undefined || !Json.equals(was, is)) members.set(key, is)
  }
  return Json.fromEntries(members)
}

const overlayArray = (
  raw: ReadonlyArray<Json.Json>,
  before: ReadonlyArray<Json.Json>,
  after: ReadonlyArray<Json.Json>
): ReadonlyArray<Json.Json> => {
  const source = align(before, after)
  // A transformation may have dropped or added elements: then these are aligned too.
  const origin = raw.length === before.length ? before.map((_, i) => i) : align(raw, before)
  return after.map((is, i) => {
    const from = source[i] as number
    const at = from === -1 ? -1 : origin[from] as number
    return at === -1 ? is : overlay(raw[at] as Json.Json, before[from] as Json.Json, is)
  })
}
