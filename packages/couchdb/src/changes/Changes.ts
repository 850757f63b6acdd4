/**
 * The changes feed of a database: once, as changes happen, or continuously across reconnections.
 *
 * The feed of a collection emits decoded documents; the feed of a database emits JSON. A feed reports documents, not
 * single edits: a document that changed twice appears once, at its last sequence.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import type * as Metric from "effect/Metric"
import type * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError, EncodeError, ReadError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as Batches from "../rows/batch.js"
import type { CollectionOrDatabase, ContextOf, DecodeErrorOf, DocumentOf } from "../rows/collectionOrDatabase.js"
import { skipped as internalSkipped } from "../rows/skipped.js"
import * as checkpoints from "./checkpoint.js"
import { documentOf } from "./documentOf.js"
import { currentSequence } from "./feeds.js"
import * as following from "./follow.js"
import * as limited from "./limited.js"
import * as processing from "./process.js"
import { collectionSource, sourceOf } from "./source.js"

/**
 * A document was created or updated. `D` is the type of the documents of the feed: `Document` for a collection, JSON
 * for a database.
 *
 * - `sequence`: the opaque update sequence of the change; `None` if `seqInterval` leaves it out
 * - `rev`: the winning revision
 * - `revisions`: the winner, followed by the other leaf revisions if `style` is `all_docs`
 * - `conflicts`: the live siblings of the winner (conflicting leaf revisions), if `conflicts` was set
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
 * A document was deleted. `body` is the body of the tombstone, if the feed includes documents.
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
 * The followed database was deleted. It is the last element of the stream.
 *
 * @since 0.1.0
 * @category model
 */
export interface DatabaseGone {
  readonly _tag: "DatabaseGone"
}

/**
 * A change of a document.
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
 * Selects the documents with these ids.
 *
 * @since 0.1.0
 * @category filters
 */
export const byIds = (ids: ReadonlyArray<string>): Filter => ({ _tag: "Ids", ids })

/**
 * Selects the documents that match a Mango selector.
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
 * Selects the design documents.
 *
 * @since 0.1.0
 * @category filters
 */
export const designDocuments: Filter = { _tag: "DesignDocuments" }

/**
 * Selects the documents for which the map function of a view emits a row. `design` is the name of the design document
 * without `_design/`. Both names may contain any characters; an empty name fails with an `InvalidIdError` when the feed
 * is read.
 *
 * @since 0.1.0
 * @category filters
 */
export const byView = (design: string, view: string): Filter => ({ _tag: "View", design, view })

/**
 * Selects the documents for which a filter function returns true. The function reads the parameters from the query of
 * its request. `design` is the name of the design document without `_design/`. Both names may contain any characters;
 * an empty name fails with an `InvalidIdError` when the feed is read.
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
 * - `filter`: selects the changes; all by default
 * - `includeDocs`: whether changes include documents; by default true for a collection, and false for a database
 * - `conflicts`: whether changes list the siblings of each winner; requires documents
 * - `style`: `all_docs` lists every leaf revision instead of only the winner
 * - `heartbeat`: how often the server sends a heartbeat while there are no changes
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
 * The options of a feed that ends.
 *
 * - `since`: the sequence to start after, or `now`; the start of the feed by default
 * - `limit`: the maximum number of changes. For a collection, only changes of its own documents count
 * - `descending`: returns the latest change first
 * - `timeout`: how long the server waits for a change before it ends the feed
 * - `seqInterval`: includes a sequence only in every nth row, which is cheaper in a cluster
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
 * The options of a database's feed: whether documents include the content of their attachments.
 *
 * @since 0.1.0
 * @category options
 */
export interface WithAttachments {
  readonly attachments?: boolean | undefined
  readonly attachmentEncodingInfo?: boolean | undefined
}

/**
 * The options of a database's feed that ends.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabaseOptions extends Options, WithAttachments {}

/**
 * The options of a feed that ends, by what is read: {@link Options} for a collection, {@link DatabaseOptions} for a
 * database.
 *
 * @since 0.1.0
 * @category options
 */
export type OptionsOf<S> = S extends string ? DatabaseOptions : Options

/**
 * Stores the position of a follower in the feed. `read` returns the last sequence written, or `None`.
 *
 * @since 0.1.0
 * @category checkpoints
 */
export interface Checkpoint<out E = never, out R = never> {
  readonly read: Effect.Effect<Option.Option<string>, E, R>
  readonly write: (sequence: string) => Effect.Effect<void, E, R>
}

/**
 * A failure from which a follower recovers, and its next attempt.
 *
 * - `error`: the error of the last attempt
 * - `attempt`: the number of the next attempt; 1 is the first after the feed last worked
 * - `delay`: the wait before the next attempt
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
 * The options of a follower.
 *
 * - `since`: the sequence to start after if there is no checkpoint, or `now`; the start of the feed by default
 * - `heartbeat`: how often the server sends a heartbeat, 10 seconds by default; after three missed heartbeats, the
 *   connection is closed as dead
 * - `checkpoint`: where the sequence is stored; not at all by default
 * - `checkpointEvery`: the minimum interval between two writes of the checkpoint; one second by default
 * - `retry`: when to reconnect after a failure. The schedule restarts when the feed works again. By default it never
 *   ends: 100 ms, doubling up to 30 seconds, with full jitter. A wait is never shorter than `Retry-After`
 * - `onReconnect`: runs after each failure from which the follower recovers, before the wait. If it fails, the follower
 *   fails with its error
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
 * Ends a follower.
 *
 * - `limit`: ends the stream after at most n changes. Pulling the end acknowledges all of them, and the checkpoint is
 *   then after the last one
 *
 * @since 0.1.0
 * @category options
 */
export interface FollowLimit {
  readonly limit?: number | undefined
}

/**
 * The options of a follower of a collection. They do not include attachments, because a `Document` contains only stubs.
 *
 * @since 0.1.0
 * @category options
 */
export type CollectionFollowOptions<E = never, R = never, E2 = never, R2 = never> = Omit<
  FollowOptions<E, R, E2, R2>,
  keyof WithAttachments
>

/**
 * The options of a follower, by what is followed: {@link FollowOptions} for a database, {@link CollectionFollowOptions}
 * for a collection.
 *
 * @since 0.1.0
 * @category options
 */
export type FollowOptionsOf<S, E = never, R = never, E2 = never, R2 = never> = S extends string
  ? FollowOptions<E, R, E2, R2>
  : CollectionFollowOptions<E, R, E2, R2>

/**
 * A page of changes.
 *
 * - `lastSequence`: the sequence after these changes, where the next request continues
 * - `pending`: how many changes of the database follow, if the server counts them
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
 * The errors of a database's feed. A response that breaks off fails with a `TransportError` (`Body`); it never ends
 * early without an error.
 *
 * @since 0.1.0
 * @category errors
 */
export type FeedError = InvalidIdError | NotFoundError | RequestError

// The signatures relate the argument to the type of the changes. One implementation serves all types.
type Given = Collection<unknown, unknown, unknown, unknown> | string

/**
 * Returns the changes of a database in one page: `GET /{db}/_changes`, or `POST` if the filter has a body. Fails with a
 * `DecodeError` if a document does not match its schema. {@link stream} uses less memory for a large database.
 *
 * For a collection, changes of other documents are left out, and further requests follow until `limit` changes are
 * found or there are no more.
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
export const fetch: <S extends CollectionOrDatabase>(
  source: S,
  options?: OptionsOf<S>
) => Effect.Effect<Page<DocumentOf<S>>, FeedError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, options: DatabaseOptions = {}) =>
    Effect.flatMap(sourceOf(given, options), (source) => limited.page(source, "normal", options))) as never

/**
 * Waits for a change after `since`, and returns all changes up to then: `_changes?feed=longpoll`. There may be none
 * after `timeout`, which CouchDB sets to a minute by default. For a collection, it continues to wait while only other
 * documents change.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const whatIsNext = Changes.longpoll("zoo", { since: "now", timeout: "20 seconds" })
 *
 * @since 0.1.0
 * @category feeds
 */
export const longpoll: <S extends CollectionOrDatabase>(
  source: S,
  options?: OptionsOf<S>
) => Effect.Effect<Page<DocumentOf<S>>, FeedError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, options: DatabaseOptions = {}) =>
    Effect.flatMap(sourceOf(given, options), (source) => limited.page(source, "longpoll", options))) as never

/**
 * Streams the existing changes in constant memory: `GET /{db}/_changes`. Fails with a `DecodeError` at the first
 * document that does not match its schema, after emitting the changes before it.
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
export const stream: <S extends CollectionOrDatabase>(
  source: S,
  options?: OptionsOf<S>
) => Stream.Stream<Change<DocumentOf<S>>, FeedError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, options: DatabaseOptions = {}) =>
    Stream.unwrap(
      Effect.map(sourceOf(given, options), (source) => Batches.stream(...limited.normal(source, options)))
    )) as never

/**
 * Like {@link stream}, but emits a `Left` for each document that does not match its schema.
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
 * Like {@link stream}, but skips the documents that do not match their schema. {@link skipped} counts them.
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
 * Counts the documents that {@link streamValid} and {@link followValid} skip.
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
 * Streams changes over one connection as they happen: `_changes?feed=continuous`. It ends when the server ends the
 * feed, after `limit` changes, or after `timeout` without a change. {@link follow} also reconnects.
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
export const continuous: <S extends CollectionOrDatabase>(
  source: S,
  options?: OptionsOf<S>
) => Stream.Stream<Change<DocumentOf<S>>, FeedError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, options: DatabaseOptions = {}) =>
    Stream.unwrap(
      Effect.map(sourceOf(given, options), (source) => Batches.stream(...limited.continuous(source, options)))
    )) as never

/**
 * Follows a database: streams every change at least once, over any number of requests (`_changes?feed=continuous`). It
 * recovers from broken connections, silent servers, 408, 425, 429, 5xx and responses that do not come from CouchDB, as
 * long as the schedule allows, and resumes after the last sequence. If a server restarts the feed from the beginning,
 * changes are repeated. If the database is deleted, the stream ends with {@link DatabaseGone}. If the database does not
 * exist at the start and there is no checkpoint, it fails with a `NotFoundError`.
 *
 * If a function, view or selector fails ten times with status 500 and the same error and reason, without a change in
 * between, it counts as broken: the follower fails with this `ServerError`. Without such a filter, the follower
 * continues to retry.
 *
 * A proxy that buffers responses until they end, as nginx does by default, withholds a continuous feed. If three
 * heartbeats are missed, but a long poll (`_changes?feed=longpoll`) succeeds, the follower switches to long polls. It
 * tries a continuous feed again after one minute, and then at doubling intervals of up to an hour; such a trial may
 * delay changes by three heartbeats.
 *
 * The first failure is logged as a warning, and further failures as warnings with their number at most once a minute.
 * Recovery is logged at level Info, everything else at level Debug.
 *
 * Nothing is read ahead of a slow consumer. Pulling acknowledges the previous batch, and the checkpoint then moves
 * after it. Operators that pull ahead (`Stream.buffer`, `Stream.mapEffect` with a concurrency, `Stream.groupedWithin`)
 * acknowledge too early: use {@link process} with them.
 *
 * A consumer that ends without pulling again acknowledges nothing more. The last changes that `Stream.take`,
 * `Stream.runHead` or `Stream.takeUntil` emit are therefore repeated, because the stream cannot see which of them were
 * processed. The option `limit` ends the stream after n changes, and acknowledges exactly these.
 *
 * The sequence moves only with emitted changes. With a selective filter, a new connection therefore filters all changes
 * after the last emitted one again.
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
export const follow: <S extends CollectionOrDatabase, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: S,
  options?: FollowOptionsOf<S, E2, R2, E3, R3> & FollowLimit
) => Stream.Stream<
  Change<DocumentOf<S>> | DatabaseGone,
  FeedError | DecodeErrorOf<S> | E2 | E3,
  CouchHttp | ContextOf<S> | R2 | R3
> = ((given: Given, options: FollowOptions<unknown, unknown, unknown, unknown> & FollowLimit = {}) =>
  Stream.unwrap(
    Effect.map(sourceOf(given, options), (source) => Batches.stream(...following.followed(source, options)))
  )) as never

/**
 * Like {@link follow}, but emits a `Left` for each document that does not match its schema.
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
 * Like {@link follow}, but skips the documents that do not match their schema. {@link skipped} counts them.
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
 * Like {@link follow}, but emits only the documents: the winner of each change, without deletions. A feed whose database
 * was deleted ends.
 *
 * @example
 * import { Console, Schema, Stream } from "effect"
 * import { Changes, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const printed = Changes.followDocuments(butterflies, { since: "now" }).pipe(
 *   Stream.runForEach((butterfly) => Console.log(butterfly.body.name))
 * )
 *
 * @since 0.1.0
 * @category following
 */
export const followDocuments = <A, I, R, K, E2 = never, R2 = never, E3 = never, R3 = never>(
  collection: Collection<A, I, R, K>,
  options: Omit<CollectionFollowOptions<E2, R2, E3, R3>, "includeDocs"> & FollowLimit = {}
): Stream.Stream<Document<A, R>, FeedError | DecodeError | E2 | E3, CouchHttp | R | R2 | R3> =>
  Stream.filterMap(
    follow<Collection<A, I, R, K>, E2, R2, E3, R3>(collection, { ...options, includeDocs: true }),
    (change) => change._tag === "Changed" ? change.document : Option.none()
  )

/**
 * Returns the document of a change: the one in the feed, or otherwise the current one, `GET /{db}/{docid}`. `None` if
 * the document is deleted, or is not part of the collection. A change can be of any feed of the database.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Changes, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * // The feed has no documents, so those that `isRelevant` refuses are not read.
 * declare const isRelevant: (id: string) => boolean
 * const documents = Changes.stream(butterflies, { includeDocs: false }).pipe(
 *   Stream.filter(({ id }) => isRelevant(id)),
 *   Stream.mapEffect((change) => Changes.document(butterflies, change)),
 *   Stream.filterMap((document) => document)
 * )
 *
 * @since 0.1.0
 * @category feeds
 */
export const document: {
  <D>(
    change: Change<D>
  ): <A, I, R, K>(collection: Collection<A, I, R, K>) => Effect.Effect<
    Option.Option<Document<A, R>>,
    ReadError,
    CouchHttp | R
  >
  <A, I, R, K, D>(
    collection: Collection<A, I, R, K>,
    change: Change<D>
  ): Effect.Effect<Option.Option<Document<A, R>>, ReadError, CouchHttp | R>
} = dual(2, documentOf)

/**
 * Returns the current sequence of the feed, and reads no changes: `GET /{db}/_changes?since=now`. A follower that starts
 * there emits every change that is made after this effect has ended. `since: "now"` resolves the sequence only when the
 * stream runs, so it may omit changes that are made while it connects.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Changes, Database } from "effect-couchdb"
 *
 * const program = Effect.gen(function*() {
 *   const since = yield* Changes.now("zoo")
 *   yield* Database.compact("zoo") // any request that causes changes
 *   return yield* Changes.follow("zoo", { since }).pipe(Stream.runHead)
 * })
 *
 * @since 0.1.0
 * @category feeds
 */
export const now = (source: CollectionOrDatabase): Effect.Effect<string, FeedError, CouchHttp> =>
  Effect.flatMap(sourceOf(source as Given, {}), currentSequence)

/**
 * Handles documents that do not match their schema. Without `onInvalid`, {@link process} fails with the `DecodeError`.
 *
 * @since 0.1.0
 * @category options
 */
export interface OnInvalid<out E = never, out R = never> {
  readonly onInvalid?: ((error: DecodeError) => Effect.Effect<unknown, E, R>) | undefined
}

type ProcessOptionsOf<S, E2, R2, E4, R4, E5, R5> = S extends string ? FollowOptions<E2, R2, E5, R5>
  : CollectionFollowOptions<E2, R2, E5, R5> & OnInvalid<E4, R4>

/**
 * Follows a feed and passes its changes to a function in batches. The checkpoint moves after a batch when the function
 * succeeds, so every change is processed at least once; if the function fails, the batch is repeated by the next run.
 * It returns when the database is deleted.
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
export const process: <
  S extends CollectionOrDatabase,
  E3,
  R3,
  E2 = never,
  R2 = never,
  E4 = DecodeErrorOf<S>,
  R4 = never,
  E5 = never,
  R5 = never
>(
  source: S,
  f: (changes: ReadonlyArray<Change<DocumentOf<S>>>) => Effect.Effect<unknown, E3, R3>,
  options?: ProcessOptionsOf<S, E2, R2, E4, R4, E5, R5>
) => Effect.Effect<DatabaseGone, FeedError | E2 | E3 | E4 | E5, CouchHttp | ContextOf<S> | R2 | R3 | R4 | R5> = ((
  given: Given,
  f: (changes: ReadonlyArray<Change<unknown>>) => Effect.Effect<unknown, unknown, unknown>,
  options: FollowOptions<unknown, unknown, unknown, unknown> & OnInvalid<unknown, unknown> = {}
) => Effect.flatMap(sourceOf(given, options), (source) => processing.process(source, f, options))) as never

/**
 * A checkpoint in memory, for as long as the program runs.
 *
 * @since 0.1.0
 * @category checkpoints
 */
export const inMemory: Effect.Effect<Checkpoint> = checkpoints.inMemory

/**
 * A checkpoint in a `_local` document, which is stored on its server and never replicated: `/{db}/_local/{id}`. `id`
 * does not include `_local/`. `read` returns `None` only if CouchDB itself reports that the document is missing or
 * deleted. Any other failure is an error; a follower recovers from transient ones.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const checkpoint = Changes.inLocalDocument("zoo", "indexer")
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
 * A checkpoint in a `KeyValueStore` of `@effect/platform`, such as a file, the local storage of a browser, or a
 * database.
 *
 * @example
 * import { Changes } from "effect-couchdb"
 *
 * const checkpoint = Changes.inKeyValueStore("indexer")
 *
 * @since 0.1.0
 * @category checkpoints
 */
export const inKeyValueStore: (key: string) => Checkpoint<PlatformError, KeyValueStore.KeyValueStore> =
  checkpoints.inKeyValueStore
