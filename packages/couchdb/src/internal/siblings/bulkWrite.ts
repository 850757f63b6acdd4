import * as Effect from "effect/Effect"
import { CouchHttp, type CouchRequest, type Durability } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import { documentPath } from "../documentPath.js"
import { fromResponse } from "../responseError.js"
import { unconflicted } from "../unconflicted.js"
import { jsonOf, member } from "../written.js"
import type { WireError } from "./wireError.js"

/** A document to write, as text. */
export interface Row {
  readonly id: string
  readonly text: string
}

/** What became of a row: `error` is what the server refused it with, `conflict` that its parent is no leaf any more. */
export type RowResult =
  | { readonly _tag: "Stored"; readonly durability: Durability }
  | { readonly _tag: "Conflict" }
  | { readonly _tag: "Refused"; readonly error: WireError }

const most = { rows: 200, characters: 4_000_000 }

/** Parts that one request each can carry. */
const parts = (rows: ReadonlyArray<Row>): ReadonlyArray<ReadonlyArray<Row>> => {
  const all: Array<Array<Row>> = []
  let size = Infinity
  for (const row of rows) {
    const last = all[all.length - 1]
    if (last === undefined || last.length >= most.rows || size + row.text.length > most.characters) {
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
 * Writes documents, one result each in their order: `POST /{db}/_bulk_docs`. With `newEdits: false` each is stored under
 * the revision that it names, which may be repeated. A failure of a whole request that is one document's fault is told for
 * that document.
 */
export const bulkWrite = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  { newEdits }: { readonly newEdits: boolean }
): Effect.Effect<ReadonlyArray<RowResult>, WireError, CouchHttp> =>
  Effect.map(
    Effect.forEach(parts(rows), (part) => writePart(database, part, newEdits)),
    (results) => results.flat()
  )

const writePart = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  newEdits: boolean
): Effect.Effect<ReadonlyArray<RowResult>, WireError, CouchHttp> => {
  const [first] = rows
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(database)}/_bulk_docs`,
    route: "/{db}/_bulk_docs",
    database,
    ...(rows.length === 1 && first !== undefined && { id: first.id }),
    body: `{"new_edits":${newEdits},"docs":[${rows.map(({ text }) => text).join(",")}]}`,
    // A write under its own revision does nothing the second time; a refused repetition is looked at by the caller.
    safe: true
  }
  return CouchHttp.pipe(
    Effect.flatMap((couch) => unconflicted(couch.execute(request))),
    Effect.map((response): ReadonlyArray<RowResult> => {
      const stored: RowResult = { _tag: "Stored", durability: response.status === 202 ? "accepted" : "quorum" }
      const results = jsonOf(response)
      const told = Json.isArray(results) ? results : []
      return rows.map((row, i) => {
        // With revisions of their own only refused rows are told.
        const result = newEdits ? told[i] : told.find((each) => member(each, "id") === row.id)
        const error = member(result, "error")
        if (error === undefined) {
          return newEdits && member(result, "rev") === undefined
            ? missing(request, response.status)
            : stored
        }
        return error === "conflict" ? { _tag: "Conflict" } : refused(request, row, error, member(result, "reason"))
      })
    }),
    Effect.catchIf(
      (error) => ofOneDocument.has(error._tag),
      (error): Effect.Effect<ReadonlyArray<RowResult>, WireError, CouchHttp> =>
        rows.length === 1
          ? Effect.succeed([{ _tag: "Refused", error }])
          : Effect.map(
            Effect.forEach(rows, (row) => writePart(database, [row], newEdits)),
            (results) => results.flat()
          )
    )
  )
}

/** What the whole request fails with because of one of its documents. */
const ofOneDocument = new Set<string>([
  "MissingStubError",
  "PreconditionFailedError",
  "PayloadTooLargeError",
  "BadRequestError",
  "ExpectationFailedError"
])

const missing = (request: CouchRequest, status: number): RowResult => ({
  _tag: "Refused",
  error: asError(request, status, "unknown", "the answer has no result for this document")
})

const statusOf = (error: Json.Json): number =>
  error === "unauthorized" ? 401 : error === "forbidden" ? 403 : error === "not_found" ? 404 : 400

const refused = (request: CouchRequest, row: Row, error: Json.Json, reason: Json.Json | undefined): RowResult => ({
  _tag: "Refused",
  error: asError({ ...request, id: row.id }, statusOf(error), String(error), String(reason ?? "no reason given"))
})

/** The error of one row, as if its document had been written alone. */
const asError = (request: CouchRequest, status: number, error: string, reason: string): WireError =>
  fromResponse(request, { status, headers: {}, body: JSON.stringify({ error, reason }) }) as WireError
