import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Design, Doc, Emit, Request, UserContext } from "../functions/DesignFunctions.js"
import type { Functions } from "../functions/sources.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import { interpret, toJson } from "./program.js"

/** A design document, with its name in the functions that were given in TypeScript. */
export interface DesignDocument {
  readonly name: string
  readonly body: Json.JsonObject
}

const isDoc = (value: unknown): value is Doc =>
  typeof value === "object" && value !== null && "_id" in value && typeof value._id === "string"

const isRequest = (value: unknown): value is Request =>
  typeof value === "object" && value !== null && "userCtx" in value && "method" in value

const isUser = (value: unknown): value is UserContext =>
  typeof value === "object" && value !== null && "roles" in value && "db" in value

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const docOf = (text: string): Doc | null => {
  const value: unknown = JSON.parse(text)
  return isDoc(value) ? value : null
}

const requestOf = (text: string): Request | undefined => {
  const value: unknown = JSON.parse(text)
  return isRequest(value) ? value : undefined
}

const typeScriptFunctions = ({ given }: Functions, { name }: DesignDocument): Design | undefined =>
  Object.hasOwn(given, name) ? given[name] : undefined

const ownMember = <A>(record: { readonly [name: string]: A } | undefined, name: string): A | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined

const renderError = (error: unknown): Checked<never> =>
  refuse(500, "render_error", `function raised error: ${String(error)}`)

/** The text of a member such as `filters.odd`, or CouchDB's error if there is none. */
export const source = ({ body }: DesignDocument, group: string, name: string): Checked<Json.Json> => {
  const members = Json.get(body, group)
  if (!Json.isObject(members)) return refuse(404, "not_found", `missing json key: ${group}`)
  const found = Json.get(members, name)
  return found === undefined ? refuse(404, "not_found", `missing json key: ${name}`) : Either.right(found)
}

/** Rejects a function that was not given in TypeScript, and whose text does not compile. */
export const checkRunnable = (
  functions: Functions,
  place: DesignDocument,
  group: "filters" | "views",
  name: string,
  text: Json.Json
): Checked<void> => {
  const own = typeScriptFunctions(functions, place)
  const found = group === "filters" ? ownMember(own?.filters, name) : ownMember(own?.views, name)
  return found !== undefined ? Either.void : Either.map(
    interpret(functions, `_design/${place.name}/${group}/${name}`, "compile", text, place.body, "[]"),
    () => undefined
  )
}

/** Whether a filter accepts a document. */
export const filter = (
  functions: Functions,
  place: DesignDocument,
  name: string,
  text: Json.Json,
  doc: string,
  request: string
): Checked<boolean> => {
  const own = ownMember(typeScriptFunctions(functions, place)?.filters, name)
  if (own === undefined) {
    return Either.map(
      interpret(
        functions,
        `_design/${place.name}/filters/${name}`,
        "filter",
        text,
        place.body,
        `[[${doc}],${request}]`
      ),
      (passes) => Json.isArray(passes) && passes[0] === true
    )
  }
  try {
    const [document, parsedRequest] = [docOf(doc), requestOf(request)]
    return Either.right(document !== null && parsedRequest !== undefined && own(document, parsedRequest))
  } catch (error) {
    return renderError(error)
  }
}

/** Whether a map function emits anything for a document. */
export const viewFilter = (
  functions: Functions,
  place: DesignDocument,
  view: string,
  text: Json.Json,
  doc: string
): Checked<boolean> => {
  const own = ownMember(typeScriptFunctions(functions, place)?.views, view)?.map
  if (own === undefined) {
    return Either.map(
      interpret(functions, `_design/${place.name}/_view/${view}`, "view", text, place.body, `[[${doc}]]`),
      (passes) => Json.isArray(passes) && passes[0] === true
    )
  }
  let emitted = false
  const emit: Emit = () => {
    emitted = true
  }
  try {
    const document = docOf(doc)
    if (document !== null) own(document, emit)
    return Either.right(emitted)
  } catch (error) {
    return renderError(error)
  }
}

/** Runs an update function. Returns the document to store and the response. */
export const update = (
  functions: Functions,
  place: DesignDocument,
  name: string,
  text: Json.Json,
  doc: string,
  request: string
): Checked<readonly [doc: Json.Json, response: Json.Json]> => {
  const own = ownMember(typeScriptFunctions(functions, place)?.updates, name)
  if (own === undefined) {
    return Either.map(
      interpret(functions, `_design/${place.name}/_update/${name}`, "update", text, place.body, `[${doc},${request}]`),
      (result) => Json.isArray(result) ? [result[0] ?? null, result[1] ?? null] : [null, null]
    )
  }
  const parsedRequest = requestOf(request)
  if (parsedRequest === undefined || parsedRequest.method === "GET") {
    return refuse(405, "method_not_allowed", "Update functions do not allow GET")
  }
  try {
    const [stored, response] = own(docOf(doc), parsedRequest)
    return Either.right([toJson(stored), toJson(response)])
  } catch (error) {
    return renderError(error)
  }
}

const refusalOf = (result: Json.Json): Checked<void> => {
  if (!Json.isObject(result)) {
    return typeof result === "string" ? refuse(500, "unknown_error", result) : Either.void
  }
  const [member] = Json.entries(result)
  const [error, reason] = member ?? ["", ""]
  if (error === "forbidden") return refuse(403, "forbidden", reason)
  return error === "unauthorized" ? refuse(401, "unauthorized", reason) : refuse(500, "unknown_error", reason)
}

/** Runs `validate_doc_update`. */
export const validate = (
  functions: Functions,
  place: DesignDocument,
  text: Json.Json,
  doc: string,
  before: string,
  user: Json.JsonObject,
  security: Json.JsonObject
): Checked<void> => {
  const own = typeScriptFunctions(functions, place)?.validate
  if (own === undefined) {
    const input = `[${doc},${before},${Json.stringify(user)},${Json.stringify(security)}]`
    return Either.flatMap(
      interpret(functions, `_design/${place.name}/validate_doc_update`, "validate", text, place.body, input),
      refusalOf
    )
  }
  const userObject = Json.toPlain(user)
  const object = Json.toPlain(security)
  const document = docOf(doc)
  if (document === null || !isUser(userObject) || !isRecord(object)) return Either.void
  try {
    const refused = own(document, docOf(before), userObject, object)
    return refused === undefined ? Either.void : refusalOf(toJson(refused))
  } catch (error) {
    return refuse(500, "unknown_error", String(error))
  }
}
