import * as Either from "effect/Either"
import type { CheckedReply, Context, DatabaseContext } from "../access/context.js"
import { byMethod, openDatabase, segment } from "../access/context.js"
import { isServerAdmin } from "../access/users.js"
import * as Changes from "../changes/endpoint.js"
import * as Design from "../designEndpoints/endpoints.js"
import * as AllDocs from "../documents/allDocs.js"
import * as Attachments from "../documents/attachment.js"
import * as Bulk from "../documents/bulk.js"
import * as Documents from "../documents/document.js"
import * as Purge from "../documents/purge.js"
import { badRequest, missing, noServerAdmin, refuse } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import * as Response from "../http/response.js"
import * as Mango from "../mango/endpoints.js"
import * as Databases from "../server/database.js"
import * as Partition from "../server/partition.js"
import * as RevisionTree from "../storage/revisionTree.js"

const endpoints: Readonly<Record<string, (context: DatabaseContext) => CheckedReply>> = {
  ...Databases.endpoints,
  ...Bulk.endpoints,
  ...AllDocs.endpoints,
  _changes: Changes.handle,
  _find: Mango.handleFind,
  _explain: Mango.handleExplain,
  _index: Mango.handleIndex,
  _purge: Purge.handle
}

/** Endpoints with sub-paths. For a sub-path of other endpoints, CouchDB looks for an attachment. */
const withSubPaths = new Set([
  "_all_docs",
  "_shards",
  "_design_docs",
  "_local_docs",
  "_compact",
  "_changes",
  "_find",
  "_explain",
  "_index"
])

const design = (context: DatabaseContext, name: string): CheckedReply => {
  const { database, request } = context
  const action = request.segments[3]
  const id = `_design/${name}`
  if (action === undefined) return Documents.handle(context, id)
  // CouchDB takes an underscored name for an action, but only if the design document exists.
  if (!action.startsWith("_")) return Attachments.handle(context, id, request.segments.slice(3))
  const record = database.documents.get(id)
  const found = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
  if (found === undefined) return Either.left(missing)
  if (found.deleted) return refuse(404, "not_found", "deleted")
  return !Design.isAction(action)
    ? Attachments.handle(context, id, request.segments.slice(3))
    : Design.handle(context, action, { name, body: found.body }, Databases.info(context.server, database))
}

const local = (context: DatabaseContext): CheckedReply => {
  const [, , name, ...more] = context.request.segments
  if (name === undefined) return badRequest("Invalid _local document id.")
  return more.length > 0
    ? badRequest("_local documents do not accept attachments.")
    : Documents.handle(context, `_local/${name}`)
}

const root = (context: DatabaseContext): CheckedReply =>
  byMethod(context, {
    GET: () => Either.right(Response.json(200, Databases.info(context.server, context.database))),
    POST: () => Documents.post(context)
  }, "DELETE,GET,HEAD,POST")

const routeWithin = (context: DatabaseContext): CheckedReply =>
  Either.flatMap(segment(context.request, 1), (second): CheckedReply => {
    const { request } = context
    const own = request.segments.length === 2 || withSubPaths.has(second)
    if (own && Object.hasOwn(endpoints, second)) return endpoints[second]?.(context) ?? Either.left(missing)
    if (second === "_partition") return Partition.handle(context, routeWithin)
    if (second === "_temp_view") return refuse(410, "gone", "Temporary views are not supported in CouchDB")
    if (second === "_local") return local(context)
    if (second === "_local/") return badRequest("Invalid _local document id.")
    if (second === "_design" && request.segments.length > 2) {
      return Either.flatMap(segment(request, 2), (name) => design(context, name))
    }
    if (second.startsWith("_design/") && request.method === "GET") return redirect(context)
    return request.segments.length > 2
      ? Attachments.handle(context, second, request.segments.slice(2))
      : Documents.handle(context, second)
  })

/** CouchDB redirects reads of `_design%2Fname` to the path with a slash. */
const redirect = ({ request }: DatabaseContext): CheckedReply =>
  Either.right({
    status: 301,
    headers: { location: request.origin + request.path.replace(/_design%2F/i, "_design/") },
    body: ""
  })

const adminOnly = new Set(["_purge", "_purged_infos_limit", "_sync_shards"])

/** Whether the endpoint requires a server administrator, regardless of the database's security. */
const isAdminOnly = ({ segments }: Request): boolean => segments.length === 2 && adminOnly.has(segments[1] ?? "")

/** `/db` and its sub-paths. */
export const handle = (context: Context): CheckedReply =>
  Either.flatMap(segment(context.request, 0), (name): CheckedReply => {
    const { request, user } = context
    if (request.segments.length === 1) {
      if (request.method === "PUT") return Databases.create(context, name)
      if (request.method === "DELETE") return Databases.drop(context, name)
    }
    if (name === "_users" || name === "_replicator") {
      const second = request.segments[1]
      if ((second === "_all_docs" || second === "_changes") && !isServerAdmin(user)) return Either.left(noServerAdmin)
    } else if ((name.startsWith("_") || isAdminOnly(request)) && !isServerAdmin(user)) return Either.left(noServerAdmin)
    return Either.flatMap(
      openDatabase(context, name),
      (opened) => request.segments.length === 1 ? root(opened) : routeWithin(opened)
    )
  })
