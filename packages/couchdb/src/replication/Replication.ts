/**
 * Replication: by a server, which is told what to do and asked how it goes, and by this program, between any two servers
 * that it reaches, even where they cannot see each other.
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
 * - `filter`: which changes to carry over; design documents are carried only by users who may write them
 * - `batch`: so many changes at once, 100 unless said otherwise; a checkpoint is written after each batch
 * - `live`: goes on with every change that comes, and never ends; a poll lasts `poll`, 25 seconds unless said otherwise
 * - `createTarget`: makes the target database where it is missing
 * - `id`: the name under which both sides remember it; without one it follows from the servers, databases and the filter.
 *   With the name of a replication that CouchDB ({@link checkpointId}) or PouchDB ran, this one goes on where that one was,
 *   and the other way round
 * - `checkpoints`: `false` remembers nothing
 * - `retry`: when to repeat what failed for a moment, besides what `CouchHttp` repeats. A batch may be repeated: it carries
 *   over what is missing. A live replication repeats for ever by default, as `Changes.follow` does: 100 ms doubling up to
 *   half a minute, with full jitter; any other one does not repeat by default
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
 * A version that the target refused, by its validation functions for example. The others go on.
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
 * What a replication by this program can fail with. It goes on at its checkpoint when it is run again.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReplicateError = NotFoundError | InvalidIdError | RequestError

/**
 * Replicates from one database to another, and tells of its progress: CouchDB's replication protocol, with `_changes`,
 * `_revs_diff`, `_bulk_get` and `_bulk_docs` (`new_edits: false`). Histories, siblings, tombstones and attachments are
 * carried over. An attachment that the target has from an ancestor is not sent again; large ones go as multipart straight
 * from one side to the other, and none of them is kept in memory. Such a request must be through within the deadline of the
 * target's `CouchHttp`: give it more than a minute where files are very large or lines are slow.
 *
 * A live replication outlives broken connections, silent servers, 408, 425, 429, 5xx and responses that are not CouchDB's.
 * A function, view or selector as its filter that fails in CouchDB with status 500 ten times with the same words is broken,
 * and ends it with that `ServerError`. It logs as `Changes.follow` does.
 *
 * Checkpoints are `_local` documents of CouchDB's own shape on both sides. So it goes on where it was after any failure,
 * and may be interrupted at any time. From a source that takes no checkpoint, since one may only read there, it goes on by
 * the target's alone.
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
 * What writing a `_replicator` document can fail with: an `UpdateConflictError` where there is one of this id.
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
 * The name under which a server remembers how far a replication is, in a `_local` document on both sides: `GET /`, and
 * what the definition says. As the `id` of {@link replicate} it lets this program go on where the server was. None where it
 * cannot be told from here: databases by their bare name, headers, selectors and filter functions. The jobs of the
 * scheduler name it then, before the `+`.
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
 * How the replication of one document goes, asked again and again until it is completed; one that failed is a
 * `ReplicationFailedError`. A continuous one has no end. What did not change is not told again.
 *
 * @since 0.1.0
 * @category server
 */
export const progress = (
  id: string,
  options: { readonly every?: Duration.DurationInput | undefined } = {}
): Stream.Stream<Status, ServerError | InvalidIdError | ReplicationFailedError, CouchHttp> =>
  server.progress(id, options.every ?? "1 second")
