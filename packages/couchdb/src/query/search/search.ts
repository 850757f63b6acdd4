import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as DatabaseName from "../../data/DatabaseName.js"
import type { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { type Collection, isCollection } from "../../document/Collection.js"
import type { DecodeError, EncodeError } from "../../document/errors.js"
import { conflictAsBadRequest } from "../../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../../http/CouchHttp.js"
import { executeDecoded } from "../../http/executeDecoded.js"
import { readJson } from "../../http/rawDocument.js"
import { unexpectedResponse } from "../../http/responseError.js"
import * as Transport from "../../http/Transport.js"
import { type BookmarkedRows, bookmarkOf, fill, type Filled } from "../../rows/fill.js"
import { exact, type Row } from "../../rows/row.js"
import { type Source, sourceOf } from "../../rows/source.js"
import * as Rows from "../../rows/stream.js"
import type { Group, Groups, Hit, Index, Info, Page } from "../Search.js"
import { readAll } from "../view/query.js"
import type { SearchUnavailableError } from "./errors.js"
import { facetsOf, hitsOf, locate, readingOf } from "./index.js"
import { type AnyOptions, searchRequest } from "./request.js"
import { orUnavailable } from "./unavailable.js"

export type Given = Collection<unknown, unknown, unknown, unknown> | string
type AnyIndex = Index<unknown, unknown>

type Failure = EncodeError | InvalidIdError | SearchUnavailableError | Rows.RowsError

const withDefaults = (source: Source<unknown, unknown>, options: AnyOptions): AnyOptions => ({
  ...options,
  includeDocs: options.includeDocs ?? source.bringsDocuments
})

const sendSearch = (
  source: Source<unknown, unknown>,
  index: AnyIndex,
  options: AnyOptions,
  array: string
): Effect.Effect<BookmarkedRows, Failure, CouchHttp> =>
  Effect.flatMap(
    searchRequest(source.database, index, withDefaults(source, options)),
    (request) =>
      Rows.collect(request, array).pipe(
        Effect.map((response) => ({ ...response, request })),
        orUnavailable(index, source.database)
      )
  )

const count = (...candidates: ReadonlyArray<Json.Json | undefined>): number =>
  Number(candidates.find((candidate) => typeof candidate === "number") ?? 0)

/** The default `limit` of the server. */
const defaultLimit = 25

/** The maximum number of hits or groups of a request in the server's default configuration. */
const maxPerRequest = 200

const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 0

/** Whether every hit belongs to the source. No search index contains design documents. */
const isWhole = ({ span }: Source<unknown, unknown>): boolean =>
  span === undefined || (span.exact && span.prefix === "")

/** The hits of a page: from one response, if it contains no hits of other documents. */
const filled = (
  source: Source<unknown, unknown>,
  index: AnyIndex,
  options: AnyOptions
): Effect.Effect<Filled, Failure, CouchHttp> => {
  const { bookmark, limit = defaultLimit } = options
  const { concerns, problem } = readingOf(index, source)
  return isWhole(source) || limit === 0 || !isCount(limit)
    ? Effect.map(
      sendSearch(source, index, options, hitsOf(index)),
      ({ around, request, rows }) => ({ request, rows, responses: [around] as const })
    )
    : fill({
      request: (bookmark, limit) => sendSearch(source, index, { ...options, bookmark, limit }, hitsOf(index)),
      isOwn: (row) => problem(row) !== undefined || concerns(row),
      bookmark,
      skip: 0,
      limit,
      maxExtraRows: maxPerRequest
    })
}

export const page = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions
): Effect.Effect<Page<Hit<unknown, unknown>>, DecodeError | Failure, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given)
    const { responses, request, rows } = yield* filled(source, index, options)
    // Each response counts all matches, so the first one is enough.
    const [around] = responses
    const hits = yield* Effect.flatMap(readAll(request, readingOf(index, source), rows), (all) => Either.all(all))
    const relation = Json.get(around, "total_hits_relation")
    return {
      hits,
      totalHits: count(Json.get(around, "total_hits"), Json.get(around, "total_rows")),
      totalIsExact: relation === undefined || relation === null || relation === "EQUAL_TO",
      bookmark: Option.fromNullable(bookmarkOf(responses[responses.length - 1] as Json.JsonObject)),
      counts: facetsOf(Json.get(around, "counts")),
      ranges: facetsOf(Json.get(around, "ranges"))
    }
  }) as never

interface State {
  readonly bookmark: string | undefined
  readonly left: number
  readonly size: number
}

/** Streams all hits page by page. A page that is not full is the last, and so is one whose bookmark does not change. */
export const either = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions,
  pageSize: number
): Stream.Stream<Either.Either<Hit<unknown, unknown>, DecodeError>, Failure, CouchHttp> =>
  Stream.unwrap(Effect.map(sourceOf(given), (source) => {
    const pageLimit = pageSize >= 1 ? Math.floor(pageSize) : 1
    const reading = readingOf(index, source)
    const isOwn = isWhole(source)
      ? () => true
      : (row: Row) => reading.problem(row) !== undefined || reading.concerns(row)
    const start: State = { bookmark: options.bookmark, left: options.limit ?? Infinity, size: 0 }
    return Stream.paginateChunkEffect(start, ({ bookmark, left, size }) => {
      const limit = Math.min(pageLimit, Math.max(size, left))
      return limit <= 0 ? Effect.succeed([Chunk.empty(), Option.none<State>()] as const) : Effect.gen(function*() {
        const { around, request, rows } = yield* sendSearch(
          source,
          index,
          { ...options, bookmark, limit },
          hitsOf(index)
        )
        const own = rows.filter(isOwn)
        const taken = own.slice(0, left)
        const next = bookmarkOf(around)
        const more = rows.length === limit && left > taken.length && next !== undefined && next !== bookmark
        return [
          yield* readAll(request, reading, taken),
          more
            ? Option.some<State>({
              bookmark: next,
              left: left - taken.length,
              size: own.length < limit ? 2 * limit : 0
            })
            : Option.none<State>()
        ] as const
      })
    })
  })) as never

const rowOf = (json: Json.Json): Row => ({ text: Json.stringify(json), json: Json.toPlain(json) })

/** A group before its hits are decoded. `isCut` says that it may have more hits than the response contains. */
interface RawGroup {
  readonly by: Json.Json | undefined
  readonly totalHits: number
  readonly own: ReadonlyArray<Row>
  readonly isCut: boolean
}

const rawGroup = (row: Row, limit: number, isOwn: (row: Row) => boolean): RawGroup | undefined => {
  const group = exact(row)
  const hits = Json.get(group, "rows") ?? Json.get(group, "hits")
  return Json.isArray(hits)
    ? {
      by: Json.get(group, "by"),
      totalHits: count(Json.get(group, "total_rows"), Json.get(group, "total_hits")),
      own: hits.map(rowOf).filter(isOwn),
      isCut: hits.length >= limit
    }
    : undefined
}

/** The default `group_limit` of the server. */
const defaultGroupLimit = 10

/**
 * Groups have no bookmark. If hits of other documents leave a group short, the search is repeated for more hits and
 * groups, up to the server's maximum.
 */
export const groups = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions
): Effect.Effect<Groups<Hit<unknown, unknown>>, DecodeError | Failure, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given)
    const reading = readingOf(index, source)
    const { groupLimit = defaultGroupLimit, limit = defaultLimit } = options
    const isPart = !isWhole(source) && limit > 0 && isCount(limit) && isCount(groupLimit)
    const isOwn = (row: Row): boolean => !isPart || reading.problem(row) !== undefined || reading.concerns(row)
    let nextOptions = options
    while (true) {
      const { groupLimit: groupLimitSent = groupLimit, limit: hitLimit = limit } = nextOptions
      const { around, request, rows } = yield* sendSearch(source, index, nextOptions, "groups")
      const found = rows.map((row) => rawGroup(row, hitLimit, isOwn))
      const all = found.filter((group) => group !== undefined)
      if (all.length < found.length) {
        return yield* Effect.fail(unexpectedResponse(request, Rows.streamedHead, "a group without hits"))
      }
      const own = isPart ? all.filter(({ own }) => own.length > 0) : all
      const needsHits = isPart && hitLimit < maxPerRequest && all.some(({ isCut, own }) => isCut && own.length < limit)
      const needsGroups = isPart && groupLimitSent < maxPerRequest && own.length < groupLimit &&
        rows.length >= groupLimitSent
      if (needsHits || needsGroups) {
        nextOptions = {
          ...nextOptions,
          ...(needsHits && { limit: Math.min(maxPerRequest, 4 * hitLimit) }),
          ...(needsGroups && { groupLimit: Math.min(maxPerRequest, 4 * groupLimitSent) })
        }
        continue
      }
      const groups = yield* Effect.forEach(isPart ? own.slice(0, groupLimit) : own, ({ by, own, totalHits }) =>
        Effect.map(
          Effect.flatMap(
            readAll(request, reading, isPart ? own.slice(0, limit) : own),
            (all) =>
              Either.all(all)
          ),
          (hits): Group<Hit<unknown, unknown>> => ({
            by: typeof by === "string" ? Option.some(by) : Option.none(),
            totalHits,
            hits
          })
        ))
      return { groups, totalHits: count(Json.get(around, "total_rows"), Json.get(around, "total_hits")) }
    }
  }) as never

const execute = <A extends {}>(
  request: CouchRequest,
  engine: AnyIndex["_tag"],
  read: (json: Json.Json) => A | undefined
): Effect.Effect<A, SearchUnavailableError | Rows.RowsError, CouchHttp> =>
  CouchHttp.pipe(
    Effect.flatMap((couch) =>
      conflictAsBadRequest(executeDecoded(couch, request, (response) =>
        Either.fromNullable(
          Option.getOrUndefined(
            Option.flatMapNullable(Option.fromNullable(readJson(Transport.text(response))), ({ exact }) => read(exact))
          ),
          () => "the response is not what CouchDB's endpoint returns"
        )))
    ),
    orUnavailable({ _tag: engine }, request.database)
  )

export const info = (given: Given, index: AnyIndex): Effect.Effect<Info, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const database = yield* isCollection(given) ? Either.right(given.database) : DatabaseName.decode(given)
    const where = yield* locate(database, index, "_info")
    return yield* execute({ ...where, method: "GET" }, index._tag, (json) => {
      const about = Json.get(json, "search_index")
      return Json.isObject(about)
        ? {
          documents: count(Json.get(about, "num_docs"), Json.get(about, "doc_count")),
          diskSize: count(Json.get(about, "disk_size")),
          response: about
        }
        : undefined
    })
  })

export const analyze = (
  engine: AnyIndex["_tag"],
  analyzer: Json.Json,
  text: string
): Effect.Effect<ReadonlyArray<string>, SearchUnavailableError | Rows.RowsError, CouchHttp> => {
  const path = engine === "Nouveau" ? "/_nouveau_analyze" : "/_search_analyze"
  return execute(
    { method: "POST", path, route: path, idempotent: true, body: Json.stringify({ analyzer, text }) },
    engine,
    (json) => {
      const tokens = Json.get(json, "tokens")
      return Json.isArray(tokens) ? tokens.map(String) : undefined
    }
  )
}
