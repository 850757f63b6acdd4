/**
 * Full-text search: Nouveau, which CouchDB has from 3.4 on, and Clouseau, its elder. Both are services beside CouchDB; a
 * server without them answers with a `SearchUnavailableError`.
 *
 * An index is described once, with a schema for the fields that it stores; documents decode through the collection.
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
 * What a search can fail with. A `NotFoundError` names an index, a design document or a database that is not there.
 *
 * @since 0.1.0
 * @category errors
 */
export type SearchError = SearchUnavailableError | EncodeError | InvalidIdError | NotFoundError | RequestError

/**
 * An index of Nouveau that is described: `F` are the fields that it stores.
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
 * An index of Clouseau that is described: `F` are the fields that it stores.
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
 * An index of either.
 *
 * @since 0.1.0
 * @category model
 */
export type Index<F, R = never> = Nouveau<F, R> | Clouseau<F, R>

/**
 * A document that matches. `order` is what it was sorted by, its score where nothing else was asked for; `highlights` are
 * the parts of its fields that match, if Clouseau was asked for them.
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
 * How many documents have each value of a field, or fall in each range: by field, then by value or label.
 *
 * @since 0.1.0
 * @category model
 */
export type Facets = Readonly<Record<string, Readonly<Record<string, number>>>>

/**
 * The hits of one answer.
 *
 * - `totalHits`: how many documents of the database match; `totalIsExact` is false if Nouveau stopped counting
 * - `bookmark`: the place after them, for the next page; there is one after the last page too
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
 * What both can be asked.
 *
 * - `query`: in Lucene's syntax
 * - `limit`: how many hits at most; by default, a page has 25 and a stream has all. Of a collection, only hits of its own
 *   documents count
 * - `sort`: fields, a `-` in front of those that go downwards
 * - `counts`: the fields whose values are counted
 * - `update`: `false` takes the index as it is
 * - `includeDocs`: whether hits bring documents; a collection's do, a database's do not
 * - `partition`: asks one partition alone
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
 * A range of a numeric field, by default with both ends.
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
 * What Nouveau can be asked besides: counts of `ranges` by field, of how many facets (`topN`), and in whose notation the
 * query has its numbers (`locale`).
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
 * The further options of Clouseau.
 *
 * - `ranges`: by field and label, such as `{ price: { cheap: "[0 TO 100]" } }`
 * - `drilldown`: fields and values that are not analyzed, all of which must match
 * - `includeFields`: the stored fields of a hit; by default all
 * - `highlight`: marks what matches in these fields, between `before` and `after`
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
 * What a search in groups can be asked: the field whose values make them, how many there are, and how they sort. `limit`
 * counts the hits of each.
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
 * The number of hits that a stream reads in one request, by default 100. Servers refuse more than 200, unless they are
 * configured otherwise.
 *
 * @since 0.1.0
 * @category options
 */
export interface Paging {
  readonly pageSize?: number | undefined
}

/**
 * Describes an index of Nouveau. Fields without a schema are JSON. The design document is named without `_design/`.
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
 * Describes an index of Clouseau. Fields without a schema are JSON. The design document is named without `_design/`.
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
 * One page of hits, the best first: `POST /{db}/_design/{ddoc}/_nouveau/{index}`, or `…/_search/{index}`. Fails with a
 * `DecodeError` if fields or a document are not what their schema says. If hits of other documents take places of a
 * collection's, more requests follow until the page is full or there are no more.
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
 * Streams all hits, the best first, page by page with bookmarks, with one page in memory. Fails with a `DecodeError` at the
 * first hit that does not match its schemas, after the hits before it.
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
 * As {@link stream}, with each hit that is not what its schemas say as a `Left` in its place.
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
 * As {@link stream}, without the hits that are not what their schemas say. `View.skipped` counts them.
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
 * The hits that have one value of a field; `by` is `None` for those that have none.
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
 * Hits in groups.
 *
 * @since 0.1.0
 * @category model
 */
export interface Groups<out A> {
  readonly groups: ReadonlyArray<Group<A>>
  readonly totalHits: number
}

/**
 * Hits in groups, one for each value of a field, which Clouseau can do: `POST /{db}/_design/{ddoc}/_search/{index}`. Groups
 * have no bookmark: if hits of other documents take places of a collection's, the search is made again for more hits and
 * groups, up to the 200 that servers allow. Groups without hits of the collection are left out.
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
 * What a server says of an index: how many documents it has, how many bytes it takes, and in `answer` all else.
 *
 * @since 0.1.0
 * @category model
 */
export interface Info {
  readonly documents: number
  readonly diskSize: number
  readonly answer: JsonObject
}

/**
 * Asks about an index: `GET /{db}/_design/{ddoc}/_nouveau_info/{index}`, or `…/_search_info/{index}`.
 *
 * @since 0.1.0
 * @category searches
 */
export const info: <A, I, R, K, F, R2>(
  given: Collection<A, I, R, K> | string,
  index: Index<F, R2>
) => Effect.Effect<Info, SearchError, CouchHttp> = internal.info as never

/**
 * What an analyzer makes of a text: `POST /_nouveau_analyze`, or `POST /_search_analyze`.
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
