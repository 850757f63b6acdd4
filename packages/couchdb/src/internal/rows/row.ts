import * as Either from "effect/Either"
import * as Json from "../../Json.js"

/** One element of the array in an answer: its text as it came, and what `JSON.parse` made of it. */
export interface Row {
  readonly text: string
  readonly json: unknown
}

/** The row to the digit. Most rows have nothing that `JSON.parse` would lose, and are not read twice. */
export const exact = (row: Row): Json.Json =>
  Json.mayBeInexact(row.text)
    ? Either.getOrElse(Json.parse(row.text), () => row.json as Json.Json)
    : row.json as Json.Json

export const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** A member of its own, or `undefined`. */
export const member = (json: unknown, key: string): unknown =>
  isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined

/** Whether this could be the error that CouchDB puts behind the rows when it fails after status 200. */
export const looksLikeError = (json: unknown): boolean =>
  isObject(json) && typeof json["error"] === "string" && typeof json["reason"] === "string"
