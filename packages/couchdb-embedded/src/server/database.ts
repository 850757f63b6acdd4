import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { isDatabaseAdmin, isServerAdmin } from "../access/users.js"
import type { Checked } from "../http/refusal.js"
import {
  badRequest,
  crashRefs,
  internalError,
  missing,
  noDatabase,
  noServerAdmin,
  notImplemented,
  refuse
} from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import * as RevisionTree from "../storage/revisionTree.js"
import * as Sequences from "../storage/sequences.js"
import * as Sizes from "../storage/sizes.js"
import type { Database, Server } from "../storage/state.js"
import * as State from "../storage/state.js"
import * as Views from "../views/endpoints.js"
import * as Cluster from "./cluster.js"

/** The response of `GET /db`. */
export const info = (server: Server, database: Database): Json.JsonObject => ({
  instance_start_time: String(database.created),
  db_name: database.name,
  purge_seq: `${database.purgeSeq}-${Sequences.encode(database, [database.purgeSeq]).split("-")[1] ?? ""}`,
  update_seq: Sequences.encode(database, Sequences.now(database)),
  sizes: Sizes.ofDatabase(server, database),
  props: database.partitioned ? { partitioned: true } : {},
  doc_del_count: database.deletedCount,
  doc_count: database.liveIds.length,
  disk_format_version: 8,
  compact_running: false,
  cluster: { q: database.shards.length, n: database.replicas, w: quorum(database), r: quorum(database) }
})

const quorum = ({ replicas }: Database): number => Math.floor(replicas / 2) + 1

const systemNames = new Set(["_users", "_replicator", "_global_changes"])

const checkName = (name: string): Checked<string> => {
  if (!/^[a-z][a-z0-9_$()+/-]*$/.test(name) && !systemNames.has(name)) {
    return refuse(
      400,
      "illegal_database_name",
      `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, ` +
        "and / are allowed. Must begin with a letter."
    )
  }
  return name.split("/").some((part) => part.length > 238)
    ? refuse(400, "database_name_too_long", `At least one path segment of \`${name}\` is too long.`)
    : Either.right(name)
}

const positiveParam = (context: Context, name: string, fallback: number): Checked<number> => {
  const text = Req.param(context.request, name)
  if (text === undefined) return Either.right(fallback)
  return /^\+?0*[1-9]\d{0,5}$/.test(text)
    ? Either.right(Number(text))
    : badRequest(`The \`${name}\` value should be a positive integer.`)
}

const partitionedParam = (context: Context): Checked<boolean> => {
  const text = Req.param(context.request, "partitioned")
  return text === undefined || text === "false"
    ? Either.right(false)
    : text === "true"
    ? Either.right(true)
    : badRequest("Invalid `partitioned` parameter")
}

/** `PUT /db` */
export const create = (context: Context, name: string): CheckedReply =>
  Either.gen(function*() {
    const { now, request, server, user } = context
    if (!isServerAdmin(user)) return yield* Either.left(noServerAdmin)
    const replicas = yield* positiveParam(context, "n", 1)
    const shards = yield* positiveParam(context, "q", server.defaultShards)
    if (shards > 256) return yield* badRequest("The embedded CouchDB supports at most 256 shards.")
    const isPartitioned = yield* partitionedParam(context)
    yield* checkName(name)
    if (server.databases.has(name)) {
      return yield* refuse(
        412,
        "file_exists",
        "The database could not be created, the file already exists."
      )
    }
    addDatabase(context, name, { shards, replicas, partitioned: isPartitioned }, now)
    return Response.json(201, { ok: true }, { location: `${request.origin}/${Req.percentEncode(name)}` })
  })

const addDatabase = (
  { server }: Context,
  name: string,
  options: { readonly shards: number; readonly replicas: number; readonly partitioned: boolean },
  now: number
): void => {
  State.addDatabase(
    server,
    State.makeDatabase({
      name,
      instance: server.random.hex(32),
      created: Math.floor(now / 1000),
      shards: options.shards,
      // A single node has one copy, whatever `n` is.
      replicas: Math.min(options.replicas, 1),
      partitioned: options.partitioned
    })
  )
}

/** `DELETE /db` */
export const drop = (context: Context, name: string): CheckedReply => {
  const { request, server, user } = context
  if (!isServerAdmin(user)) return Either.left(noServerAdmin)
  if (Req.param(request, "rev") !== undefined) {
    return badRequest(
      "You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?"
    )
  }
  return State.dropDatabase(server, name) ? Either.right(Response.json(200, { ok: true })) : Either.left(noDatabase)
}

const listOfStrings = (value: Json.Json | undefined): boolean =>
  value === undefined || (Json.isArray(value) && value.every((item) => typeof item === "string"))

const isGroup = (value: Json.Json | undefined): boolean =>
  value === undefined ||
  (Json.isObject(value) && listOfStrings(Json.get(value, "names")) && listOfStrings(Json.get(value, "roles")))

const putSecurity = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { database, request, user } = context
    if (database.name === "_users") {
      return yield* refuse(403, "forbidden", "You can't edit the security object of the user database.")
    }
    const body = yield* Req.json(request)
    const fits = Json.isObject(body) && isGroup(Json.get(body, "admins")) && isGroup(Json.get(body, "members"))
    if (!fits || !isDatabaseAdmin(database, user)) return yield* refuse(500, "error", "no_majority")
    State.configure(database, { security: body })
    return Response.json(200, { ok: true })
  })

const putLimit = (context: DatabaseContext, setting: "revsLimit" | "purgedInfosLimit"): CheckedReply =>
  Either.gen(function*() {
    const limit = yield* Req.json(context.request)
    if (typeof limit !== "number" || !Number.isInteger(limit) || limit <= 0) {
      return setting === "revsLimit"
        ? yield* internalError("function_clause", undefined, crashRefs.revsLimit)
        : yield* badRequest("`purged_infos_limit` must be positive integer")
    }
    if (!isDatabaseAdmin(context.database, context.user)) {
      const kind = context.user.name === null ? "unauthorized" : "forbidden"
      return yield* internalError(
        `{error,{${kind},<<"You are not a db or server admin.">>}}`,
        "badmatch",
        crashRefs.revsLimitRefused
      )
    }
    State.configure(context.database, { [setting]: limit })
    return Response.json(200, { ok: true })
  })

const requireDatabaseAdmin = (context: DatabaseContext): Checked<void> =>
  isDatabaseAdmin(context.database, context.user)
    ? Either.void
    : refuse(401, "unauthorized", "You are not a server or db admin.")

const compact = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const { database, request } = context
    yield* requireDatabaseAdmin(context)
    yield* Req.requireJson(request)
    const design = request.segments[2]
    if (design !== undefined) {
      if (!database.documents.has(`_design/${design}`)) return yield* Either.left(missing)
    } else State.compact(database)
    return Response.json(202, { ok: true })
  })

/** All live design documents. */
const designs = function*({ documents, liveIds }: Database): Generator<{ name: string; body: Json.JsonObject }> {
  for (const id of liveIds) {
    const record = id.startsWith("_design/") ? documents.get(id) : undefined
    const version = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
    if (version !== undefined) yield { name: id.slice("_design/".length), body: version.body }
  }
}

/** The endpoints of a database as a whole. */
export const endpoints: Readonly<Record<string, (context: DatabaseContext) => CheckedReply>> = {
  _compact: (context) => byMethod(context, { POST: () => compact(context) }, "POST"),
  _shards: Cluster.shards,
  _purged_infos: (context) =>
    byMethod(context, {
      // The engine counts purges, but keeps no list of them.
      GET: () =>
        context.database.purgeSeq === 0
          ? Either.right(Response.json(200, { purged_infos: [] }))
          : notImplemented("_purged_infos, after a purge,")
    }, "GET"),
  _sync_shards: Cluster.syncShards,
  _view_cleanup: (context) =>
    byMethod(context, {
      POST: () =>
        Either.map(requireDatabaseAdmin(context), () => {
          Views.cleanUp(context, designs(context.database))
          return Response.json(202, { ok: true })
        })
    }, "POST"),
  _ensure_full_commit: (context) =>
    byMethod(context, {
      POST: () =>
        Either.map(
          Req.requireJson(context.request),
          () => Response.json(201, { ok: true, instance_start_time: String(context.database.created) })
        )
    }, "POST"),
  _security: (context) =>
    byMethod(context, {
      GET: () => Either.right(Response.json(200, context.database.security)),
      PUT: () => putSecurity(context)
    }, "PUT,GET"),
  _revs_limit: (context) =>
    byMethod(context, {
      GET: () => Either.right(Response.json(200, context.database.revsLimit)),
      PUT: () => putLimit(context, "revsLimit")
    }, "PUT,GET"),
  _purged_infos_limit: (context) =>
    byMethod(context, {
      GET: () => Either.right(Response.json(200, context.database.purgedInfosLimit)),
      PUT: () => putLimit(context, "purgedInfosLimit")
    }, "GET,PUT")
}
