/**
 * Mango: queries that are data. Selectors, sorts and fields are typed by what the documents of a collection are on the
 * wire, which is its schema's `Encoded`: a path that does not exist, or a comparison with another type, does not compile.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Metric from "effect/Metric"
import type * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricState from "effect/MetricState"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as decoded from "../rows/decoded.js"
import * as internal from "./mango/find.js"
import * as indexing from "./mango/indexes.js"
import type { AnyQuery } from "./mango/request.js"
import type * as Types from "./mango/selector.js"
import type { Given } from "./mango/source.js"

/**
 * The paths of a document whose body is `I` on the wire: names with dots between them, to a depth of three, and `_id`,
 * `_rev` and `_attachments`. A dot in a name is escaped: `a\\.b`.
 *
 * @since 0.1.0
 * @category model
 */
export type Path<I> = Types.Path<Types.Wire<I>>

/**
 * Which documents: conditions on paths, all of which hold, and combinations of selectors. A value stands for equality, an
 * object for operators, or for conditions on the members of what is there.
 *
 * @example
 * import type { Mango } from "effect-couchdb"
 *
 * interface Butterfly {
 *   readonly name: string
 *   readonly place: { readonly country: string; readonly height: number }
 *   readonly tags: ReadonlyArray<string>
 * }
 *
 * const selector: Mango.Selector<Butterfly> = {
 *   name: { $beginsWith: "M" },
 *   "place.height": { $gt: 1000 },
 *   tags: { $all: ["alpine"] },
 *   $or: [{ place: { country: "CH" } }, { place: { country: "AT" } }]
 * }
 *
 * @since 0.1.0
 * @category model
 */
export type Selector<I> = Types.Selector<Types.Wire<I>>

/**
 * Paths in the order in which they sort, all upwards (`"name"` or `{ name: "asc" }`) or all downwards (`{ name: "desc" }`).
 *
 * @since 0.1.0
 * @category model
 */
export type Sort<I> = Types.Sort<Path<I>>

/**
 * What is left of a document of which some paths are asked for, as it is on the wire.
 *
 * @since 0.1.0
 * @category model
 */
export type Narrow<I, P extends string> = Types.Narrow<Types.Wire<I>, P>

/**
 * What a query finds: documents, or, where it asks for fields, these fields alone.
 *
 * @since 0.1.0
 * @category model
 */
export type Found<A, I, R, F extends ReadonlyArray<string>> = [F] extends [never] ? Document<A, R>
  : Narrow<I, F[number]>

/**
 * How a query is answered.
 *
 * - `limit`: how many documents at most; by default, a page has 25 and a stream has all
 * - `skip`: how many are left out before the first
 * - `bookmark`: the place after an earlier page
 * - `useIndex`: the design document of an index, without `_design/`, or this and the name of the index
 * - `allowFallback`: whether another index will do
 * - `quorum`: how many replicas are read for each document
 * - `update`, `stable`: whether the index is brought up to date before, and whether the same replicas answer
 * - `executionStats`: asks for {@link ExecutionStats}
 * - `partition`: asks one partition alone
 *
 * @since 0.1.0
 * @category options
 */
export interface QueryOptions {
  readonly limit?: number | undefined
  readonly skip?: number | undefined
  readonly bookmark?: string | undefined
  readonly useIndex?: string | readonly [design: string, name: string] | undefined
  readonly allowFallback?: boolean | undefined
  readonly conflicts?: boolean | undefined
  readonly quorum?: number | undefined
  readonly update?: boolean | undefined
  readonly stable?: boolean | undefined
  readonly executionStats?: boolean | undefined
  readonly partition?: string | undefined
}

/**
 * A query of a collection. `fields` must not be empty: CouchDB takes that for all.
 *
 * @since 0.1.0
 * @category options
 */
export interface Query<I, F extends ReadonlyArray<string>> extends QueryOptions {
  readonly selector: Selector<I>
  readonly sort?: Sort<I> | undefined
  readonly fields?: F | undefined
}

/**
 * A query of a database, whose documents nobody described.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabaseQuery extends QueryOptions {
  readonly selector: { readonly [key: string]: Json }
  readonly sort?: ReadonlyArray<string | { readonly [path: string]: "asc" | "desc" }> | undefined
  readonly fields?: readonly [string, ...ReadonlyArray<string>] | undefined
}

/**
 * The further options of a stream: the number of documents in one request, by default 200.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging {
  readonly pageSize?: number | undefined
}

/**
 * What a query cost, if it asked: keys and documents that were read to find the results, in all requests that it took.
 *
 * @since 0.1.0
 * @category model
 */
export interface ExecutionStats {
  readonly totalKeysExamined: number
  readonly totalDocsExamined: number
  readonly totalQuorumDocsExamined: number
  readonly resultsReturned: number
  readonly executionTimeMs: number
}

/**
 * The documents of one answer.
 *
 * - `bookmark`: the place after them, for the next page; there is one after the last page too
 * - `warning`: what CouchDB thinks of the query, such as that no index helps it
 *
 * @since 0.1.0
 * @category model
 */
export interface Page<out A> {
  readonly documents: ReadonlyArray<A>
  readonly bookmark: Option.Option<string>
  readonly warning: Option.Option<string>
  readonly executionStats: Option.Option<ExecutionStats>
}

/**
 * An index that queries may use. `design` names its design document without `_design/`; the index of all ids has none.
 *
 * @since 0.1.0
 * @category model
 */
export interface Index {
  readonly design: Option.Option<string>
  readonly name: string
  readonly type: "special" | "json" | "text" | (string & {})
  readonly fields: ReadonlyArray<{ readonly path: string; readonly direction: "asc" | "desc" }>
  readonly partitioned: Option.Option<boolean>
  readonly partialFilter: Option.Option<JsonObject>
}

/**
 * How CouchDB would answer a query.
 *
 * - `index`: which index it would use
 * - `covering`: whether that index holds all that was asked for, so that no document is read
 * - `candidates`: the other indexes that it thought of
 * - `answer`: all that it says
 *
 * @since 0.1.0
 * @category model
 */
export interface Explanation {
  readonly index: Index
  readonly covering: boolean
  readonly candidates: ReadonlyArray<Index>
  readonly answer: JsonObject
}

/**
 * What a query can fail with. `BadRequestError` (`no_usable_index`) where no index sorts as asked.
 *
 * @since 0.1.0
 * @category errors
 */
export type FindError = EncodeError | InvalidIdError | NotFoundError | RequestError

// The collection says what its documents are, never the query.
type Fixed<I> = [I][I extends unknown ? 0 : never]

type Fields<I> = readonly [Path<I>, ...ReadonlyArray<Path<I>>]

/**
 * Reads one page of the documents that a selector matches: `POST /{db}/_find`. By default it has at most 25 documents, which
 * `limit` changes; {@link stream} reads all of them. Fails with a `DecodeError` if a document does not match its schema.
 *
 * For a collection, `limit` and `skip` count its own documents. The range of its id codec is sent as a condition on `_id`, in
 * addition to the selector. If this does not select exactly its documents, or if the selector is a text search, more requests
 * follow until the page is full or nothing is left; `bookmark` is the position after the last document of the page.
 *
 * @example
 * import { Collection, Mango } from "effect-couchdb"
 * import { Effect, Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const rare = Mango.find(butterflies, { selector: { seen: { $lt: 3 } }, fields: ["_id", "name"], limit: 100 }).pipe(
 *   Effect.map(({ documents }) => documents.map(({ _id, name }) => `${_id}: ${name}`))
 * )
 *
 * @since 0.1.0
 * @category queries
 */
export const find: {
  <A, I, R, K, const F extends Fields<Fixed<I>> = never>(
    collection: Collection<A, I, R, K>,
    query: Query<Fixed<I>, F>
  ): Effect.Effect<Page<Found<A, I, R, F>>, FindError | DecodeError, CouchHttp | R>
  (database: string, query: DatabaseQuery): Effect.Effect<Page<JsonObject>, FindError, CouchHttp>
} = ((given: Given, query: AnyQuery) => internal.page(given, query)) as never

const eitherOf = (given: Given, query: AnyQuery & Paging) => internal.either(given, query, query.pageSize ?? 200)

/**
 * Streams all documents that a selector matches, page by page with bookmarks, with one page in memory. Fails with a
 * `DecodeError` at the first document that does not match its schema, after the documents before it.
 *
 * @example
 * import { Collection, Mango } from "effect-couchdb"
 * import { Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const names = Mango.stream(butterflies, { selector: { seen: { $gt: 0 } } }).pipe(Stream.map((doc) => doc.body.name))
 *
 * @since 0.1.0
 * @category queries
 */
export const stream: {
  <A, I, R, K, const F extends Fields<Fixed<I>> = never>(
    collection: Collection<A, I, R, K>,
    query: Query<Fixed<I>, F> & Paging
  ): Stream.Stream<Found<A, I, R, F>, FindError | DecodeError, CouchHttp | R>
  (database: string, query: DatabaseQuery & Paging): Stream.Stream<JsonObject, FindError, CouchHttp>
} = ((given: Given, query: AnyQuery & Paging) => decoded.failing(eitherOf(given, query))) as never

/**
 * As {@link stream}, with each document that is not what its schema says as a `Left` in its place.
 *
 * @example
 * import { Collection, Mango } from "effect-couchdb"
 * import { Either, Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const broken = Mango.streamEither(butterflies, { selector: {} }).pipe(
 *   Stream.filter(Either.isLeft),
 *   Stream.map(({ left }) => left.id)
 * )
 *
 * @since 0.1.0
 * @category queries
 */
export const streamEither: <A, I, R, K, const F extends Fields<Fixed<I>> = never>(
  collection: Collection<A, I, R, K>,
  query: Query<Fixed<I>, F> & Paging
) => Stream.Stream<Either.Either<Found<A, I, R, F>, DecodeError>, FindError, CouchHttp | R> = eitherOf as never

/**
 * As {@link stream}, without the documents that are not what their schema says. {@link skipped} counts them.
 *
 * @since 0.1.0
 * @category queries
 */
export const streamValid: <A, I, R, K, const F extends Fields<Fixed<I>> = never>(
  collection: Collection<A, I, R, K>,
  query: Query<Fixed<I>, F> & Paging
) => Stream.Stream<Found<A, I, R, F>, FindError, CouchHttp | R> =
  ((given: Given, query: AnyQuery & Paging) => decoded.valid(eitherOf(given, query))) as never

/**
 * How many documents were skipped, here, in `View` and in `Changes`, because they are not what their schemas say.
 *
 * @since 0.1.0
 * @category metrics
 */
export const skipped: Metric.Metric<
  MetricKeyType.MetricKeyType.Counter<number>,
  number,
  MetricState.MetricState.Counter<number>
> = decoded.skipped

/**
 * How CouchDB would answer a query: `POST /{db}/_explain`. A query of a collection is explained as it is sent, with the
 * condition on `_id` that its id codec adds.
 *
 * @example
 * import { Collection, Mango } from "effect-couchdb"
 * import { Effect, Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const index = Mango.explain(butterflies, { selector: { name: "Monarch" } }).pipe(Effect.map(({ index }) => index.name))
 *
 * @since 0.1.0
 * @category queries
 */
export const explain: {
  <A, I, R, K, const F extends Fields<Fixed<I>> = never>(
    collection: Collection<A, I, R, K>,
    query: Query<Fixed<I>, F>
  ): Effect.Effect<Explanation, FindError, CouchHttp>
  (database: string, query: DatabaseQuery): Effect.Effect<Explanation, FindError, CouchHttp>
} = indexing.explain as never

/**
 * The definition of an index.
 *
 * - `fields`: the fields that it sorts by
 * - `name`, `design`: the names of the index and of its design document, the latter without `_design/`. By default CouchDB
 *   derives both from the index
 * - `partialFilter`: selects the documents in the index; by default all
 * - `partitioned`: whether each partition has its own index, in a partitioned database
 *
 * @since 0.1.0
 * @category options
 */
export interface IndexOptions<S, F> {
  readonly fields: F
  readonly name?: string | undefined
  readonly design?: string | undefined
  readonly partialFilter?: S | undefined
  readonly partitioned?: boolean | undefined
}

/**
 * An index after {@link createIndex}. `created` is `false` if it existed before.
 *
 * @since 0.1.0
 * @category model
 */
export interface MadeIndex {
  readonly design: string
  readonly name: string
  readonly created: boolean
}

/**
 * Creates an index, unless it exists: `POST /{db}/_index`.
 *
 * @example
 * import { Collection, Mango } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const bySeen = Mango.createIndex(butterflies, { fields: ["seen", "name"], partialFilter: { seen: { $gt: 0 } } })
 *
 * @since 0.1.0
 * @category indexes
 */
export const createIndex: {
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    options: IndexOptions<Selector<Fixed<I>>, Sort<Fixed<I>>>
  ): Effect.Effect<MadeIndex, FindError, CouchHttp>
  (
    database: string,
    options: IndexOptions<DatabaseQuery["selector"], NonNullable<DatabaseQuery["sort"]>>
  ): Effect.Effect<MadeIndex, FindError, CouchHttp>
} = indexing.create as never

/**
 * The indexes of a database: `GET /{db}/_index`. The first is that of all ids, which every database has.
 *
 * @since 0.1.0
 * @category indexes
 */
export const indexes: <A, I, R, K>(
  given: Collection<A, I, R, K> | string
) => Effect.Effect<ReadonlyArray<Index>, InvalidIdError | NotFoundError | RequestError, CouchHttp> = indexing
  .list as never

/**
 * Deletes an index, and its design document if this was its last index: `DELETE /{db}/_index/{ddoc}/{type}/{name}`. Fails with
 * a `NotFoundError` if the index does not exist. The name of the design document has no `_design/`. The type is `json` by
 * default.
 *
 * @example
 * import { Mango } from "effect-couchdb"
 *
 * const gone = Mango.deleteIndex("zoo", { design: "queries", name: "by-seen" })
 *
 * @since 0.1.0
 * @category indexes
 */
export const deleteIndex: <A, I, R, K>(
  given: Collection<A, I, R, K> | string,
  index: { readonly design: string; readonly name: string; readonly type?: string | undefined }
) => Effect.Effect<void, InvalidIdError | NotFoundError | RequestError, CouchHttp> = indexing.remove as never
