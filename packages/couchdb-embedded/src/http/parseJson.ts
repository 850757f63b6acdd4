import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import type { Checked } from "./refusal.js"
import { badRequest, invalidJson, refuse } from "./refusal.js"

const maxDepth = 2_000

/** Whether the text nests deeper than allowed. Brackets in strings do not count. */
const exceedsDepth = (text: string): boolean => {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 34) quoted = !quoted
    else if (quoted) {
      if (unit === 92) i++
    } else if (unit === 123 || unit === 91) {
      if (++depth > maxDepth) return true
    } else if (unit === 125 || unit === 93) depth--
  }
  return false
}

/** Prints a double so that every JSON parser reads it as the same double. */
const floatText = (value: number): string => {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0"
  const text = String(value)
  return text.includes(".") ? text : text.includes("e") ? text.replace("e", ".0e") : `${text}.0`
}

const exponential = /\d[eE][-+]?\d/

/** Replaces each number that CouchDB does not parse as the nearest double. */
const withCouchNumbers = (json: Json.Json): Json.Json => {
  if (typeof json === "number" || Json.isRawNumber(json)) {
    const text = Json.stringify(json)
    const parsed = exponential.test(text) ? Json.toFloat(text) : Number(text)
    return Object.is(parsed, Number(text)) ? json : new Json.RawNumber(floatText(parsed))
  }
  return Json.isArray(json)
    ? json.map(withCouchNumbers)
    : Json.isObject(json)
    ? Json.fromEntries(Json.entries(json).map(([key, member]) => [key, withCouchNumbers(member)]))
    : json
}

/** Parses JSON as CouchDB does. */
export const parseJson = (text: string | undefined): Checked<Json.Json> => {
  if (text === undefined) return Either.left(invalidJson)
  if (text.length > 2 * maxDepth && exceedsDepth(text)) {
    return badRequest(`The embedded CouchDB accepts JSON of at most ${maxDepth} nested levels.`)
  }
  try {
    return Either.mapBoth(Json.parse(text), {
      onLeft: () => invalidJson,
      onRight: exponential.test(text) ? withCouchNumbers : identity
    })
  } catch {
    // The parser ran out of stack.
    return refuse(413, "document_too_large", "")
  }
}
