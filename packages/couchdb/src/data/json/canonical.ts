import { sha256 } from "@noble/hashes/sha2"
import { encodeUtf8, hex } from "../bytes.js"
import * as Json from "../Json.js"
import { writeText } from "./writer.js"

/**
 * A number as JavaScript writes it, if it represents it exactly: servers and other programs rewrite `1e2` and `1.0`.
 */
const numberText = (text: string): string => {
  const number = Number(text)
  return Number.isFinite(number) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(number))
    ? JSON.stringify(number)
    : text
}

/** The same text for equal values, whatever the order of their keys: RFC 8785, with the digits of inexact numbers. */
export const canonical = (json: Json.Json): string => writeText(json, scalarText, sortedEntries)

const scalarText = (json: Json.Json): string | undefined =>
  Json.isRawNumber(json)
    ? numberText(json.text)
    : typeof json !== "object" || json === null
    ? JSON.stringify(Object.is(json, -0) ? 0 : json)
    : undefined

const sortedEntries = (object: Json.JsonObject): ReadonlyArray<readonly [string, Json.Json]> =>
  [...Json.entries(object)].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)

/** The first 128 bits of the SHA-256 of a text, in hex: as long as CouchDB's own hashes. */
export const hashOf = (text: string): string => hex(sha256(encodeUtf8(text))).slice(0, 32)
