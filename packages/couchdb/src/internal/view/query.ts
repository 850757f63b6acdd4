import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Stream from "effect/Stream"
import type { Collection } from "../../Collection.js"
import type { DecodeError, EncodeError, InvalidIdError } from "../../CouchError.js"
import type { CouchHttp, CouchRequest } from "../../CouchHttp.js"
import * as Json from "../../Json.js"
import type { AnyOptions, Group, Page, Reduced, Refused, Row as ViewRow, View } from "../../View.js"
import { sequenceOf } from "../changes/change.js"
import { type Source, sourceOf } from "../changes/source.js"
import { failAt } from "../failAt.js"
import { unexpectedResponse } from "../responseError.js"
import * as Pieces from "../rows/pieces.js"
import type { Row } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { nameOf } from "./describe.js"
import { locate, type Parameters, parametersOf, viewRequest } from "./request.js"
import { numberOf, ofReduced, ofView, type Reading } from "./rows.js"

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

/** What each row becomes; one that is no row at all is the server's failure. */
export const made = <A, R>(
  request: CouchRequest,
  head: Rows.Head,
  reading: Reading<A, R>,
  rows: Iterable<Row>
): Pieces.Made<A, Rows.RowsError, R> => {
  const piece = new Pieces.Piece<A, R>()
  for (const row of rows) {
    const problem = reading.problem(row)
    if (problem !== undefined) return failAt((from) => unexpectedResponse(request, { ...head, ...from }, problem))
    if (!reading.concerns(row)) continue
    const known = reading.readNow?.(row)
    if (known !== undefined) piece.add(known)
    else piece.addEffect(reading.read(row))
  }
  return piece.made
}

/** The rows, each with its own error. */
export const readAll = <A, R>(
  request: CouchRequest,
  head: Rows.Head,
  reading: Reading<A, R>,
  rows: Iterable<Row>
): Effect.Effect<Chunk.Chunk<Either.Either<A, DecodeError>>, Rows.RowsError, R> =>
  Pieces.toEithers(made(request, head, reading, rows))

export const toPage = <A, R>(
  request: CouchRequest,
  head: Rows.Head,
  reading: Reading<A, R>,
  rows: ReadonlyArray<Row>,
  around: Json.JsonObject
): Effect.Effect<Page<A>, DecodeError | Rows.RowsError, R> =>
  Effect.map(
    Pieces.toValues(made(request, head, reading, rows)),
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
    ({ around, head, rows }) => toPage(request, head, reading, rows, around)
  )
}

type Streamed<A, E, R> = Stream.Stream<A, E | Rows.RowsError, CouchHttp | R>

/** The rows and what makes them, for a stream of one's choice. */
const rowsOf = <A, R>({ parameters, reading, where }: Prepared<A, R>) => {
  const request = viewRequest(where, parameters)
  return [
    Rows.stream(request, "rows"),
    (rows: Chunk.Chunk<Row>) => made(request, Rows.streamedHead, reading, Chunk.toReadonlyArray(rows))
  ] as const
}

export const either = <A, R>(prepared: Prepared<A, R>): Streamed<Either.Either<A, DecodeError>, never, R> =>
  Pieces.streamEither(...rowsOf(prepared))

export const values = <A, R>(prepared: Prepared<A, R>): Streamed<A, DecodeError, R> =>
  Pieces.stream(...rowsOf(prepared))

export const valid = <A, R>(prepared: Prepared<A, R>): Streamed<A, never, R> => Pieces.streamValid(...rowsOf(prepared))
