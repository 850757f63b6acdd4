import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Functions } from "../functions/sources.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import { builtIn } from "./builtInReduce.js"
import { interpret } from "./program.js"

type Type = "object" | "string" | "array" | "boolean"

const typeOf = (value: Json.Json): string =>
  Json.isArray(value) ? "array" : Json.isObject(value) ? "object" : typeof value

/** A path of members with their allowed types. `*` stands for every member. */
type Shape = ReadonlyArray<readonly [name: string, types: ReadonlyArray<Type>]>

const shapes = (map: Type): ReadonlyArray<Shape> => [
  [["filters", ["object"]], ["*", ["object", "string"]]],
  [["language", ["string"]]],
  [["lists", ["object"]], ["*", ["object", "string"]]],
  [["options", ["object"]]],
  [["options", ["object"]], ["include_design", ["boolean"]]],
  [["options", ["object"]], ["local_seq", ["boolean"]]],
  [["options", ["object"]], ["partitioned", ["boolean"]]],
  [["rewrites", ["string", "array"]]],
  [["shows", ["object"]], ["*", ["object", "string"]]],
  [["updates", ["object"]], ["*", ["object", "string"]]],
  [["validate_doc_update", ["string"]]],
  [["views", ["object"]], ["lib", ["object"]]],
  [["views", ["object"]], ["*", ["object"]], ["map", [map]]],
  [["views", ["object"]], ["*", ["object"]], ["reduce", ["string"]]]
]

/** The first member with a wrong type, and its allowed types. */
const firstMismatch = (
  value: Json.Json,
  [first, ...rest]: Shape,
  path: ReadonlyArray<string>
): { readonly path: ReadonlyArray<string>; readonly types: ReadonlyArray<Type> } | undefined => {
  if (first === undefined || !Json.isObject(value)) return undefined
  const [name, types] = first
  const allowed: ReadonlyArray<string> = types
  for (const key of name === "*" ? Json.keys(value) : [name]) {
    const member = Json.get(value, key)
    if (member === undefined) continue
    if (!allowed.includes(typeOf(member))) return { path: [...path, key], types }
    const found = firstMismatch(member, rest, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

const invalid = (reason: string): Checked<never> => refuse(400, "invalid_design_doc", reason)

const checkReduce = (reduce: string): Checked<void> => {
  const rank = /^_(?:top|bottom)_(.*)$/.exec(reduce)?.[1]
  if (rank !== undefined) {
    if (!/^[+-]?\d+$/.test(rank)) return invalid("invalid rank reducer")
    return Number(rank) >= 1 && Number(rank) <= 100
      ? Either.void
      : invalid("rank value must be between 1 and 100")
  }
  return builtIn(reduce) === undefined ? invalid(`\`${reduce}\` is not a supported reduce function.`) : Either.void
}

const compile = (functions: Functions, body: Json.JsonObject, kind: "map" | "reduce", view: string, text: string) =>
  Either.mapLeft(
    interpret(functions, view, "compile", text, body, "[]"),
    (refused) =>
      refused.error === "compilation_error"
        ? {
          ...refused,
          reason: `Compilation of the ${kind} function in the '${view}' view failed: ${String(refused.reason)}`
        }
        : refused
  )

const checkView = (
  functions: Functions,
  body: Json.JsonObject,
  name: string,
  view: Json.JsonObject
): Checked<void> =>
  Either.gen(function*() {
    const map = Json.get(view, "map")
    const reduce = Json.get(view, "reduce")
    const language = Json.get(body, "language") ?? "javascript"
    const runs = functions.interpreter !== undefined && language === "javascript"
    if (runs && typeof map === "string") yield* compile(functions, body, "map", name, map)
    if (typeof reduce !== "string") return
    if (reduce.startsWith("_")) yield* checkReduce(reduce)
    else if (runs) yield* compile(functions, body, "reduce", name, reduce)
  })

/**
 * Rejects a design document that CouchDB would not store. Function text is compiled only if there is an interpreter.
 */
export const checkDesign = (
  functions: Functions,
  database: { readonly partitioned: boolean },
  body: Json.JsonObject
): Checked<void> =>
  Either.gen(function*() {
    for (const shape of shapes(Json.get(body, "language") === "query" ? "object" : "string")) {
      const found = firstMismatch(body, shape, [])
      if (found !== undefined) {
        const types = Array.from(found.types).reverse().join(" or ")
        return yield* invalid(`\`${found.path.join(".")}\` field must have ${types} type`)
      }
    }
    const views = Json.get(body, "views")
    const defined = Json.isObject(views) ? Json.entries(views).filter(([name]) => name !== "lib") : []
    for (const [name, view] of defined) {
      if (Json.isObject(view) && !Json.has(view, "map")) {
        return yield* invalid(`View \`${name}\` must contain map function`)
      }
    }
    const options = Json.get(body, "options")
    if (!database.partitioned && Json.isObject(options) && Json.get(options, "partitioned") === true) {
      return yield* invalid("partitioned option cannot be true in a non-partitioned database.")
    }
    for (const [name, view] of defined) {
      if (Json.isObject(view)) yield* checkView(functions, body, name, view)
    }
  })
