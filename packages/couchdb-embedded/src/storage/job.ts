import type * as Json from "effect-couchdb/Json"
import type { Checked } from "../http/refusal.js"

/** An event in the history of a job. */
export interface JobEvent {
  readonly timestamp: string
  readonly type: "added" | "started" | "crashed"
  readonly reason?: string
}

/**
 * A running replication. A job of `_replicate` runs until it is cancelled. A job of a document runs until it completes.
 */
export interface Job {
  readonly id: string
  readonly owner: string | null
  /** The id of the document in `_replicator`, if there is one. */
  readonly document: string | undefined
  /** The URLs of both databases, without credentials. */
  readonly source: string
  readonly target: string
  readonly continuous: boolean
  readonly checkpointInterval: number
  readonly started: number
  readonly run: (now: number) => Checked<Json.JsonObject>
  /** Newest first. */
  history: ReadonlyArray<JobEvent>
  info: Json.JsonObject | null
  errors: number
  error: string | undefined
  updated: number
  /** When the job runs again after a crash. */
  next: number
}
