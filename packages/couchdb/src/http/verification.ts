import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { CouchRequest, Written } from "./CouchHttp.js"
import { isIdentified } from "./responseError.js"
import { schemaIssues } from "./schemaIssues.js"
import { type BufferedResponse, text } from "./Transport.js"

/** The JSON of a response as `JSON.parse` reads it, or `undefined` if the body is not JSON. */
export const jsonOf = (response: BufferedResponse): Json.Json | undefined => {
  try {
    return JSON.parse(typeof response.body === "string" ? response.body : text(response))
  } catch {
    return undefined
  }
}

/** Returns what is wrong with a successful response, or `undefined` if the endpoint documents such a response. */
export type Verify = NonNullable<CouchRequest["verify"]>

const isEmpty = (json: Json.Json): boolean =>
  typeof json === "object" && json !== null && Object.keys(json).length === 0

/**
 * What is wrong with the JSON of a response. `{}` and `[]` are documented responses of some endpoints, but many other
 * services send them too, so the headers must then identify CouchDB.
 */
export const jsonProblem = (
  json: Json.Json | undefined,
  response: BufferedResponse,
  matches: (json: Json.Json) => boolean
): string | undefined =>
  json === undefined
    ? "the response is not JSON"
    : isEmpty(json) && !isIdentified(response.headers)
    ? "the response is empty JSON, and its headers do not identify CouchDB"
    : matches(json)
    ? undefined
    : "the response is not what CouchDB's endpoint returns"

/** Verifies JSON by a predicate. */
export const verifyJson = (matches: (json: Json.Json) => boolean): Verify => (response) =>
  jsonProblem(jsonOf(response), response, matches)

/** Verifies JSON by a schema, and names what does not match it. */
export const verifySchema = <A, I>(schema: Schema.Schema<A, I>): Verify => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (response) => {
    let issues = ""
    const problem = verifyJson((json) => {
      const decoded = decode(json)
      if (decoded._tag === "Right") return true
      issues = schemaIssues(decoded.left).map(({ expected, path }) => `${path.map(String).join(".")} ${expected}`)
        .join("; ")
      return false
    })(response)
    return problem === undefined || issues === "" ? problem : `${problem}: ${issues}`
  }
}

/** Verifies `{"ok":true}`, which CouchDB sends when it has carried out a request, or has begun to. */
export const verifyOk: Verify = verifySchema(Schema.Struct({ ok: Schema.Literal(true) }))

/** Verifies that the response is the document with this id. */
export const verifyDocument = (id: string): Verify =>
  verifyJson((json) => Json.get(json, "_id") === id && typeof Json.get(json, "_rev") === "string")

/** What is wrong with the JSON of the response to a write of the document with this id, which contains its revision. */
const writeProblem = (
  id: string | undefined,
  json: Json.Json | undefined,
  response: BufferedResponse
): string | undefined => {
  const rev = Json.get(json, "rev")
  const written = Json.get(json, "id")
  return jsonProblem(
    json,
    response,
    () => typeof rev === "string" && (id === undefined || written === undefined || written === id)
  )
}

/** Verifies the response to a write. Local documents have other revisions than normal documents. */
export const verifyWritten = (id: string | undefined): Verify => (response) =>
  writeProblem(id, jsonOf(response), response)

/** Decodes the response to a write of a document with revisions. */
export const decodeWritten = (id: string | undefined, response: BufferedResponse): Either.Either<Written, string> => {
  const json = jsonOf(response)
  const problem = writeProblem(id, json, response)
  const rev = Json.get(json, "rev")
  return problem !== undefined
    ? Either.left(problem)
    : Revision.isRevision(rev)
    ? Either.right({ rev, durability: response.status === 202 ? "accepted" : "quorum" })
    : Either.left("the response names no revision")
}

/** A revision that no document has. */
const unusedRevision = "1-ffffffffffffffffffffffffffffffff"

type Requested = ReadonlyMap<string, ReadonlyArray<string>>

/**
 * The body of `_revs_diff`. CouchDB returns only missing revisions, so `{}`, which many services return, would mean
 * that the server has all of them. The body therefore includes one revision that no document has, which CouchDB reports
 * as missing.
 */
export const revsDiffBody = (requested: Requested): Json.JsonObject =>
  Json.fromEntries(Array.from(requested, ([id, revs], i) => [id, i === 0 ? [...revs, unusedRevision] : revs] as const))

/** The missing revisions of a document, according to `_revs_diff`. */
export const missingIn = (json: Json.Json | undefined, id: string): ReadonlyArray<Json.Json> => {
  const missing = Json.get(Json.get(json, id), "missing")
  return Json.isArray(missing) ? missing : []
}

/** Whether this is the response of `_revs_diff` to {@link revsDiffBody}. */
export const isRevsDiff = (json: Json.Json | undefined, requested: Requested): boolean => {
  const [first] = requested.keys()
  return first !== undefined && Json.isObject(json) && missingIn(json, first).includes(unusedRevision) &&
    Json.entries(json).every(([id, diff]) => requested.has(id) && Json.isArray(Json.get(diff, "missing")))
}

export const verifyRevsDiff = (requested: Requested): Verify => verifyJson((json) => isRevsDiff(json, requested))

/**
 * Whether this is the response of `_bulk_get` for these ids: one result for each, in any order, with its documents or
 * errors. A response without a result for an id does not mean that the document does not exist.
 */
export const isBulkGet = (json: Json.Json | undefined, ids: ReadonlyArray<string>): boolean => {
  const results = Json.get(json, "results")
  if (!Json.isArray(results) || results.length !== ids.length) return false
  const requested = new Set(ids)
  return results.every((result) => {
    const id = Json.get(result, "id")
    const docs = Json.get(result, "docs")
    return typeof id === "string" && requested.has(id) && Json.isArray(docs) &&
      docs.every((doc) => Json.isObject(Json.get(doc, "ok")) || Json.isObject(Json.get(doc, "error")))
  })
}

/** Whether this is the response of `_all_docs` for these keys: one row for each, in their order. */
export const isAllDocs = (json: Json.Json | undefined, keys: ReadonlyArray<string>): boolean => {
  const rows = Json.get(json, "rows")
  return Json.isArray(rows) && rows.length === keys.length && rows.every((row, i) => Json.get(row, "key") === keys[i])
}

/** Whether this is a page of `_changes`. */
export const isChanges = (json: Json.Json | undefined): boolean =>
  Json.isArray(Json.get(json, "results")) && Json.get(json, "last_seq") !== undefined
