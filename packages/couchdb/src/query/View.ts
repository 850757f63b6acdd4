/**
 * Views: `_all_docs`, the views of design documents, and the lists of design and of local documents.
 *
 * A view is described once, with a schema for its keys and one for its values; documents decode through the collection.
 * What is asked of it comes as a page, as a stream of rows with constant memory, or as a stream of pages. Keys are values
 * and are encoded on their way: `0`, `""`, `false` and `null` are keys like all others.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Metric from "effect/Metric"
import type * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricState from "effect/MetricState"
import type * as Option from "effect/Option"
import type { ParseIssue } from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as decoded from "../rows/decoded.js"
import type { Row as RawRow } from "../rows/row.js"
import * as describe from "./view/definition.js"
import * as keys from "./view/keys.js"
import * as paging from "./view/pages.js"
import * as several from "./view/queries.js"
import * as query from "./view/query.js"
import { reduceOne } from "./view/reduce.js"

/**
 * Where a view is.
 *
 * @since 0.1.0
 * @category model
 */
export type Place =
  | { readonly _tag: "AllDocs" | "DesignDocs" | "LocalDocs" }
  | { readonly _tag: "Design"; readonly design: string; readonly view: string }

/**
 * How a member of a row becomes a value, and a value JSON.
 *
 * @since 0.1.0
 * @category model
 */
export interface Codec<in out A, out R = never> {
  readonly decode: (row: RawRow, name: string) => Effect.Effect<A, ParseIssue, R>
  readonly encode: (value: A) => Effect.Effect<unknown, ParseIssue, R>
}

/**
 * A view that is described: `K` are its keys, `V` its values. A description only, with no I/O.
 *
 * @since 0.1.0
 * @category model
 */
export interface View<in out K, in out V, out R = never> {
  readonly _tag: "View"
  readonly place: Place
  readonly key: Codec<K, R>
  readonly value: Codec<V, R>
}

/**
 * A view with its reduce function: `V` is what that gives, `K` the key of a group.
 *
 * @since 0.1.0
 * @category model
 */
export interface Reduced<in out K, in out V, out R = never> {
  readonly _tag: "Reduced"
  readonly place: Place
  readonly key: Codec<K, R>
  readonly value: Codec<V, R>
}

/**
 * One emission of one document. `document` is there if the query brings documents and the row has one; `conflicts` names
 * its siblings, if the query asks for them.
 *
 * @since 0.1.0
 * @category model
 */
export interface Row<out K, out V, out D> {
  readonly _tag: "Row"
  readonly id: string
  readonly key: K
  readonly value: V
  readonly document: Option.Option<D>
  readonly conflicts: ReadonlyArray<Revision>
}

/**
 * What a reduce function gives: for a group of keys, or for all, where `key` is `None`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Group<out K, out V> {
  readonly _tag: "Group"
  readonly key: Option.Option<K>
  readonly value: V
}

/**
 * A row that has an error in place of a value: a key for which there is no document (`not_found`), or a group that could
 * not be reduced.
 *
 * @since 0.1.0
 * @category model
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly key: Json
  readonly error: string
  readonly reason: Option.Option<string>
}

/**
 * The rows of one answer, and what else it says.
 *
 * - `totalRows`: how many rows the view has, whatever was asked for. A reduced view does not say, and neither does the
 *   part of a view that is a collection with an id codec of its own: the server counts the documents of others too
 * - `offset`: how many of them come before the first one here, if `totalRows` is known
 * - `updateSequence`: the place in the changes feed that the view has reached, if it was asked for
 *
 * @since 0.1.0
 * @category model
 */
export interface Page<out A> {
  readonly rows: ReadonlyArray<A>
  readonly totalRows: Option.Option<number>
  readonly offset: Option.Option<number>
  readonly updateSequence: Option.Option<string>
}

/**
 * The value of a row of {@link allDocs} and {@link designDocs}.
 *
 * @since 0.1.0
 * @category model
 */
export interface Listed {
  readonly rev: Revision
  readonly deleted: boolean
}

/**
 * A key that is no key of the view, but has a place in its order: see {@link bound} and {@link high}.
 *
 * @since 0.1.0
 * @category keys
 */
export interface Bound {
  readonly [BoundTypeId]: Json
}

/**
 * @since 0.1.0
 * @category symbols
 */
export const BoundTypeId: unique symbol = keys.BoundTypeId as never

/**
 * Selects rows, and how current they are.
 *
 * - `key`, `keys`: exactly these keys; `keys` in their order
 * - `startKey`, `endKey`: a range from its start, which is the higher end if the order is `descending`
 * - `prefix`: the keys with this prefix: a text, or elements if keys are arrays
 * - `inclusiveEnd`: whether `endKey` belongs to the range, by default `true`
 * - `stable`, `update`: whether the same replicas respond, and whether the index is updated before (`true`, the default), after
 *   (`"lazy"`) or not at all
 * - `sorted`: `false` returns the rows of a cluster in any order
 * - `updateSeq`: whether the result has `updateSequence`
 * - `partition`: queries only this partition
 * - `skip`, `limit`: the number of rows before the first one, and the maximum number of rows. For a collection, only rows of
 *   its own documents count
 *
 * `prefix`, `key`, `keys` and a range (`startKey`, `endKey`) exclude each other: a query with two of them fails with an
 * `EncodeError`, and no request is sent.
 *
 * @since 0.1.0
 * @category options
 */
export interface RangeOptions<out K> {
  readonly key?: K | Bound | undefined
  readonly keys?: ReadonlyArray<K | Bound> | undefined
  readonly startKey?: K | Bound | undefined
  readonly endKey?: K | Bound | undefined
  readonly prefix?: string | ReadonlyArray<Json> | undefined
  readonly inclusiveEnd?: boolean | undefined
  readonly descending?: boolean | undefined
  readonly skip?: number | undefined
  readonly limit?: number | undefined
  readonly stable?: boolean | undefined
  readonly update?: boolean | "lazy" | undefined
  readonly sorted?: boolean | undefined
  readonly updateSeq?: boolean | undefined
  readonly partition?: string | undefined
}

/**
 * What a view can be asked.
 *
 * - `startKeyDocId`, `endKeyDocId`: where among the documents of the first and of the last key the range begins and ends
 * - `includeDocs`: whether the rows bring documents; a collection's do, a database's do not
 * - `conflicts`: whether the siblings of these documents are named
 *
 * @since 0.1.0
 * @category options
 */
export interface Options<out K> extends RangeOptions<K> {
  readonly startKeyDocId?: string | undefined
  readonly endKeyDocId?: string | undefined
  readonly includeDocs?: boolean | undefined
  readonly conflicts?: boolean | undefined
}

/**
 * What a view of a database can be asked besides: the content of attachments.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabaseOptions<out K> extends Options<K> {
  readonly attachments?: boolean | undefined
  readonly attachmentEncodingInfo?: boolean | undefined
}

/**
 * What a reduced view can be asked: one value for all keys; one for each key (`group`, which `keys` implies); or one for
 * all keys that are arrays with the same first elements (`groupLevel`), which are then the key of the group.
 *
 * @since 0.1.0
 * @category options
 */
export interface ReducedOptions<out K> extends RangeOptions<K> {
  readonly group?: boolean | undefined
  readonly groupLevel?: number | undefined
}

/**
 * All options there are.
 *
 * @since 0.1.0
 * @category options
 */
export interface AnyOptions<out K> extends DatabaseOptions<K>, ReducedOptions<K> {}

// The view says what its keys are, never the options. (`NoInfer` of a recursive type in a union refuses what it should not.)
type Keys<K> = [K][K extends unknown ? 0 : never]

/**
 * What a query can fail with. One that breaks off is a `TransportError` (`Body`), and never just short.
 *
 * @since 0.1.0
 * @category errors
 */
export type QueryError = EncodeError | InvalidIdError | NotFoundError | RequestError

/**
 * Describes a view of a design document. A key or value without a schema is JSON, exact to the digit. The design document
 * is named without `_design/`.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number, value: Schema.String })
 * const often = View.stream("zoo", bySeen, { startKey: 10, descending: false })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <K = Json, IK = unknown, RK = never, V = Json, IV = unknown, RV = never>(
  description: {
    readonly design: string
    readonly view: string
    readonly key?: Schema.Schema<K, IK, RK> | undefined
    readonly value?: Schema.Schema<V, IV, RV> | undefined
  }
) => View<K, V, RK | RV> = describe.make

/**
 * Describes a view together with its reduce function: `value` is what this one gives. With `groupLevel`, `key` is the
 * shortened key.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const count = View.reduced({ design: "zoo", view: "bySeen", key: Schema.Number, value: Schema.Number })
 * const perKey = View.fetch("zoo", count, { group: true })
 *
 * @since 0.1.0
 * @category constructors
 */
export const reduced: <K = Json, IK = unknown, RK = never, V = Json, IV = unknown, RV = never>(
  description: {
    readonly design: string
    readonly view: string
    readonly key?: Schema.Schema<K, IK, RK> | undefined
    readonly value?: Schema.Schema<V, IV, RV> | undefined
  }
) => Reduced<K, V, RK | RV> = describe.reduced

/**
 * All documents of a database by their ids: `/{db}/_all_docs`. Of a collection, those whose ids are its keys: the range of
 * its id codec is the range of the request, within the range that the query asks for. Design documents are in the list of a
 * database, and in that of no collection.
 *
 * @example
 * import { View } from "effect-couchdb"
 *
 * const butterflies = View.stream("zoo", View.allDocs, { prefix: "butterfly:", includeDocs: true })
 *
 * @since 0.1.0
 * @category views
 */
export const allDocs: View<string, Listed> = describe.allDocs

/**
 * The design documents of a database: `/{db}/_design_docs`. Its keys begin with `_design/`.
 *
 * @since 0.1.0
 * @category views
 */
export const designDocs: View<string, Listed> = describe.designDocs

/**
 * The local documents of a database: `/{db}/_local_docs`. Its keys begin with `_local/`; the revisions are not those of
 * other documents. A database brings their JSON; no collection has them.
 *
 * @since 0.1.0
 * @category views
 */
export const localDocs: View<string, { readonly rev: string }> = describe.localDocs

/**
 * A place in the order of a view that is no key of it, such as the beginning of a compound key.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const byDay = View.make({ design: "zoo", view: "byDay", key: Schema.Tuple(Schema.Number, Schema.Number) })
 * const fromMay = View.stream("zoo", byDay, { startKey: View.bound([2024, 5]), endKey: View.bound([2024, View.high]) })
 *
 * @since 0.1.0
 * @category keys
 */
export const bound: (json: Json) => Bound = keys.bound

/**
 * A JSON value that sorts after every key: after numbers, texts and arrays, and after other objects.
 *
 * @since 0.1.0
 * @category keys
 */
export const high: Json = keys.high

/**
 * Whether a row is one that has a value.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Stream } from "effect"
 *
 * const revisions = View.stream("zoo", View.allDocs, { keys: ["monarch", "nobody"] }).pipe(
 *   Stream.filter(View.isRow),
 *   Stream.map(({ value }) => value.rev)
 * )
 *
 * @since 0.1.0
 * @category guards
 */
export const isRow = <A extends { readonly _tag: string }>(row: A | Refused): row is Exclude<A, Refused> =>
  row._tag !== "Refused"

/**
 * Reads the rows of a view with one request: `GET`, or `POST` if the query is long. Fails with a `DecodeError` if a key, a
 * value or a document does not match its schema. Stream or page large numbers of rows.
 *
 * For a collection, the rows of other documents are omitted. If the range of its id codec does not select exactly its
 * documents, or if the view belongs to a design document, more requests follow until there are `limit` rows of the collection,
 * or the view ends. A reduce function cannot omit rows: it reduces the whole view.
 *
 * @example
 * import { Collection, View } from "effect-couchdb"
 * import { Effect, Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })
 *
 * const never = View.fetch(butterflies, bySeen, { key: 0, limit: 10 }).pipe(
 *   Effect.map(({ rows }) => rows.filter(View.isRow).map(({ document }) => document))
 * )
 *
 * @since 0.1.0
 * @category queries
 */
export const fetch: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    options?: Options<Keys<K>>
  ): Effect.Effect<Page<Row<K, V, Document<A, R>> | Refused>, QueryError | DecodeError, CouchHttp | R | R2>
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    options?: DatabaseOptions<Keys<K>>
  ): Effect.Effect<Page<Row<K, V, JsonObject> | Refused>, QueryError | DecodeError, CouchHttp | R2>
  <A, I, R, C, K, V, R2>(
    given: Collection<A, I, R, C> | string,
    view: Reduced<K, V, R2>,
    options?: ReducedOptions<Keys<K>>
  ): Effect.Effect<Page<Group<K, V> | Refused>, QueryError | DecodeError, CouchHttp | R2>
} =
  ((given: query.Given, view: query.AnyView, options: AnyOptions<unknown> = {}) =>
    Effect.flatMap(query.prepare(given, view, options), (prepared) => query.page(prepared))) as never

const streamed =
  <A, E>(read: (prepared: query.Prepared<query.Out, unknown>) => Stream.Stream<A, E, unknown>) =>
  (given: query.Given, view: query.AnyView, options: AnyOptions<unknown> = {}) =>
    Stream.unwrap(Effect.map(query.prepare(given, view, options), read))

/**
 * Streams the rows with constant memory. Fails with a `DecodeError` at the first row that does not match its schemas, after
 * the rows before it. An error that CouchDB reports within the response fails the stream too.
 *
 * @example
 * import { Collection, View } from "effect-couchdb"
 * import { Option, Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const seen = View.stream(butterflies, View.allDocs).pipe(
 *   Stream.filterMap((row) => View.isRow(row) ? row.document : Option.none()),
 *   Stream.map((doc) => doc.body.seen)
 * )
 *
 * @since 0.1.0
 * @category queries
 */
export const stream: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    options?: Options<Keys<K>>
  ): Stream.Stream<Row<K, V, Document<A, R>> | Refused, QueryError | DecodeError, CouchHttp | R | R2>
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    options?: DatabaseOptions<Keys<K>>
  ): Stream.Stream<Row<K, V, JsonObject> | Refused, QueryError | DecodeError, CouchHttp | R2>
  <A, I, R, C, K, V, R2>(
    given: Collection<A, I, R, C> | string,
    view: Reduced<K, V, R2>,
    options?: ReducedOptions<Keys<K>>
  ): Stream.Stream<Group<K, V> | Refused, QueryError | DecodeError, CouchHttp | R2>
} = streamed(query.values) as never

/**
 * As {@link stream}, with each row that is not what its schemas say as a `Left` in its place.
 *
 * @example
 * import { Collection, View } from "effect-couchdb"
 * import { Either, Schema, Stream } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const broken = View.streamEither(butterflies, View.allDocs).pipe(
 *   Stream.filter(Either.isLeft),
 *   Stream.map(({ left }) => left.id)
 * )
 *
 * @since 0.1.0
 * @category queries
 */
export const streamEither: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    options?: Options<Keys<K>>
  ): Stream.Stream<
    Either.Either<Row<K, V, Document<A, R>> | Refused, DecodeError>,
    QueryError,
    CouchHttp | R | R2
  >
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    options?: DatabaseOptions<Keys<K>>
  ): Stream.Stream<Either.Either<Row<K, V, JsonObject> | Refused, DecodeError>, QueryError, CouchHttp | R2>
  <A, I, R, C, K, V, R2>(
    given: Collection<A, I, R, C> | string,
    view: Reduced<K, V, R2>,
    options?: ReducedOptions<Keys<K>>
  ): Stream.Stream<Either.Either<Group<K, V> | Refused, DecodeError>, QueryError, CouchHttp | R2>
} = streamed(query.either) as never

/**
 * As {@link stream}, without the rows that are not what their schemas say. {@link skipped} counts them.
 *
 * @since 0.1.0
 * @category queries
 */
export const streamValid: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    options?: Options<Keys<K>>
  ): Stream.Stream<Row<K, V, Document<A, R>> | Refused, QueryError, CouchHttp | R | R2>
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    options?: DatabaseOptions<Keys<K>>
  ): Stream.Stream<Row<K, V, JsonObject> | Refused, QueryError, CouchHttp | R2>
  <A, I, R, C, K, V, R2>(
    given: Collection<A, I, R, C> | string,
    view: Reduced<K, V, R2>,
    options?: ReducedOptions<Keys<K>>
  ): Stream.Stream<Group<K, V> | Refused, QueryError, CouchHttp | R2>
} = streamed(query.valid) as never

/**
 * How many rows and changes were skipped, here and in `Changes`, because they are not what their schemas say.
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
 * What pages can be asked: everything but keys by name, which come in one answer. `pageSize` is a hundred rows, unless said
 * otherwise; `limit` counts the rows of all pages together.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging<out K> extends Omit<Options<K>, "keys" | "sorted"> {
  readonly pageSize?: number | undefined
}

/**
 * As {@link Paging}, of a database.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabasePaging<out K> extends Omit<DatabaseOptions<K>, "keys" | "sorted"> {
  readonly pageSize?: number | undefined
}

/**
 * Streams a view in pages, each with its own request, so that a slow consumer holds no connection. A page starts after the
 * key and the document of the previous page, not after a number of rows: concurrent writes cause no repeated and no missing
 * rows. Every page except the last is full. A page of a collection has only its own rows, and may take several requests. The
 * stream ends with the last page, which is empty only if there are no rows.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Schema, Stream } from "effect"
 *
 * const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })
 * const sizes = View.pages("zoo", bySeen, { pageSize: 500 }).pipe(Stream.map(({ rows }) => rows.length))
 *
 * @since 0.1.0
 * @category queries
 */
export const pages: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    options?: Paging<Keys<K>>
  ): Stream.Stream<Page<Row<K, V, Document<A, R>> | Refused>, QueryError | DecodeError, CouchHttp | R | R2>
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    options?: DatabasePaging<Keys<K>>
  ): Stream.Stream<Page<Row<K, V, JsonObject> | Refused>, QueryError | DecodeError, CouchHttp | R2>
} =
  ((given: query.Given, view: View<unknown, unknown, unknown>, options: DatabasePaging<unknown> = {}) =>
    Stream.unwrap(
      Effect.map(
        query.prepare(given, view, options),
        (prepared) => paging.pages(prepared, options.pageSize ?? 100)
      )
    )) as never

/**
 * Several queries of one view in one request, an answer for each: `POST` of the view with `/queries` at the end of the
 * path. The answer to each is kept until it is whole. Queries of a collection that need more than one answer to find
 * `limit` rows of it, as {@link fetch} explains, are sent as requests of their own.
 *
 * @example
 * import { View } from "effect-couchdb"
 *
 * const both = View.queries("zoo", View.allDocs, [{ prefix: "butterfly:" }, { keys: ["monarch"] }])
 *
 * @since 0.1.0
 * @category queries
 */
export const queries: {
  <A, I, R, C, K, V, R2>(
    collection: Collection<A, I, R, C>,
    view: View<K, V, R2>,
    queries: ReadonlyArray<Omit<Options<Keys<K>>, "partition">>,
    options?: { readonly partition?: string | undefined }
  ): Effect.Effect<
    ReadonlyArray<Page<Row<K, V, Document<A, R>> | Refused>>,
    QueryError | DecodeError,
    CouchHttp | R | R2
  >
  <K, V, R2>(
    database: string,
    view: View<K, V, R2>,
    queries: ReadonlyArray<Omit<DatabaseOptions<Keys<K>>, "partition">>,
    options?: { readonly partition?: string | undefined }
  ): Effect.Effect<
    ReadonlyArray<Page<Row<K, V, JsonObject> | Refused>>,
    QueryError | DecodeError,
    CouchHttp | R2
  >
  <A, I, R, C, K, V, R2>(
    given: Collection<A, I, R, C> | string,
    view: Reduced<K, V, R2>,
    queries: ReadonlyArray<Omit<ReducedOptions<Keys<K>>, "partition">>,
    options?: { readonly partition?: string | undefined }
  ): Effect.Effect<ReadonlyArray<Page<Group<K, V> | Refused>>, QueryError | DecodeError, CouchHttp | R2>
} = ((
  given: query.Given,
  view: query.AnyView,
  all: ReadonlyArray<AnyOptions<unknown>>,
  { partition }: { readonly partition?: string | undefined } = {}
) => several.queries(given, view, all, partition)) as never

/**
 * Returns the value of a reduce function for all keys or a range; `None` if there are no rows. Fails with a `ServerError` if
 * the function failed.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const count = View.reduced({ design: "zoo", view: "bySeen", key: Schema.Number, value: Schema.Number })
 * const often = View.reduce("zoo", count, { startKey: 10 })
 *
 * @since 0.1.0
 * @category queries
 */
export const reduce: <A, I, R, C, K, V, R2>(
  given: Collection<A, I, R, C> | string,
  view: Reduced<K, V, R2>,
  options?: Omit<RangeOptions<Keys<K>>, "keys" | "skip" | "limit" | "sorted">
) => Effect.Effect<Option.Option<V>, QueryError | DecodeError, CouchHttp | R2> =
  ((given: query.Given, view: Reduced<unknown, unknown, unknown>, options: AnyOptions<unknown> = {}) =>
    reduceOne(given, view, options)) as never
