import * as Json from "effect-couchdb/Json"

const needsEscape = /["\\\u0000-\u001f]/
const escaped = /["\\\u0000-\u001f]/g
const shortEscapes: Readonly<Record<string, string>> = {
  "\"": "\\\"",
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t"
}

const escape = (character: string): string =>
  shortEscapes[character] ?? `\\u00${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`

/** Prints a string as CouchDB does. Unlike `JSON.stringify`, it writes escapes with upper-case digits. */
const printString = (text: string): string =>
  needsEscape.test(text) ? `"${text.replace(escaped, escape)}"` : `"${text}"`

/**
 * Prints a number as CouchDB does after parsing it. Integers keep their digits. All other numbers are doubles, printed
 * with the shortest digits and always with a fraction or an exponent.
 */
const printNumber = (digits: string): string => {
  if (!/[.eE]/.test(digits)) return digits === "-0" ? "0" : digits
  const value = Number(digits)
  // CouchDB drops the sign of zero.
  if (value === 0) return "0.0"
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** Prints a value as CouchDB does. */
export const print = (value: Json.Json): string => {
  if (typeof value === "string") return printString(value)
  if (typeof value === "number") return printNumber(String(value))
  if (value === null || typeof value === "boolean") return String(value)
  if (Json.isRawNumber(value)) return printNumber(value.text)
  if (Json.isArray(value)) return `[${value.map(print).join(",")}]`
  return Json.isObject(value) ? `{${printMembers(Json.entries(value))}}` : "null"
}

/** Prints the members of an object, without braces. */
export const printMembers = (members: Iterable<readonly [string, Json.Json]>): string => {
  let text = ""
  for (const [key, member] of members) text += `${text === "" ? "" : ","}${printString(key)}:${print(member)}`
  return text
}
