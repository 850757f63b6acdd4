import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"

/**
 * One element of the array in an answer, as `JSON.parse` made it. `text` is there where `JSON.parse` may have lost something
 * of it, and only there: a text kept for each row would keep the answer in memory for as long as somebody keeps a document.
 */
export interface Row {
  readonly json: unknown
  readonly text: string | undefined
  /** What the text says, once somebody asked. */
  whole?: Json.Json | undefined
}

/**
 * The members of rows and of documents in them, for reading without a check of each: no value that `JSON.parse` returns
 * inherits a member of these names.
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

/** A row of which `JSON.parse` lost nothing. */
export const plainRow = (json: unknown): Row => ({ json, text: undefined, whole: undefined })

export const textRow = (text: string, json: unknown): Row => ({ json, text, whole: undefined })

/** A row of exact JSON. */
export const rowOf = (whole: Json.Json): Row => ({ json: Json.toPlain(whole), text: Json.stringify(whole), whole })

/** The row to the digit. */
export const exact = (row: Row): Json.Json =>
  row.text === undefined
    ? row.json as Json.Json
    : row.whole ??= Either.getOrElse(Json.parse(row.text), () => row.json as Json.Json)

export const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** A member of its own, or `undefined`. */
export const member = (json: unknown, key: string): unknown =>
  isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined

/** Whether this could be the error that CouchDB puts behind the rows when it fails after status 200. */
export const looksLikeError = (json: unknown): boolean =>
  isObject(json) && typeof json["error"] === "string" && typeof json["reason"] === "string"

/** A sequence is a string. Servers before 2.0 sent numbers, and with `seqInterval` most rows have none. */
export const sequenceOf = (json: unknown): Option.Option<string> =>
  typeof json === "string" ? Option.some(json) : typeof json === "number" ? Option.some(String(json)) : Option.none()
