import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Collection, isCollection } from "../../Collection.js"
import type { DecodeError, EncodeError, InvalidIdError, SearchUnavailableError } from "../../CouchError.js"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import * as DatabaseName from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import type { Group, Groups, Hit, Index, Info, Page } from "../../Search.js"
import * as Transport from "../../Transport.js"
import { type Source, sourceOf } from "../changes/source.js"
import { executeDecoded } from "../decoded.js"
import { readJson } from "../document/raw.js"
import { unexpectedResponse } from "../responseError.js"
import { exact, type Row } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { unconflicted } from "../unconflicted.js"
import { readAll } from "../view/query.js"
import { member } from "../written.js"
import { facetsOf, hitsOf, locate, readingOf } from "./index.js"
import { type AnyOptions, searchRequest } from "./request.js"
import { orUnavailable } from "./unavailable.js"

export type Given = Collection<unknown, unknown, unknown, unknown> | string
type AnyIndex = Index<unknown, unknown>

type Failure = EncodeError | InvalidIdError | SearchUnavailableError | Rows.RowsError

interface Answer {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  readonly around: Json.JsonObject
  readonly head: Rows.Head
}

const settled = (source: Source<unknown, unknown>, options: AnyOptions): AnyOptions => ({
  ...options,
  includeDocs: options.includeDocs ?? source.bringsDocuments
})

const ask = (
  source: Source<unknown, unknown>,
  index: AnyIndex,
  options: AnyOptions,
  array: string
): Effect.Effect<Answer, Failure, CouchHttp> =>
  Effect.flatMap(
    searchRequest(source.database, index, settled(source, options)),
    (request) =>
      Rows.collect(request, array).pipe(
        Effect.map((answer) => ({ ...answer, request })),
        orUnavailable(index, source.database)
      )
  )

const count = (...candidates: ReadonlyArray<Json.Json | undefined>): number =>
  Number(candidates.find((candidate) => typeof candidate === "number") ?? 0)

const bookmarkOf = (around: Json.JsonObject): Option.Option<string> => {
  const bookmark = Json.get(around, "bookmark")
  return typeof bookmark === "string" ? Option.some(bookmark) : Option.none()
}

export const page = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions
): Effect.Effect<Page<Hit<unknown, unknown>>, DecodeError | Failure, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given)
    const { around, head, request, rows } = yield* ask(source, index, options, hitsOf(index))
    const hits = yield* Effect.flatMap(readAll(request, head, readingOf(index, source), rows), (all) => Either.all(all))
    const relation = Json.get(around, "total_hits_relation")
    return {
      hits,
      totalHits: count(Json.get(around, "total_hits"), Json.get(around, "total_rows")),
      totalIsExact: relation === undefined || relation === null || relation === "EQUAL_TO",
      bookmark: bookmarkOf(around),
      counts: facetsOf(Json.get(around, "counts")),
      ranges: facetsOf(Json.get(around, "ranges"))
    }
  }) as never

interface State {
  readonly bookmark: string | undefined
  readonly left: number
}

/** All hits, a page after the other. A page that is not full is the last, and so is one whose bookmark does not move. */
export const either = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions,
  pageSize: number
): Stream.Stream<Either.Either<Hit<unknown, unknown>, DecodeError>, Failure, CouchHttp> =>
  Stream.unwrap(Effect.map(sourceOf(given), (source) => {
    const start: State = { bookmark: options.bookmark, left: options.limit ?? Infinity }
    return Stream.paginateChunkEffect(start, ({ bookmark, left }) => {
      const limit = Math.min(Math.max(1, Math.floor(pageSize)), left)
      return limit <= 0 ? Effect.succeed([Chunk.empty(), Option.none<State>()] as const) : Effect.gen(function*() {
        const { around, head, request, rows } = yield* ask(
          source,
          index,
          { ...options, bookmark, limit },
          hitsOf(index)
        )
        const next = Option.getOrUndefined(bookmarkOf(around))
        const more = rows.length === limit && left > limit && next !== undefined && next !== bookmark
        return [
          yield* readAll(request, head, readingOf(index, source), rows),
          more ? Option.some<State>({ bookmark: next, left: left - limit }) : Option.none<State>()
        ] as const
      })
    })
  })) as never

const rowOf = (json: Json.Json): Row => ({ text: Json.stringify(json), json: Json.toPlain(json) })

export const groups = (
  given: Given,
  index: AnyIndex,
  options: AnyOptions
): Effect.Effect<Groups<Hit<unknown, unknown>>, DecodeError | Failure, CouchHttp> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given)
    const { around, head, request, rows } = yield* ask(source, index, options, "groups")
    const groups = yield* Effect.forEach(rows, (row) => {
      const group = exact(row)
      const by = member(group, "by")
      const hits = member(group, "rows") ?? member(group, "hits")
      if (!Json.isArray(hits)) return Effect.fail(unexpectedResponse(request, head, "a group without hits"))
      return Effect.map(
        Effect.flatMap(readAll(request, head, readingOf(index, source), hits.map(rowOf)), (all) => Either.all(all)),
        (hits): Group<Hit<unknown, unknown>> => ({
          by: typeof by === "string" ? Option.some(by) : Option.none(),
          totalHits: count(member(group, "total_rows"), member(group, "total_hits")),
          hits
        })
      )
    })
    return { groups, totalHits: count(Json.get(around, "total_rows"), Json.get(around, "total_hits")) }
  }) as never

const execute = <A extends {}>(
  request: CouchRequest,
  engine: AnyIndex["_tag"],
  read: (json: Json.Json) => A | undefined
): Effect.Effect<A, SearchUnavailableError | Rows.RowsError, CouchHttp> =>
  CouchHttp.pipe(
    Effect.flatMap((couch) =>
      unconflicted(executeDecoded(couch, request, (response) =>
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
      const about = member(json, "search_index")
      return Json.isObject(about)
        ? {
          documents: count(Json.get(about, "num_docs"), Json.get(about, "doc_count")),
          diskSize: count(Json.get(about, "disk_size")),
          answer: about
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
    { method: "POST", path, route: path, safe: true, body: Json.stringify({ analyzer, text }) },
    engine,
    (json) => {
      const tokens = member(json, "tokens")
      return Json.isArray(tokens) ? tokens.map(String) : undefined
    }
  )
}
