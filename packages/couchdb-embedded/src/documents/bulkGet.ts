import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, internalError } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { checkId, checkPartition } from "../storage/incoming.js"
import { openRevs } from "../storage/openRevs.js"
import { attachmentView, printNode } from "../storage/printDocument.js"
import { parseOptions } from "../storage/readOptions.js"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import type { BulkPart } from "./multipartWriter.js"
import * as Multipart from "./multipartWriter.js"

const errorPart = (id: Json.Json, rev: Json.Json, error: string, reason: Json.Json): BulkPart => {
  const text = print({ rev, reason, id, error })
  return { _tag: "Error", listed: text, alone: text }
}

/** A missing revision. Only a JSON response names its document. */
const missingRev = (id: Json.Json, rev: string): BulkPart => ({
  _tag: "Error",
  listed: print({ rev, reason: "missing", id, error: "not_found" }),
  alone: print({ rev, error: "not_found", reason: "missing" })
})

interface Wanted {
  readonly id: Json.Json
  readonly rev: Json.Json | undefined
  readonly attsSince: ReadonlyArray<Rev> | undefined
}

const find = (
  { database }: DatabaseContext,
  { attsSince, id, rev: revText }: Wanted,
  flags: ReadonlySet<string>,
  follows: boolean
): ReadonlyArray<BulkPart> => {
  const checked = Either.flatMap(checkId(id), (id) => checkPartition(database, id))
  if (Either.isLeft(checked)) return [errorPart(id, null, checked.left.error, checked.left.reason)]
  const rev: Checked<Rev | undefined> = revText === undefined ? Either.right(undefined) : Revs.parse(revText)
  if (Either.isLeft(rev)) return [errorPart(id, revText ?? null, rev.left.error, rev.left.reason)]
  const { revsLimit } = database
  const record = database.documents.get(checked.right)
  const found = openRevs(record, rev.right === undefined ? "all" : [rev.right], flags.has("latest"), revsLimit)
  if (found.length === 0) return [errorPart(id, "undefined", "not_found", "missing")]
  return found.map(({ node, rev }): BulkPart => {
    const version = node?.version
    if (record === undefined || node === undefined || version === undefined) {
      return missingRev(id, Revs.format(rev))
    }
    const view = attachmentView(record, node, flags, attsSince, follows)
    const text = printNode(record, node, version, flags, revsLimit, view)
    return {
      _tag: "Document",
      id: record.id,
      rev: Revs.format(rev),
      document: Multipart.document(text, version.attachments, view)
    }
  })
}

interface Row {
  readonly id: Json.Json
  readonly parts: ReadonlyArray<BulkPart>
}

const read = (
  context: DatabaseContext,
  row: Json.Json,
  flags: ReadonlySet<string>,
  follows: boolean
): Row => {
  if (!Json.isObject(row) || Json.keys(row).length === 0) {
    return { id: null, parts: [errorPart(null, null, "bad_request", "document must be a JSON object")] }
  }
  const id = Json.get(row, "id")
  if (id === undefined) return { id: null, parts: [errorPart(null, null, "bad_request", "document id missed")] }
  const since = Json.get(row, "atts_since")
  if (since !== undefined && !Json.isArray(since)) {
    return { id, parts: [errorPart(id, since, "bad_request", "att_since value must be array of revs.")] }
  }
  const attsSince = since === undefined ? Either.right(undefined) : Revs.parseAll(since)
  if (Either.isLeft(attsSince)) {
    const wrong = since?.find((rev) => Either.isLeft(Revs.parse(rev))) ?? null
    return { id, parts: [errorPart(id, wrong, attsSince.left.error, attsSince.left.reason)] }
  }
  return { id, parts: find(context, { id, rev: Json.get(row, "rev"), attsSince: attsSince.right }, flags, follows) }
}

const printPart = (part: BulkPart): string =>
  part._tag === "Error" ? `{"error":${part.listed}}` : `{"ok":${part.document.text}}`

/** The multipart type of the response. `undefined` if the client accepts JSON. */
const multipartType = (request: Req.Request): "multipart/mixed" | "multipart/related" | undefined => {
  if (Req.accepts(request, "application/json")) return undefined
  if (Req.accepts(request, "multipart/mixed")) return "multipart/mixed"
  return Req.accepts(request, "multipart/related") ? "multipart/related" : undefined
}

const forbiddenParameters = ["open_revs", "new_edits", "w", "rev", "atts_since"]

/** `POST /db/_bulk_get` */
export const post = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { request, server } = context
    const body = yield* Req.jsonObject(request)
    const rows = Json.get(body, "docs")
    if (rows === undefined) return yield* badRequest("Missing JSON list of 'docs'.")
    const wrong = request.query.find(([key]) => forbiddenParameters.includes(key))
    if (wrong !== undefined) return yield* badRequest(`"${wrong[0]}" query parameter is not acceptable`)
    const { flags } = yield* parseOptions(request.query)
    if (!Json.isArray(rows)) return yield* internalError("function_clause")
    const ids = rows.map((row) => Json.isObject(row) ? Json.get(row, "id") : undefined)
    if (ids.some((id) => id !== undefined && typeof id !== "string")) return yield* internalError("function_clause")
    const type = multipartType(request)
    const found = rows.map((row) => read(context, row, flags, type !== undefined))
    if (type !== undefined) {
      return Multipart.bulkMultipart(type, () => server.random.hex(32), found.flatMap(({ parts }) => parts))
    }
    return Response.text(
      200,
      `{"results":[${
        found.map(({ id, parts }) => `{"id":${print(id)},"docs":[${parts.map(printPart).join(",")}]}`).join(",")
      }]}`
    )
  })
