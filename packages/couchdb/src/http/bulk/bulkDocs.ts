import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import * as Revision from "../../data/Revision.js"
import { conflictAsBadRequest } from "../conflictMapping.js"
import { CouchHttp, type CouchRequest, type Durability } from "../CouchHttp.js"
import { UpdateConflictError } from "../errors.js"
import { executeDecoded } from "../executeDecoded.js"
import { fromResponse, type Reply } from "../responseError.js"
import { isTooLargeForProxy } from "../retry.js"
import type { BufferedResponse } from "../Transport.js"
import { jsonOf } from "../verification.js"
import type { WireError } from "./errors.js"

/** A document to write, as text. */
export interface Row {
  readonly id: string
  readonly text: string
}

/**
 * The result of a row. `rev` is the revision that the server assigned, if it reports one. `error` is the reason of a
 * refusal. In a conflict, the parent of the row is no longer a leaf.
 */
export type RowResult =
  | { readonly _tag: "Stored"; readonly durability: Durability; readonly rev: Revision.Revision | undefined }
  | { readonly _tag: "Conflict"; readonly error: UpdateConflictError }
  | { readonly _tag: "Refused"; readonly error: WireError }

/** A row without a response, because its request failed, or an earlier one whose failure ended the operation. */
export interface NoResponse {
  readonly _tag: "NoResponse"
  readonly error: WireError
}

/**
 * - `newEdits`: whether each row is an edit of the revision that it names; otherwise it is stored under that revision
 * - `repeatable`: whether a request without a response may be sent again; `true` by default, which is safe if a row
 *   under its own revision does nothing the second time, or if the caller examines refusals
 */
export interface WriteOptions {
  readonly newEdits: boolean
  readonly repeatable?: boolean
}

const maxPart = { rows: 200, characters: 4_000_000 }

/** Splits rows into parts of one request each. */
const parts = (rows: ReadonlyArray<Row>): ReadonlyArray<ReadonlyArray<Row>> => {
  const all: Array<Array<Row>> = []
  let size = Infinity
  for (const row of rows) {
    const last = all[all.length - 1]
    if (last === undefined || last.length >= maxPart.rows || size + row.text.length > maxPart.characters) {
      all.push([row])
      size = row.text.length
    } else {
      last.push(row)
      size += row.text.length
    }
  }
  return all
}

/**
 * Writes documents and returns one result each, in their order: `POST /{db}/_bulk_docs`. If one document causes a whole
 * request to fail, the failure is the result of that document.
 */
export const bulkWrite = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  options: WriteOptions
): Effect.Effect<ReadonlyArray<RowResult>, WireError, CouchHttp> =>
  Effect.map(
    Effect.forEach(parts(rows), (part) => Effect.flatMap(writePart(database, part, options), failWithoutResponse)),
    (results) => results.flat()
  )

const failWithoutResponse = (
  results: ReadonlyArray<RowResult | NoResponse>
): Effect.Effect<ReadonlyArray<RowResult>, WireError> =>
  Effect.forEach(results, (result) => result._tag === "NoResponse" ? Effect.fail(result.error) : Effect.succeed(result))

/**
 * Writes documents in one request, which is split only if the server requires smaller ones. It fails only if no row has
 * a result: the results of some rows are kept if others fail.
 */
export const writePart = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  options: WriteOptions
): Effect.Effect<ReadonlyArray<RowResult | NoResponse>, WireError, CouchHttp> => {
  const { newEdits, repeatable = true } = options
  const [first] = rows
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(database)}/_bulk_docs`,
    route: "/{db}/_bulk_docs",
    database,
    ...(rows.length === 1 && first !== undefined && { id: first.id }),
    body: `{"new_edits":${newEdits},"docs":[${rows.map(({ text }) => text).join(",")}]}`,
    idempotent: repeatable
  }
  const decode = (
    response: BufferedResponse,
    server: string | undefined
  ): Either.Either<ReadonlyArray<RowResult>, string> => {
    const durability = response.status === 202 ? "accepted" : "quorum"
    const results = jsonOf(response)
    if (!Json.isArray(results)) return Either.left("the response is not a list of results")
    // Without new edits CouchDB reports only refused rows. An empty list then means that all are stored, so the
    // response must be CouchDB's.
    if (
      newEdits
        ? results.length !== rows.length || !results.every((result, i) => isResult(result, rows[i]))
        : !results.every(isRefusal) || (response.status !== 201 && response.status !== 202)
    ) return Either.left("the response is not one result for each document")
    return Either.right(rows.map((row, i) => {
      const result = newEdits ? results[i] : results.find((each) => Json.get(each, "id") === row.id)
      const error = Json.get(result, "error")
      const rev = Json.get(result, "rev")
      return error === undefined
        ? { _tag: "Stored", durability, rev: Revision.isRevision(rev) ? rev : undefined }
        : refused(request, { ...response, server }, row, error, Json.get(result, "reason"))
    }))
  }
  return CouchHttp.pipe(
    Effect.flatMap((couch) => conflictAsBadRequest(executeDecoded(couch, request, decode))),
    Effect.catchIf(
      (error) => ofOneDocument.has(error._tag) || (repeatable && rows.length > 1 && isTooLargeForProxy(error)),
      (error): Effect.Effect<ReadonlyArray<RowResult | NoResponse>, WireError, CouchHttp> =>
        rows.length === 1
          ? Effect.succeed([{ _tag: "Refused", error }])
          : writeHalves(database, rows, options)
    )
  )
}

/** Writes the halves one after the other. After a failure nothing more is sent. */
const writeHalves = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  options: WriteOptions
): Effect.Effect<ReadonlyArray<RowResult | NoResponse>, WireError, CouchHttp> => {
  const rest = rows.slice(rows.length >> 1)
  return Effect.flatMap(writePart(database, rows.slice(0, rows.length >> 1), options), (first) => {
    const missing = first.find((result) => result._tag === "NoResponse")
    return missing !== undefined
      ? Effect.succeed([...first, ...rest.map(() => missing)])
      : Effect.match(writePart(database, rest, options), {
        onFailure: (error) => [...first, ...rest.map((): NoResponse => ({ _tag: "NoResponse", error }))],
        onSuccess: (second) => [...first, ...second]
      })
  })
}

/** The errors of a whole request that some of its documents, or their number, may cause. */
const ofOneDocument = new Set<string>([
  "MissingStubError",
  "PreconditionFailedError",
  "PayloadTooLargeError",
  "BadRequestError",
  "ExpectationFailedError"
])

/** Whether this is the result of a row: its revision, or the reason of its refusal. */
const isResult = (result: Json.Json | undefined, row: Row | undefined): boolean =>
  isRefusal(result) || (Json.get(result, "id") === row?.id && Revision.isRevision(Json.get(result, "rev")))

const isRefusal = (result: Json.Json | undefined): boolean => typeof Json.get(result, "error") === "string"

const statusOf = (error: Json.Json): number =>
  error === "unauthorized" ? 401 : error === "forbidden" ? 403 : error === "not_found" ? 404 : 400

const refused = (
  request: CouchRequest,
  reply: Reply,
  row: Row,
  error: Json.Json,
  why: Json.Json | undefined
): RowResult => {
  const about = { ...request, id: row.id }
  const reason = String(why ?? "no reason given")
  return error === "conflict"
    ? { _tag: "Conflict", error: conflictOf(about, reply, reason) }
    : { _tag: "Refused", error: asError(about, reply, statusOf(error), String(error), reason) }
}

const conflictOf = (
  { database, id, method, path }: Pick<CouchRequest, "method" | "path" | "database" | "id">,
  { server }: Reply,
  reason: string
): UpdateConflictError =>
  new UpdateConflictError({ server, method, path, status: 409, error: "conflict", reason, database, id })

/** The error of one row, as if the document had been written alone. */
const asError = (
  request: CouchRequest,
  { headers, server }: Reply,
  status: number,
  error: string,
  reason: string
): WireError => fromResponse(request, { status, headers, server, body: JSON.stringify({ error, reason }) }) as WireError
