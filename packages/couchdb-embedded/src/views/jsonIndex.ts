import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { compile } from "../selector/match.js"
import * as Paths from "../selector/path.js"
import type { MapDocuments } from "./index.js"

/** The fields of an index in order, with their directions. */
export const fieldsOf = (definition: Json.Json): ReadonlyArray<readonly [string, string]> => {
  const fields = Json.isObject(definition) ? Json.get(definition, "fields") : undefined
  return Json.isObject(fields)
    ? Json.entries(fields).map(([name, direction]) => [name, typeof direction === "string" ? direction : "asc"])
    : []
}

/** The selector of a partial index. */
export const partialFilterOf = (definition: Json.Json): Json.JsonObject | undefined => {
  if (!Json.isObject(definition)) return undefined
  for (const name of ["partial_filter_selector", "selector"]) {
    const selector = Json.get(definition, name)
    if (Json.isObject(selector) && Json.keys(selector).length > 0) return selector
  }
  return undefined
}

/** The rows of an index: one for each document that has all fields. */
export const mapOf = (definition: Json.Json): MapDocuments => (documents) =>
  Either.gen(function*() {
    const paths = yield* Either.all(fieldsOf(definition).map(([name]) => Paths.parse(name)))
    const matches = yield* compile(partialFilterOf(definition) ?? {})
    return documents.map(({ text }) => {
      const document = Either.getOrElse(Json.parse(text), () => null)
      if (!matches(document)) return []
      const key: Array<Json.Json> = []
      for (const path of paths) {
        const value = Paths.get(document, path)
        if (value === undefined) return []
        key.push(value)
      }
      return [{ key, value: null }]
    })
  })
