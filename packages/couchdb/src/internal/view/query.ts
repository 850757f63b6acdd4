import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { Collection } from "../../Collection.js"
import type { DecodeError, EncodeError, InvalidIdError } from "../../CouchError.js"
import type { CouchHttp, CouchRequest } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import type { AnyOptions, Group, Page, Reduced, Refused, Row as ViewRow, View } from "../../View.js"
import { sequenceOf } from "../changes/change.js"
import { type Source, sourceOf } from "../changes/source.js"
import { notCouch } from "../notCouch.js"
import type { Row } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { nameOf } from "./describe.js"
import { locate, type Parameters, parametersOf, viewRequest } from "./request.js"
import { eitherOf, numberOf, ofReduced, ofView, type Reading } from "./rows.js"

export type Given = Collection<unknown, unknown, unknown, unknown> | string
export type AnyView = View<unknown, unknown, unknown> | Reduced<unknown, unknown, unknown>
export type Out = ViewRow<unknown, unknown, unknown> | Group<unknown, unknown> | Refused

/** A query that is ready to go: where, with what, and what is made of its rows. */
export interface Prepared<A, R> {
  readonly where: Pick<CouchRequest, "path" | "route" | "database">
  readonly parameters: Parameters
  readonly reading: Reading<A, R>
}

/** A collection's rows bring its documents, unless said otherwise. No reduced row has a document. */
const included = (source: Source<unknown, unknown>, view: AnyView, options: AnyOptions<unknown>) =>
  view._tag === "View" &&
  (options.includeDocs ?? (source.bringsDocuments && (view.place._tag === "AllDocs" || view.place._tag === "Design")))

const readingOf = (
  source: Source<unknown, unknown>,
  view: AnyView,
  options: AnyOptions<unknown>
): Reading<Out, unknown> =>
  view._tag === "View"
    ? ofView(view, source)
    : ofReduced(
      view,
      source.database,
      nameOf(view.place),
      options.group === true || (options.groupLevel ?? 0) > 0 || options.keys !== undefined
    )

/** The options as they go out: many keys of a reduced view are asked for by group, or CouchDB refuses them. */
const settled = (
  source: Source<unknown, unknown>,
  view: AnyView,
  options: AnyOptions<unknown>
): AnyOptions<unknown> => ({
  ...options,
  includeDocs: included(source, view, options),
  ...(view._tag === "Reduced" && options.keys !== undefined && { group: true })
})

export const prepare = (
  given: Given,
  view: AnyView,
  options: AnyOptions<unknown>
): Effect.Effect<Prepared<Out, unknown>, EncodeError | InvalidIdError, unknown> =>
  Effect.gen(function*() {
    const source = yield* sourceOf(given)
    const where = yield* locate(source.database, view.place, options.partition)
    const reduced = view._tag === "Reduced"
    const parameters = yield* parametersOf(
      source.database,
      view.place,
      view.key,
      settled(source, view, options),
      reduced
    )
    return { where, parameters, reading: readingOf(source, view, options) }
  })

/** The rows, each with its own error; one that is no row at all is the server's failure. */
export const readAll = <A, R>(
  request: CouchRequest,
  reading: Reading<A, R>,
  rows: Iterable<Row>
): Effect.Effect<Chunk.Chunk<Either.Either<A, DecodeError>>, Rows.RowsError, R> => {
  const ready: Array<Either.Either<A, DecodeError>> = []
  const all: Array<Effect.Effect<A, DecodeError, R>> = []
  for (const row of rows) {
    const problem = reading.problem(row)
    if (problem !== undefined) return Effect.fail(notCouch(request, 200, problem))
    if (!reading.concerns(row)) continue
    const one = reading.read(row)
    const either = eitherOf(one)
    if (either !== undefined) ready.push(either)
    all.push(one)
  }
  // What needed no effect is there already.
  return Effect.map(
    ready.length === all.length ? Effect.succeed(ready) : Effect.forEach(all, (one) => Effect.either(one)),
    Chunk.unsafeFromArray
  )
}

export const toPage = <A, R>(
  request: CouchRequest,
  reading: Reading<A, R>,
  rows: ReadonlyArray<Row>,
  around: Json.JsonObject
): Effect.Effect<Page<A>, DecodeError | Rows.RowsError, R> =>
  Effect.map(
    Effect.flatMap(readAll(request, reading, rows), (all) => Either.all(all)),
    (rows) => ({
      rows,
      totalRows: numberOf(Json.get(around, "total_rows")),
      offset: numberOf(Json.get(around, "offset")),
      updateSequence: sequenceOf(Json.get(around, "update_seq"))
    })
  )

export const page = <A, R>(
  { parameters, reading, where }: Prepared<A, R>
): Effect.Effect<Page<A>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const request = viewRequest(where, parameters)
  return Effect.flatMap(
    Rows.collect(request, "rows"),
    ({ around, rows }) => toPage(request, reading, rows, around)
  )
}

export const either = <A, R>(
  { parameters, reading, where }: Prepared<A, R>
): Stream.Stream<Either.Either<A, DecodeError>, Rows.RowsError, CouchHttp | R> => {
  const request = viewRequest(where, parameters)
  return Stream.mapChunksEffect(Rows.stream(request, "rows"), (rows) => readAll(request, reading, rows))
}
