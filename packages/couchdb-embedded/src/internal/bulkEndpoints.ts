import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Answer, DatabaseContext } from "./context.js"
import { byMethod } from "./context.js"
import type { Incoming } from "./documents.js"
import { checkAttachmentNames, checkId, checkPartition, fromJson } from "./documents.js"
import { print } from "./print.js"
import { openRevs, parseOptions, printNode } from "./reading.js"
import type { Checked, Refusal } from "./refusal.js"
import { badRequest, internalError, notImplemented } from "./refusal.js"
import * as Req from "./request.js"
import * as Response from "./response.js"
import type { Tree } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { Rev } from "./revs.js"
import * as Revs from "./revs.js"
import type { Version } from "./state.js"
import { hidePassword } from "./users.js"
import * as Writes from "./writes.js"

const bodyObject = (context: DatabaseContext): Checked<Json.JsonObject> =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    const body = yield* Req.json(context.request)
    return Json.isObject(body) ? body : yield* badRequest("Request body must be a JSON object")
  })

const refusedRow = (id: string, { error, reason }: Refusal, rev?: string): Json.Json => ({
  id,
  ...(rev === undefined ? undefined : { rev }),
  error,
  reason
})

const revOf = ({ generation, hashes }: Incoming): string => `${generation}-${hashes[0] ?? ""}`

const bulkDocs = (context: DatabaseContext): Answer =>
  Either.gen(function*() {
    const { database, request, server, user } = context
    const body = yield* bodyObject(context)
    const rows = Json.get(body, "docs")
    if (rows === undefined) return yield* badRequest("POST body must include `docs` parameter.")
    if (!Json.isArray(rows)) return yield* badRequest("`docs` parameter must be an array.")
    const newEdits = Json.get(body, "new_edits") ?? true
    const documents: Array<Incoming> = []
    for (const row of rows) {
      const document = yield* Either.flatMap(fromJson(row, Req.bodyLength(request)), checkAttachmentNames)
      yield* checkPartition(database, document.id)
      if (newEdits === false && document.hashes.length === 0) {
        return yield* badRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
      }
      const named = document.id === "" ? { ...document, id: server.nextId() } : document
      documents.push(database.name === "_users" ? yield* hidePassword(server, named) : named)
    }
    if (typeof newEdits !== "boolean") return yield* badRequest("`new_edits` parameter must be a boolean.")
    if (!newEdits) {
      const refused = yield* Writes.replicate(server, database, user, documents)
      return Response.json(
        201,
        refused.map(({ document, refusal }) => refusedRow(document.id, refusal, revOf(document)))
      )
    }
    if (Json.get(body, "all_or_nothing") === true && documents.length > 0) {
      return Response.json(
        417,
        documents.map((document) => ({
          id: document.id,
          rev: revOf(document),
          error: "not_implemented",
          reason: "all_or_nothing is not supported"
        }))
      )
    }
    const outcomes = yield* Writes.edit(server, database, user, documents)
    return Response.json(
      201,
      outcomes.map((outcome, i): Json.Json => {
        const id = documents[i]?.id ?? ""
        return Either.match(outcome, {
          onLeft: (refusal) => refusedRow(id, refusal),
          onRight: (rev) => ({ ok: true, id, rev: Revs.format(rev) })
        })
      })
    )
  })

const printError = (id: Json.Json, rev: Json.Json, error: string, reason: Json.Json): string =>
  `{"error":${print({ rev, reason, id, error })}}`

const bulkGetRow = (
  { database }: DatabaseContext,
  id: Json.Json,
  revText: Json.Json | undefined,
  flags: ReadonlySet<string>
): ReadonlyArray<string> => {
  const checked = Either.flatMap(checkId(id), (id) => checkPartition(database, id))
  if (Either.isLeft(checked)) return [printError(id, null, checked.left.error, checked.left.reason)]
  const rev: Checked<Rev | undefined> = revText === undefined ? Either.right(undefined) : Revs.parse(revText)
  if (Either.isLeft(rev)) return [printError(id, revText ?? null, rev.left.error, rev.left.reason)]
  const record = database.documents.get(checked.right)
  const found = openRevs(record, rev.right === undefined ? "all" : [rev.right], flags.has("latest"), database.revsLimit)
  if (found.length === 0) return [printError(id, "undefined", "not_found", "missing")]
  return found.map(({ node, rev }) =>
    record === undefined || node?.version === undefined
      ? printError(id, Revs.format(rev), "not_found", "missing")
      : `{"ok":${printNode(record, node, node.version, flags, database.revsLimit)}}`
  )
}

const unfit = ["open_revs", "new_edits", "w", "rev", "atts_since"]

const bulkGet = (context: DatabaseContext): Answer =>
  Either.gen(function*() {
    const { request } = context
    const body = yield* bodyObject(context)
    const rows = Json.get(body, "docs")
    if (rows === undefined) return yield* badRequest("Missing JSON list of 'docs'.")
    const wrong = request.query.find(([key]) => unfit.includes(key))
    if (wrong !== undefined) return yield* badRequest(`"${wrong[0]}" query parameter is not acceptable`)
    const { flags } = yield* parseOptions(request.query)
    if (!Json.isArray(rows)) return yield* internalError("function_clause")
    if (
      !Req.accepts(request, "application/json") &&
      (Req.accepts(request, "multipart/mixed") || Req.accepts(request, "multipart/related"))
    ) return yield* notImplemented("multipart answers of _bulk_get")
    const ids = rows.map((row) => Json.isObject(row) ? Json.get(row, "id") : undefined)
    if (ids.some((id) => id !== undefined && typeof id !== "string")) return yield* internalError("function_clause")
    const results = rows.map((row): string => {
      if (!Json.isObject(row) || Json.keys(row).length === 0) {
        return `{"id":null,"docs":[${printError(null, null, "bad_request", "document must be a JSON object")}]}`
      }
      const id = Json.get(row, "id")
      if (id === undefined) {
        return `{"id":null,"docs":[${printError(null, null, "bad_request", "document id missed")}]}`
      }
      const since = Json.get(row, "atts_since")
      if (since !== undefined && !Json.isArray(since)) {
        const reason = "att_since value must be array of revs."
        return `{"id":${print(id)},"docs":[${printError(id, since, "bad_request", reason)}]}`
      }
      return `{"id":${print(id)},"docs":[${bulkGetRow(context, id, Json.get(row, "rev"), flags).join(",")}]}`
    })
    return Response.text(200, `{"results":[${results.join(",")}]}`)
  })

/** What of the list the graph does not have; CouchDB strikes each revision off the list once only. */
const unknown = (tree: Tree<Version>, revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> => {
  const struck = new Set<string>()
  return Array.from(revs).sort(Revs.compare).filter((rev) => {
    const key = Revs.format(rev)
    if (RevisionTree.get(tree, rev) === undefined || struck.has(key)) return true
    struck.add(key)
    return false
  })
}

/** For each document of the body: the revisions that are not here, and the leaves that they may stem from. */
const missingRevs = (
  context: DatabaseContext
): Checked<ReadonlyArray<readonly [string, ReadonlyArray<Rev>, ReadonlyArray<Rev>]>> =>
  Either.gen(function*() {
    const body = yield* bodyObject(context)
    const found: Array<readonly [string, ReadonlyArray<Rev>, ReadonlyArray<Rev>]> = []
    for (const [id, list] of Json.entries(body)) {
      if (!Json.isArray(list)) return yield* internalError("function_clause")
      if (list.some((rev) => typeof rev !== "string")) return yield* internalError("function_clause")
      const revs = yield* Revs.parseAll(list)
      const tree = context.database.documents.get(id)?.tree
      const missing = tree === undefined ? revs : unknown(tree, revs)
      if (missing.length === 0) continue
      const highest = Math.max(...missing.map(({ generation }) => generation))
      const leaves = tree === undefined ? [] : RevisionTree.leafNodes(tree)
      found.push([id, missing, leaves.filter(({ generation }) => generation < highest)])
    }
    return found
  })

const revsDiff = (context: DatabaseContext): Answer =>
  Either.map(missingRevs(context), (found) =>
    Response.json(
      200,
      Json.fromEntries(found.map(([id, missing, ancestors]) => [id, {
        missing: missing.map(Revs.format),
        ...(ancestors.length === 0 ? undefined : { possible_ancestors: ancestors.map(Revs.format) })
      }]))
    ))

const missingRevsOnly = (context: DatabaseContext): Answer =>
  Either.map(missingRevs(context), (found) =>
    Response.json(200, {
      missing_revs: Json.fromEntries(found.map(([id, missing]) => [id, missing.map(Revs.format)]))
    }))

/** The endpoints that speak of many documents at once. */
export const endpoints: Readonly<Record<string, (context: DatabaseContext) => Answer>> = {
  _bulk_docs: (context) => byMethod(context, { POST: () => bulkDocs(context) }, "POST"),
  _bulk_get: (context) => byMethod(context, { POST: () => bulkGet(context) }, "POST"),
  _revs_diff: (context) => byMethod(context, { POST: () => revsDiff(context) }, "POST"),
  _missing_revs: (context) => byMethod(context, { POST: () => missingRevsOnly(context) }, "POST")
}
