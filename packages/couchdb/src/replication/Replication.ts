/**
 * Replication by a server, which this program starts and monitors, and by this program, between any two servers that it can
 * reach, even if they cannot reach each other.
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
 * What a replication did.
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
 * One side of a replication by this program: a database on a server, which `CouchHttp.make` gives as a value.
 *
 * @since 0.1.0
 * @category client
 */
export interface Endpoint {
  readonly couch: Service
  readonly database: string
}

/**
 * Options of a replication by this program.
 *
 * - `filter`: selects the changes to replicate; design documents are replicated only for users who may write them
 * - `batch`: the number of changes in one batch, by default 100; a checkpoint is written after each batch
 * - `live`: continues with every further change, and never ends; a poll lasts `poll`, by default 25 seconds
 * - `createTarget`: creates the target database if it does not exist
 * - `id`: the name of the checkpoints on both sides; by default it follows from the servers, the databases and the filter.
 *   With the name of a replication by CouchDB ({@link checkpointId}) or PouchDB, this one resumes that one, and vice versa
 * - `checkpoints`: `false` writes no checkpoints
 * - `retry`: when to repeat after transient failures, in addition to the retries of `CouchHttp`. A batch may be repeated, since
 *   it writes only what is missing. By default a live replication repeats without end, as `Changes.follow` does: 100 ms
 *   doubling up to half a minute, with full jitter; any other replication does not repeat
 * - `onReconnect`: runs after each failure that is repeated, before the wait. If it fails, the replication fails with its
 *   error
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
 * A version that the target refused, for example by a validation function. The others are replicated.
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
 * How far a replication by this program is, after each batch.
 *
 * - `sequence`: the source's, up to which all is carried over, and remembered on both sides
 * - `pending`: how many changes the source says are left
 * - `caughtUp`: whether that was all for now
 * - `failures`: what the target refused in this batch
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
 * The errors of a replication by this program. It resumes from its checkpoint when it is run again.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReplicateError = NotFoundError | InvalidIdError | RequestError

/**
 * Replicates from one database to another, and emits its progress. It uses CouchDB's replication protocol: `_changes`,
 * `_revs_diff`, `_bulk_get` and `_bulk_docs` (`new_edits: false`). Histories, siblings, tombstones and attachments are
 * replicated. An attachment that the target has from an ancestor is not sent again. Large attachments are streamed as
 * multipart from one side to the other. Such a request must end within the `timeout` of the target's `CouchHttp`: increase it
 * for very large files or slow connections.
 *
 * A live replication recovers from broken connections, silent servers, 408, 425, 429, 5xx and responses that are not
 * CouchDB's. If the filter is a function, view or selector that fails in CouchDB with status 500 and the same error and reason
 * ten times, the replication fails with that `ServerError`. It logs as `Changes.follow` does.
 *
 * Checkpoints are `_local` documents in CouchDB's format on both sides. So the replication resumes after any failure, and may
 * be interrupted at any time. If the source refuses a checkpoint, since it is read-only, the one of the target is used.
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
 * {@link replicate} to the end: what it did in all, and all that the target refused.
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
 * One side of a replication by a server: the name of a database of its own, or a URL with credentials beside it. They are
 * part of what is sent, and of no error.
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
 * What a server is to replicate.
 *
 * - `filter`: which changes. Asking for a filter function whose name has a plus sign, a slash or an escaped character is a
 *   `BadRequestError` before any request, since CouchDB's replicator does not find it; a view of any name works
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
 * What a server says of a replication that has ended. `history` has the latest session first.
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
 * How the replication of a `_replicator` document goes. `error` says why it failed, or what it stumbles over.
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
 * What asking a server for a replication can fail with.
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
 * Has the server replicate once, and waits for the end: `POST /_replicate`. A database that the server cannot open is a
 * `NotFoundError`. For what takes longer than the deadline of
 * `CouchHttp`, write a document with {@link define}.
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
 * Has the server replicate for as long as it runs: `POST /_replicate` with `continuous`. The id is what {@link cancel}
 * takes.
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
 * Ends a replication that {@link continuous} began, named by its id or by its definition: `POST /_replicate` with
 * `cancel`. One that is not running is a
 * `NotFoundError`.
 *
 * @since 0.1.0
 * @category server
 */
export const cancel = (which: string | Definition): Effect.Effect<void, ServerError, CouchHttp> => server.cancel(which)

/**
 * Writes a document that has the server replicate, also after it was restarted: `PUT /_replicator/{docid}`.
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
 * Computes the name of the `_local` documents in which a server stores the checkpoint of a replication, from the definition and
 * `GET /`. With it as the `id` of {@link replicate}, this program resumes the replication of the server. `None` if it cannot be
 * computed here: for databases without a URL, headers, selectors and filter functions. The jobs of the scheduler then contain
 * it, before the `+`.
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
 * The replications that the server runs: `GET /_scheduler/jobs`, page by page.
 *
 * @since 0.1.0
 * @category server
 */
export const jobs: Stream.Stream<Job, ServerError, CouchHttp> = server.jobs

/**
 * How the replications of all documents go: `GET /_scheduler/docs`, page by page.
 *
 * @since 0.1.0
 * @category server
 */
export const statuses: Stream.Stream<Status, ServerError, CouchHttp> = server.statuses

/**
 * How the replication of one document goes: `GET /_scheduler/docs/_replicator/{docid}`.
 *
 * @since 0.1.0
 * @category server
 */
export const status = (id: string): Effect.Effect<Status, ServerError | InvalidIdError, CouchHttp> => server.status(id)

/**
 * Polls the state of the replication of one document until it is completed. Fails with a `ReplicationFailedError` if the
 * replication failed. A continuous one has no end. An unchanged state is not emitted again.
 *
 * @since 0.1.0
 * @category server
 */
export const progress = (
  id: string,
  options: { readonly every?: Duration.DurationInput | undefined } = {}
): Stream.Stream<Status, ServerError | InvalidIdError | ReplicationFailedError, CouchHttp> =>
  server.progress(id, options.every ?? "1 second")
