import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { DecodeError, EncodeError, InvalidIdError } from "../../CouchError.js"
import type { CouchHttp, CouchRequest } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import type { ExecutionStats, Page } from "../../Mango.js"
import { toValues } from "../rows/pieces.js"
import type { Row } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { made, readAll } from "../view/query.js"
import { member } from "../written.js"
import { type AnyQuery, queryRequest } from "./request.js"
import { type Given, sent, type Source, sourceOf } from "./source.js"

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

interface Answer {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly around: Json.JsonObject
  readonly head: Rows.Head
}

const ask = (given: Given, source: Source, query: AnyQuery): Effect.Effect<Answer, QueryError, CouchHttp> =>
  Effect.flatMap(
    queryRequest(source.database, "_find", sent(given, query)),
    (request) => Effect.map(Rows.collect(request, "docs"), (answer) => ({ ...answer, request }))
  )

export const page = (
  given: Given,
  query: AnyQuery
): Effect.Effect<Page<unknown>, DecodeError | QueryError, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given, query.fields)
    const { around, head, request, rows } = yield* ask(given, source, query)
    const documents = yield* toValues(made(request, head, source.reading, rows))
    return {
      documents,
      bookmark: Option.filter(textOf(Json.get(around, "bookmark")), (bookmark) => bookmark !== "nil"),
      warning: textOf(Json.get(around, "warning")),
      executionStats: statsOf(Json.get(around, "execution_stats"))
    }
  }) as never

interface State {
  readonly bookmark: string | undefined
  readonly skip: number | undefined
  readonly left: number
}

/**
 * All results, a page after the other: one page is in memory at a time. A bookmark stands behind what was skipped, so only
 * the first page skips; a page that is not full is the last.
 */
export const either = (
  given: Given,
  query: AnyQuery,
  pageSize: number
): Stream.Stream<Either.Either<unknown, DecodeError>, QueryError, CouchHttp> =>
  Stream.unwrap(Effect.map(sourceOf(given, query.fields), (source) => {
    const start: State = { bookmark: query.bookmark, skip: query.skip, left: query.limit ?? Infinity }
    return Stream.paginateChunkEffect(start, ({ bookmark, left, skip }) => {
      const limit = Math.min(Math.max(1, Math.floor(pageSize)), left)
      return limit <= 0 ? Effect.succeed([Chunk.empty(), Option.none<State>()] as const) : Effect.gen(function*() {
        const { around, head, request, rows } = yield* ask(given, source, { ...query, bookmark, skip, limit })
        const next = member(around, "bookmark")
        const more = rows.length === limit && left > limit && typeof next === "string" && next !== "nil"
        return [
          yield* readAll(request, head, source.reading, rows),
          more
            ? Option.some<State>({ bookmark: next, skip: undefined, left: left - limit })
            : Option.none<State>()
        ] as const
      })
    })
  })) as never
