/**
 * Mango queries as data. Selectors, sorts and fields are typed by the wire format of a collection's documents, which is
 * the `Encoded` type of its schema: a path that does not exist, or a comparison with another type, does not compile.
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
import type { CollectionOrDatabase, ContextOf, DecodeErrorOf, EncodedOf } from "../rows/collectionOrDatabase.js"
import * as decoded from "../rows/decoded.js"
import * as internal from "./mango/find.js"
import * as indexing from "./mango/indexes.js"
import type { AnyQuery } from "./mango/request.js"
import type * as Types from "./mango/selector.js"
import type { Given } from "./mango/source.js"

/**
 * The paths of a document whose encoded body is `I`: member names separated by dots, at most three levels deep, and
 * `_id`, `_rev` and `_attachments`. A dot in a name is escaped: `a\\.b`.
 *
 * @since 0.1.0
 * @category model
 */
export type Path<I> = Types.Path<Types.Wire<I>>

/**
 * Selects documents: conditions on paths, all of which must match, and combinations of selectors. A scalar or an array
 * tests for equality. An object contains operators, or conditions on the members of the object at this path.
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
 * The paths to sort by, all ascending (`"name"` or `{ name: "asc" }`) or all descending (`{ name: "desc" }`).
 *
 * @since 0.1.0
 * @category model
 */
export type Sort<I> = Types.Sort<Path<I>>

/**
 * The encoded document, reduced to the paths `P`.
 *
 * @since 0.1.0
 * @category model
 */
export type Narrow<I, P extends string> = Types.Narrow<Types.Wire<I>, P>

/**
 * The result type of a query: documents, or only the requested fields if the query has `fields`.
 *
 * @since 0.1.0
 * @category model
 */
export type Found<A, I, R, F extends ReadonlyArray<string>> = [F] extends [never] ? Document<A, R>
  : Narrow<I, F[number]>

/**
 * The options of a query.
 *
 * - `limit`: the maximum number of documents; by default 25 for a page, and unlimited for a stream
 * - `skip`: how many documents to skip first
 * - `bookmark`: continues after an earlier page
 * - `useIndex`: the design document of an index, without `_design/`, or the design document and the name of the index
 * - `allowFallback`: whether CouchDB may use another index
 * - `quorum`: how many replicas are read for each document
 * - `update`: whether the index is updated before the query
 * - `stable`: whether the same replicas respond each time
 * - `executionStats`: requests {@link ExecutionStats}
 * - `partition`: queries only this partition
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
 * A query of a collection. `fields` must not be empty, because CouchDB then returns all fields.
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
 * A query of a database, whose documents have no schema.
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
 * The paging of a stream: `pageSize` is the number of documents in each request, 200 by default.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging {
  readonly pageSize?: number | undefined
}

/**
 * The cost of a query, if `executionStats` was set: the keys and documents that CouchDB read, in all requests together.
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
 * A page of results.
 *
 * - `bookmark`: continues after this page; the last page has one too
 * - `warning`: CouchDB's warning about the query, such as a missing index
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
 * A Mango index. `design` is the name of its design document without `_design/`; the built-in index of all ids has
 * none.
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
 * How CouchDB plans to run a query.
 *
 * - `index`: the index that it uses
 * - `covering`: whether the index contains all requested fields, so that no document is read
 * - `candidates`: the other indexes that it considered
 * - `answer`: the complete response
 *
 * @since 0.1.0
 * @category model
 */
export interface Explanation {
  readonly index: Index
  readonly covering: boolean
  readonly candidates: ReadonlyArray<Index>
  readonly response: JsonObject
}

/**
 * The errors of a query. A `BadRequestError` (`no_usable_index`) reports that no index supports the sort order.
 *
 * @since 0.1.0
 * @category errors
 */
export type FindError = EncodeError | InvalidIdError | NotFoundError | RequestError

// Infers the document type from the collection only, never from the query.
type Fixed<I> = [I][I extends unknown ? 0 : never]

type Fields<I> = readonly [Path<I>, ...ReadonlyArray<Path<I>>]

type FieldsOf<S> = S extends string ? ReadonlyArray<string> : Fields<EncodedOf<S>>

type QueryOf<S, F extends ReadonlyArray<string>> = S extends string ? DatabaseQuery : Query<EncodedOf<S>, F>

type FoundOf<S, F extends ReadonlyArray<string>> = S extends string ? JsonObject
  : S extends Collection<infer A, infer I, infer R, infer _K> ? Found<A, I, R, F>
  : never

/**
 * Returns one page of the documents that match a selector: `POST /{db}/_find`. A page has at most `limit` documents, 25
 * by default; {@link stream} returns all of them. Fails with a `DecodeError` if a document does not match its schema.
 *
 * For a collection, `limit` and `skip` count only the documents of the collection. The id range of its codec is sent as
 * a condition on `_id`, in addition to the selector. If this range also contains other documents, or if the selector is
 * a text search, further requests follow until the page is full or there are no more results. `bookmark` continues
 * after the last document of the page.
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
export const find: <S extends CollectionOrDatabase, const F extends FieldsOf<S> = never>(
  source: S,
  query: QueryOf<S, F>
) => Effect.Effect<Page<FoundOf<S, F>>, FindError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, query: AnyQuery) => internal.page(given, query)) as never

const eitherOf = (given: Given, query: AnyQuery & Paging) => internal.either(given, query, query.pageSize ?? 200)

/**
 * Streams all documents that match a selector. Pages are requested one after another by bookmark, and one page is in
 * memory at a time. Fails with a `DecodeError` at the first document that does not match its schema, after emitting the
 * documents before it.
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
export const stream: <S extends CollectionOrDatabase, const F extends FieldsOf<S> = never>(
  source: S,
  query: QueryOf<S, F> & Paging
) => Stream.Stream<FoundOf<S, F>, FindError | DecodeErrorOf<S>, CouchHttp | ContextOf<S>> =
  ((given: Given, query: AnyQuery & Paging) => decoded.failing(eitherOf(given, query))) as never

/**
 * Like {@link stream}, but emits a `Left` for each document that does not match its schema.
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
 * Like {@link stream}, but skips the documents that do not match their schema. {@link skipped} counts them.
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
 * Counts the elements that `Mango`, `View` and `Changes` skip because they do not match their schemas.
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
 * Returns how CouchDB plans to run a query: `POST /{db}/_explain`. A query of a collection includes the condition on
 * `_id` that its id codec adds.
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
export const explain: <S extends CollectionOrDatabase, const F extends FieldsOf<S> = never>(
  source: S,
  query: QueryOf<S, F>
) => Effect.Effect<Explanation, FindError, CouchHttp> = indexing.explain as never

/**
 * The options of a new index.
 *
 * - `fields`: the fields to index, in sort order
 * - `name`, `design`: the names of the index and of its design document, the latter without `_design/`; by default,
 *   CouchDB derives both from the index
 * - `partialFilter`: the selector of the documents to index; all by default
 * - `partitioned`: whether the index is partitioned, in a partitioned database
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

type IndexOptionsOf<S> = S extends string ? IndexOptions<DatabaseQuery["selector"], NonNullable<DatabaseQuery["sort"]>>
  : IndexOptions<Selector<EncodedOf<S>>, Sort<EncodedOf<S>>>

/**
 * The index that {@link createIndex} created or found. `created` is false if it already existed.
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
 * Creates an index if it does not exist: `POST /{db}/_index`.
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
export const createIndex: <S extends CollectionOrDatabase>(
  source: S,
  options: IndexOptionsOf<S>
) => Effect.Effect<MadeIndex, FindError, CouchHttp> = indexing.create as never

/**
 * Lists the indexes of a database: `GET /{db}/_index`. The first is the built-in index of all ids.
 *
 * @since 0.1.0
 * @category indexes
 */
export const indexes: <A, I, R, K>(
  given: Collection<A, I, R, K> | string
) => Effect.Effect<ReadonlyArray<Index>, InvalidIdError | NotFoundError | RequestError, CouchHttp> = indexing
  .list as never

/**
 * Deletes an index, and its design document if that contains no other index:
 * `DELETE /{db}/_index/{ddoc}/{type}/{name}`. Fails with a `NotFoundError` if the index does not exist. `design` is the
 * name of the design document without `_design/`; `type` is `json` by default.
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
