import * as Json from "effect-couchdb/Json"
import type { Job } from "../storage/job.js"
import type { Replication } from "./replication.js"

/** Prints a time as the scheduler does. */
export const timestamp = (now: number): string => new Date(now).toISOString().replace(/\.\d+Z$/, "Z")

export const make = (
  replication: Replication,
  run: Job["run"],
  options: { readonly owner: string | null; readonly document: string | undefined; readonly now: number }
): Job => {
  const at = timestamp(options.now)
  return {
    id: replication.job,
    owner: options.owner,
    document: options.document,
    source: replication.source.url,
    target: replication.target.url,
    continuous: replication.continuous,
    checkpointInterval: replication.checkpointInterval,
    started: options.now,
    run,
    history: [{ timestamp: at, type: "started" }, { timestamp: at, type: "added" }],
    info: null,
    errors: 0,
    error: undefined,
    updated: options.now,
    next: options.now
  }
}

/** The result of a run as the scheduler reports it. */
const statsOf = (result: Json.JsonObject): Json.JsonObject => {
  const history = Json.get(result, "history")
  const last = Json.isArray(history) ? history[0] : undefined
  const count = (name: string): Json.Json => last !== undefined && Json.isObject(last) ? Json.get(last, name) ?? 0 : 0
  return {
    revisions_checked: count("missing_checked"),
    missing_revisions_found: count("missing_found"),
    docs_read: count("docs_read"),
    docs_written: count("docs_written"),
    changes_pending: null,
    doc_write_failures: count("doc_write_failures"),
    bulk_get_docs: count("bulk_get_docs"),
    bulk_get_attempts: count("bulk_get_attempts"),
    checkpointed_source_seq: Json.get(result, "source_last_seq") ?? 0
  }
}

// As in CouchDB, the delay after a crash is half a minute, and doubles with each further crash.
const firstRetryMillis = 30_000
const maxRetryMillis = 8 * 60 * 60 * 1000

const maxHistory = 20

const crash = (job: Job, reason: string, now: number): void => {
  job.errors++
  job.error = reason
  job.next = job.continuous && job.document === undefined
    ? now
    : now + Math.min(maxRetryMillis, firstRetryMillis * 2 ** (job.errors - 1))
  job.updated = now
  job.history = [{ timestamp: timestamp(now), type: "crashed" as const, reason }, ...job.history].slice(0, maxHistory)
}

/** Runs a job once. Returns whether it succeeded. */
export const run = (job: Job, now: number): boolean => {
  const again = job.errors > 0
  const result = job.run(now)
  if (result._tag === "Left") {
    const { error, reason } = result.left
    if (job.error === undefined || job.document !== undefined) crash(job, explain(error, reason), now)
    return false
  }
  if (again) {
    job.history = [{ timestamp: timestamp(now), type: "started" as const }, ...job.history].slice(0, maxHistory)
    job.updated = now
  }
  job.errors = 0
  job.error = undefined
  job.info = statsOf(result.right)
  return true
}

const explain = (error: string, reason: Json.Json): string => {
  const text = typeof reason === "string" ? reason : Json.stringify(reason)
  return error === "db_not_found" || error === "unauthorized" ? `${error}: ${text}` : text
}
