import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Functions } from "../functions/sources.js"
import type { Checked } from "../http/refusal.js"
import { internalError, refuse } from "../http/refusal.js"

/** The commands of an interpreter. */
export type Kind =
  | "compile"
  | "map"
  | "reduce"
  | "filter"
  | "view"
  | "validate"
  | "update"
  | "show"
  | "list"
  | "rewrite"

const statusOf = (error: string): number =>
  error === "not_found" ? 404 : error === "method_not_allowed" ? 405 : error === "not_acceptable" ? 406 : 500

/**
 * Runs the function text at a path of a design document. `input` is JSON text, so that documents need not be printed
 * twice.
 */
export const interpret = (
  functions: Functions,
  what: string,
  kind: Kind,
  source: Json.Json,
  design: Json.Json,
  input: string
): Checked<Json.Json> => {
  const { interpreter } = functions
  if (interpreter === undefined) {
    return refuse(
      501,
      "not_implemented",
      `The embedded CouchDB runs no JavaScript, and has no TypeScript function for ${what}. Set the option \`interpreter\` ` +
        "of EmbeddedCouch to JavaScript.make() of effect-couchdb-embedded/JavaScript (the command has --javascript), or " +
        "give it the function with the option `functions`."
    )
  }
  const command = `[${JSON.stringify(kind)},${Json.stringify(source)},${Json.stringify(design)},${input}]`
  const output = Json.parse(interpreter.run(command))
  if (Either.isLeft(output) || !Json.isObject(output.right)) return internalError("no answer", "os_process_error")
  const error = Json.get(output.right, "error")
  const reason = Json.get(output.right, "reason") ?? ""
  if (typeof error !== "string") return Either.right(Json.get(output.right, "ok") ?? null)
  const status = error === "compilation_error" ? 400 : statusOf(error)
  return refuse(status, error, reason)
}

/** The result of a TypeScript function as JSON. Values that JSON cannot express are `null`. */
export const toJson = (value: unknown): Json.Json => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number" && Number.isSafeInteger(value) && !Object.is(value, -0)) return value
  const text: unknown = JSON.stringify(value)
  return typeof text === "string" ? Either.getOrElse(Json.parse(text), () => null) : null
}
