/**
 * Views: `_all_docs`, the views of design documents, and the lists of design documents and of local documents.
 *
 * A view is described once, with a schema for its keys and one for its values. Documents are decoded by the collection.
 * The results are a page, a stream of rows in constant memory, or a stream of pages. Keys are encoded as JSON: `0`,
 * `""`, `false` and `null` are valid keys.
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
import type { Json } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { CollectionOrDatabase, ContextOf, DocumentOf } from "../rows/collectionOrDatabase.js"
import * as decoded from "../rows/decoded.js"
import type { Row as RawRow } from "../rows/row.js"
import * as describe from "./view/definition.js"
import * as keys from "./view/keys.js"
import * as paging from "./view/pages.js"
import * as several from "./view/queries.js"
import * as query from "./view/query.js"
import { reduceOne } from "./view/reduce.js"

/**
 * The location of a view.
 *
 * @since 0.1.0
 * @category model
 */
export type Place =
  | { readonly _tag: "AllDocs" | "DesignDocs" | "LocalDocs" }
  | { readonly _tag: "Design"; readonly design: string; readonly view: string }

/**
 * Decodes a member of a row, and encodes a value as JSON.
 *
 * @since 0.1.0
 * @category model
 */
export interface Codec<in out A, out R = never> {
  readonly decode: (row: RawRow, name: string) => Effect.Effect<A, ParseIssue, R>
  readonly encode: (value: A) => Effect.Effect<unknown, ParseIssue, R>
}

/**
 * Whether a query returns the rows of a view, or its reduced values.
 *
 * @since 0.1.0
 * @category model
 */
export type Kind = "View" | "Reduced"

/**
 * The description of a view: its location, and the codecs of its keys and values. It performs no I/O.
 *
 * @since 0.1.0
 * @category model
 */
export interface Definition<out T extends Kind, in out K, in out V, out R = never> {
  readonly _tag: T
  readonly place: Place
  readonly key: Codec<K, R>
  readonly value: Codec<V, R>
}

/**
 * The description of a view with keys `K` and values `V`. It performs no I/O.
 *
 * @since 0.1.0
 * @category model
 */
export interface View<in out K, in out V, out R = never> extends Definition<"View", K, V, R> {}

/**
 * The description of a view with its reduce function: `V` is the reduced value, `K` the key of a group.
 *
 * @since 0.1.0
 * @category model
 */
export interface Reduced<in out K, in out V, out R = never> extends Definition<"Reduced", K, V, R> {}

/**
 * A row that the map function emitted for a document. `document` is present if the query includes documents and the row
 * has one. `conflicts` lists the siblings of the document (its conflicting leaf revisions), if the query requests them.
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
 * A reduced value, for a group of keys, or for all rows if `key` is `None`.
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
 * A row with an error instead of a value: a key without a document (`not_found`), or a group that could not be reduced.
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
 * A page of rows.
 *
 * - `totalRows`: the number of rows of the whole view. It is `None` for a reduced view, and for a collection with its
 *   own id codec, because the server also counts other documents
 * - `offset`: the number of rows before the first one of the page, if `totalRows` is known
 * - `updateSequence`: the update sequence that the view has reached, if it was requested
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
 * A position in the order of keys that is not itself a key of the view: see {@link bound} and {@link high}.
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
 * Which rows to return, and how fresh they are.
 *
 * - `key`, `keys`: exactly these keys; rows follow the order of `keys`
 * - `startKey`, `endKey`: the range of keys; with `descending`, `startKey` is the higher end
 * - `prefix`: keys that start with this string, or array keys that start with these elements
 * - `inclusiveEnd`: whether the range includes `endKey`; true by default
 * - `stable`: whether the same replicas respond each time
 * - `update`: whether the view is updated before the query (`true`, the default), after it (`"lazy"`) or not at all
 * - `sorted`: `false` returns the rows of a cluster in the order of arrival
 * - `updateSeq`: requests `updateSequence`
 * - `partition`: queries only this partition
 * - `skip`, `limit`: how many rows to skip first, and the maximum number of rows. For a collection, only rows of its
 *   own documents count
 *
 * `prefix`, `key`, `keys` and a range (`startKey`, `endKey`) are mutually exclusive: a query with two of them fails
 * with an `EncodeError` before a request is sent.
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
 * The options of a query of a view.
 *
 * - `startKeyDocId`, `endKeyDocId`: where the range starts among the documents with the first key, and ends among those
 *   with the last key
 * - `includeDocs`: whether rows include documents; by default true for a collection, and false for a database
 * - `conflicts`: whether rows list the siblings of their documents
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
 * The options of a query of a database, which can include the content of attachments.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabaseOptions<out K> extends Options<K> {
  readonly attachments?: boolean | undefined
  readonly attachmentEncodingInfo?: boolean | undefined
}

/**
 * The options of a query of a reduced view. It returns one value for all rows, one value for each key (`group`, which
 * `keys` implies), or one value for each group of array keys with the same first elements (`groupLevel`), which are the
 * group's key.
 *
 * @since 0.1.0
 * @category options
 */
export interface ReducedOptions<out K> extends RangeOptions<K> {
  readonly group?: boolean | undefined
  readonly groupLevel?: number | undefined
}

/**
 * All options of a query.
 *
 * @since 0.1.0
 * @category options
 */
export interface AnyOptions<out K> extends DatabaseOptions<K>, ReducedOptions<K> {}

/**
 * The options of a query, by what is queried: {@link ReducedOptions} for a reduced view, {@link Options} for the view of
 * a collection, {@link DatabaseOptions} for the view of a database.
 *
 * @since 0.1.0
 * @category options
 */
export type OptionsOf<S, T extends Kind, K> = T extends "Reduced" ? ReducedOptions<K>
  : S extends string ? DatabaseOptions<K>
  : Options<K>

/**
 * The rows of a query, by what is queried: groups for a reduced view, otherwise rows with documents, which are decoded
 * for a collection and JSON for a database.
 *
 * @since 0.1.0
 * @category model
 */
export type RowOf<S, T extends Kind, K, V> = T extends "Reduced" ? Group<K, V> | Refused
  : Row<K, V, DocumentOf<S>> | Refused

// A reduced view returns no documents, so it does not need the requirements of their schema.
type RequirementsOf<S, T extends Kind> = T extends "Reduced" ? never : ContextOf<S>

// Infers the key type from the view only, never from the options. `NoInfer` of a recursive type in a union rejects
// valid arguments.
type Keys<K> = [K][K extends unknown ? 0 : never]

/**
 * The errors of a query. A response that breaks off fails with a `TransportError` (`Body`); it never ends early without
 * an error.
 *
 * @since 0.1.0
 * @category errors
 */
export type QueryError = EncodeError | InvalidIdError | NotFoundError | RequestError

/**
 * Describes a view of a design document. Without a schema, keys and values are exact JSON. `design` is the name of the
 * design document without `_design/`.
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
 * Describes a view with its reduce function: `value` is the schema of the reduced value. With `groupLevel`, `key` is
 * the shortened key.
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
 * All documents of a database by id: `/{db}/_all_docs`. For a collection, the query is narrowed to the id range of its
 * codec, so it returns only the documents of the collection. Design documents are listed for a database, and never for
 * a collection.
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
 * The design documents of a database: `/{db}/_design_docs`. The keys start with `_design/`.
 *
 * @since 0.1.0
 * @category views
 */
export const designDocs: View<string, Listed> = describe.designDocs

/**
 * The local documents of a database: `/{db}/_local_docs`. The keys start with `_local/`, and the revisions have their
 * own format. Only queries of a database include the documents, as JSON.
 *
 * @since 0.1.0
 * @category views
 */
export const localDocs: View<string, { readonly rev: string }> = describe.localDocs

/**
 * A position in the order of keys that is not itself a key of the view, such as the start of a compound key.
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
 * A JSON value that sorts after all keys: after numbers, strings and arrays, and after other objects.
 *
 * @since 0.1.0
 * @category keys
 */
export const high: Json = keys.high

/**
 * Whether a row has a value instead of an error.
 *
 * @example
 * import { View } from "effect-couchdb"
 * import { Stream } from "effect"
 *
 * const revisions = View.stream("zoo", View.allDocs, { keys: ["monarch", "missing"] }).pipe(
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
 * Queries a view and returns all rows in one page: `GET` of the view, or `POST` if the query is long. Fails with a
 * `DecodeError` if a key, a value or a document does not match its schema. Use {@link stream} or {@link pages} for many
 * rows.
 *
 * For a collection, rows of other documents are left out. If the id range of its codec also contains other documents,
 * or the view belongs to a design document, further requests follow until `limit` rows are found or the view ends. A
 * reduce function cannot leave out rows: it reduces the whole view.
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
export const fetch: <S extends CollectionOrDatabase, T extends Kind, K, V, R2>(
  source: S,
  view: Definition<T, K, V, R2>,
  options?: OptionsOf<S, T, Keys<K>>
) => Effect.Effect<Page<RowOf<S, T, K, V>>, QueryError | DecodeError, CouchHttp | RequirementsOf<S, T> | R2> =
  ((given: query.Given, view: query.AnyView, options: AnyOptions<unknown> = {}) =>
    Effect.flatMap(query.prepare(given, view, options), (prepared) => query.page(prepared))) as never

const streamed =
  <A, E>(read: (prepared: query.Prepared<query.Out, unknown>) => Stream.Stream<A, E, unknown>) =>
  (given: query.Given, view: query.AnyView, options: AnyOptions<unknown> = {}) =>
    Stream.unwrap(Effect.map(query.prepare(given, view, options), read))

/**
 * Streams the rows of a view in constant memory. Fails with a `DecodeError` at the first row that does not match its
 * schemas, after emitting the rows before it. An error that CouchDB reports in the middle of a response fails the
 * stream too.
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
export const stream: <S extends CollectionOrDatabase, T extends Kind, K, V, R2>(
  source: S,
  view: Definition<T, K, V, R2>,
  options?: OptionsOf<S, T, Keys<K>>
) => Stream.Stream<RowOf<S, T, K, V>, QueryError | DecodeError, CouchHttp | RequirementsOf<S, T> | R2> = streamed(
  query.values
) as never

/**
 * Like {@link stream}, but emits a `Left` for each row that does not match its schemas.
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
export const streamEither: <S extends CollectionOrDatabase, T extends Kind, K, V, R2>(
  source: S,
  view: Definition<T, K, V, R2>,
  options?: OptionsOf<S, T, Keys<K>>
) => Stream.Stream<
  Either.Either<RowOf<S, T, K, V>, DecodeError>,
  QueryError,
  CouchHttp | RequirementsOf<S, T> | R2
> = streamed(query.either) as never

/**
 * Like {@link stream}, but skips the rows that do not match their schemas. {@link skipped} counts them.
 *
 * @since 0.1.0
 * @category queries
 */
export const streamValid: <S extends CollectionOrDatabase, T extends Kind, K, V, R2>(
  source: S,
  view: Definition<T, K, V, R2>,
  options?: OptionsOf<S, T, Keys<K>>
) => Stream.Stream<RowOf<S, T, K, V>, QueryError, CouchHttp | RequirementsOf<S, T> | R2> = streamed(
  query.valid
) as never

/**
 * Counts the elements that `View`, `Mango` and `Changes` skip because they do not match their schemas.
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
 * The options of {@link pages}: all options of a query, except `keys` and `sorted`. `pageSize` is 100 rows by default;
 * `limit` is the maximum number of rows of all pages together.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging<out K> extends Omit<Options<K>, "keys" | "sorted"> {
  readonly pageSize?: number | undefined
}

/**
 * The options of {@link pages} for a database.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatabasePaging<out K> extends Omit<DatabaseOptions<K>, "keys" | "sorted"> {
  readonly pageSize?: number | undefined
}

/**
 * The options of {@link pages}, by what is queried.
 *
 * @since 0.1.0
 * @category options
 */
export type PagingOf<S, K> = S extends string ? DatabasePaging<K> : Paging<K>

/**
 * Streams a view page by page. Each page is a separate request, so a slow consumer does not hold a connection. A page
 * starts at the key and document after the last row of the previous page instead of at a row count, so concurrent
 * writes neither repeat nor omit rows. Every page except the last is full; for a collection, a page may take several
 * requests. Only a result without rows has an empty page.
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
export const pages: <S extends CollectionOrDatabase, K, V, R2>(
  source: S,
  view: View<K, V, R2>,
  options?: PagingOf<S, Keys<K>>
) => Stream.Stream<Page<RowOf<S, "View", K, V>>, QueryError | DecodeError, CouchHttp | ContextOf<S> | R2> =
  ((given: query.Given, view: View<unknown, unknown, unknown>, options: DatabasePaging<unknown> = {}) =>
    Stream.unwrap(
      Effect.map(
        query.prepare(given, view, options),
        (prepared) => paging.pages(prepared, options.pageSize ?? 100)
      )
    )) as never

/**
 * Sends several queries of one view in one request and returns a page for each: `POST` of the view's path with
 * `/queries`. Each page is read completely into memory. If a query of a collection needs more than one request to find
 * `limit` rows, as {@link fetch} explains, it is sent separately.
 *
 * @example
 * import { View } from "effect-couchdb"
 *
 * const both = View.queries("zoo", View.allDocs, [{ prefix: "butterfly:" }, { keys: ["monarch"] }])
 *
 * @since 0.1.0
 * @category queries
 */
export const queries: <S extends CollectionOrDatabase, T extends Kind, K, V, R2>(
  source: S,
  view: Definition<T, K, V, R2>,
  queries: ReadonlyArray<Omit<OptionsOf<S, T, Keys<K>>, "partition">>,
  options?: { readonly partition?: string | undefined }
) => Effect.Effect<
  ReadonlyArray<Page<RowOf<S, T, K, V>>>,
  QueryError | DecodeError,
  CouchHttp | RequirementsOf<S, T> | R2
> = ((
  given: query.Given,
  view: query.AnyView,
  all: ReadonlyArray<AnyOptions<unknown>>,
  { partition }: { readonly partition?: string | undefined } = {}
) => several.queries(given, view, all, partition)) as never

/**
 * Returns the reduced value of all keys or of a range; `None` if there are no rows. Fails with a `ServerError` if the
 * reduce function fails.
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
export const reduce: <K, V, R2>(
  source: CollectionOrDatabase,
  view: Reduced<K, V, R2>,
  options?: Omit<RangeOptions<Keys<K>>, "keys" | "skip" | "limit" | "sorted">
) => Effect.Effect<Option.Option<V>, QueryError | DecodeError, CouchHttp | R2> =
  ((given: query.Given, view: Reduced<unknown, unknown, unknown>, options: AnyOptions<unknown> = {}) =>
    reduceOne(given, view, options)) as never
