import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CouchRequest } from "../../CouchHttp.js"
import * as DatabaseName from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import type { Endpoint, Statistics } from "../../Replication.js"
import * as Transport from "../../Transport.js"
import type { WireError } from "../bulk/wireError.js"
import { documentPath } from "../documentPath.js"
import { unconflicted } from "../unconflicted.js"
import { member } from "../written.js"

/** What one side remembers of a replication, as CouchDB's own replicator writes it. */
interface Remembered {
  readonly body: Json.Json
  readonly rev: string | undefined
}

/** Where a replication goes on, and its earlier sessions. */
export interface Checkpoint {
  readonly since: Json.Json | undefined
  readonly history: ReadonlyArray<Json.Json>
  readonly source: string | undefined
  readonly target: string | undefined
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
  safe: true
})

const jsonOf = (response: Transport.BufferedResponse): Json.Json =>
  Either.getOrElse(Json.parse(Transport.text(response)), () => null)

const remembered = (endpoint: Endpoint, id: string): Effect.Effect<Remembered, WireError> =>
  unconflicted(endpoint.couch.execute(request(endpoint, id, { method: "GET" }))).pipe(
    Effect.map((response): Remembered => {
      const body = jsonOf(response)
      const rev = member(body, "_rev")
      return { body, rev: typeof rev === "string" ? rev : undefined }
    }),
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && error.reason !== "Database does not exist.",
      () => Effect.succeed<Remembered>({ body: {}, rev: undefined })
    )
  )

const historyOf = ({ body }: Remembered): ReadonlyArray<Json.Json> => {
  const history = member(body, "history")
  return Json.isArray(history) ? history : []
}

/** Which side of the replication a checkpoint was written for. */
const roleOf = ({ body }: Remembered): Json.Json | undefined => member(body, "role")

const session = (entry: Json.Json | undefined): Json.Json | undefined => member(entry, "session_id")

/** Where both sides agree that it was: the latest session that both know. */
export const read = (source: Endpoint, target: Endpoint, id: string): Effect.Effect<Checkpoint, WireError> =>
  Effect.map(Effect.all([remembered(source, id), remembered(target, id)], { concurrency: 2 }), ([ours, theirs]) => {
    const revs = { source: ours.rev, target: theirs.rev }
    // Two copies of one server have one name, so that the other direction may have written here: its sequences are others.
    if (roleOf(ours) === "target" || roleOf(theirs) === "source") return { since: undefined, history: [], ...revs }
    const history = historyOf(ours)
    if (session(ours.body) !== undefined && session(ours.body) === session(theirs.body)) {
      return { since: member(ours.body, "source_last_seq"), history, ...revs }
    }
    const known = new Set(historyOf(theirs).map(session))
    const common = history.findIndex((entry) => session(entry) !== undefined && known.has(session(entry)))
    return common === -1
      ? { since: undefined, history: [], ...revs }
      : { since: member(history[common], "recorded_seq"), history: history.slice(common), ...revs }
  })

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
      missing_checked: statistics.revisionsChecked,
      missing_found: statistics.missingFound,
      docs_read: statistics.documentsRead,
      docs_written: statistics.documentsWritten,
      doc_write_failures: statistics.writeFailures
    }
    const earlier = checkpoint.history.filter((each) => session(each) !== told.session)
    const history = [entry, ...earlier].slice(0, most)
    const put = (endpoint: Endpoint, rev: string | undefined, role: "source" | "target") =>
      Effect.map(
        unconflicted(endpoint.couch.execute(request(endpoint, id, {
          method: "PUT",
          body: Json.stringify({
            ...(rev !== undefined && { _rev: rev }),
            session_id: told.session,
            source_last_seq: told.to,
            replication_id_version: 4,
            role,
            history
          })
        }))),
        (response) => {
          const written = member(jsonOf(response), "rev")
          return typeof written === "string" ? written : rev
        }
      )
    const target_ = yield* put(target, checkpoint.target, "target")
    const source_ = yield* put(source, checkpoint.source, "source")
    return { since: told.to, history, source: source_, target: target_ }
  })
