import type * as Json from "effect-couchdb/Json"
import type { Checked } from "../http/refusal.js"

/** What became of a job, and when. */
export interface JobEvent {
  readonly timestamp: string
  readonly type: "added" | "started" | "crashed"
  readonly reason?: string
}

/** A replication that the scheduler holds: until it is cancelled, or, of a document, until it is done. */
export interface Job {
  readonly id: string
  readonly owner: string | null
  /** The document of `_replicator` that asks for it, if one does. */
  readonly document: string | undefined
  /** The URLs of both databases, without credentials. */
  readonly source: string
  readonly target: string
  readonly continuous: boolean
  readonly checkpointInterval: number
  readonly started: number
  readonly run: (now: number) => Checked<Json.JsonObject>
  /** The latest first. */
  history: ReadonlyArray<JobEvent>
  info: Json.JsonObject | null
  errors: number
  error: string | undefined
  updated: number
  /** When it runs again, after it crashed. */
  next: number
}
