/**
 * The documents of a collection, decoded: all of them, those of an id range, or those of a view.
 *
 * `View` returns rows, which also have keys, values, and errors of single keys. `Mango` selects documents by their
 * fields. `Bulk.fetch` returns a result for each of several ids.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import * as View from "./View.js"

// Infers the key type from the view only, never from the options.
type Keys<K> = [K][K extends unknown ? 0 : never]

/**
 * Which documents to read.
 *
 * - `view`: the documents for which this view has rows, in the order of its keys. A document with several rows is
 *   returned several times. Without a view, the documents are in the order of their ids, and keys are ids
 * - the other options select rows, as in {@link View.Options}. `limit` and `skip` count rows
 *
 * A row without a document is omitted: a key in `keys` that does not exist, and a row of a view that refers to a
 * document that was deleted.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options<K, V, R> extends Omit<View.Options<Keys<K>>, "includeDocs"> {
  readonly view?: View.View<K, V, R> | undefined
}

/**
 * The options of {@link pages}: those of {@link Options} except `keys` and `sorted`. `pageSize` is 100 by default.
 *
 * @since 0.1.0
 * @category options
 */
export interface PagesOptions<K, V, R> extends Omit<Options<K, V, R>, "keys" | "sorted"> {
  readonly pageSize?: number | undefined
}

/**
 * The options of {@link page}: those of {@link Options} except `key`, `keys`, `sorted` and `skip`. `limit` is the
 * maximum number of documents, 100 by default.
 *
 * @since 0.1.0
 * @category options
 */
export interface PageOptions<K, V, R> extends Omit<Options<K, V, R>, "key" | "keys" | "sorted" | "skip"> {}

/**
 * Where the next page starts: options for the next {@link page}, instead of `startKey` and `prefix`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Start<out K> {
  readonly startKey: K
  readonly startKeyDocId: string
}

/**
 * A page of documents. `next` is `None` after the last page.
 *
 * @since 0.1.0
 * @category model
 */
export interface Page<out D, out K> {
  readonly documents: ReadonlyArray<D>
  readonly next: Option.Option<Start<K>>
}

type AnyRow<D> = View.Row<unknown, unknown, D> | View.Refused

const documentOf = <D>(row: AnyRow<D>): Option.Option<D> => View.isRow(row) ? row.document : Option.none()

const documentsOf = <D>(rows: ReadonlyArray<AnyRow<D>>): ReadonlyArray<D> =>
  rows.flatMap((row) => Option.toArray(documentOf(row)))

const withDocuments = <K, V, R, O extends Options<K, V, R>>({ view, ...options }: O) =>
  [(view ?? View.allDocs) as View.View<K, V, R>, { ...options, includeDocs: true }] as const

/**
 * Reads all documents of a collection, or those that the options select: `GET /{db}/_all_docs`, or the path of the view.
 * They are in memory together: {@link stream} reads them one after another. Fails with a `DecodeError` if a document
 * does not match the schema.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Documents } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const names = Documents.fetch(butterflies).pipe(Effect.map((all) => all.map(({ body }) => body.name)))
 * const some = Documents.fetch(butterflies, { prefix: "monarch-", limit: 10 })
 *
 * @since 0.1.0
 * @category reading
 */
export const fetch = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: Options<K, V, R2> = {}
): Effect.Effect<ReadonlyArray<Document<A, R>>, View.QueryError | DecodeError, CouchHttp | R | R2> =>
  Effect.map(
    View.fetch(collection, ...withDocuments<K, V, R2, Options<K, V, R2>>(options)),
    ({ rows }) => documentsOf(rows)
  )

/**
 * Streams all documents of a collection, or those that the options select, in one request: `GET /{db}/_all_docs`, or the
 * path of the view. A slow consumer holds the connection; {@link pages} does not. Fails with a `DecodeError` if a
 * document does not match the schema.
 *
 * @example
 * import { Console, Schema, Stream } from "effect"
 * import { Collection, Documents, View } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })
 *
 * const printed = Documents.stream(butterflies).pipe(Stream.runForEach(({ body }) => Console.log(body.name)))
 * const rare = Documents.stream(butterflies, { view: bySeen, endKey: 3 })
 *
 * @since 0.1.0
 * @category reading
 */
export const stream = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: Options<K, V, R2> = {}
): Stream.Stream<Document<A, R>, View.QueryError | DecodeError, CouchHttp | R | R2> =>
  Stream.filterMap(View.stream(collection, ...withDocuments<K, V, R2, Options<K, V, R2>>(options)), documentOf)

/**
 * Like {@link stream}, but emits a `Left` for each document that does not match the schema.
 *
 * @example
 * import { Either, Schema, Stream } from "effect"
 * import { Collection, Documents } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const errors = Documents.streamEither(butterflies).pipe(Stream.filterMap(Either.getLeft), Stream.runCollect)
 *
 * @since 0.1.0
 * @category reading
 */
export const streamEither = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: Options<K, V, R2> = {}
): Stream.Stream<Either.Either<Document<A, R>, DecodeError>, View.QueryError, CouchHttp | R | R2> =>
  Stream.filterMap(
    View.streamEither(collection, ...withDocuments<K, V, R2, Options<K, V, R2>>(options)),
    (row): Option.Option<Either.Either<Document<A, R>, DecodeError>> =>
      Either.isLeft(row)
        ? Option.some(Either.left(row.left))
        : Option.map(documentOf(row.right), (document) => Either.right(document))
  )

/**
 * Like {@link stream}, but skips the documents that do not match the schema. `View.skipped` counts them.
 *
 * @since 0.1.0
 * @category reading
 */
export const streamValid = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: Options<K, V, R2> = {}
): Stream.Stream<Document<A, R>, View.QueryError, CouchHttp | R | R2> =>
  Stream.filterMap(View.streamValid(collection, ...withDocuments<K, V, R2, Options<K, V, R2>>(options)), documentOf)

/**
 * Streams the documents page by page. Each page is a request of its own, so a slow consumer does not hold a connection.
 * A page starts after the last document of the previous one, so concurrent writes neither repeat nor omit documents.
 *
 * @example
 * import { Console, Schema, Stream } from "effect"
 * import { Collection, Documents } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const program = Documents.pages(butterflies, { pageSize: 500 }).pipe(
 *   Stream.runForEach((page) => Console.log(`${page.length} butterflies`))
 * )
 *
 * @since 0.1.0
 * @category reading
 */
export const pages = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: PagesOptions<K, V, R2> = {}
): Stream.Stream<ReadonlyArray<Document<A, R>>, View.QueryError | DecodeError, CouchHttp | R | R2> =>
  Stream.map(
    View.pages(collection, ...withDocuments<K, V, R2, PagesOptions<K, V, R2>>(options)),
    ({ rows }) => documentsOf(rows)
  )

/**
 * Reads one page, and returns where the next one starts. A program that keeps nothing between two pages, such as an HTTP
 * backend, sends `next` to its client and gets it back. To find the start of the next page, the request reads one
 * document more than `limit`.
 *
 * @example
 * import { Effect, Option, Schema } from "effect"
 * import { Collection, Documents } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const program = Effect.gen(function*() {
 *   const first = yield* Documents.page(butterflies, { limit: 20 })
 *   if (Option.isNone(first.next)) return first.documents
 *   const second = yield* Documents.page(butterflies, { limit: 20, ...first.next.value })
 *   return [...first.documents, ...second.documents]
 * })
 *
 * @since 0.1.0
 * @category reading
 */
export const page = <A, I, R, C, K = string, V = View.Listed, R2 = never>(
  collection: Collection<A, I, R, C>,
  options: PageOptions<K, V, R2> = {}
): Effect.Effect<Page<Document<A, R>, K>, View.QueryError | DecodeError, CouchHttp | R | R2> => {
  const limit = options.limit ?? 100
  const [view, selected] = withDocuments<K, V, R2, PageOptions<K, V, R2>>(options)
  return Effect.map(View.fetch(collection, view, { ...selected, limit: limit + 1 }), ({ rows }) => {
    const following = rows[limit]
    return {
      documents: documentsOf(rows.slice(0, limit)),
      next: following !== undefined && View.isRow(following)
        ? Option.some({ startKey: following.key, startKeyDocId: following.id })
        : Option.none()
    }
  })
}
