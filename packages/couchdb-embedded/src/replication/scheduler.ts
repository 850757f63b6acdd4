import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { BeforeWrite, Context } from "../access/context.js"
import * as Writes from "../documents/writes.js"
import type { Request } from "../http/request.js"
import type { Job } from "../storage/job.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Database, DocumentRecord, Server, Version } from "../storage/state.js"
import * as Documents from "./documents.js"
import * as Jobs from "./jobs.js"
import { run } from "./run.js"

const replicator = "_replicator"

const request = (origin: string): Request => ({
  method: "POST",
  path: "/_replicate",
  origin,
  segments: ["_replicate"],
  query: [],
  headers: {},
  body: undefined,
  maxBodyBytes: 0
})

const admin = { name: null, roles: ["_admin"] }

// The scheduler writes documents without this hook.
const beforeWrite: BeforeWrite = (_, document) => Either.right(document)

const schedulerFields = new Set([
  "_replication_state",
  "_replication_state_time",
  "_replication_state_reason",
  "_replication_stats",
  "_replication_id"
])

/** Writes the state of a replication into its document. */
const writeState = (
  server: Server,
  database: Database,
  id: string,
  state: "completed" | "failed",
  more: readonly [string, Json.Json],
  now: number
): void => {
  const record = database.documents.get(id)
  const winner = record === undefined ? undefined : RevisionTree.winner(record.tree)
  if (winner?.version === undefined || winner.version.deleted) return
  const kept = Json.entries(winner.version.body).filter(([name]) => !schedulerFields.has(name))
  Writes.edit(server, database, admin, [{
    id,
    generation: winner.generation,
    hashes: [winner.hash],
    deleted: false,
    body: Json.fromEntries([
      ...kept,
      ["_replication_state", state],
      ["_replication_state_time", Jobs.timestamp(now)],
      more
    ]),
    attachments: winner.version.attachments.map((attachment) => ({
      _tag: "Stored" as const,
      name: attachment.name,
      attachment
    }))
  }])
}

const jobOf = ({ jobs: replications }: Server, document: string): Job | undefined => {
  for (const job of replications.values()) if (job.document === document) return job
  return undefined
}

const startJob = (context: Context, database: Database, id: string, body: Json.JsonObject): void => {
  const { now, server } = context
  const fail = (reason: string): void =>
    writeState(server, database, id, "failed", ["_replication_state_reason", reason], now)
  const before = jobOf(server, id)
  const parsed = Documents.parseReplication(context, body)
  if (Either.isLeft(parsed)) {
    if (before !== undefined) server.jobs.delete(before.id)
    const { reason } = parsed.left
    return fail(typeof reason === "string" ? reason : Json.stringify(reason))
  }
  const replication = parsed.right
  const running = server.jobs.get(replication.job)
  if (running !== undefined && running.document !== id) {
    const by = running.document === undefined
      ? "through the `_replicate` endpoint"
      : `triggered by document \`${running.document}\` from db \`${replicator}\``
    return fail(`Replication \`${running.id}\` specified by document \`${id}\` already started, ${by}`)
  }
  if (running !== undefined) return
  if (before !== undefined) server.jobs.delete(before.id)
  const owner = Json.get(body, "owner")
  server.jobs.set(
    replication.job,
    Jobs.make(replication, (now) => run(replication, now), {
      owner: typeof owner === "string" ? owner : null,
      document: id,
      now
    })
  )
}

const updateJob = (context: Context, database: Database, { id, tree }: DocumentRecord): void => {
  if (id.startsWith("_design/")) return
  const version: Version | undefined = RevisionTree.winner(tree)?.version
  const state = version === undefined ? undefined : Json.get(version.body, "_replication_state")
  if (version === undefined || version.deleted || state === "completed" || state === "failed") {
    const job = jobOf(context.server, id)
    if (job !== undefined) context.server.jobs.delete(job.id)
    return
  }
  startJob(context, database, id, version.body)
}

/** Starts and stops jobs according to the documents of `_replicator`. */
const updateJobs = (server: Server, origin: string, now: number): void => {
  const database = server.databases.get(replicator)
  const { replicatorSeen: seen } = server.node
  if (database === undefined) return
  if (seen.instance !== database.instance) {
    seen.instance = database.instance
    seen.position = database.shards.map(() => 0)
  }
  const changed = database.shards.flatMap(({ log, seq }, i) => {
    const since = seen.position[i] ?? 0
    if (seq <= since) return []
    seen.position[i] = seq
    return log.flatMap(({ id, seq }) => {
      const record = seq > since ? database.documents.get(id) : undefined
      return record?.seq === seq ? [record] : []
    })
  })
  const context: Context = { server, request: request(origin), user: admin, authenticated: undefined, now, beforeWrite }
  for (const record of changed) updateJob(context, database, record)
}

const runJob = (server: Server, job: Job, now: number): void => {
  if (now < job.next || !Jobs.run(job, now) || job.continuous) return
  server.jobs.delete(job.id)
  const database = server.databases.get(replicator)
  if (job.document === undefined || database === undefined) return
  const stats = Json.fromEntries([...Json.entries(job.info ?? {}), ["start_time", Jobs.timestamp(job.started)]])
  writeState(server, database, job.document, "completed", ["_replication_stats", stats], now)
}

// Two jobs that write to each other's source settle. The limit ends those that do not.
const maxRounds = 100

/** Runs all jobs until they have replicated the changes of a request. */
export const runJobs = (server: Server, origin: string, now: number): void => {
  for (let i = 0; i < maxRounds; i++) {
    const before = server.updates.seq
    updateJobs(server, origin, now)
    if (server.jobs.size === 0) return
    // A job that cannot run, because a database was deleted, is retried later.
    for (const job of Array.from(server.jobs.values())) runJob(server, job, now)
    if (server.updates.seq === before) return
  }
}
