/**
 * Writes and reads many documents in few requests, with a result for each document, in order.
 *
 * An error of one document is the result of that document, and the others are still written or read. Requests are split by
 * count and by bytes, a few of them are in flight at a time, and streams use constant memory.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ContextOf, DocumentOf, Policy, Reify } from "../conflict/model.js"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type * as Document from "../document/Document.js"
import type { ConflictError, EncodeError } from "../document/errors.js"
import type { CouchHttp, Durability } from "../http/CouchHttp.js"
import type { HttpError, NotFoundError, RequestError, UpdateConflictError } from "../http/errors.js"
import * as fetching from "./fetch.js"
import * as inserting from "./insert.js"
import { resolveRows } from "./resolveWith.js"
import * as saving from "./save.js"

/**
 * The size of bulk requests.
 *
 * - `rows`: the maximum number of documents in one request. By default 500, and 200 for reads
 * - `bytes`: the maximum number of bytes in one request, by default 4 MiB. A larger document is sent alone. A request that
 *   the server refuses as too large (413) is halved until it fits, or until the document is found that does not fit
 * - `concurrency`: the maximum number of requests in flight, by default 2. Two writes of one document are never in one
 *   request or in flight at the same time, so they keep their order
 * - `retry`: when to repeat a write without a response. Documents that were stored are recognized and not written twice. By
 *   default as `CouchHttp`
 *
 * A request is sent when it is full, or when there are no more documents.
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly rows?: number | undefined
  readonly bytes?: number | undefined
  readonly concurrency?: number | undefined
  readonly retry?: Schedule.Schedule<unknown, HttpError> | undefined
}

/**
 * The options of a delete. `keep` selects the members that each tombstone keeps of its document, as in `Document.deleteWith`.
 * By default it keeps none.
 *
 * @since 0.1.0
 * @category model
 */
export interface DeleteOptions<in A> extends Options, Document.DeleteOptions<A> {}

/**
 * The errors of saving one document.
 *
 * @since 0.1.0
 * @category errors
 */
export type SaveError<A, R = never> = Document.SaveError<A, R>

/**
 * The errors of deleting one document. A document that is deleted already is a `ConflictError`, since CouchDB reports a
 * conflict in a bulk request.
 *
 * @since 0.1.0
 * @category errors
 */
export type DeleteError<A, R = never> = Document.DeleteError<A, R>

/**
 * The errors of reading one document. A request that fails as a whole fails the operation instead.
 *
 * @since 0.1.0
 * @category errors
 */
export type FetchError = Document.FetchError

/**
 * The errors of storing one version.
 *
 * @since 0.1.0
 * @category errors
 */
export type InsertError = UpdateConflictError | NotFoundError | InvalidIdError | RequestError

/**
 * A version of a document with its history, as replication transfers it.
 *
 * - `revisions`: its revision, then its ancestors
 * - `body`: its members, without those that begin with an underscore
 * - `attachments`: its attachments as CouchDB writes them, with their bytes (`data`) or as stubs that the server has
 *
 * @since 0.1.0
 * @category model
 */
export interface Version {
  readonly id: string
  readonly revisions: readonly [Revision, ...ReadonlyArray<Revision>]
  readonly body: JsonObject
  readonly deleted?: boolean | undefined
  readonly attachments?: JsonObject | undefined
}

/**
 * A version that is stored.
 *
 * @since 0.1.0
 * @category model
 */
export interface Stored {
  readonly id: string
  readonly rev: Revision
  readonly durability: Durability
}

const collect = <A, E, R>(stream: Stream.Stream<A, E, R>): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

/**
 * Saves documents, with a result for each document, in order: `POST /{db}/_bulk_docs`. A document without edits is not
 * sent. The result of a refused document is a `ConflictError` that contains it, for {@link resolveWith} or another policy.
 *
 * If a response is lost, the stored documents are recognized by their revisions, with one `_revs_diff` for each request, and
 * the others are sent again. No write is applied twice, and no conflict is reported for a write that succeeded. If the
 * outcome cannot be determined, the result is the error of the lost response. If a whole request fails, the result of each of
 * its documents is that error.
 *
 * @example
 * import { Array, Effect, Schema } from "effect"
 * import { Bulk, Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const program = Effect.gen(function*() {
 *   const results = yield* Bulk.save(
 *     ["monarch", "owl"].map((name) => Document.make(butterflies, name, { name, seen: 0 }))
 *   )
 *   const [refused, saved] = Array.separate(results)
 *   return { refused: refused.map((error) => error._tag), saved: saved.map(({ id }) => id) }
 * })
 *
 * @since 0.1.0
 * @category writing
 */
export const save = <A = never, R = never>(
  documents: Iterable<Document.Document<A, R>>,
  options: Options = {}
): Effect.Effect<ReadonlyArray<Either.Either<Document.Document<A, R>, SaveError<A, R>>>, never, CouchHttp | R> =>
  collect(saving.saveStream(Stream.fromIterable(documents), options))

/**
 * {@link save} for a stream. Results are in the order of the documents, and no more documents are pulled than the requests
 * in flight can contain.
 *
 * @example
 * import { Effect, Either, Schema, Stream } from "effect"
 * import { Bulk, Collection, Document } from "effect-couchdb"
 *
 * const readings = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
 *
 * const failures = Stream.range(1, 100_000).pipe(
 *   Stream.map((n) => Document.make(readings, `reading-${n}`, { n })),
 *   Bulk.saveStream({ rows: 1000 }),
 *   Stream.filter(Either.isLeft),
 *   Stream.runCount
 * )
 *
 * @since 0.1.0
 * @category writing
 */
export const saveStream = (
  options: Options = {}
) =>
<A = never, R = never, E2 = never, R2 = never>(
  documents: Stream.Stream<Document.Document<A, R>, E2, R2>
): Stream.Stream<Either.Either<Document.Document<A, R>, SaveError<A, R>>, E2, CouchHttp | R | R2> =>
  saving.saveStream(documents, options)

const delete_: {
  <A = never, R = never>(
    documents: Iterable<Document.Document<A, R>>,
    options?: Options
  ): Effect.Effect<ReadonlyArray<Either.Either<Document.Tombstone<A, R>, DeleteError<A, R>>>, never, CouchHttp | R>
  <A = never, R = never>(
    documents: Iterable<Document.Document<A, R>>,
    options: DeleteOptions<NoInfer<A>>
  ): Effect.Effect<
    ReadonlyArray<Either.Either<Document.Tombstone<A, R>, DeleteError<A, R> | EncodeError>>,
    never,
    CouchHttp | R
  >
} = <A, R>(documents: Iterable<Document.Document<A, R>>, options: DeleteOptions<A> = {}) =>
  // An EncodeError is possible only with `keep`.
  collect(saving.deleteStream(Stream.fromIterable(documents), options)) as never

export {
  /**
   * Deletes documents, with a tombstone or an error for each of them, in order: `POST /{db}/_bulk_docs`. Lost responses and
   * failed requests are handled as in {@link save}. A document with edits is not deleted (`UnsavedChangesError`). With `keep`
   * each tombstone keeps members of its document, as with `Document.deleteWith`.
   *
   * @example
   * import { Effect, Either, Schema } from "effect"
   * import { Bulk, Collection } from "effect-couchdb"
   *
   * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
   *
   * const program = Bulk.fetch(butterflies, ["monarch", "owl"]).pipe(
   *   Effect.flatMap((found) => Bulk.delete(found.filter(Either.isRight).map(({ right }) => right), { keep: ["name"] }))
   * )
   *
   * @since 0.1.0
   * @category writing
   */
  delete_ as delete
}

/**
 * {@link delete} for a stream.
 *
 * @since 0.1.0
 * @category writing
 */
export const deleteStream: {
  (options?: Options): <A = never, R = never, E2 = never, R2 = never>(
    documents: Stream.Stream<Document.Document<A, R>, E2, R2>
  ) => Stream.Stream<Either.Either<Document.Tombstone<A, R>, DeleteError<A, R>>, E2, CouchHttp | R | R2>
  <A>(options: Options & { readonly keep: (body: A) => Document.Members }): <R, E2, R2>(
    documents: Stream.Stream<Document.Document<A, R>, E2, R2>
  ) => Stream.Stream<Either.Either<Document.Tombstone<A, R>, DeleteError<A, R> | EncodeError>, E2, CouchHttp | R | R2>
  (
    options: Options & { readonly keep?: ReadonlyArray<string> | Document.Members | undefined }
  ): <A = never, R = never, E2 = never, R2 = never>(
    documents: Stream.Stream<Document.Document<A, R>, E2, R2>
  ) => Stream.Stream<Either.Either<Document.Tombstone<A, R>, DeleteError<A, R> | EncodeError>, E2, CouchHttp | R | R2>
} =
  // An EncodeError is possible only with `keep`.
  ((options: DeleteOptions<unknown> = {}) => (documents: Stream.Stream<Document.Document<unknown>>) =>
    saving.deleteStream(documents, options)) as never

/**
 * Reads documents, with a result for each key, in order: `POST /{db}/_bulk_get`. A missing document is a `NotFoundError`, and
 * a document that does not match the schema is a `DecodeError`. The operation fails if a whole request fails.
 *
 * @example
 * import { Array, Effect, Schema } from "effect"
 * import { Bulk, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const seen = Bulk.fetch(butterflies, ["monarch", "owl"]).pipe(
 *   Effect.map((found) => Array.getRights(found).reduce((sum, { body }) => sum + body.seen, 0))
 * )
 *
 * @since 0.1.0
 * @category reading
 */
export const fetch = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  keys: Iterable<NoInfer<K>>,
  options: Options = {}
): Effect.Effect<
  ReadonlyArray<Either.Either<Document.Document<A, R>, FetchError>>,
  NotFoundError | RequestError,
  CouchHttp | R
> => collect(fetching.fetchStream(collection, Stream.map(Stream.fromIterable(keys), (key) => ({ key })), options))

/**
 * {@link fetch} of given revisions: `POST /{db}/_bulk_get`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Bulk, Collection, Revision } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const older = Bulk.fetchRevisions(butterflies, [
 *   { key: "monarch", rev: Revision.make("1-967a00dff5e02add41819138abb3284d") }
 * ])
 *
 * @since 0.1.0
 * @category reading
 */
export const fetchRevisions = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  wanted: Iterable<{ readonly key: NoInfer<K>; readonly rev: Revision }>,
  options: Options = {}
): Effect.Effect<
  ReadonlyArray<Either.Either<Document.Document<A, R>, FetchError>>,
  NotFoundError | RequestError,
  CouchHttp | R
> => collect(fetching.fetchStream(collection, Stream.fromIterable(wanted), options))

/**
 * {@link fetch} for a stream of keys. No more keys are pulled than the requests in flight can contain.
 *
 * @example
 * import { Effect, Either, Schema, Stream } from "effect"
 * import { Bulk, Collection } from "effect-couchdb"
 *
 * const readings = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
 *
 * const sum = Stream.range(1, 100_000).pipe(
 *   Stream.map((n) => `reading-${n}`),
 *   Bulk.fetchStream(readings),
 *   Stream.filterMap(Either.getRight),
 *   Stream.runFold(0, (all, { body }) => all + body.n)
 * )
 *
 * @since 0.1.0
 * @category reading
 */
export const fetchStream = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  options: Options = {}
) =>
<E2, R2>(
  keys: Stream.Stream<K, E2, R2>
): Stream.Stream<
  Either.Either<Document.Document<A, R>, FetchError>,
  E2 | NotFoundError | RequestError,
  CouchHttp | R | R2
> => fetching.fetchStream(collection, Stream.map(keys, (key) => ({ key })), options)

/**
 * Stores versions under given revisions, with a result for each version: `POST /{db}/_bulk_docs` with `new_edits: false`.
 * Replication does the same. A version that exists already is not changed, so the operation may be repeated. No version is
 * refused for a conflict. It becomes a sibling of the current revision, which can be resolved afterwards.
 *
 * @example
 * import { Bulk, Revision } from "effect-couchdb"
 *
 * const sibling = Bulk.insert("zoo", [{
 *   id: "monarch",
 *   revisions: [Revision.make("1-967a00dff5e02add41819138abb3284d")],
 *   body: {}
 * }])
 *
 * @since 0.1.0
 * @category writing
 */
export const insert = (
  database: string,
  versions: Iterable<Version>,
  options: Options = {}
): Effect.Effect<ReadonlyArray<Either.Either<Stored, InsertError>>, never, CouchHttp> =>
  collect(inserting.insertStream(database, Stream.fromIterable(versions), options))

/**
 * {@link insert} for a stream.
 *
 * @since 0.1.0
 * @category writing
 */
export const insertStream = (
  database: string,
  options: Options = {}
) =>
<E2, R2>(versions: Stream.Stream<Version, E2, R2>): Stream.Stream<
  Either.Either<Stored, InsertError>,
  E2,
  CouchHttp | R2
> => inserting.insertStream(database, versions, options)

/**
 * The conflicts among the errors of rows.
 *
 * @since 0.1.0
 * @category type level
 */
export type ConflictsOf<E> = Extract<E, { readonly _tag: "ConflictError" }>

/**
 * Whether a policy for bodies `A` accepts the conflicts among the errors of rows: `unknown` if it does, and otherwise a type
 * that nothing matches. An empty list has no conflicts, so every policy accepts it.
 *
 * @since 0.1.0
 * @category type level
 */
export type Settles<A, E> = [ConflictsOf<E>] extends // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirement, and any result of the operation
[ConflictError<A, any, any>] ? unknown
  : [ConflictsOf<E>] extends [ConflictError<infer B, infer _R, infer _Done>] ? [B] extends [never] ? unknown
    : never
  : never

/**
 * A row after a policy with errors `PE` resolved its conflict.
 *
 * @since 0.1.0
 * @category type level
 */
export type Resolved<Out, E, PE> = Either.Either<
  Out | DocumentOf<ConflictsOf<E>>,
  Exclude<E, { readonly _tag: "ConflictError" }> | Reify<PE, ConflictsOf<E>>
>

/**
 * Applies a policy to the refused rows, all at once: their reads are sent as one `_bulk_get`, and their writes as one
 * `_bulk_docs`. The other rows and the order do not change. Requests that are not about one document are sent separately.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Bulk, Collection, Conflict, Document, Merge } from "effect-couchdb"
 *
 * const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number.pipe(Merge.annotate(Merge.counter)) })
 *
 * const all = (documents: ReadonlyArray<Document.Document<typeof Butterfly.Type>>) =>
 *   Bulk.save(documents).pipe(
 *     Bulk.resolveWith(Conflict.merge(Merge.make(Butterfly)).pipe(Conflict.retry()))
 *   )
 *
 * @since 0.1.0
 * @category conflicts
 */
export const resolveWith = <A, PE, PR>(policy: Policy<A, PE, PR>) =>
<Out, E, E2, R2>(
  rows: Effect.Effect<ReadonlyArray<Either.Either<Out, E>>, E2, R2> & Settles<A, E>
): Effect.Effect<
  ReadonlyArray<Resolved<Out, E, PE>>,
  E2,
  CouchHttp | R2 | PR | ContextOf<ConflictsOf<E>>
> =>
  Effect.flatMap(
    rows as Effect.Effect<ReadonlyArray<Either.Either<Out, E>>, E2, R2>,
    (rows) => resolveRows(policy, rows)
  ) as never

/**
 * {@link resolveWith} for a stream of rows. The rows of one chunk are resolved together.
 *
 * @example
 * import { Schema, Stream } from "effect"
 * import { Bulk, Collection, Conflict, Document } from "effect-couchdb"
 *
 * const readings = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
 *
 * const written = Stream.range(1, 10_000).pipe(
 *   Stream.map((n) => Document.make(readings, `reading-${n}`, { n })),
 *   Bulk.saveStream(),
 *   Bulk.resolveStreamWith(Conflict.overwrite)
 * )
 *
 * @since 0.1.0
 * @category conflicts
 */
export const resolveStreamWith = <A, PE, PR>(policy: Policy<A, PE, PR>) =>
<Out, E, E2, R2>(
  rows: Stream.Stream<Either.Either<Out, E>, E2, R2> & Settles<A, E>
): Stream.Stream<Resolved<Out, E, PE>, E2, CouchHttp | R2 | PR | ContextOf<ConflictsOf<E>>> =>
  Stream.mapChunksEffect(
    rows as Stream.Stream<Either.Either<Out, E>, E2, R2>,
    (chunk) => Effect.map(resolveRows(policy, Chunk.toReadonlyArray(chunk)), Chunk.unsafeFromArray)
  ) as never
