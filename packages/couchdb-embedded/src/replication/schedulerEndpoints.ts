import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, missing, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { Job } from "../storage/job.js"
import * as RevisionTree from "../storage/revisionTree.js"
import * as Jobs from "./jobs.js"

const found = (body: Json.Json): CheckedReply => Either.right(Response.json(200, body))

const pid = ({ server }: Context, { id }: Job): string => `<0.${1 + Array.from(server.jobs.keys()).indexOf(id)}.0>`

const database = ({ document }: Job): string | null => document === undefined ? null : "_replicator"

const jobRow = (context: Context, job: Job): Json.JsonObject => ({
  database: database(job),
  id: job.id,
  pid: job.errors > 0 ? null : pid(context, job),
  source: job.source,
  target: job.target,
  user: job.document === undefined ? job.owner : null,
  doc_id: job.document ?? null,
  info: job.error === undefined ? job.info : { error: job.error },
  history: job.history.map((event) => ({ ...event })),
  node: context.server.node.name,
  start_time: Jobs.timestamp(job.started)
})

const documentRow = (context: Context, id: string, job: Job): Json.JsonObject => ({
  database: "_replicator",
  doc_id: id,
  id: job.id,
  node: context.server.node.name,
  source: job.source,
  target: job.target,
  state: job.errors > 0 ? "crashing" : "running",
  info: job.error === undefined ? job.info : { error: job.error },
  error_count: job.errors,
  last_updated: Jobs.timestamp(job.updated),
  start_time: Jobs.timestamp(job.started),
  source_proxy: null,
  target_proxy: null
})

const withoutCredentials = (value: Json.Json | undefined): Json.Json => {
  const url = value !== undefined && Json.isObject(value) ? Json.get(value, "url") : value
  if (typeof url !== "string" || !URL.canParse(url)) return url ?? null
  const { host, pathname, protocol } = new URL(url)
  return `${protocol}//${host}${pathname.replace(/\/?$/, "/")}`
}

/** The row of a completed or failed replication, from its document. */
const endedRow = (id: string, body: Json.JsonObject): Json.JsonObject | undefined => {
  const state = Json.get(body, "_replication_state")
  if (state !== "completed" && state !== "failed") return undefined
  const stats = Json.get(body, "_replication_stats")
  const members = stats !== undefined && Json.isObject(stats) ? Json.entries(stats) : []
  const time = Json.get(body, "_replication_state_time") ?? null
  const start = members.find(([name]) => name === "start_time")?.[1] ?? time
  return {
    database: "_replicator",
    doc_id: id,
    id: null,
    source: withoutCredentials(Json.get(body, "source")),
    target: withoutCredentials(Json.get(body, "target")),
    state,
    error_count: state === "failed" ? 1 : 0,
    info: state === "failed"
      ? { error: Json.get(body, "_replication_state_reason") ?? null }
      : Json.fromEntries(members.filter(([name]) => name !== "start_time")),
    start_time: start,
    last_updated: time
  }
}

const documentRows = (context: Context): ReadonlyArray<Json.JsonObject> => {
  const { databases, jobs: replications } = context.server
  const jobs = new Map(Array.from(replications.values(), (job) => [job.document, job]))
  const rows: Array<Json.JsonObject> = []
  for (const id of databases.get("_replicator")?.liveIds ?? []) {
    const record = databases.get("_replicator")?.documents.get(id)
    const body = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version?.body
    const job = jobs.get(id)
    const row = job !== undefined ? documentRow(context, id, job) : body === undefined ? undefined : endedRow(id, body)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

const integer = (request: Req.Request, name: string, fallback: number): Checked<number> => {
  const text = Req.param(request, name)
  if (text === undefined) return Either.right(fallback)
  return /^\+?\d+$/.test(text)
    ? Either.right(Number(text))
    : refuse(400, "query_parse_error", `${name} must be an integer`)
}

const page = <A>(
  { request }: Context,
  rows: ReadonlyArray<A>
): Checked<{ readonly offset: number; readonly rows: ReadonlyArray<A> }> =>
  Either.gen(function*() {
    const limit = yield* integer(request, "limit", Infinity)
    const skip = yield* integer(request, "skip", 0)
    return { offset: Math.min(skip, rows.length), rows: rows.slice(skip, skip + limit) }
  })

const jobs = (context: Context): CheckedReply => {
  const [, , ...path] = context.request.segments
  const all = Array.from(context.server.jobs.values()).sort((a, b) => Utf8.compare(a.id, b.id))
  if (path.length > 0) {
    // A plus in a path is decoded as a space.
    const id = path.join("/").replaceAll(" ", "+")
    const job = all.find((job) => job.id === id)
    return job === undefined ? Either.left(missing) : found(jobRow(context, job))
  }
  return Either.map(
    page(context, all),
    ({ offset, rows }) =>
      Response.json(200, { total_rows: all.length, offset, jobs: rows.map((job) => jobRow(context, job)) })
  )
}

const docs = (context: Context): CheckedReply => {
  const [, , name, ...path] = context.request.segments
  const id = path.join("/")
  if (name !== undefined && name !== "_replicator" && !name.endsWith("/_replicator")) return badRequest("Invalid path")
  const all = documentRows(context)
  if (path.length > 0) {
    const row = all.find((row) => Json.get(row, "doc_id") === id)
    return row === undefined ? Either.left(missing) : found(row)
  }
  return Either.map(page(context, all), ({ offset, rows }) =>
    Response.text(
      200,
      `{"total_rows":${all.length},"offset":${offset},"docs":[\n${rows.map((row) => print(row)).join(",\n")}\n]}`
    ))
}

/** `/_scheduler/jobs` and `/_scheduler/docs` */
export const handle = (context: Context): CheckedReply => {
  const get = (respond: (context: Context) => CheckedReply): CheckedReply =>
    byMethod(context, { GET: () => respond(context) }, "GET,HEAD")
  switch (context.request.segments[1]) {
    case "jobs":
      return get(jobs)
    case "docs":
      return get(docs)
    default:
      return Either.right(Response.json(404, { error: "not found" }))
  }
}

const task = (context: Context, job: Job): Json.JsonObject => ({
  node: context.server.node.name,
  pid: pid(context, job),
  process_status: "waiting",
  ...job.info,
  checkpoint_interval: job.checkpointInterval,
  continuous: job.continuous,
  database: database(job),
  doc_id: job.document ?? null,
  replication_id: job.id,
  source: job.source,
  source_seq: job.info === null ? 0 : Json.get(job.info, "checkpointed_source_seq") ?? 0,
  started_on: Math.floor(job.started / 1000),
  target: job.target,
  type: "replication",
  updated_on: Math.floor(job.updated / 1000),
  user: job.document === undefined ? job.owner : null
})

/** `/_active_tasks`. It lists running replications only, because every other task ends within one request. */
export const activeTasks = (context: Context): CheckedReply =>
  byMethod(context, {
    GET: () =>
      found(
        Array.from(context.server.jobs.values())
          .filter(({ errors }) => errors === 0)
          .map((job) => task(context, job))
      )
  }, "GET,HEAD")
