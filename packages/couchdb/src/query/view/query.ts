import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import type { Collection } from "../../document/Collection.js"
import type { DecodeError, EncodeError } from "../../document/errors.js"
import type { IdSpan } from "../../document/idRange.js"
import type { CouchHttp, CouchRequest } from "../../http/CouchHttp.js"
import { failWithServer } from "../../http/failWithServer.js"
import { unexpectedResponse } from "../../http/responseError.js"
import * as Batches from "../../rows/batch.js"
import type { Row } from "../../rows/row.js"
import { sequenceOf } from "../../rows/row.js"
import { type Source, sourceOf } from "../../rows/source.js"
import * as Rows from "../../rows/stream.js"
import type { AnyOptions, Group, Page, Place, Reduced, Refused, Row as ViewRow, View } from "../View.js"
import { nameOf } from "./definition.js"
import { locate, type Parameters, parametersOf, viewRequest } from "./request.js"
import { numberOf, ofReduced, ofView, type Reading } from "./rows.js"
import * as Scans from "./scan.js"
import { scannedOf, startOf } from "./start.js"

export type Given = Collection<unknown, unknown, unknown, unknown> | string
export type AnyView = View<unknown, unknown, unknown> | Reduced<unknown, unknown, unknown>
export type Out = ViewRow<unknown, unknown, unknown> | Group<unknown, unknown> | Refused

/**
 * Who counts the rows of a collection for `limit` and `skip`: the server, if the range contains only its rows; the
 * server, if the range contains only design documents besides; otherwise the client, which checks each row.
 */
type Counting = "server" | "server, with designs" | "client"

/** A validated query: its path, its parameters, and the decoder of its rows. */
export interface Prepared<A, R> {
  readonly where: Pick<CouchRequest, "path" | "route" | "database">
  readonly place: Place
  readonly parameters: Parameters
  readonly reading: Reading<A, R>
  readonly counting: Counting
  /** Whether the view contains rows of other documents, so that the server's counts do not apply to the collection. */
  readonly isPart: boolean
  readonly skip: number
  readonly limit: number | undefined
}

const countingOf = (span: IdSpan | undefined, view: AnyView, options: AnyOptions<unknown>): Counting => {
  if (span === undefined || view._tag === "Reduced") return "server"
  switch (view.place._tag) {
    case "DesignDocs":
    case "LocalDocs":
      return "server"
    case "Design":
      return isWhole(span) ? "server" : "client"
    case "AllDocs":
      // Keys outside the collection are not requested, and partitions contain no design documents.
      if (options.keys !== undefined || (span.exact && (!span.designs || options.partition !== undefined))) {
        return "server"
      }
      return span.exact ? "server, with designs" : "client"
  }
}

/** Whether every document belongs to the collection. */
const isWhole = ({ exact, prefix }: IdSpan): boolean => exact && prefix === ""

const isCount = (count: number | undefined): boolean =>
  count === undefined || (Number.isSafeInteger(count) && count >= 0)

/** Whether to include documents: by default for a collection, never for a reduced view. */
const includesDocuments = (source: Source<unknown, unknown>, view: AnyView, options: AnyOptions<unknown>) =>
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

/** The options as they are sent. CouchDB requires `group` for several keys of a reduced view. */
const withDefaults = (
  source: Source<unknown, unknown>,
  view: AnyView,
  options: AnyOptions<unknown>
): AnyOptions<unknown> => ({
  ...options,
  includeDocs: includesDocuments(source, view, options),
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
    const { concerns, span } = source
    const parameters = yield* parametersOf(
      source.database,
      view.place,
      view.key,
      withDefaults(source, view, options),
      reduced,
      span === undefined ? undefined : { span, concerns }
    )
    return {
      where,
      place: view.place,
      parameters,
      reading: readingOf(source, view, options),
      counting: countingOf(span, view, options),
      isPart: span !== undefined && !isWhole(span) && !reduced &&
        (view.place._tag === "AllDocs" || view.place._tag === "Design"),
      skip: options.skip ?? 0,
      limit: options.limit === Infinity ? undefined : options.limit
    }
  })

/** Decodes rows. An element that is not a row fails as an unexpected response. */
export const decodeRows = <A, R>(
  request: CouchRequest,
  reading: Reading<A, R>,
  rows: Iterable<Row>
): Batches.BatchOrEffect<A, Rows.RowsError, R> => {
  const batch = new Batches.RowBatch<A, R>()
  for (const row of rows) {
    const problem = reading.problem(row)
    if (problem !== undefined) {
      return failWithServer((from) => unexpectedResponse(request, { ...Rows.streamedHead, ...from }, problem))
    }
    if (!reading.concerns(row)) continue
    const decoded = reading.readSync?.(row)
    if (decoded !== undefined) batch.add(decoded)
    else batch.addEffect(reading.read(row))
  }
  return batch.made
}

/** Decodes rows, each to its own `Either`. */
export const readAll = <A, R>(
  request: CouchRequest,
  reading: Reading<A, R>,
  rows: Iterable<Row>
): Effect.Effect<Chunk.Chunk<Either.Either<A, DecodeError>>, Rows.RowsError, R> =>
  Batches.toEithers(decodeRows(request, reading, rows))

export const toPage = <A, R>(
  request: CouchRequest,
  { isPart, reading }: Pick<Prepared<A, R>, "isPart" | "reading">,
  rows: ReadonlyArray<Row>,
  around: Json.JsonObject
): Effect.Effect<Page<A>, DecodeError | Rows.RowsError, R> =>
  Effect.map(
    Batches.toValues(decodeRows(request, reading, rows)),
    (rows) => ({
      rows,
      totalRows: isPart ? Option.none() : numberOf(Json.get(around, "total_rows")),
      offset: isPart ? Option.none() : numberOf(Json.get(around, "offset")),
      updateSequence: sequenceOf(Json.get(around, "update_seq"))
    })
  )

/** Whether `limit` and `skip` are valid counts. If not, the server rejects them. */
export const isCountable = ({ limit, skip }: Prepared<unknown, unknown>): boolean => isCount(limit) && isCount(skip)

/** Whether one request is enough: the server counts correctly, or rejects the counts. */
export const isDirect = (prepared: Prepared<unknown, unknown>): boolean =>
  prepared.counting === "server" || (prepared.limit === undefined && prepared.skip === 0) || prepared.limit === 0 ||
  !isCountable(prepared)

export const page = <A, R>(
  prepared: Prepared<A, R>
): Effect.Effect<Page<A>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  if (!isDirect(prepared)) {
    return Effect.gen(function*() {
      const start = yield* startOf(prepared)
      const { around, request, rows } = yield* Scans.collect(
        new Scans.Scan(scannedOf(prepared), start, prepared.limit ?? Infinity)
      )
      return yield* toPage(request, prepared, rows, around)
    })
  }
  const request = viewRequest(prepared.where, prepared.parameters)
  return Effect.flatMap(
    Rows.collect(request, "rows"),
    ({ around, rows }) => toPage(request, prepared, rows, around)
  )
}

type Streamed<A, E, R> = Stream.Stream<A, E | Rows.RowsError, CouchHttp | R>

/** The rows, and the function that decodes a batch of them. */
const rowsOf = <A, R>(prepared: Prepared<A, R>) => {
  const request = viewRequest(prepared.where, prepared.parameters)
  return [
    isDirect(prepared)
      ? Rows.stream(request, "rows")
      : Stream.unwrap(Effect.map(
        startOf(prepared),
        (start) => Scans.stream(new Scans.Scan(scannedOf(prepared), start, prepared.limit ?? Infinity))
      )),
    (rows: Chunk.Chunk<Row>) => decodeRows(request, prepared.reading, Chunk.toReadonlyArray(rows))
  ] as const
}

export const either = <A, R>(prepared: Prepared<A, R>): Streamed<Either.Either<A, DecodeError>, never, R> =>
  Batches.streamEither(...rowsOf(prepared))

export const values = <A, R>(prepared: Prepared<A, R>): Streamed<A, DecodeError, R> =>
  Batches.stream(...rowsOf(prepared))

export const valid = <A, R>(prepared: Prepared<A, R>): Streamed<A, never, R> => Batches.streamValid(...rowsOf(prepared))
