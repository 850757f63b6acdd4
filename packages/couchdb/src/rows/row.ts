import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"

/**
 * One element of the array in a response, as `JSON.parse` returns it. `text` is present only if `JSON.parse` may have
 * lost information: if every row kept its text, each document would keep the whole response in memory.
 */
export interface Row {
  readonly json: unknown
  readonly text: string | undefined
  /** The exact value of `text`, parsed on first use. */
  whole?: Json.Json | undefined
}

/**
 * The members of rows and of their documents, for access without a check of each. No value that `JSON.parse` returns
 * inherits a member with one of these names.
 */
export interface Members {
  readonly id?: unknown
  readonly key?: unknown
  readonly value?: unknown
  readonly doc?: unknown
  readonly error?: unknown
  readonly reason?: unknown
  readonly rev?: unknown
  readonly _id?: unknown
  readonly _rev?: unknown
  readonly _deleted?: unknown
  readonly _conflicts?: unknown
  readonly _attachments?: unknown
}

/** A row that `JSON.parse` read without loss. */
export const plainRow = (json: unknown): Row => ({ json, text: undefined, whole: undefined })

export const textRow = (text: string, json: unknown): Row => ({ json, text, whole: undefined })

/** A row from exact JSON. */
export const rowOf = (whole: Json.Json): Row => ({ json: Json.toPlain(whole), text: Json.stringify(whole), whole })

/** The exact JSON of the row. */
export const exact = (row: Row): Json.Json =>
  row.text === undefined
    ? row.json as Json.Json
    : row.whole ??= Either.getOrElse(Json.parse(row.text), () => row.json as Json.Json)

export const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** An own member, or `undefined`. */
export const member = (json: unknown, key: string): unknown =>
  isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined

/** Whether the row may be the error that CouchDB appends to the rows when it fails after status 200. */
export const looksLikeError = (json: unknown): boolean =>
  isObject(json) && typeof json["error"] === "string" && typeof json["reason"] === "string"

/** A sequence as a string. Servers before 2.0 sent numbers. With `seqInterval`, most rows have no sequence. */
export const sequenceOf = (json: unknown): Option.Option<string> =>
  typeof json === "string" ? Option.some(json) : typeof json === "number" ? Option.some(String(json)) : Option.none()
