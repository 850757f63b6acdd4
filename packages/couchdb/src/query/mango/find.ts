import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import type { DecodeError, EncodeError } from "../../document/errors.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import { toValues } from "../../rows/batch.js"
import { type BookmarkedRows, bookmarkOf, fill, type Filled } from "../../rows/fill.js"
import type { Row } from "../../rows/row.js"
import * as Rows from "../../rows/stream.js"
import type { ExecutionStats, Page } from "../Mango.js"
import { decodeRows, readAll } from "../view/query.js"
import { type AnyQuery, queryRequest } from "./request.js"
import { type Given, prepareQuery, type Source, sourceOf } from "./source.js"

type QueryError = EncodeError | InvalidIdError | Rows.RowsError

const number = (json: Json.Json | undefined): number => json === undefined || json === null ? 0 : Number(json)

const statsOf = (json: Json.Json | undefined): Option.Option<ExecutionStats> =>
  Json.isObject(json)
    ? Option.some({
      totalKeysExamined: number(Json.get(json, "total_keys_examined")),
      totalDocsExamined: number(Json.get(json, "total_docs_examined")),
      totalQuorumDocsExamined: number(Json.get(json, "total_quorum_docs_examined")),
      resultsReturned: number(Json.get(json, "results_returned")),
      executionTimeMs: number(Json.get(json, "execution_time_ms"))
    })
    : Option.none()

const textOf = (json: Json.Json | undefined): Option.Option<string> =>
  typeof json === "string" ? Option.some(json) : Option.none()

const sendQuery = (
  given: Given,
  source: Source,
  query: AnyQuery
): Effect.Effect<BookmarkedRows, QueryError, CouchHttp> =>
  Effect.flatMap(
    queryRequest(source.database, "_find", prepareQuery(given, query)),
    (request) => Effect.map(Rows.collect(request, "docs"), (response) => ({ ...response, request }))
  )

/** CouchDB's default `limit`. */
const defaultLimit = 25

/** How many documents one request may read beyond those that are still wanted. */
const maxExtra = 200

const isCount = (count: number): boolean => count === Infinity || (Number.isSafeInteger(count) && count >= 0)

/**
 * Whether the server's `limit` and `skip` count correctly, or the server rejects them because they are not valid
 * counts.
 */
const isCounted = (source: Source, { limit = defaultLimit, skip = 0 }: AnyQuery): boolean =>
  source.isExact || limit === 0 || !isCount(limit) || !isCount(skip)

/** The documents of a page: from one response, if the server counts correctly. */
const filled = (given: Given, source: Source, query: AnyQuery): Effect.Effect<Filled, QueryError, CouchHttp> => {
  const { bookmark, limit = defaultLimit, skip = 0 } = query
  return isCounted(source, query)
    ? Effect.map(
      sendQuery(given, source, query),
      ({ around, request, rows }) => ({ request, rows, responses: [around] as const })
    )
    : fill({
      request: (bookmark, limit) => sendQuery(given, source, { ...query, skip: undefined, bookmark, limit }),
      isOwn: isOwn(source),
      bookmark,
      skip,
      limit,
      maxExtraRows: maxExtra
    })
}

const isOwn = ({ reading }: Source) => (row: Row): boolean =>
  reading.problem(row) !== undefined || reading.concerns(row)

/**
 * The cost of several responses. `resultsReturned` is counted by the client: the server also counts other documents.
 */
const totalStats = (all: ReadonlyArray<ExecutionStats>, resultsReturned: number): Option.Option<ExecutionStats> => {
  if (all.length === 0) return Option.none()
  const sum = (of: (stats: ExecutionStats) => number): number => all.reduce((sum, stats) => sum + of(stats), 0)
  return Option.some({
    totalKeysExamined: sum(({ totalKeysExamined }) => totalKeysExamined),
    totalDocsExamined: sum(({ totalDocsExamined }) => totalDocsExamined),
    totalQuorumDocsExamined: sum(({ totalQuorumDocsExamined }) => totalQuorumDocsExamined),
    resultsReturned,
    executionTimeMs: sum(({ executionTimeMs }) => executionTimeMs)
  })
}

export const page = (
  given: Given,
  query: AnyQuery
): Effect.Effect<Page<unknown>, DecodeError | QueryError, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given, query)
    const { responses, request, rows } = yield* filled(given, source, query)
    const documents = yield* toValues(decodeRows(request, source.reading, rows))
    const last = responses[responses.length - 1] as Json.JsonObject
    return {
      documents,
      bookmark: Option.fromNullable(bookmarkOf(last)),
      warning: Option.firstSomeOf(responses.map((around) => textOf(Json.get(around, "warning")))),
      executionStats: totalStats(
        responses.flatMap((around) => Option.toArray(statsOf(Json.get(around, "execution_stats")))),
        documents.length
      )
    }
  }) as never

interface State {
  readonly bookmark: string | undefined
  /** How many documents remain to be skipped: by the server, if it counts correctly. */
  readonly skip: number | undefined
  readonly left: number
  readonly size: number
}

/**
 * Streams all results page by page. A bookmark points after the skipped documents, so only the first page skips. A page
 * that is not full is the last.
 */
export const either = (
  given: Given,
  query: AnyQuery,
  pageSize: number
): Stream.Stream<Either.Either<unknown, DecodeError>, QueryError, CouchHttp> =>
  Stream.unwrap(Effect.map(sourceOf(given, query), (source) => {
    const pageLimit = pageSize >= 1 ? Math.floor(pageSize) : 1
    const isExact = isCounted(source, query)
    const start: State = { bookmark: query.bookmark, skip: query.skip, left: query.limit ?? Infinity, size: 0 }
    return Stream.paginateChunkEffect(start, ({ bookmark, left, size, skip }) => {
      const limit = Math.min(pageLimit, Math.max(size, isExact ? left : left + (skip ?? 0)))
      return limit <= 0 ? Effect.succeed([Chunk.empty(), Option.none<State>()] as const) : Effect.gen(function*() {
        const nextQuery = isExact ? { ...query, bookmark, skip, limit } : { ...query, bookmark, skip: undefined, limit }
        const { around, request, rows } = yield* sendQuery(given, source, nextQuery)
        const own = isExact ? rows : rows.filter(isOwn(source))
        const skipped = isExact ? 0 : Math.min(own.length, skip ?? 0)
        const taken = own.slice(skipped, skipped + left)
        const next = bookmarkOf(around)
        const more = rows.length === limit && left > taken.length && next !== undefined
        return [
          yield* readAll(request, source.reading, taken),
          more
            ? Option.some<State>({
              bookmark: next,
              skip: isExact ? undefined : (skip ?? 0) - skipped,
              left: left - taken.length,
              size: own.length < limit ? 2 * limit : 0
            })
            : Option.none<State>()
        ] as const
      })
    })
  })) as never
