import type * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { badRequest, missing, refuse } from "../http/refusal.js"
import * as Response from "../http/response.js"
import * as RevisionTree from "../storage/revisionTree.js"
import * as Sizes from "../storage/sizes.js"
import type { Database } from "../storage/state.js"

/** The response of `GET /db/_partition/name`. */
const info = ({ documents, name }: Database, partition: string): Json.JsonObject => {
  let live = 0
  let deleted = 0
  const within = Array.from(documents.values()).filter(({ id }) => id.startsWith(`${partition}:`))
  for (const { tree } of within) {
    if (RevisionTree.winner(tree)?.version?.deleted === true) deleted++
    else live++
  }
  return {
    db_name: name,
    sizes: { ...Sizes.ofDocuments(within) },
    partition,
    doc_count: live,
    doc_del_count: deleted
  }
}

const partitionEndpoints = new Set(["_all_docs", "_find", "_explain", "_design"])

/** `/db/_partition/name…`. Sub-paths are those of the database, with the partition as a parameter. */
export const handle = (context: DatabaseContext, rest: (context: DatabaseContext) => CheckedReply): CheckedReply => {
  const { database, request } = context
  const [root, , partition, next, ...more] = request.segments
  if (partition === undefined) return badRequest("invalid_partition_req")
  if (!database.partitioned) return badRequest("database is not partitioned")
  if (partition.includes(":")) return refuse(400, "illegal_partition", "Partition must not contain a colon")
  if (partition.startsWith("_")) {
    return refuse(400, "illegal_partition", "Partition must not start with an underscore")
  }
  if (next === undefined) {
    return byMethod(context, { GET: () => Either.right(Response.json(200, info(database, partition))) }, "GET")
  }
  if (!partitionEndpoints.has(next) || (next === "_design" && more.length < 2)) return Either.left(missing)
  // CouchDB applies these parameters in alphabetical order, so `startkey` overrides `key`.
  const query = [...new Map([["partition", partition], ...request.query])].sort(([self], [that]) =>
    self < that ? -1 : 1
  )
  return rest({ ...context, request: { ...request, segments: [root, next, ...more], query } })
}
