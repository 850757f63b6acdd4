import { sha256 } from "@noble/hashes/sha2"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Json from "../../data/Json.js"
import type { Difference } from "../DesignDocument.js"

const isEmpty = (json: Json.Json): boolean => Json.isObject(json) && Json.keys(json).length === 0

/** Members in the order of their names, all the way down. */
const sorted = (json: Json.Json): Json.Json =>
  Json.isArray(json)
    ? json.map(sorted)
    : Json.isObject(json)
    ? Json.fromEntries(
      Json.entries(json).map(([key, value]) => [key, sorted(value)] as const).sort(([a], [b]) => a < b ? -1 : 1)
    )
    : json

/**
 * What two design documents are compared by: without what the server adds, without what is empty, with what CouchDB takes
 * for granted.
 */
export const normalOf = (body: Json.JsonObject): Json.JsonObject => {
  const members = Json.entries(body).filter(([key, value]) => !key.startsWith("_") && !isEmpty(value))
  const whole = Json.has(body, "language") ? members : [["language", "javascript"] as const, ...members]
  return sorted(Json.fromEntries(whole)) as Json.JsonObject
}

/** What the indexes are made of: nothing else is in what is staged, so that no validation runs before its time. */
const indexed = new Set(["language", "views", "options", "nouveau", "indexes"])

export const indexPart = (body: Json.JsonObject): Json.JsonObject =>
  Json.fromEntries(Json.entries(normalOf(body)).filter(([key]) => indexed.has(key)))

export const hasIndexes = (body: Json.JsonObject): boolean =>
  ["views", "nouveau", "indexes"].some((key) => Json.has(normalOf(body), key))

export const same = (left: Json.JsonObject, right: Json.JsonObject): boolean =>
  Json.stringify(left) === Json.stringify(right)

/** The same text has the same name, so that deployments of the same share what they stage. */
export const digest = (body: Json.JsonObject): string =>
  Encoding.encodeHex(sha256(Json.stringify(indexPart(body)))).slice(0, 16)

interface Entry {
  readonly path: ReadonlyArray<string>
  readonly value: Json.Json
}

type Flat = ReadonlyMap<string, Entry>

/** What is compared one by one: the members of groups, such as views, and all other members as a whole. */
const flat = (body: Json.JsonObject): Flat => {
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
  const [old, fresh] = [Option.match(before, { onNone: (): Flat => new Map(), onSome: flat }), flat(after)]
  return Array.from(new Set([...old.keys(), ...fresh.keys()])).sort().flatMap((key): ReadonlyArray<Difference> => {
    const [was, is] = [old.get(key), fresh.get(key)]
    const path = (is ?? was)?.path ?? []
    if (was === undefined) {
      return [{ _tag: "Added", path, before: Option.none(), after: Option.fromNullable(is?.value) }]
    }
    if (is === undefined) return [{ _tag: "Removed", path, before: Option.some(was.value), after: Option.none() }]
    return Json.stringify(was.value) === Json.stringify(is.value)
      ? []
      : [{ _tag: "Changed", path, before: Option.some(was.value), after: Option.some(is.value) }]
  })
}
