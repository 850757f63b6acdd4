import * as Json from "effect-couchdb/Json"
import { print } from "./printJson.js"
import * as Utf8 from "./utf8.js"

const printBytes = (text: string): string => `<<${Utf8.encode(text).join(",")}>>`

// Erlang prints a binary as text if all of it is printable.
const printText = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? `<<"${text.replace(/["\\]/g, "\\$&")}">>` : printBytes(text)

const show = (value: Json.Json, text: (value: string) => string): string => {
  if (typeof value === "string") return text(value)
  if (Json.isArray(value)) return `[${value.map((item) => show(item, text)).join(",")}]`
  if (!Json.isObject(value)) return print(value)
  return `{[${Json.entries(value).map(([key, member]) => `{${text(key)},${show(member, text)}}`).join(",")}]}`
}

/** Prints a value like Erlang's `~w`, with strings as lists of bytes. */
export const erlangTerm = (value: Json.Json): string => show(value, printBytes)

/** Prints a value like Erlang's `~p`. */
export const erlangPretty = (value: Json.Json): string => show(value, printText)
