import { sha256 } from "@noble/hashes/sha2"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Json from "../../data/Json.js"
import type { Difference } from "../DesignDocument.js"

const isEmpty = (json: Json.Json): boolean => Json.isObject(json) && Json.keys(json).length === 0

/** Sorts members by name, recursively. */
const sortMembers = (json: Json.Json): Json.Json =>
  Json.isArray(json)
    ? json.map(sortMembers)
    : Json.isObject(json)
    ? Json.fromEntries(
      Json.entries(json).map(([key, value]) => [key, sortMembers(value)] as const).sort(([a], [b]) => a < b ? -1 : 1)
    )
    : json

/**
 * The normal form in which design documents are compared: without members that the server adds, without empty members,
 * and with CouchDB's default language.
 */
export const normalOf = (body: Json.JsonObject): Json.JsonObject => {
  const members = Json.entries(body).filter(([key, value]) => !key.startsWith("_") && !isEmpty(value))
  const whole = Json.has(body, "language") ? members : [["language", "javascript"] as const, ...members]
  return sortMembers(Json.fromEntries(whole)) as Json.JsonObject
}

/** The members that define indexes. The staged document contains only these, so that it validates no writes. */
const indexMembers = new Set(["language", "views", "options", "nouveau", "indexes"])

export const indexPart = (body: Json.JsonObject): Json.JsonObject =>
  Json.fromEntries(Json.entries(normalOf(body)).filter(([key]) => indexMembers.has(key)))

export const hasIndexes = (body: Json.JsonObject): boolean =>
  ["views", "nouveau", "indexes"].some((key) => Json.has(normalOf(body), key))

export const same = (left: Json.JsonObject, right: Json.JsonObject): boolean =>
  Json.stringify(left) === Json.stringify(right)

/** The digest in the name of the staged document. Concurrent deployments of the same definition share it. */
export const digest = (body: Json.JsonObject): string =>
  Encoding.encodeHex(sha256(Json.stringify(indexPart(body)))).slice(0, 16)

interface Entry {
  readonly path: ReadonlyArray<string>
  readonly value: Json.Json
}

type EntriesByPath = ReadonlyMap<string, Entry>

/** The entries that are compared: each member of a group, such as views, and every other member as a whole. */
const entriesByPath = (body: Json.JsonObject): EntriesByPath => {
  const all = Json.entries(normalOf(body)).flatMap(([key, value]): ReadonlyArray<Entry> =>
    Json.isObject(value)
      ? Json.entries(value).map(([name, inner]) => ({ path: [key, name], value: inner }))
      : [{ path: [key], value }]
  )
  return new Map(all.map((entry) => [JSON.stringify(entry.path), entry]))
}

export const differences = (
  before: Option.Option<Json.JsonObject>,
  after: Json.JsonObject
): ReadonlyArray<Difference> => {
  const [old, current] = [
    Option.match(before, { onNone: (): EntriesByPath => new Map(), onSome: entriesByPath }),
    entriesByPath(after)
  ]
  return Array.from(new Set([...old.keys(), ...current.keys()])).sort().flatMap((key): ReadonlyArray<Difference> => {
    const [previous, next] = [old.get(key), current.get(key)]
    const path = (next ?? previous)?.path ?? []
    if (previous === undefined) {
      return [{ _tag: "Added", path, before: Option.none(), after: Option.fromNullable(next?.value) }]
    }
    if (next === undefined) {
      return [{ _tag: "Removed", path, before: Option.some(previous.value), after: Option.none() }]
    }
    return Json.stringify(previous.value) === Json.stringify(next.value)
      ? []
      : [{ _tag: "Changed", path, before: Option.some(previous.value), after: Option.some(next.value) }]
  })
}
