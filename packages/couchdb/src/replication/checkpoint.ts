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

/** What one side remembers of a replication: as CouchDB's own replicator writes it, or as PouchDB's does. */
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
  /** Whether PouchDB wrote here, and is to read what is written next. */
  readonly pouch: boolean
  /** When the source was created, if nobody may write a checkpoint there: then the target's counts alone. */
  readonly alone: Json.Json | undefined
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
  // Local documents have no conflicts: the same text a second time does no harm.
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

/** Which side of the replication a checkpoint was written for. */
const roleOf = ({ body }: Log): Json.Json | undefined => Json.get(body, "role")

const sessionOf = (entry: Json.Json | undefined): Json.Json | undefined => Json.get(entry, "session_id")

const isIn = (history: ReadonlyArray<Json.Json>, entry: Json.Json | undefined): boolean =>
  sessionOf(entry) !== undefined && history.some((other) => sessionOf(other) === sessionOf(entry))

/** How far a session came: CouchDB and PouchDB have different names for it. */
const recorded = (entry: Json.Json | undefined): Json.Json | undefined =>
  Json.get(entry, "recorded_seq") ?? Json.get(entry, "last_seq")

/** How far a log says that the replication is. Where both wrote to it, its latest session knows best. */
const reached = (log: Log): Json.Json | undefined => {
  const [latest] = historyOf(log)
  return sessionOf(latest) !== undefined && sessionOf(latest) === sessionOf(log.body)
    ? recorded(latest)
    : Json.get(log.body, "source_last_seq") ?? Json.get(log.body, "last_seq")
}

/**
 * The latest session that both know, as the side has it whose latest it is: the other one may have come further since,
 * before this one was put back to an older state.
 */
const common = (
  source: ReadonlyArray<Json.Json>,
  target: ReadonlyArray<Json.Json>
): Pick<Checkpoint, "since" | "history"> => {
  for (let i = 0; i < Math.min(source.length, target.length); i++) {
    if (isIn(target.slice(i), source[i])) return { since: recorded(source[i]), history: source.slice(i) }
    if (isIn(source.slice(i + 1), target[i])) return { since: recorded(target[i]), history: target.slice(i) }
  }
  return { since: undefined, history: [] }
}

/**
 * Where one session is on both sides. One side may be behind, since the other was written first, or since it was put back to
 * an older state. Sequences cannot be compared, so that then it goes back to where the session began.
 */
const within = (ours: Log, theirs: Log): Pick<Checkpoint, "since" | "history"> => {
  const [since, history] = [reached(ours), historyOf(ours)]
  if (since !== undefined && Json.equals(since, reached(theirs) ?? null)) return { since, history }
  const began = Json.get(history[0], "start_last_seq")
  return began === undefined
    ? common(history.slice(1), historyOf(theirs).slice(1))
    : { since: began, history: history.slice(1) }
}

/** When a database was created; another one of its name was created at another time. */
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

/** Where both sides agree that it was. */
export const read = (source: Endpoint, target: Endpoint, id: string): Effect.Effect<Checkpoint, WireError> =>
  Effect.gen(function*() {
    const [ours, theirs] = yield* Effect.all([logAt(source, id), logAt(target, id)], { concurrency: 2 })
    const alone = ours.rev === undefined ? Json.get(theirs.body, aloneWith) : undefined
    const rest = {
      source: ours.rev,
      target: theirs.rev,
      pouch: [ours, theirs].some(({ body }) => Json.get(body, "last_seq") !== undefined),
      alone
    }
    // Two copies of one server have one name, so that the other direction may have written here: its sequences are others.
    if (roleOf(ours) === "target" || roleOf(theirs) === "source") return { since: undefined, history: [], ...rest }
    if (alone !== undefined) {
      return Json.equals(alone, yield* createdAt(source))
        ? { since: reached(theirs), history: historyOf(theirs), ...rest }
        : { since: undefined, history: [], ...rest, alone: undefined }
    }
    return sessionOf(ours.body) !== undefined && sessionOf(ours.body) === sessionOf(theirs.body)
      ? { ...within(ours, theirs), ...rest }
      : { ...common(historyOf(ours), historyOf(theirs)), ...rest }
  })

/** The member of the target's log that says which source it was that takes none. */
const aloneWith = "source_instance_start_time"

/** As many sessions as CouchDB remembers. */
const most = 50

/** Remembers a session on both sides: where one of them is lost, the older checkpoint holds. */
export const write = (
  [source, target]: readonly [Endpoint, Endpoint],
  id: string,
  checkpoint: Checkpoint,
  told: {
    readonly session: string
    readonly started: number
    readonly from: Json.Json | undefined
    readonly to: Json.Json
    readonly statistics: Statistics
  }
): Effect.Effect<Checkpoint, WireError> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const { statistics } = told
    const entry = {
      session_id: told.session,
      start_time: new Date(told.started).toUTCString(),
      end_time: new Date(now).toUTCString(),
      start_last_seq: told.from ?? 0,
      end_last_seq: told.to,
      recorded_seq: told.to,
      ...(checkpoint.pouch && { last_seq: told.to }),
      missing_checked: statistics.revisionsChecked,
      missing_found: statistics.missingFound,
      docs_read: statistics.documentsRead,
      docs_written: statistics.documentsWritten,
      doc_write_failures: statistics.writeFailures
    }
    const earlier = checkpoint.history.filter((each) => sessionOf(each) !== told.session)
    const history = [entry, ...earlier].slice(0, most)
    const put = (
      endpoint: Endpoint,
      rev: string | undefined,
      role: "source" | "target",
      alone: Json.Json | undefined
    ) =>
      Effect.map(
        conflictAsBadRequest(endpoint.couch.execute({
          ...request(endpoint, id, {
            method: "PUT",
            body: Json.stringify({
              ...(rev !== undefined && { _rev: rev }),
              session_id: told.session,
              source_last_seq: told.to,
              replication_id_version: 4,
              ...(checkpoint.pouch && { last_seq: told.to, version: 1 }),
              ...(alone !== undefined && { [aloneWith]: alone }),
              role,
              history
            })
          }),
          verify: verifyWritten(`_local/${id}`)
        })),
        (response) => {
          const written = Json.get(jsonOf(response), "rev")
          return typeof written === "string" ? written : rev
        }
      )
    const atSource = checkpoint.alone !== undefined
      ? { rev: undefined, alone: checkpoint.alone }
      : yield* put(source, checkpoint.source, "source", undefined).pipe(
        Effect.map((rev) => ({ rev, alone: undefined })),
        Effect.catchIf(
          // Whoever may only read can replicate from there all the same.
          ({ _tag }) => checkpoint.source === undefined && (_tag === "ForbiddenError" || _tag === "UnauthorizedError"),
          () => Effect.map(createdAt(source), (alone) => ({ rev: undefined, alone }))
        )
      )
    const atTarget = yield* put(target, checkpoint.target, "target", atSource.alone)
    return {
      since: told.to,
      history,
      source: atSource.rev,
      target: atTarget,
      pouch: checkpoint.pouch,
      alone: atSource.alone
    }
  })
