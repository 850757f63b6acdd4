/**
 * Replication: run by a server, with its definition and progress, or run by this program, between any two servers that
 * it can reach, even if they cannot reach each other.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Filter, Reconnect } from "../changes/Changes.js"
import type { InvalidIdError } from "../data/errors.js"
import type { Revision } from "../data/Revision.js"
import type { CouchHttp, Service } from "../http/CouchHttp.js"
import type { HttpError, NotFoundError, RequestError, UpdateConflictError } from "../http/errors.js"
import type { ReplicationFailedError } from "./errors.js"
import * as client from "./replicate.js"
import * as serverId from "./replicationId.js"
import * as server from "./replicator.js"

/**
 * The counts of a replication.
 *
 * @since 0.1.0
 * @category model
 */
export interface Statistics {
  readonly revisionsChecked: number
  readonly missingFound: number
  readonly documentsRead: number
  readonly documentsWritten: number
  readonly writeFailures: number
}

/**
 * The source or target of a replication by this program: a database, and the `CouchHttp` service of its server, which
 * `CouchHttp.make` returns.
 *
 * @since 0.1.0
 * @category client
 */
export interface Endpoint {
  readonly couch: Service
  readonly database: string
}

/**
 * The options of a replication by this program.
 *
 * - `filter`: selects the changes to replicate; only users with write access to design documents can replicate them
 * - `batch`: the number of changes in a batch, 100 by default; a checkpoint is written after each batch
 * - `live`: continues with new changes and never ends; `poll` is the duration of a poll, 25 seconds by default
 * - `createTarget`: creates the target database if it does not exist
 * - `id`: the id of the checkpoints on both sides; by default it is derived from the servers, the databases and the
 *   filter. With the id of a replication by CouchDB ({@link checkpointId}) or PouchDB, this replication resumes from
 *   their checkpoint, and they resume from this one
 * - `checkpoints`: `false` neither reads nor writes checkpoints
 * - `retry`: when to retry after a transient failure, in addition to the retries of `CouchHttp`. A batch can be
 *   repeated, because it transfers only missing revisions. By default, a live replication retries without end, as
 *   `Changes.follow` does: 100 ms, doubling up to 30 seconds, with full jitter; any other replication does not retry
 * - `onReconnect`: runs after each failure that is retried, before the wait. If it fails, the replication fails with
 *   its error
 *
 * @since 0.1.0
 * @category client
 */
export interface Options<out E = never, out R = never> {
  readonly filter?: Filter | undefined
  readonly batch?: number | undefined
  readonly live?: boolean | undefined
  readonly poll?: Duration.DurationInput | undefined
  readonly createTarget?: boolean | undefined
  readonly id?: string | undefined
  readonly checkpoints?: boolean | undefined
  readonly retry?: Schedule.Schedule<unknown, HttpError | InvalidIdError> | undefined
  readonly onReconnect?: ((reconnect: Reconnect) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * A revision that the target refused, for example by a validation function. The replication continues with the others.
 *
 * @since 0.1.0
 * @category client
 */
export interface Failure {
  readonly id: string
  readonly rev: Revision
  readonly error: HttpError
}

/**
 * The progress of a replication by this program, after each batch.
 *
 * - `sequence`: the sequence of the source up to which everything is replicated, and which the checkpoints contain
 * - `pending`: how many changes remain, if the source reports it
 * - `caughtUp`: whether no changes remain for now
 * - `failures`: the revisions that the target refused in this batch
 *
 * @since 0.1.0
 * @category client
 */
export interface Progress {
  readonly id: string
  readonly sequence: string
  readonly pending: Option.Option<number>
  readonly caughtUp: boolean
  readonly statistics: Statistics
  readonly failures: ReadonlyArray<Failure>
}

/**
 * The errors of a replication by this program. When it is run again, it resumes from its checkpoint.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReplicateError = NotFoundError | InvalidIdError | RequestError

/**
 * Replicates a database to another one, and streams the progress. It uses CouchDB's replication protocol, with
 * `_changes`, `_revs_diff`, `_bulk_get` and `_bulk_docs` (`new_edits: false`), and transfers histories, siblings,
 * tombstones and attachments. An attachment that the target has from an ancestor is not sent again. Large attachments
 * are streamed as multipart from one side to the other, without being held in memory. Such a request must complete
 * within the timeout of the target's `CouchHttp`: set it to more than a minute for very large files or slow
 * connections.
 *
 * A live replication recovers from broken connections, silent servers, 408, 425, 429, 5xx and responses that do not
 * come from CouchDB. If the function, view or selector of its filter fails ten times with status 500 and the same error
 * and reason, it counts as broken, and the replication fails with this `ServerError`. It logs as `Changes.follow` does.
 *
 * Checkpoints are `_local` documents in CouchDB's format on both sides. A replication can therefore be interrupted at
 * any time, and resumes after any failure. If the source is read-only, only the target's checkpoint is used.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { CouchHttp, Replication } from "effect-couchdb"
 *
 * const program = Effect.gen(function*() {
 *   const here = yield* CouchHttp.make({ url: "http://127.0.0.1:5984" })
 *   const there = yield* CouchHttp.make({ url: "https://couch.example.org" })
 *   yield* Replication.replicate({ couch: here, database: "zoo" }, { couch: there, database: "zoo" }, { live: true }).pipe(
 *     Stream.runForEach(({ statistics }) => Effect.log(`${statistics.documentsWritten} documents written`))
 *   )
 * })
 *
 * @since 0.1.0
 * @category client
 */
export const replicate = <E = never, R = never>(
  source: Endpoint,
  target: Endpoint,
  options: Options<E, R> = {}
): Stream.Stream<Progress, ReplicateError | E, R> => client.replicate(source, target, options)

/**
 * Runs {@link replicate} to the end. Returns the total counts, and all revisions that the target refused.
 *
 * @example
 * import { Effect } from "effect"
 * import { CouchHttp, Replication } from "effect-couchdb"
 *
 * const program = Effect.gen(function*() {
 *   const couch = yield* CouchHttp.make({ url: "http://127.0.0.1:5984" })
 *   const { statistics } = yield* Replication.run(
 *     { couch, database: "zoo" },
 *     { couch, database: "zoo-backup" },
 *     { createTarget: true }
 *   )
 *   return statistics.documentsWritten
 * })
 *
 * @since 0.1.0
 * @category client
 */
export const run = <E = never, R = never>(
  source: Endpoint,
  target: Endpoint,
  options: Omit<Options<E, R>, "live" | "poll"> = {}
): Effect.Effect<Progress, ReplicateError | E, R> =>
  Effect.map(
    Stream.runFold(
      replicate(source, target, options),
      Option.none<Progress>(),
      (last, next) =>
        Option.some({
          ...next,
          failures: [...Option.match(last, { onNone: () => [], onSome: ({ failures }) => failures }), ...next.failures]
        })
    ),
    // There is a progress after every batch, and at least one batch.
    Option.getOrThrow
  )

/**
 * The source or target of a replication by a server: the name of one of its databases, or a URL with separate
 * credentials. Credentials are sent, and appear in no error.
 *
 * @since 0.1.0
 * @category server
 */
export type Remote = string | {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, Redacted.Redacted>> | undefined
}

/**
 * The definition of a replication by a server.
 *
 * - `filter`: selects the changes. A filter function whose name contains a plus sign, a slash or an escaped character
 *   fails with a `BadRequestError` before a request is sent, because CouchDB's replicator cannot find it; the name of a
 *   view may contain any characters
 *
 * @since 0.1.0
 * @category server
 */
export interface Definition {
  readonly source: Remote
  readonly target: Remote
  readonly filter?: Filter | undefined
  readonly createTarget?: boolean | undefined
  readonly sinceSequence?: string | undefined
  readonly useCheckpoints?: boolean | undefined
  readonly winningRevisionsOnly?: boolean | undefined
}

/**
 * A session in the history of a replication.
 *
 * @since 0.1.0
 * @category server
 */
export interface Session {
  readonly sessionId: string
  readonly startTime: string
  readonly endTime: string
  readonly sequence: string
  readonly statistics: Statistics
}

/**
 * The result of a replication that has ended. `history` starts with the latest session.
 *
 * @since 0.1.0
 * @category server
 */
export interface Result {
  readonly noChanges: boolean
  readonly sessionId: string
  readonly sequence: string
  readonly history: ReadonlyArray<Session>
}

/**
 * A replication that a server runs.
 *
 * @since 0.1.0
 * @category server
 */
export interface Job {
  readonly id: string
  readonly documentId: string | undefined
  readonly source: string
  readonly target: string
  readonly startTime: string
  readonly statistics: Statistics
  readonly pending: number | undefined
  readonly history: ReadonlyArray<{
    readonly timestamp: string
    readonly type: string
    readonly reason?: string
  }>
}

/**
 * The status of the replication of a `_replicator` document. `error` is why it failed, or why it is currently retried.
 *
 * @since 0.1.0
 * @category server
 */
export interface Status {
  readonly documentId: string
  readonly jobId: string | undefined
  readonly state: "initializing" | "running" | "completed" | "pending" | "crashing" | "error" | "failed"
  readonly source: string | undefined
  readonly target: string | undefined
  readonly errorCount: number
  readonly error: string | undefined
  readonly statistics: Statistics
  readonly pending: number | undefined
  readonly sequence: string | undefined
  readonly lastUpdated: string | undefined
}

/**
 * The errors of replications by a server.
 *
 * @since 0.1.0
 * @category errors
 */
export type ServerError = NotFoundError | RequestError

/**
 * The errors of writing a `_replicator` document: an `UpdateConflictError` if a document with this id exists.
 *
 * @since 0.1.0
 * @category errors
 */
export type DefinitionError = NotFoundError | UpdateConflictError | InvalidIdError | RequestError

/**
 * Makes the server replicate once, and waits until the replication ends: `POST /_replicate`. Fails with a
 * `NotFoundError` if the server cannot open one of the databases. If the replication takes longer than the timeout of
 * `CouchHttp`, use {@link define}.
 *
 * @example
 * import { Redacted } from "effect"
 * import { Replication } from "effect-couchdb"
 *
 * const program = Replication.once({
 *   source: "http://127.0.0.1:5984/zoo",
 *   target: { url: "https://couch.example.org/zoo", username: "keeper", password: Redacted.make("secret") }
 * })
 *
 * @since 0.1.0
 * @category server
 */
export const once = (definition: Definition): Effect.Effect<Result, ServerError, CouchHttp> => server.once(definition)

/**
 * Starts a continuous replication that runs until the server restarts: `POST /_replicate` with `continuous`. Returns
 * the id that {@link cancel} accepts.
 *
 * @example
 * import { Effect } from "effect"
 * import { Replication } from "effect-couchdb"
 *
 * const program = Effect.flatMap(
 *   Replication.continuous({ source: "http://127.0.0.1:5984/zoo", target: "http://127.0.0.1:5984/zoo-copy" }),
 *   ({ id }) => Replication.cancel(id)
 * )
 *
 * @since 0.1.0
 * @category server
 */
export const continuous = (
  definition: Definition
): Effect.Effect<{ readonly id: string }, ServerError, CouchHttp> => server.continuous(definition)

/**
 * Cancels a replication that {@link continuous} started, by its id or its definition: `POST /_replicate` with `cancel`.
 * Fails with a `NotFoundError` if it is not running.
 *
 * @since 0.1.0
 * @category server
 */
export const cancel = (which: string | Definition): Effect.Effect<void, ServerError, CouchHttp> => server.cancel(which)

/**
 * Writes a document that makes the server replicate, also after a restart: `PUT /_replicator/{docid}`.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Replication } from "effect-couchdb"
 *
 * const program = Replication.define("backup", {
 *   source: "http://127.0.0.1:5984/zoo",
 *   target: "http://127.0.0.1:5984/zoo-backup",
 *   createTarget: true
 * }).pipe(Effect.zipRight(Stream.runLast(Replication.progress("backup"))))
 *
 * @since 0.1.0
 * @category server
 */
export const define = (
  id: string,
  definition: Definition,
  options: { readonly continuous?: boolean | undefined } = {}
): Effect.Effect<void, DefinitionError, CouchHttp> => server.define(id, definition, options.continuous === true)

/**
 * Deletes the document of a replication, which ends it: `DELETE /_replicator/{docid}`.
 *
 * @since 0.1.0
 * @category server
 */
export const remove = (id: string): Effect.Effect<void, DefinitionError, CouchHttp> => server.remove(id)

/**
 * Returns the id under which a server stores the checkpoints of a replication, in `_local` documents on both sides:
 * `GET /`, and the definition. As the `id` of {@link replicate}, it lets this program resume where the server stopped.
 * It is `None` if the client cannot compute it: for databases without a URL, headers, selectors and filter functions.
 * The ids of {@link jobs} contain it then, before the `+`.
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { CouchHttp, Replication } from "effect-couchdb"
 *
 * const program = Effect.gen(function*() {
 *   const couch = yield* CouchHttp.make({ url: "http://127.0.0.1:5984" })
 *   const id = yield* Replication.checkpointId({
 *     source: "http://127.0.0.1:5984/zoo",
 *     target: "http://127.0.0.1:5984/zoo-copy"
 *   }).pipe(Effect.provideService(CouchHttp.CouchHttp, couch))
 *   yield* Replication.run(
 *     { couch, database: "zoo" },
 *     { couch, database: "zoo-copy" },
 *     { id: Option.getOrUndefined(id) }
 *   )
 * })
 *
 * @since 0.1.0
 * @category server
 */
export const checkpointId = (
  definition: Definition
): Effect.Effect<Option.Option<string>, ServerError, CouchHttp> => serverId.checkpointId(definition)

/**
 * Streams the replications that the server runs: `GET /_scheduler/jobs`, page by page.
 *
 * @since 0.1.0
 * @category server
 */
export const jobs: Stream.Stream<Job, ServerError, CouchHttp> = server.jobs

/**
 * Streams the status of the replications of all documents: `GET /_scheduler/docs`, page by page.
 *
 * @since 0.1.0
 * @category server
 */
export const statuses: Stream.Stream<Status, ServerError, CouchHttp> = server.statuses

/**
 * Returns the status of the replication of a document: `GET /_scheduler/docs/_replicator/{docid}`.
 *
 * @since 0.1.0
 * @category server
 */
export const status = (id: string): Effect.Effect<Status, ServerError | InvalidIdError, CouchHttp> => server.status(id)

/**
 * Streams the status of the replication of a document until it is completed, by polling. Fails with a
 * `ReplicationFailedError` if the replication fails. A continuous replication never completes. An unchanged status is
 * not repeated.
 *
 * @since 0.1.0
 * @category server
 */
export const progress = (
  id: string,
  options: { readonly every?: Duration.DurationInput | undefined } = {}
): Stream.Stream<Status, ServerError | InvalidIdError | ReplicationFailedError, CouchHttp> =>
  server.progress(id, options.every ?? "1 second")
