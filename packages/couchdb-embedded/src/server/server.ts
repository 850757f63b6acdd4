import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context } from "../access/context.js"
import { byMethod } from "../access/context.js"
import * as Session from "../access/sessionEndpoint.js"
import { isServerAdmin } from "../access/users.js"
import * as Utf8 from "../encoding/utf8.js"
import { defaults, parse } from "../http/rangeQuery.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, noServerAdmin } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import * as Cluster from "./cluster.js"
import { info } from "./database.js"
import * as Nodes from "./node.js"
import * as Updates from "./updates.js"

/** The CouchDB release that the engine imitates. */
export const version = "3.5.0"

/** `GET /` */
export const welcome = (context: Context): CheckedReply =>
  byMethod(context, {
    GET: () =>
      Either.right(Response.json(200, {
        couchdb: "Welcome",
        version,
        git_sha: "embedded",
        uuid: context.server.uuid,
        features: ["access-ready"],
        vendor: { name: "effect-couchdb-embedded, in process, for development and tests only" }
      }))
  }, "GET,HEAD")

/** Rejects everyone but administrators of the server. */
export const requireAdmin = (context: Context): Checked<void> =>
  isServerAdmin(context.user) ? Either.void : Either.left(noServerAdmin)

/** The names of the databases in the range of a query. */
const names = (context: Context): Checked<ReadonlyArray<string>> =>
  Either.gen(function*() {
    yield* requireAdmin(context)
    const query = yield* parse(defaults, context.request.query, false)
    const { descending, inclusiveEnd, limit, skip } = query
    const all = Array.from(context.server.databases.keys()).sort(Utf8.compare)
    const ordered = descending ? all.reverse() : all
    const sign = descending ? -1 : 1
    const { endKey, startKey } = query
    const within = ordered.filter((name) =>
      (typeof startKey !== "string" || sign * Utf8.compare(name, startKey) >= 0) &&
      (typeof endKey !== "string" || sign * Utf8.compare(name, endKey) < (inclusiveEnd ? 1 : 0))
    )
    return within.slice(skip, skip + limit)
  })

const allDbs = (context: Context): CheckedReply =>
  Either.map(names(context), (list) => {
    const etag = Response.etagOf(Array.from(context.server.databases.values(), ({ instance }) => instance).join())
    return Response.unlessMatched(context.request, etag, () => Response.json(200, list, { etag }))
  })

const infoRow = (context: Context, name: Json.Json): Json.Json => {
  const database = typeof name === "string" ? context.server.databases.get(name) : undefined
  return database === undefined
    ? { key: name, error: "not_found" }
    : { key: name, info: info(context.server, database) }
}

const dbsInfo = (context: Context): CheckedReply =>
  Either.map(names(context), (list) => Response.json(200, list.map((name) => infoRow(context, name))))

const someDbsInfo = (context: Context): CheckedReply =>
  Either.gen(function*() {
    yield* requireAdmin(context)
    yield* Req.requireJson(context.request)
    const body = yield* Req.json(context.request)
    if (!Json.isObject(body)) return yield* badRequest("Request body must be a JSON object")
    const keys = Json.get(body, "keys")
    if (keys === undefined) return yield* badRequest("`keys` member must exist.")
    if (!Json.isArray(keys)) return yield* badRequest("`keys` member must be an array.")
    if (keys.length > 100) return yield* badRequest("too_many_keys")
    return Response.json(200, keys.map((name) => infoRow(context, name)))
  })

const uuids = (context: Context): CheckedReply => {
  const text = Req.param(context.request, "count") ?? "1"
  if (!/^\+?\d+$/.test(text)) return badRequest("count must be a positive integer")
  const count = Number(text)
  if (count > 1000) return badRequest("count parameter too large")
  const list = Array.from({ length: count }, context.server.nextId)
  return Either.right(Response.json(200, { uuids: list }, {
    "cache-control": "no-cache",
    "etag": Response.etagOf(list.join()),
    "expires": "Mon, 01 Jan 1990 00:00:00 GMT",
    "pragma": "no-cache"
  }))
}

/** The endpoints of a server, without those of replication. */
export const endpoints: Readonly<Record<string, (context: Context) => CheckedReply>> = {
  _up: (context) =>
    byMethod(context, { GET: () => Either.right(Response.json(200, { status: "ok", seeds: {} })) }, "GET,HEAD"),
  _uuids: (context) => byMethod(context, { GET: () => uuids(context) }, "GET"),
  _all_dbs: (context) => byMethod(context, { GET: () => allDbs(context) }, "GET,HEAD"),
  _dbs_info: (context) =>
    byMethod(context, { GET: () => dbsInfo(context), POST: () => someDbsInfo(context) }, "GET,HEAD,POST"),
  _db_updates: (context) =>
    byMethod(context, { GET: () => Either.flatMap(requireAdmin(context), () => Updates.get(context)) }, "GET"),
  _cluster_setup: (context) => Either.flatMap(requireAdmin(context), () => Cluster.setup(context)),
  _membership: Cluster.membership,
  _node: (context) => Either.flatMap(requireAdmin(context), () => Nodes.handle(context)),
  _reshard: (context) => Either.flatMap(requireAdmin(context), () => Cluster.reshard(context)),
  _search_analyze: () => Cluster.searchAnalyze,
  _utils: Cluster.utils,
  "favicon.ico": Cluster.utils,
  _session: Session.handle
}
