import * as Schema from "effect/Schema"
import { withoutCredentials } from "../data/text.js"
import type { Job, Result, Session, Statistics, Status } from "./Replication.js"

const optionalNumber = Schema.optionalWith(Schema.Number, { default: () => 0, nullable: true })

/** A sequence is opaque. At the start of the feed it is a number. */
const Sequence = Schema.transform(Schema.Union(Schema.String, Schema.Number), Schema.String, {
  decode: String,
  encode: (sequence) => sequence
})

const SessionResponse = Schema.Struct({
  session_id: Schema.String,
  start_time: Schema.String,
  end_time: Schema.String,
  recorded_seq: Sequence,
  missing_checked: optionalNumber,
  missing_found: optionalNumber,
  docs_read: optionalNumber,
  docs_written: optionalNumber,
  doc_write_failures: optionalNumber
})

const sessionOf = (session: typeof SessionResponse.Type): Session => ({
  sessionId: session.session_id,
  startTime: session.start_time,
  endTime: session.end_time,
  sequence: session.recorded_seq,
  statistics: {
    revisionsChecked: session.missing_checked,
    missingFound: session.missing_found,
    documentsRead: session.docs_read,
    documentsWritten: session.docs_written,
    writeFailures: session.doc_write_failures
  }
})

/** A schema that only decodes. */
const decodeOnly = <A, I, B>(schema: Schema.Schema<A, I>, map: (response: A) => B): Schema.Schema<B, I> =>
  Schema.transform(schema, Schema.Any as Schema.Schema<B>, {
    strict: true,
    decode: map,
    encode: () => {
      throw new Error("responses cannot be encoded")
    }
  })

const ResultRow = Schema.Struct({
  no_changes: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  session_id: Schema.String,
  source_last_seq: Sequence,
  history: Schema.Array(SessionResponse)
})

export const ResultResponse = decodeOnly(ResultRow, (response): Result => ({
  noChanges: response.no_changes,
  sessionId: response.session_id,
  sequence: response.source_last_seq,
  history: response.history.map(sessionOf)
}))

const optionalNullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { nullable: true })

const Information = Schema.Struct({
  error: optionalNullable(Schema.String),
  revisions_checked: optionalNumber,
  missing_revisions_found: optionalNumber,
  docs_read: optionalNumber,
  docs_written: optionalNumber,
  doc_write_failures: optionalNumber,
  changes_pending: optionalNullable(Schema.Number),
  checkpointed_source_seq: optionalNullable(Sequence)
})

const statisticsOf = (info: typeof Information.Type | undefined): Statistics => ({
  revisionsChecked: info?.revisions_checked ?? 0,
  missingFound: info?.missing_revisions_found ?? 0,
  documentsRead: info?.docs_read ?? 0,
  documentsWritten: info?.docs_written ?? 0,
  writeFailures: info?.doc_write_failures ?? 0
})

const JobRow = Schema.Struct({
  id: Schema.String,
  database: optionalNullable(Schema.String),
  doc_id: optionalNullable(Schema.String),
  source: Schema.String,
  target: Schema.String,
  node: optionalNullable(Schema.String),
  start_time: Schema.String,
  info: optionalNullable(Information),
  history: Schema.Array(Schema.Struct({
    timestamp: Schema.String,
    type: Schema.String,
    reason: optionalNullable(Schema.String)
  }))
})

const jobOf = (row: typeof JobRow.Type): Job => ({
  id: row.id,
  documentId: row.doc_id,
  source: withoutCredentials(row.source),
  target: withoutCredentials(row.target),
  startTime: row.start_time,
  statistics: statisticsOf(row.info),
  pending: row.info?.changes_pending,
  history: row.history.map(({ reason, timestamp, type }) => ({
    timestamp,
    type,
    ...(reason !== undefined && { reason: withoutCredentials(reason) })
  }))
})

export const JobsResponse = decodeOnly(
  Schema.Struct({ jobs: Schema.Array(JobRow) }),
  ({ jobs }) => ({ jobs: jobs.map(jobOf) })
)

const State = Schema.Literal("initializing", "running", "completed", "pending", "crashing", "error", "failed")

const StatusRow = Schema.Struct({
  doc_id: Schema.String,
  id: optionalNullable(Schema.String),
  source: Schema.Unknown,
  target: Schema.Unknown,
  // A document that no scheduler has picked up yet has no state. Old versions of CouchDB use `triggered`.
  state: Schema.NullOr(Schema.Union(State, Schema.Literal("triggered"))),
  error_count: optionalNumber,
  info: optionalNullable(Schema.Union(Information, Schema.String)),
  start_time: optionalNullable(Schema.String),
  last_updated: optionalNullable(Schema.String)
})

const urlOf = (side: unknown): string | undefined => {
  const url = typeof side === "object" && side !== null && "url" in side ? side.url : side
  return typeof url === "string" ? withoutCredentials(url) : undefined
}

const statusOf = (row: typeof StatusRow.Type): Status => {
  const info = typeof row.info === "string" ? undefined : row.info
  const error = typeof row.info === "string" ? row.info : row.info?.error
  return {
    documentId: row.doc_id,
    jobId: row.id,
    state: row.state === null || row.state === "triggered" ? "initializing" : row.state,
    source: urlOf(row.source),
    target: urlOf(row.target),
    errorCount: row.error_count,
    error: error === undefined ? undefined : withoutCredentials(error),
    statistics: statisticsOf(info),
    pending: info?.changes_pending,
    sequence: info?.checkpointed_source_seq,
    lastUpdated: row.last_updated
  }
}

export const StatusResponse = decodeOnly(StatusRow, statusOf)

export const StatusesResponse = decodeOnly(
  Schema.Struct({ docs: Schema.Array(StatusRow) }),
  ({ docs }) => ({ docs: docs.map(statusOf) })
)
