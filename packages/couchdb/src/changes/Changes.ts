/**
 * The changes feed of a database: once, continuously, or followed over any number of requests.
 *
 * A feed belongs to a collection, whose documents are decoded, or to a database, whose documents are JSON. A change is about a
 * document, not about each of its edits: a document that changed twice occurs once, with the sequence of its last change.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Metric from "effect/Metric"
import type * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricState from "effect/MetricState"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as Batches from "../rows/batch.js"
import { skipped as internalSkipped } from "../rows/skipped.js"
import * as checkpoints from "./checkpoint.js"
import * as following from "./follow.js"
import * as limited from "./limited.js"
import * as processing from "./process.js"
import { collectionSource, sourceOf } from "./source.js"

/**
 * A document was written. `D` is a `Document` for a collection, and JSON for a database.
 *
 * - `sequence`: the opaque sequence of the change; `None` if `seqInterval` omits it
 * - `rev`: the winning revision; `revisions`: the winner, and with the style `all_docs` every other leaf after it
 * - `conflicts`: the live siblings of the winner, with the option `conflicts`
 * - `document`: the winner, if the feed includes documents
 *
 * @since 0.1.0
 * @category model
 */
export interface Changed<out D> {
  readonly _tag: "Changed"
  readonly id: string
  readonly sequence: Option.Option<string>
  readonly rev: Revision
  readonly revisions: readonly [Revision, ...ReadonlyArray<Revision>]
  readonly conflicts: ReadonlyArray<Revision>
  readonly document: Option.Option<D>
}

/**
 * A document was deleted. `body` is what its tombstone still says, if the feed brings documents.
 *
 * @since 0.1.0
 * @category model
 */
export interface Deleted {
  readonly _tag: "Deleted"
  readonly id: string
  readonly sequence: Option.Option<string>
  readonly rev: Revision
  readonly revisions: readonly [Revision, ...ReadonlyArray<Revision>]
  readonly body: Option.Option<JsonObject>
}

/**
 * The database that was followed is not there any more. Nothing comes after it.
 *
 * @since 0.1.0
 * @category model
 */
export interface DatabaseGone {
  readonly _tag: "DatabaseGone"
}

/**
 * A change of one document.
 *
 * @since 0.1.0
 * @category model
 */
export type Change<D> = Changed<D> | Deleted

/**
 * Selects the changes of a feed: see {@link byIds}, {@link bySelector}, {@link byView}, {@link byFunction} and
 * {@link designDocuments}.
 *
 * @since 0.1.0
 * @category filters
 */
export type Filter =
  | { readonly _tag: "Ids"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Selector"; readonly selector: JsonObject }
  | { readonly _tag: "DesignDocuments" }
  | { readonly _tag: "View"; readonly design: string; readonly view: string }
  | {
    readonly _tag: "Function"
    readonly design: string
    readonly name: string
    readonly parameters: Readonly<Record<string, string>>
  }

/**
 * The documents with these ids.
 *
 * @since 0.1.0
 * @category filters
 */
export const byIds = (ids: ReadonlyArray<string>): Filter => ({ _tag: "Ids", ids })

/**
 * The documents that a Mango selector matches.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const seen = Changes.stream("zoo", { filter: Changes.bySelector({ seen: { $gt: 0 } }) })
 *
 * @since 0.1.0
 * @category filters
 */
export const bySelector = (selector: { readonly [key: string]: Json }): Filter => ({ _tag: "Selector", selector })

/**
 * The design documents.
 *
 * @since 0.1.0
 * @category filters
 */
export const designDocuments: Filter = { _tag: "DesignDocuments" }

/**
 * The documents for which the map function of a view emits anything. The design document is named without `_design/`. Both
 * names may have any characters; one that is empty fails with an `InvalidIdError` when the feed is read.
 *
 * @since 0.1.0
 * @category filters
 */
export const byView = (design: string, view: string): Filter => ({ _tag: "View", design, view })

/**
 * The documents for which a filter function of a design document says yes. It finds the parameters in the query of its
 * request. The design document is named without `_design/`. Both names may have any characters; one that is empty fails with
 * an `InvalidIdError` when the feed is read.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const monarchs = Changes.stream("zoo", { filter: Changes.byFunction("zoo", "named", { name: "Monarch" }) })
 *
 * @since 0.1.0
 * @category filters
 */
export const byFunction = (
  design: string,
  name: string,
  parameters: Readonly<Record<string, string>> = {}
): Filter => ({ _tag: "Function", design, name, parameters })

/**
 * The options of every feed.
 *
 * - `filter`: selects changes; by default all
 * - `includeDocs`: whether the feed includes the documents; by default that of a collection does, and that of a database does
 *   not
 * - `conflicts`: whether it includes the siblings of each winner, which needs the documents
 * - `style`: `all_docs` includes every leaf instead of the winner only
 * - `heartbeat`: how often the server sends a heartbeat while nothing changes
 *
 * @since 0.1.0
 * @category options
 */
export interface FeedOptions {
  readonly filter?: Filter | undefined
  readonly includeDocs?: boolean | undefined
  readonly conflicts?: boolean | undefined
  readonly style?: "main_only" | "all_docs" | undefined
  readonly heartbeat?: Duration.DurationInput | undefined
}

/**
 * The further options of a feed with one response.
 *
 * - `since`: the sequence after which it starts, or `now`; by default it starts at the beginning
 * - `limit`: the maximum number of changes. For a collection, only those of its own documents count
 * - `descending`: the last change first
 * - `timeout`: how long the server waits for a change before it ends the feed
 * - `seqInterval`: only every nth row has a sequence, which is cheaper in a cluster
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends FeedOptions {
  readonly since?: string | undefined
  readonly limit?: number | undefined
  readonly descending?: boolean | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly seqInterval?: number | undefined
}

/**
 * The further options of the feed of a database: whether documents include the content of their attachments.
 *
 * @since 0.1.0
 * @category options
 */
export interface WithAttachments {
  readonly attachments?: boolean | undefined
  readonly attachmentEncodingInfo?: boolean | undefined
}

/**
 * The options of the feed of a database with one response.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabaseOptions extends Options, WithAttachments {}

/**
 * Where a follower keeps its place in the feed. What it reads is what it wrote last, or `None`.
 *
 * @since 0.1.0
 * @category checkpoints
 */
export interface Checkpoint<out E = never, out R = never> {
  readonly read: Effect.Effect<Option.Option<string>, E, R>
  readonly write: (sequence: string) => Effect.Effect<void, E, R>
}

/**
 * A failure that a follower outlives, and the attempt that comes next.
 *
 * - `error`: why the last attempt failed
 * - `attempt`: 1 after the first failure since the feed worked last
 * - `delay`: how long the follower waits before it
 *
 * @since 0.1.0
 * @category model
 */
export interface Reconnect {
  readonly error: NotFoundError | RequestError
  readonly attempt: number
  readonly delay: Duration.Duration
}

/**
 * Options of a follower.
 *
 * - `since`: where it begins if there is no checkpoint: a sequence, or `now`; from the beginning by default
 * - `heartbeat`: how often the server shows that it lives, 10 seconds by default; after three that did not come, the
 *   connection counts as dead
 * - `checkpoint`: where it keeps its sequence; nowhere by default
 * - `checkpointEvery`: how often it writes the checkpoint at most; once a second by default
 * - `retry`: when it connects again after a failure. The schedule begins from its start once the feed works again. By
 *   default it never ends: 100 ms doubling up to half a minute, with full jitter. A wait is never shorter than
 *   `Retry-After` asks for
 * - `onReconnect`: runs after each failure that the follower outlives, before it waits. If it fails, the follower fails
 *   with its error
 *
 * @example
 * import { Changes } from "effect-couchdb"
 * import { Effect, Metric } from "effect"
 *
 * const reconnects = Metric.counter("zoo_reconnects")
 *
 * const options: Changes.FollowOptions = {
 *   since: "now",
 *   onReconnect: ({ attempt, error }) =>
 *     Effect.zipRight(
 *       Metric.increment(reconnects),
 *       attempt === 10 ? Effect.logError(`no changes for a while: ${error.message}`) : Effect.void
 *     )
 * }
 *
 * @since 0.1.0
 * @category options
 */
export interface FollowOptions<out E = never, out R = never, out E2 = never, out R2 = never>
  extends FeedOptions, WithAttachments
{
  readonly since?: string | undefined
  readonly checkpoint?: Checkpoint<E, R> | undefined
  readonly checkpointEvery?: Duration.DurationInput | undefined
  readonly retry?: Schedule.Schedule<unknown, NotFoundError | RequestError> | undefined
  readonly onReconnect?: ((reconnect: Reconnect) => Effect.Effect<unknown, E2, R2>) | undefined
}

/**
 * The option that ends a follower.
 *
 * - `limit`: it ends after at most n changes. When the consumer pulls that end, it is done with all of them, and the
 *   checkpoint is after the last one
 *
 * @since 0.1.0
 * @category options
 */
export interface FollowLimit {
  readonly limit?: number | undefined
}

/**
 * The options of a follower of a collection. Document values have their attachments as stubs.
 *
 * @since 0.1.0
 * @category options
 */
export type CollectionFollowOptions<E = never, R = never, E2 = never, R2 = never> = Omit<
  FollowOptions<E, R, E2, R2>,
  keyof WithAttachments
>

/**
 * The changes of one answer.
 *
 * - `lastSequence`: the place after them, where the next answer begins
 * - `pending`: how many changes of the database come after that place, if the server counts them
 *
 * @since 0.1.0
 * @category model
 */
export interface Page<out D> {
  readonly changes: ReadonlyArray<Change<D>>
  readonly lastSequence: string
  readonly pending: Option.Option<number>
}

/**
 * What the feed of a database can fail with. One that breaks off is a `TransportError` (`Body`), and never just short.
 *
 * @since 0.1.0
 * @category errors
 */
export type FeedError = InvalidIdError | NotFoundError | RequestError

// The overloads below tie what a feed brings to what it was given; one implementation serves both.
type Given = Collection<unknown, unknown, unknown, unknown> | string

/**
 * The changes of one answer, read to its end: `GET /{db}/_changes`, or `POST` where the filter has a body. Fails with a
 * `DecodeError` if a document is not what its schema says. For a large database, {@link stream} keeps less in memory.
 *
 * If changes of other documents take places of a collection's, more requests follow until `limit` changes are the
 * collection's or there are no more.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 * import { Effect } from "effect"
 *
 * const nextHundred = (since: string) =>
 *   Changes.fetch("zoo", { since, limit: 100 }).pipe(
 *     Effect.map(({ changes, lastSequence }) => ({ ids: changes.map(({ id }) => id), lastSequence }))
 *   )
 *
 * @since 0.1.0
 * @category feeds
 */
export const fetch: {
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    options?: Options
  ): Effect.Effect<Page<Document<A, R>>, FeedError | DecodeError, CouchHttp | R>
  (database: string, options?: DatabaseOptions): Effect.Effect<Page<JsonObject>, FeedError, CouchHttp>
} =
  ((given: Given, options: DatabaseOptions = {}) =>
    Effect.flatMap(sourceOf(given, options), (source) => limited.page(source, "normal", options))) as never

/**
 * Waits until there is a change after `since`, and gives all there are then: `_changes?feed=longpoll`. After `timeout`,
 * which is a minute in CouchDB, there may be none. Of a collection, it waits on while all changes are those of other
 * documents.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const whatIsNext = Changes.longpoll("zoo", { since: "now", timeout: "20 seconds" })
 *
 * @since 0.1.0
 * @category feeds
 */
export const longpoll: {
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    options?: Options
  ): Effect.Effect<Page<Document<A, R>>, FeedError | DecodeError, CouchHttp | R>
  (database: string, options?: DatabaseOptions): Effect.Effect<Page<JsonObject>, FeedError, CouchHttp>
} =
  ((given: Given, options: DatabaseOptions = {}) =>
    Effect.flatMap(sourceOf(given, options), (source) => limited.page(source, "longpoll", options))) as never

/**
 * Streams the past changes with constant memory: `GET /{db}/_changes`. Fails with a `DecodeError` at the first document that
 * does not match its schema, after the changes before it.
 *
 * @example
 * import { Changes, Collection } from "effect-couchdb"
 * import { Option, Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const names = Changes.stream(butterflies).pipe(
 *   Stream.filterMap((change) => change._tag === "Changed" ? change.document : Option.none()),
 *   Stream.map((doc) => doc.body.name)
 * )
 *
 * @since 0.1.0
 * @category feeds
 */
export const stream: {
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    options?: Options
  ): Stream.Stream<Change<Document<A, R>>, FeedError | DecodeError, CouchHttp | R>
  (database: string, options?: DatabaseOptions): Stream.Stream<Change<JsonObject>, FeedError, CouchHttp>
} = ((given: Given, options: DatabaseOptions = {}) =>
  Stream.unwrap(
    Effect.map(sourceOf(given, options), (source) => Batches.stream(...limited.normal(source, options)))
  )) as never

/**
 * As {@link stream}, with each document that is not what its schema says as a `Left` in its place.
 *
 * @example
 * import { Changes, Collection } from "effect-couchdb"
 * import { Either, Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const broken = Changes.streamEither(butterflies).pipe(Stream.filter(Either.isLeft), Stream.map(({ left }) => left.id))
 *
 * @since 0.1.0
 * @category feeds
 */
export const streamEither = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  options: Options = {}
): Stream.Stream<Either.Either<Change<Document<A, R>>, DecodeError>, FeedError, CouchHttp | R> =>
  Stream.unwrap(
    Either.map(
      collectionSource(collection, options),
      (source) => Batches.streamEither(...limited.normal(source, options))
    )
  )

/**
 * As {@link stream}, without the documents that are not what their schema says. {@link skipped} counts them.
 *
 * @since 0.1.0
 * @category feeds
 */
export const streamValid = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  options: Options = {}
): Stream.Stream<Change<Document<A, R>>, FeedError, CouchHttp | R> =>
  Stream.unwrap(
    Either.map(
      collectionSource(collection, options),
      (source) => Batches.streamValid(...limited.normal(source, options))
    )
  )

/**
 * How many documents {@link streamValid} and {@link followValid} skipped.
 *
 * @since 0.1.0
 * @category metrics
 */
export const skipped: Metric.Metric<
  MetricKeyType.MetricKeyType.Counter<number>,
  number,
  MetricState.MetricState.Counter<number>
> = internalSkipped

/**
 * The changes of one connection as they happen: `_changes?feed=continuous`. It ends where the server ends it, after
 * `limit` changes or when nothing happened for `timeout`. To stay with a database whatever happens, see {@link follow}.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 * import { Stream } from "effect"
 *
 * const nextThree = Changes.continuous("zoo", { since: "now", limit: 3 }).pipe(Stream.runCollect)
 *
 * @since 0.1.0
 * @category feeds
 */
export const continuous: {
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    options?: Options
  ): Stream.Stream<Change<Document<A, R>>, FeedError | DecodeError, CouchHttp | R>
  (database: string, options?: DatabaseOptions): Stream.Stream<Change<JsonObject>, FeedError, CouchHttp>
} = ((given: Given, options: DatabaseOptions = {}) =>
  Stream.unwrap(
    Effect.map(sourceOf(given, options), (source) => Batches.stream(...limited.continuous(source, options)))
  )) as never

/**
 * Follows a database: every change at least once, over any number of requests (`_changes?feed=continuous`). It recovers from
 * broken connections, silent servers, 408, 425, 429, 5xx and responses that are not CouchDB's, for as long as the schedule
 * allows, and resumes from its last change. If a server starts again from the beginning, changes are repeated. If the database
 * is deleted, {@link DatabaseGone} is the last element. If the database does not exist when the feed starts, and no checkpoint
 * exists, the stream fails with a `NotFoundError`.
 *
 * If a function, view or selector fails in CouchDB with status 500 and the same error and reason ten times without a change in
 * between, the follower fails with that `ServerError`. Without such a filter it continues.
 *
 * If a proxy withholds responses until they end, as nginx does by default, a continuous feed delivers nothing. If three
 * heartbeats are missing and a long poll (`_changes?feed=longpoll`) gets a response, the follower continues with long polls. It
 * tries a continuous feed again after a minute, and then at doubling intervals of up to an hour. Changes may then arrive three
 * heartbeats later.
 *
 * The first failure is logged as a warning, further failures at most once a minute with their number, and the recovery as
 * Info. Everything else is logged as Debug.
 *
 * Nothing is read ahead of a slow consumer. Pulling acknowledges the previous batch, and the checkpoint then moves past it.
 * Operators that pull ahead (`Stream.buffer`, `Stream.mapEffect` with a concurrency, `Stream.groupedWithin`) acknowledge too
 * early: use {@link process} instead.
 *
 * A consumer that ends without another pull acknowledges nothing more. So the last changes before the end of `Stream.take`,
 * `Stream.runHead` or `Stream.takeUntil` are repeated, since the stream cannot know which of them were processed. The option
 * `limit` ends the stream after n changes, and acknowledges exactly these.
 *
 * If a filter lets few changes pass, the sequence moves only with these, so a new connection filters the changes after the
 * last of them again.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 * import { Effect, Stream } from "effect"
 *
 * const log = Changes.follow("zoo", { checkpoint: Changes.inLocalDocument("zoo", "logger") }).pipe(
 *   Stream.runForEach((change) => change._tag === "DatabaseGone" ? Effect.log("gone") : Effect.log(change.id))
 * )
 *
 * @since 0.1.0
 * @category following
 */
export const follow: {
  <A, I, R, K, E2 = never, R2 = never, E3 = never, R3 = never>(
    collection: Collection<A, I, R, K>,
    options?: CollectionFollowOptions<E2, R2, E3, R3> & FollowLimit
  ): Stream.Stream<Change<Document<A, R>> | DatabaseGone, FeedError | DecodeError | E2 | E3, CouchHttp | R | R2 | R3>
  <E2 = never, R2 = never, E3 = never, R3 = never>(
    database: string,
    options?: FollowOptions<E2, R2, E3, R3> & FollowLimit
  ): Stream.Stream<Change<JsonObject> | DatabaseGone, FeedError | E2 | E3, CouchHttp | R2 | R3>
} = ((given: Given, options: FollowOptions<unknown, unknown, unknown, unknown> & FollowLimit = {}) =>
  Stream.unwrap(
    Effect.map(sourceOf(given, options), (source) => Batches.stream(...following.followed(source, options)))
  )) as never

/**
 * As {@link follow}, with each document that is not what its schema says as a `Left` in its place.
 *
 * @since 0.1.0
 * @category following
 */
export const followEither = <A, I, R, K, E2 = never, R2 = never, E3 = never, R3 = never>(
  collection: Collection<A, I, R, K>,
  options: CollectionFollowOptions<E2, R2, E3, R3> & FollowLimit = {}
): Stream.Stream<
  Either.Either<Change<Document<A, R>> | DatabaseGone, DecodeError>,
  FeedError | E2 | E3,
  CouchHttp | R | R2 | R3
> =>
  Stream.unwrap(
    Either.map(collectionSource(collection, options), (source) => following.followEither(source, options))
  )

/**
 * As {@link follow}, without the documents that are not what their schema says. {@link skipped} counts them.
 *
 * @since 0.1.0
 * @category following
 */
export const followValid = <A, I, R, K, E2 = never, R2 = never, E3 = never, R3 = never>(
  collection: Collection<A, I, R, K>,
  options: CollectionFollowOptions<E2, R2, E3, R3> & FollowLimit = {}
): Stream.Stream<Change<Document<A, R>> | DatabaseGone, FeedError | E2 | E3, CouchHttp | R | R2 | R3> =>
  Stream.unwrap(
    Either.map(collectionSource(collection, options), (source) =>
      Batches.streamValid(...following.followed(source, options)))
  )

/**
 * The further options of {@link process}: a handler for documents that do not match their schema. Without it, such a document
 * ends the processing with its `DecodeError`.
 *
 * @since 0.1.0
 * @category options
 */
export interface OnInvalid<out E = never, out R = never> {
  readonly onInvalid?: ((error: DecodeError) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * Follows a feed, and passes its changes to a function, one batch at a time. The checkpoint moves past a batch when the
 * function has succeeded. So every change is processed at least once, and a batch whose function failed is repeated the next
 * time. The effect ends when the database is deleted.
 *
 * @example
 * import { KeyValueStore } from "@effect/platform"
 * import { Changes, Collection } from "effect-couchdb"
 * import { Effect, Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const indexing = Changes.process(
 *   butterflies,
 *   (changes) => Effect.forEach(changes, ({ id }) => Effect.log(`index ${id}`), { concurrency: 8 }),
 *   { checkpoint: Changes.inKeyValueStore("indexer") }
 * ).pipe(Effect.provide(KeyValueStore.layerMemory))
 *
 * @since 0.1.0
 * @category following
 */
export const process: {
  <A, I, R, K, E3, R3, E2 = never, R2 = never, E4 = DecodeError, R4 = never, E5 = never, R5 = never>(
    collection: Collection<A, I, R, K>,
    f: (changes: ReadonlyArray<Change<Document<A, R>>>) => Effect.Effect<unknown, E3, R3>,
    options?: CollectionFollowOptions<E2, R2, E5, R5> & OnInvalid<E4, R4>
  ): Effect.Effect<DatabaseGone, FeedError | E2 | E3 | E4 | E5, CouchHttp | R | R2 | R3 | R4 | R5>
  <E3, R3, E2 = never, R2 = never, E5 = never, R5 = never>(
    database: string,
    f: (changes: ReadonlyArray<Change<JsonObject>>) => Effect.Effect<unknown, E3, R3>,
    options?: FollowOptions<E2, R2, E5, R5>
  ): Effect.Effect<DatabaseGone, FeedError | E2 | E3 | E5, CouchHttp | R2 | R3 | R5>
} = ((
  given: Given,
  f: (changes: ReadonlyArray<Change<unknown>>) => Effect.Effect<unknown, unknown, unknown>,
  options: FollowOptions<unknown, unknown, unknown, unknown> & OnInvalid<unknown, unknown> = {}
) => Effect.flatMap(sourceOf(given, options), (source) => processing.process(source, f, options))) as never

/**
 * A place in memory, for as long as the program runs.
 *
 * @since 0.1.0
 * @category checkpoints
 */
export const inMemory: Effect.Effect<Checkpoint> = checkpoints.inMemory

/**
 * A checkpoint in a `_local` document, which stays with its server and is not replicated: `/{db}/_local/{id}`. The id is
 * given without `_local/`. There is no checkpoint only if CouchDB itself says that the document is missing or deleted. Any
 * other failure is an error; a follower outlives those that may pass.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const kept = Changes.inLocalDocument("zoo", "indexer")
 *
 * @since 0.1.0
 * @category checkpoints
 */
export const inLocalDocument: (
  database: string,
  id: string
) => Checkpoint<DecodeError | EncodeError | InvalidIdError | NotFoundError | RequestError, CouchHttp> =
  checkpoints.inLocalDocument

/**
 * A place in a `KeyValueStore` of `@effect/platform`: a file, the local storage of a browser, a database.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const kept = Changes.inKeyValueStore("indexer")
 *
 * @since 0.1.0
 * @category checkpoints
 */
export const inKeyValueStore: (key: string) => Checkpoint<PlatformError, KeyValueStore.KeyValueStore> =
  checkpoints.inKeyValueStore
