import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as DatabaseName from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import { documentPath } from "../data/path.js"
import type { WireError } from "../http/bulk/errors.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import * as Transport from "../http/Transport.js"
import { verifyDocument, verifyJson, verifyWritten } from "../http/verification.js"
import type { Endpoint, Statistics } from "./Replication.js"

/** The checkpoint document of one side, in the format of CouchDB's replicator or of PouchDB. */
interface Log {
  readonly body: Json.Json
  readonly rev: string | undefined
}

/** The sequence from which a replication resumes, and its earlier sessions. */
export interface Checkpoint {
  readonly since: Json.Json | undefined
  readonly history: ReadonlyArray<Json.Json>
  readonly source: string | undefined
  readonly target: string | undefined
  /** Whether PouchDB wrote this checkpoint, so that the next one must be readable by PouchDB. */
  readonly isPouchDb: boolean
  /** When the source was created, if its checkpoint cannot be written. Then only the target's checkpoint counts. */
  readonly sourceCreatedAt: Json.Json | undefined
}

const request = (
  { database }: Endpoint,
  id: string,
  rest: Pick<CouchRequest, "method" | "body">
): CouchRequest => ({
  ...rest,
  path: `${documentPath(DatabaseName.make(database))}/_local/${encodeURIComponent(id)}`,
  route: "/{db}/_local/{docid}",
  database,
  id: `_local/${id}`,
  // Local documents have no conflicts, so writing the same content twice is harmless.
  idempotent: true
})

const jsonOf = (response: Transport.BufferedResponse): Json.Json =>
  Either.getOrElse(Json.parse(Transport.text(response)), () => null)

const logAt = (endpoint: Endpoint, id: string): Effect.Effect<Log, WireError> =>
  conflictAsBadRequest(
    endpoint.couch.execute({ ...request(endpoint, id, { method: "GET" }), verify: verifyDocument(`_local/${id}`) })
  ).pipe(
    Effect.map((response): Log => {
      const body = jsonOf(response)
      const rev = Json.get(body, "_rev")
      return { body, rev: typeof rev === "string" ? rev : undefined }
    }),
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeed<Log>({ body: {}, rev: undefined })
    )
  )

const historyOf = ({ body }: Log): ReadonlyArray<Json.Json> => {
  const history = Json.get(body, "history")
  return Json.isArray(history) ? history : []
}

/** The side of the replication for which a checkpoint was written. */
const roleOf = ({ body }: Log): Json.Json | undefined => Json.get(body, "role")

const sessionOf = (entry: Json.Json | undefined): Json.Json | undefined => Json.get(entry, "session_id")

const includesSession = (history: ReadonlyArray<Json.Json>, entry: Json.Json | undefined): boolean =>
  sessionOf(entry) !== undefined && history.some((other) => sessionOf(other) === sessionOf(entry))

/** The sequence that a session reached. CouchDB and PouchDB name it differently. */
const sessionSequence = (entry: Json.Json | undefined): Json.Json | undefined =>
  Json.get(entry, "recorded_seq") ?? Json.get(entry, "last_seq")

/**
 * The sequence that a checkpoint document reached. If both CouchDB and PouchDB wrote it, the latest session is the most
 * recent.
 */
const reachedSequence = (log: Log): Json.Json | undefined => {
  const [latest] = historyOf(log)
  return sessionOf(latest) !== undefined && sessionOf(latest) === sessionOf(log.body)
    ? sessionSequence(latest)
    : Json.get(log.body, "source_last_seq") ?? Json.get(log.body, "last_seq")
}

/**
 * The latest session that both sides contain, as recorded by the side on which it is the latest. The other side may
 * have advanced further before this one was restored from a backup.
 */
const lastCommonSession = (
  source: ReadonlyArray<Json.Json>,
  target: ReadonlyArray<Json.Json>
): Pick<Checkpoint, "since" | "history"> => {
  for (let i = 0; i < Math.min(source.length, target.length); i++) {
    if (includesSession(target.slice(i), source[i])) {
      return { since: sessionSequence(source[i]), history: source.slice(i) }
    }
    if (includesSession(source.slice(i + 1), target[i])) {
      return { since: sessionSequence(target[i]), history: target.slice(i) }
    }
  }
  return { since: undefined, history: [] }
}

/**
 * The checkpoint of a session that both sides contain. One side may be older, because the other is written first, or
 * because it was restored from a backup. Sequences cannot be compared, so in this case the session is repeated from its
 * start.
 */
const resumeSession = (sourceLog: Log, targetLog: Log): Pick<Checkpoint, "since" | "history"> => {
  const [since, history] = [reachedSequence(sourceLog), historyOf(sourceLog)]
  if (since !== undefined && Json.equals(since, reachedSequence(targetLog) ?? null)) return { since, history }
  const sessionStart = Json.get(history[0], "start_last_seq")
  return sessionStart === undefined
    ? lastCommonSession(history.slice(1), historyOf(targetLog).slice(1))
    : { since: sessionStart, history: history.slice(1) }
}

/** When a database was created, which distinguishes it from another database of the same name. */
const createdAt = ({ couch, database }: Endpoint): Effect.Effect<Json.Json, WireError> =>
  Effect.map(
    conflictAsBadRequest(couch.execute({
      method: "GET",
      path: documentPath(DatabaseName.make(database)),
      route: "/{db}",
      database,
      verify: verifyJson((json) => typeof Json.get(json, "db_name") === "string")
    })),
    (response) => Json.get(jsonOf(response), "instance_start_time") ?? null
  )

/** Reads the checkpoint on which both sides agree. */
export const read = (source: Endpoint, target: Endpoint, id: string): Effect.Effect<Checkpoint, WireError> =>
  Effect.gen(function*() {
    const [sourceLog, targetLog] = yield* Effect.all([logAt(source, id), logAt(target, id)], { concurrency: 2 })
    const sourceCreatedAt = sourceLog.rev === undefined ? Json.get(targetLog.body, sourceCreatedMember) : undefined
    const rest = {
      source: sourceLog.rev,
      target: targetLog.rev,
      isPouchDb: [sourceLog, targetLog].some(({ body }) => Json.get(body, "last_seq") !== undefined),
      sourceCreatedAt
    }
    // Two copies of a server have the same UUID, so the reverse replication may have written this checkpoint. Its
    // sequences do not apply here.
    if (roleOf(sourceLog) === "target" || roleOf(targetLog) === "source") {
      return { since: undefined, history: [], ...rest }
    }
    if (sourceCreatedAt !== undefined) {
      return Json.equals(sourceCreatedAt, yield* createdAt(source))
        ? { since: reachedSequence(targetLog), history: historyOf(targetLog), ...rest }
        : { since: undefined, history: [], ...rest, sourceCreatedAt: undefined }
    }
    return sessionOf(sourceLog.body) !== undefined && sessionOf(sourceLog.body) === sessionOf(targetLog.body)
      ? { ...resumeSession(sourceLog, targetLog), ...rest }
      : { ...lastCommonSession(historyOf(sourceLog), historyOf(targetLog)), ...rest }
  })

/** The member of the target's checkpoint that identifies a read-only source. */
const sourceCreatedMember = "source_instance_start_time"

/** The number of sessions that CouchDB keeps in a checkpoint. */
const maxSessions = 50

/** What a session did up to a sequence. */
interface Session {
  readonly session: string
  readonly started: number
  readonly from: Json.Json | undefined
  readonly to: Json.Json
  readonly statistics: Statistics
}

/** The entry of a session in the history of a checkpoint. */
const entryOf = ({ from, session, started, statistics, to }: Session, isPouchDb: boolean, now: number) => ({
  session_id: session,
  start_time: new Date(started).toUTCString(),
  end_time: new Date(now).toUTCString(),
  start_last_seq: from ?? 0,
  end_last_seq: to,
  recorded_seq: to,
  ...(isPouchDb && { last_seq: to }),
  missing_checked: statistics.revisionsChecked,
  missing_found: statistics.missingFound,
  docs_read: statistics.documentsRead,
  docs_written: statistics.documentsWritten,
  doc_write_failures: statistics.writeFailures
})

/** Writes the checkpoint document of one side, and returns its revision. */
const writeLog = (
  endpoint: Endpoint,
  id: string,
  rev: string | undefined,
  members: Json.JsonObject
): Effect.Effect<string | undefined, WireError> =>
  Effect.map(
    conflictAsBadRequest(endpoint.couch.execute({
      ...request(endpoint, id, {
        method: "PUT",
        body: Json.stringify({ ...(rev !== undefined && { _rev: rev }), ...members })
      }),
      verify: verifyWritten(`_local/${id}`)
    })),
    (response) => {
      const written = Json.get(jsonOf(response), "rev")
      return typeof written === "string" ? written : rev
    }
  )

/** Writes a session to both sides. If only one of them is written, the older checkpoint applies. */
export const write = (
  [source, target]: readonly [Endpoint, Endpoint],
  id: string,
  checkpoint: Checkpoint,
  session: Session
): Effect.Effect<Checkpoint, WireError> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const { isPouchDb } = checkpoint
    const earlier = checkpoint.history.filter((other) => sessionOf(other) !== session.session)
    const history = [entryOf(session, isPouchDb, now), ...earlier].slice(0, maxSessions)
    const membersFor = (role: "source" | "target", sourceCreatedAt: Json.Json | undefined): Json.JsonObject => ({
      session_id: session.session,
      source_last_seq: session.to,
      replication_id_version: 4,
      ...(isPouchDb && { last_seq: session.to, version: 1 }),
      ...(sourceCreatedAt !== undefined && { [sourceCreatedMember]: sourceCreatedAt }),
      role,
      history
    })
    const atSource = checkpoint.sourceCreatedAt !== undefined
      ? { rev: undefined, sourceCreatedAt: checkpoint.sourceCreatedAt }
      : yield* writeLog(source, id, checkpoint.source, membersFor("source", undefined)).pipe(
        Effect.map((rev) => ({ rev, sourceCreatedAt: undefined })),
        Effect.catchIf(
          // The user may only read the source, which is enough to replicate from it.
          ({ _tag }) => checkpoint.source === undefined && (_tag === "ForbiddenError" || _tag === "UnauthorizedError"),
          () => Effect.map(createdAt(source), (sourceCreatedAt) => ({ rev: undefined, sourceCreatedAt }))
        )
      )
    const { sourceCreatedAt } = atSource
    return {
      since: session.to,
      history,
      source: atSource.rev,
      target: yield* writeLog(target, id, checkpoint.target, membersFor("target", sourceCreatedAt)),
      isPouchDb,
      sourceCreatedAt
    }
  })
