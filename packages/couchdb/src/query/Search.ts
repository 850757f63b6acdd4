/**
 * Full-text search with Nouveau (CouchDB 3.4 and later) or with the older Clouseau. Both are services that run next to
 * CouchDB; without them, searches fail with a `SearchUnavailableError`.
 *
 * An index is described once, with a schema for its stored fields. Documents are decoded by the collection.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as decoded from "../rows/decoded.js"
import type { SearchUnavailableError } from "./search/errors.js"
import * as describe from "./search/index.js"
import type { AnyOptions } from "./search/request.js"
import * as internal from "./search/search.js"
import type { Codec } from "./View.js"

/**
 * The errors of a search. A `NotFoundError` reports that the index, the design document or the database does not exist.
 *
 * @since 0.1.0
 * @category errors
 */
export type SearchError = SearchUnavailableError | EncodeError | InvalidIdError | NotFoundError | RequestError

/**
 * The description of a Nouveau index. `F` is the type of its stored fields.
 *
 * @since 0.1.0
 * @category model
 */
export interface Nouveau<in out F, out R = never> {
  readonly _tag: "Nouveau"
  readonly design: string
  readonly index: string
  readonly fields: Codec<F, R>
}

/**
 * The description of a Clouseau index. `F` is the type of its stored fields.
 *
 * @since 0.1.0
 * @category model
 */
export interface Clouseau<in out F, out R = never> {
  readonly _tag: "Clouseau"
  readonly design: string
  readonly index: string
  readonly fields: Codec<F, R>
}

/**
 * A Nouveau or a Clouseau index.
 *
 * @since 0.1.0
 * @category model
 */
export type Index<F, R = never> = Nouveau<F, R> | Clouseau<F, R>

/**
 * A document that matches. `order` contains the values that it was sorted by, its score by default; `highlights`
 * contains the matching parts of its fields, if `highlight` was set.
 *
 * @since 0.1.0
 * @category model
 */
export interface Hit<out F, out D> {
  readonly _tag: "Hit"
  readonly id: string
  readonly order: ReadonlyArray<Json>
  readonly fields: F
  readonly document: Option.Option<D>
  readonly highlights: Readonly<Record<string, ReadonlyArray<string>>>
}

/**
 * The number of documents for each value or range of a field: by field, then by value or label.
 *
 * @since 0.1.0
 * @category model
 */
export type Facets = Readonly<Record<string, Readonly<Record<string, number>>>>

/**
 * A page of hits.
 *
 * - `totalHits`: how many documents of the database match; `totalIsExact` is false if Nouveau stopped counting
 * - `bookmark`: continues after this page; the last page has one too
 * - `counts`, `ranges`: the facets of all documents of the database that match
 *
 * @since 0.1.0
 * @category model
 */
export interface Page<out A> {
  readonly hits: ReadonlyArray<A>
  readonly totalHits: number
  readonly totalIsExact: boolean
  readonly bookmark: Option.Option<string>
  readonly counts: Option.Option<Facets>
  readonly ranges: Option.Option<Facets>
}

/**
 * The options that Nouveau and Clouseau share.
 *
 * - `query`: the query in Lucene syntax
 * - `limit`: the maximum number of hits; by default 25 for a page, and unlimited for a stream. For a collection, only
 *   hits of its own documents count
 * - `bookmark`: continues after an earlier page
 * - `sort`: the fields to sort by; a leading `-` sorts in descending order
 * - `counts`: the fields whose values are counted
 * - `update`: `false` queries the index without updating it first
 * - `includeDocs`: whether hits include documents; by default true for a collection, and false for a database
 * - `partition`: searches only this partition
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  readonly query: string
  readonly limit?: number | undefined
  readonly bookmark?: string | undefined
  readonly sort?: string | ReadonlyArray<string> | undefined
  readonly counts?: ReadonlyArray<string> | undefined
  readonly update?: boolean | undefined
  readonly includeDocs?: boolean | undefined
  readonly partition?: string | undefined
}

/**
 * A range of a numeric field. Both ends are inclusive by default.
 *
 * @since 0.1.0
 * @category options
 */
export interface Range {
  readonly label: string
  readonly min: number
  readonly max: number
  readonly min_inclusive?: boolean | undefined
  readonly max_inclusive?: boolean | undefined
}

/**
 * The options of Nouveau.
 *
 * - `ranges`: the ranges to count, by field
 * - `topN`: the maximum number of facets
 * - `locale`: the locale in which the query writes numbers
 *
 * @since 0.1.0
 * @category options
 */
export interface NouveauOptions extends Options {
  readonly ranges?:
    | { readonly [field: string]: ReadonlyArray<Range> }
    | { readonly [field: string]: unknown }
    | undefined
  readonly topN?: number | undefined
  readonly locale?: string | undefined
}

/**
 * The options of Clouseau.
 *
 * - `ranges`: the ranges to count, by field and label, such as `{ price: { cheap: "[0 TO 100]" } }`
 * - `drilldown`: fields and their exact values, without analysis; all must match
 * - `includeFields`: the stored fields that a hit includes; all by default
 * - `highlight`: marks the matches in these fields with `before` and `after`
 *
 * @since 0.1.0
 * @category options
 */
export interface ClouseauOptions extends Options {
  readonly ranges?: { readonly [field: string]: { readonly [label: string]: string } } | {
    readonly [field: string]: unknown
  } | undefined
  readonly drilldown?: ReadonlyArray<readonly [field: string, ...values: ReadonlyArray<string>]> | undefined
  readonly includeFields?: ReadonlyArray<string> | undefined
  readonly highlight?: {
    readonly fields: ReadonlyArray<string>
    readonly before?: string | undefined
    readonly after?: string | undefined
    readonly fragments?: number | undefined
    readonly size?: number | undefined
  } | undefined
}

/**
 * The options of a grouped search: the field to group by, the maximum number of groups, and their sort order. `limit`
 * applies to each group.
 *
 * @since 0.1.0
 * @category options
 */
export interface GroupOptions
  extends Omit<ClouseauOptions, "bookmark" | "partition" | "counts" | "drilldown" | "ranges">
{
  readonly groupField: string
  readonly groupLimit?: number | undefined
  readonly groupSort?: string | ReadonlyArray<string> | undefined
}

/**
 * The paging of a stream: `pageSize` is the number of hits in each request, 100 by default. Servers refuse more than
 * 200 in their default configuration.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging {
  readonly pageSize?: number | undefined
}

/**
 * Describes a Nouveau index. Without a schema, fields are JSON. `design` is the name of the design document without
 * `_design/`.
 *
 * @example
 * import { Search } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const byName = Search.nouveau({ design: "zoo", index: "byName", fields: Schema.Struct({ name: Schema.String }) })
 *
 * @since 0.1.0
 * @category constructors
 */
export const nouveau: <F = Json, I = unknown, R = never>(
  description: {
    readonly design: string
    readonly index: string
    readonly fields?: Schema.Schema<F, I, R> | undefined
  }
) => Nouveau<F, R> = describe.nouveau

/**
 * Describes a Clouseau index. Without a schema, fields are JSON. `design` is the name of the design document without
 * `_design/`.
 *
 * @example
 * import { Search } from "effect-couchdb"
 *
 * const byName = Search.clouseau({ design: "zoo", index: "byName" })
 *
 * @since 0.1.0
 * @category constructors
 */
export const clouseau: <F = Json, I = unknown, R = never>(
  description: {
    readonly design: string
    readonly index: string
    readonly fields?: Schema.Schema<F, I, R> | undefined
  }
) => Clouseau<F, R> = describe.clouseau

/**
 * Returns one page of hits, the best match first: `POST /{db}/_design/{ddoc}/_nouveau/{index}`, or `…/_search/{index}`.
 * Fails with a `DecodeError` if the fields or a document do not match their schema. For a collection, hits of other
 * documents are left out, and further requests follow until the page is full or there are no more hits.
 *
 * @example
 * import { Collection, Search } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const byName = Search.nouveau({ design: "zoo", index: "byName" })
 *
 * const monarchs = Search.fetch(butterflies, byName, { query: "name:monarch", sort: "-seen", counts: ["family"] })
 *
 * @since 0.1.0
 * @category searches
 */
export const fetch: {
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Nouveau<F, R2>,
    options: NouveauOptions
  ): Effect.Effect<Page<Hit<F, Document<A, R>>>, SearchError | DecodeError, CouchHttp | R | R2>
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Clouseau<F, R2>,
    options: ClouseauOptions
  ): Effect.Effect<Page<Hit<F, Document<A, R>>>, SearchError | DecodeError, CouchHttp | R | R2>
  <F, R2>(
    database: string,
    index: Nouveau<F, R2>,
    options: NouveauOptions
  ): Effect.Effect<Page<Hit<F, JsonObject>>, SearchError | DecodeError, CouchHttp | R2>
  <F, R2>(
    database: string,
    index: Clouseau<F, R2>,
    options: ClouseauOptions
  ): Effect.Effect<Page<Hit<F, JsonObject>>, SearchError | DecodeError, CouchHttp | R2>
} = internal.page as never

const eitherOf = (given: internal.Given, index: Index<unknown, unknown>, options: AnyOptions & Paging) =>
  internal.either(given, index, options, options.pageSize ?? 100)

/**
 * Streams all hits, the best match first. Pages are requested one after another by bookmark, and one page is in memory
 * at a time. Fails with a `DecodeError` at the first hit that does not match its schemas, after emitting the hits
 * before it.
 *
 * @example
 * import { Search } from "effect-couchdb"
 * import { Stream } from "effect"
 *
 * const byName = Search.nouveau({ design: "zoo", index: "byName" })
 * const ids = Search.stream("zoo", byName, { query: "name:mon*" }).pipe(Stream.map(({ id }) => id))
 *
 * @since 0.1.0
 * @category searches
 */
export const stream: {
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Nouveau<F, R2>,
    options: NouveauOptions & Paging
  ): Stream.Stream<Hit<F, Document<A, R>>, SearchError | DecodeError, CouchHttp | R | R2>
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Clouseau<F, R2>,
    options: ClouseauOptions & Paging
  ): Stream.Stream<Hit<F, Document<A, R>>, SearchError | DecodeError, CouchHttp | R | R2>
  <F, R2>(
    database: string,
    index: Nouveau<F, R2>,
    options: NouveauOptions & Paging
  ): Stream.Stream<Hit<F, JsonObject>, SearchError | DecodeError, CouchHttp | R2>
  <F, R2>(
    database: string,
    index: Clouseau<F, R2>,
    options: ClouseauOptions & Paging
  ): Stream.Stream<Hit<F, JsonObject>, SearchError | DecodeError, CouchHttp | R2>
} =
  ((given: internal.Given, index: Index<unknown, unknown>, options: AnyOptions & Paging) =>
    decoded.failing(eitherOf(given, index, options))) as never

/**
 * Like {@link stream}, but emits a `Left` for each hit that does not match its schemas.
 *
 * @since 0.1.0
 * @category searches
 */
export const streamEither: {
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Nouveau<F, R2>,
    options: NouveauOptions & Paging
  ): Stream.Stream<Either.Either<Hit<F, Document<A, R>>, DecodeError>, SearchError, CouchHttp | R | R2>
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Clouseau<F, R2>,
    options: ClouseauOptions & Paging
  ): Stream.Stream<Either.Either<Hit<F, Document<A, R>>, DecodeError>, SearchError, CouchHttp | R | R2>
} = eitherOf as never

/**
 * Like {@link stream}, but skips the hits that do not match their schemas. `View.skipped` counts them.
 *
 * @since 0.1.0
 * @category searches
 */
export const streamValid: {
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Nouveau<F, R2>,
    options: NouveauOptions & Paging
  ): Stream.Stream<Hit<F, Document<A, R>>, SearchError, CouchHttp | R | R2>
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Clouseau<F, R2>,
    options: ClouseauOptions & Paging
  ): Stream.Stream<Hit<F, Document<A, R>>, SearchError, CouchHttp | R | R2>
} =
  ((given: internal.Given, index: Index<unknown, unknown>, options: AnyOptions & Paging) =>
    decoded.valid(eitherOf(given, index, options))) as never

/**
 * The hits that share a value of the group field. `by` is `None` for documents without a value.
 *
 * @since 0.1.0
 * @category model
 */
export interface Group<out A> {
  readonly by: Option.Option<string>
  readonly totalHits: number
  readonly hits: ReadonlyArray<A>
}

/**
 * The result of a grouped search.
 *
 * @since 0.1.0
 * @category model
 */
export interface Groups<out A> {
  readonly groups: ReadonlyArray<Group<A>>
  readonly totalHits: number
}

/**
 * Returns hits grouped by the values of a field, which only Clouseau supports:
 * `POST /{db}/_design/{ddoc}/_search/{index}`. Groups have no bookmark. For a collection, if hits of other documents
 * leave a group short, the search is repeated for more hits and groups, up to the server's limit of 200. Groups without
 * hits of the collection are left out.
 *
 * @example
 * import { Search } from "effect-couchdb"
 *
 * const byName = Search.clouseau({ design: "zoo", index: "byName" })
 * const families = Search.groups("zoo", byName, { query: "name:mon*", groupField: "family", limit: 3 })
 *
 * @since 0.1.0
 * @category searches
 */
export const groups: {
  <A, I, R, K, F, R2>(
    collection: Collection<A, I, R, K>,
    index: Clouseau<F, R2>,
    options: GroupOptions
  ): Effect.Effect<Groups<Hit<F, Document<A, R>>>, SearchError | DecodeError, CouchHttp | R | R2>
  <F, R2>(
    database: string,
    index: Clouseau<F, R2>,
    options: GroupOptions
  ): Effect.Effect<Groups<Hit<F, JsonObject>>, SearchError | DecodeError, CouchHttp | R2>
} = internal.groups as never

/**
 * The state of an index: its number of documents, its size in bytes, and in `answer` the complete `search_index`
 * object.
 *
 * @since 0.1.0
 * @category model
 */
export interface Info {
  readonly documents: number
  readonly diskSize: number
  readonly response: JsonObject
}

/**
 * Returns the state of an index: `GET /{db}/_design/{ddoc}/_nouveau_info/{index}`, or `…/_search_info/{index}`.
 *
 * @since 0.1.0
 * @category searches
 */
export const info: <A, I, R, K, F, R2>(
  given: Collection<A, I, R, K> | string,
  index: Index<F, R2>
) => Effect.Effect<Info, SearchError, CouchHttp> = internal.info as never

/**
 * Returns the tokens that an analyzer produces for a text: `POST /_nouveau_analyze`, or `POST /_search_analyze`.
 *
 * @example
 * import { Search } from "effect-couchdb"
 *
 * const tokens = Search.analyze("Nouveau", "english", "butterflies and moths")
 *
 * @since 0.1.0
 * @category searches
 */
export const analyze: (
  engine: "Nouveau" | "Clouseau",
  analyzer: Json,
  text: string
) => Effect.Effect<ReadonlyArray<string>, SearchUnavailableError | NotFoundError | RequestError, CouchHttp> =
  internal.analyze
