import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { badRequest, internalError, missing, notImplemented, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { Shard } from "../storage/state.js"
import { shardOf } from "../storage/state.js"

const found = (body: Json.Json): CheckedReply => Either.right(Response.json(200, body))

const get = (context: Context, respond: () => CheckedReply): CheckedReply => byMethod(context, { GET: respond }, "GET")

/** `/_membership` */
export const membership = (context: Context): CheckedReply =>
  get(context, () => {
    const { name } = context.server.node
    return context.request.segments.length > 1
      ? internalError("function_clause", undefined, 3514846543)
      : found({ all_nodes: [name], cluster_nodes: [name] })
  })

/** `/_cluster_setup`. The cluster is a single node, and set up already. */
export const setup = (context: Context): CheckedReply =>
  byMethod(context, {
    GET: () => found({ state: "single_node_enabled" }),
    POST: () =>
      Either.flatMap(Req.requireJson(context.request), () => {
        const body = Req.json(context.request)
        if (Either.isLeft(body) || !Json.isObject(body.right)) return badRequest("Missing JSON body'")
        const action = Json.get(body.right, "action")
        return action === "enable_single_node" || action === "finish_cluster"
          ? Either.right(Response.json(201, { ok: true }))
          : badRequest("Invalid Action'")
      })
  }, "GET,POST")

/** `/_reshard`. The engine never splits shards. */
export const reshard = (context: Context): CheckedReply => {
  const [, what, id] = context.request.segments
  if (what === undefined) {
    const none = { completed: 0, failed: 0, running: 0, stopped: 0, total: 0 }
    return get(context, () => found({ state: "running", state_reason: null, ...none }))
  }
  if (what === "state") {
    return byMethod(context, {
      GET: () => found({ state: "running", reason: null }),
      PUT: () => notImplemented("resharding")
    }, "GET,PUT")
  }
  if (what !== "jobs") return Either.left(missing)
  if (id !== undefined) return Either.left(missing)
  return byMethod(context, {
    GET: () => found({ total_rows: 0, offset: 0, jobs: [] }),
    POST: () => notImplemented("resharding")
  }, "GET,POST")
}

const plain = { "cache-control": "private, must-revalidate", "content-type": "text/plain" }

/** `/_utils/…` and `/favicon.ico`. The engine has no Fauxton. */
export const utils = (context: Context): CheckedReply => {
  const { origin, path } = context.request
  return path === "/_utils"
    ? Either.right({ status: 301, headers: { location: `${origin}/_utils/` }, body: "" })
    : Either.right({ status: 404, headers: plain, body: "Not found." })
}

/** `/_search_analyze`. The engine has no Clouseau. */
export const searchAnalyze: CheckedReply = refuse(503, "service unavailable", "Search is not available")

const digits = (bound: number): string => bound.toString(16).padStart(8, "0")

const rangeOf = ({ range: [first, last] }: Shard): string => `${digits(first)}-${digits(last)}`

/** `/db/_shards` and `/db/_shards/{id}` */
export const shards = (context: DatabaseContext): CheckedReply =>
  get(context, () => {
    const { database, request, server } = context
    const id = request.segments[2]
    const nodes = [server.node.name]
    return id === undefined
      ? found({ shards: Json.fromEntries(database.shards.map((shard) => [rangeOf(shard), nodes])) })
      : found({ range: rangeOf(shardOf(database, id)), nodes })
  })

/** `/db/_sync_shards`. A single node needs no synchronisation. */
export const syncShards = (context: DatabaseContext): CheckedReply =>
  byMethod(context, { POST: () => Either.right(Response.json(202, { ok: true })) }, "POST")
