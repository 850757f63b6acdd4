import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import type { DecodeError } from "../document/errors.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { TransportError } from "../http/errors.js"
import { failWithServer } from "../http/failWithServer.js"
import { unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import * as Batches from "../rows/batch.js"
import { type Row } from "../rows/row.js"
import { sequenceOf } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { type ChangeRow, changeRow, isLast, toChanges } from "./change.js"
import type { Change, DatabaseOptions, Page } from "./Changes.js"
import { changesRequest, type Feed } from "./request.js"
import type { Source } from "./source.js"

export const requestOf = <D, R>(source: Source<D, R>, feed: Feed, options: DatabaseOptions): CouchRequest =>
  source.feed?.request(feed, options) ??
    changesRequest(source.database, feed, options.includeDocs ?? source.bringsDocuments, options)

/**
 * A request whose timeout allows for headers that arrive only with the first heartbeat, or, from a buffering proxy, at
 * the end of the response.
 */
const requestWithTimeout = <D, R>(source: Source<D, R>, feed: Feed, options: DatabaseOptions): CouchRequest => {
  const request = requestOf(source, feed, options)
  return feed === "normal"
    ? request
    : { ...request, timeout: Duration.sum(options.heartbeat ?? options.timeout ?? "1 minute", "1 minute") }
}

/** Whether the rows of a feed contain no numbers that `JSON.parse` would round: only documents may contain them. */
export const isPlain = <D, R>(source: Source<D, R>, options: DatabaseOptions): boolean =>
  source.feed !== undefined || !(options.includeDocs ?? source.bringsDocuments)

/**
 * Converts rows to changes. A row that is not a change fails as an unexpected response. The row that ends a feed is
 * left out.
 */
export const changesIn = <D, R>(
  request: CouchRequest,
  source: Source<D, R>,
  rows: ReadonlyArray<Row>,
  ends = false,
  head: Rows.Head = Rows.streamedHead
): Batches.BatchOrEffect<Change<D>, Rows.RowsError, R> => {
  const parse = source.feed?.parse ?? changeRow
  const changes: Array<ChangeRow> = []
  for (const row of rows) {
    if (ends && isLast(row)) continue
    const change = parse(row)
    if (change === undefined) {
      return failWithServer((from) => unexpectedResponse(request, { ...head, ...from }, "a row that is not a change"))
    }
    changes.push(change)
  }
  return toChanges(source, changes)
}

export const lastSequenceOf = (
  request: CouchRequest,
  head: Rows.Head,
  around: Json.JsonObject
): Effect.Effect<string, Rows.RowsError> =>
  Option.match(sequenceOf(Json.get(around, "last_seq")), {
    onNone: () => Effect.fail(unexpectedResponse(request, head, "the response has no last_seq")),
    onSome: Effect.succeed
  })

/** The current update sequence of the source. */
export const currentSequence = <D, R>(source: Source<D, R>): Effect.Effect<string, Rows.RowsError, CouchHttp> => {
  const request = requestOf(source, "normal", { since: "now", limit: 1, includeDocs: false })
  return Effect.flatMap(Rows.collect(request, "results"), ({ around, head }) => lastSequenceOf(request, head, around))
}

/** Reads a complete response, of a page or of a long poll. */
export const page = <D, R>(
  source: Source<D, R>,
  feed: Feed,
  options: DatabaseOptions
): Effect.Effect<Page<D>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const request = requestWithTimeout(source, feed, options)
  return Effect.scoped(Effect.gen(function*() {
    const response = yield* Rows.open(request, "results")
    const rows = yield* Stream.runCollect(response.rows)
    const changes = yield* Batches.toValues(
      changesIn(request, source, Chunk.toReadonlyArray(rows), false, response.head)
    )
    const around = yield* response.around
    const lastSequence = yield* lastSequenceOf(request, response.head, around)
    const pending = Json.get(around, "pending")
    return { changes, lastSequence, pending: typeof pending === "number" ? Option.some(pending) : Option.none() }
  }))
}

/** The rows of a feed, and the function that converts a batch of them to changes. */
export type Read<D, R> = readonly [
  rows: Stream.Stream<Row, Rows.RowsError, CouchHttp>,
  make: (rows: Chunk.Chunk<Row>) => Batches.BatchOrEffect<Change<D>, Rows.RowsError, R>
]

/** Reads the existing changes. */
export const normal = <D, R>(source: Source<D, R>, options: DatabaseOptions): Read<D, R> => {
  const request = requestOf(source, "normal", options)
  return [
    Rows.stream(request, "results", isPlain(source, options)),
    (rows) => changesIn(request, source, Chunk.toReadonlyArray(rows))
  ]
}

/** Reads the changes of one connection as they happen, until the server sends the last sequence. */
export const continuous = <D, R>(source: Source<D, R>, options: DatabaseOptions): Read<D, R> => {
  const request = requestWithTimeout(source, "continuous", options)
  const rows = Stream.unwrapScoped(Effect.gen(function*() {
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.stream({ ...request, verify: Rows.isJson }))
    return Rows.sequence(request, response, isPlain(source, options)).pipe(
      Stream.concat(Stream.fail(withoutLastSequence(request, response))),
      Stream.takeUntil(isLast)
    )
  }))
  return [rows, (rows) => changesIn(request, source, Chunk.toReadonlyArray(rows), true)]
}

export const continuousEither = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions
): Stream.Stream<Either.Either<Change<D>, DecodeError>, Rows.RowsError, CouchHttp | R> =>
  Batches.streamEither(...continuous(source, options))

const withoutLastSequence = ({ method, path }: CouchRequest, response: FromServer): TransportError =>
  new TransportError({
    ...serverOf(response),
    method,
    path,
    reason: "Body",
    description: "the feed ended without its last sequence"
  })
