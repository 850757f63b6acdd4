import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"

/** The member names from the document down to a value. */
export type Path = ReadonlyArray<string>

/** Parses a field such as `a.b`, or `a\.b` for a single member. */
export const parse = (field: string): Checked<Path> => {
  const parts = field.includes("\\")
    ? field.split(/(?<!\\)\./).map((part) => part.replaceAll("\\", ""))
    : field.split(".")
  return parts.includes("")
    ? refuse(400, "invalid_field_name", `Invalid field name: ${field}`)
    : Either.right(parts)
}

const indexOf = (name: string): number => /^[+-]?\d+$/.test(name) ? Number(name) : -1

/**
 * Finds the value at a path, through objects by name and through arrays by index. `missing` if the last object has no
 * such member, and `astray` if a value on the path is neither object nor array.
 */
export const find = (value: Json.Json, path: Path): { readonly value: Json.Json } | "missing" | "astray" => {
  let at = value
  for (const name of path) {
    const inner = Json.isObject(at) ? Json.get(at, name) : Json.isArray(at) ? at[indexOf(name)] : undefined
    if (inner === undefined) return Json.isObject(at) ? "missing" : "astray"
    at = inner
  }
  return { value: at }
}

/** The value at a path, if there is one. */
export const get = (value: Json.Json, path: Path): Json.Json | undefined => {
  const found = find(value, path)
  return typeof found === "string" ? undefined : found.value
}

/** Sets the value at a path, and creates the objects on the way. */
export const set = (into: Json.Json, [name, ...rest]: Path, value: Json.Json): Json.Json => {
  if (name === undefined) return value
  if (Json.isArray(into)) {
    const at = indexOf(name)
    const item = into[at]
    return item === undefined ? into : into.map((other, i) => i === at ? set(item, rest, value) : other)
  }
  if (!Json.isObject(into)) return into
  const inner = Json.get(into, name)
  const next = inner === undefined ? rest.reduceRight<Json.Json>((made, key) => ({ [key]: made }), value) : undefined
  const members = new Map<string, Json.Json>(Json.entries(into))
  return Json.fromEntries(members.set(name, next ?? set(inner ?? {}, rest, value)))
}
