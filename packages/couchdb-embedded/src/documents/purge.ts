import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { isServerAdmin } from "../access/users.js"
import { badRequest, internalError, noServerAdmin } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { checkReadPartition } from "../storage/incoming.js"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Database } from "../storage/state.js"
import { countPurge, removeDocument, shardOf, store } from "../storage/state.js"

/** Removes leaves of a document. Returns those that existed. */
const purgeOne = (database: Database, id: string, revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> => {
  const record = database.documents.get(id)
  if (record === undefined) return []
  const { purged, tree } = RevisionTree.purge(record.tree, revs)
  if (purged.length === 0) return purged
  const shard = shardOf(database, id)
  if (tree.leaves.length === 0) removeDocument(database, shard, id)
  else store(database, shard, id, tree)
  // CouchDB keeps the purged revisions of its shards as an ordered set.
  return Array.from(new Map(purged.map((rev) => [Revs.format(rev), rev])).values()).sort(Revs.compare)
}

const purge = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { database, request, user } = context
    if (!isServerAdmin(user)) return yield* Either.left(noServerAdmin)
    yield* Req.requireJson(request)
    const body = yield* Req.json(request)
    if (!Json.isObject(body)) return yield* badRequest("Request body must be a JSON object")
    const wanted: Array<readonly [string, ReadonlyArray<Rev>]> = []
    for (const [id, list] of Json.entries(body)) {
      if (Json.isArray(list) && list.some((rev) => typeof rev !== "string")) {
        return yield* internalError("function_clause")
      }
      wanted.push([id, yield* Revs.parseAll(list)])
    }
    for (const [id] of wanted) yield* checkReadPartition(database, id)
    if (wanted.length > 100) return yield* badRequest("Exceeded maximum number of documents.")
    if (wanted.reduce((sum, [, revs]) => sum + revs.length, 0) > 1000) {
      return yield* badRequest("Exceeded maximum number of revisions.")
    }
    const purged = wanted.map(([id, revs]) => {
      countPurge(database)
      return [id, purgeOne(database, id, revs).map(Revs.format)] as const
    })
    return Response.json(201, { purge_seq: null, purged: Json.fromEntries(purged) })
  })

/** `/db/_purge` */
export const handle = (context: DatabaseContext): CheckedReply =>
  byMethod(context, { POST: () => purge(context) }, "POST")
