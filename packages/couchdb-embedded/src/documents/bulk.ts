import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { dictOrder } from "../encoding/dictOrder.js"
import type { Checked, Refusal } from "../http/refusal.js"
import { badRequest, crashRefs, internalError } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { Incoming } from "../storage/incoming.js"
import { checkAttachmentNames, checkPartition, checkReadPartition, fromJson } from "../storage/incoming.js"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import type { Tree } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Version } from "../storage/state.js"
import * as BulkGet from "./bulkGet.js"
import * as Writes from "./writes.js"

const errorRow = (id: string, { error, reason }: Refusal, rev?: string): Json.Json => ({
  id,
  ...(rev === undefined ? undefined : { rev }),
  error,
  reason
})

const revOf = ({ generation, hashes }: Incoming): string => `${generation}-${hashes[0] ?? ""}`

const bulkDocs = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { database, request, server, user } = context
    const { length, value: body } = yield* Req.sizedObject(request)
    const rows = Json.get(body, "docs")
    if (rows === undefined) return yield* badRequest("POST body must include `docs` parameter.")
    if (!Json.isArray(rows)) return yield* badRequest("`docs` parameter must be an array.")
    const newEdits = Json.get(body, "new_edits") ?? true
    const documents: Array<Incoming> = []
    for (const row of rows) {
      const document = yield* Either.flatMap(fromJson(row, length), checkAttachmentNames)
      yield* checkPartition(database, document.id)
      if (newEdits === false && document.hashes.length === 0) {
        return yield* badRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
      }
      const named = document.id === "" ? { ...document, id: server.nextId() } : document
      documents.push(yield* context.beforeWrite(context, named, newEdits === true))
    }
    if (typeof newEdits !== "boolean") return yield* badRequest("`new_edits` parameter must be a boolean.")
    if (!newEdits) {
      const refused = yield* Writes.replicate(server, database, user, documents)
      return Response.json(
        201,
        refused.map(({ document, refusal }) => errorRow(document.id, refusal, revOf(document)))
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
          onLeft: (refusal) => errorRow(id, refusal),
          onRight: (rev) => ({ ok: true, id, rev: Revs.format(rev) })
        })
      })
    )
  })

/** The revisions that the tree does not have. A duplicate in the list counts as missing, as in CouchDB. */
const withoutKnown = (tree: Tree<Version>, revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> => {
  const removed = new Set<string>()
  return Array.from(revs).sort(Revs.compare).filter((rev) => {
    const key = Revs.format(rev)
    if (RevisionTree.get(tree, rev) === undefined || removed.has(key)) return true
    removed.add(key)
    return false
  })
}

interface Missing {
  readonly missing: ReadonlyArray<Rev>
  readonly ancestors: ReadonlyArray<Rev>
}

/** For each document: the revisions that are missing here, and the leaves that may be their ancestors. */
const missingRevs = (
  context: DatabaseContext,
  place: number
): Checked<ReadonlyArray<readonly [string, Missing]>> =>
  Either.gen(function*() {
    const body = yield* Req.jsonObject(context.request)
    const found: Array<readonly [string, Missing]> = []
    for (const [id, list] of Json.entries(body)) {
      if (!Json.isArray(list)) return yield* internalError("function_clause", undefined, place)
      if (list.some((rev) => typeof rev !== "string")) return yield* internalError("function_clause")
      const revs = yield* Revs.parseAll(list)
      yield* checkReadPartition(context.database, id)
      const tree = context.database.documents.get(id)?.tree
      const missing = tree === undefined ? revs : withoutKnown(tree, revs)
      if (missing.length === 0) {
        found.push([id, { missing, ancestors: [] }])
        continue
      }
      const highest = Math.max(...missing.map(({ generation }) => generation))
      const leaves = tree === undefined ? [] : RevisionTree.leafNodes(tree)
      found.push([id, { missing, ancestors: leaves.filter(({ generation }) => generation < highest) }])
    }
    return dictOrder(found).filter(([, { missing }]) => missing.length > 0)
  })

const revsDiff = (context: DatabaseContext): CheckedReply =>
  Either.map(missingRevs(context, crashRefs.revsDiff), (found) =>
    Response.json(
      200,
      Json.fromEntries(found.map(([id, { ancestors, missing }]) => [id, {
        missing: missing.map(Revs.format),
        ...(ancestors.length === 0 ? undefined : { possible_ancestors: ancestors.map(Revs.format) })
      }]))
    ))

const missingRevsOnly = (context: DatabaseContext): CheckedReply =>
  Either.map(missingRevs(context, crashRefs.missingRevs), (found) =>
    Response.json(200, {
      missing_revs: Json.fromEntries(found.map(([id, { missing }]) => [id, missing.map(Revs.format)]))
    }))

/** The endpoints for many documents at once. */
export const endpoints: Readonly<Record<string, (context: DatabaseContext) => CheckedReply>> = {
  _bulk_docs: (context) => byMethod(context, { POST: () => bulkDocs(context) }, "POST"),
  _bulk_get: (context) => byMethod(context, { POST: () => BulkGet.post(context) }, "POST"),
  _revs_diff: (context) => byMethod(context, { POST: () => revsDiff(context) }, "POST"),
  _missing_revs: (context) => byMethod(context, { POST: () => missingRevsOnly(context) }, "POST")
}
