import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import type { CouchRequest, Service } from "../http/CouchHttp.js"
import { TransportError } from "../http/errors.js"
import { unexpectedResponse } from "../http/responseError.js"
import { RowReader } from "../rows/reader.js"
import type { Row } from "../rows/row.js"
import { sequenceOf } from "../rows/row.js"
import { ended, type Head, isJson, type RowsError } from "../rows/stream.js"
import { type ChangeRow } from "./change.js"
import { lastSequence } from "./change.js"
import { watched } from "./silence.js"

/**
 * Why a request brings no more.
 *
 * - `Answered`: a long poll has its answer
 * - `Broken`: the connection broke, or the server said nothing for too long (`silent`)
 */
export type End =
  | { readonly _tag: "Answered" }
  | { readonly _tag: "Broken"; readonly error: RowsError; readonly silent: boolean }

/**
 * What one pull of a feed brought.
 *
 * - `rows`: changes, maybe none
 * - `sequence`: how far the feed is with them
 * - `end`: why there is no more, if so
 * - `beats`: whether it shows that the connection lives, rather than that it was only just opened
 */
export interface Batch {
  readonly rows: ReadonlyArray<ChangeRow>
  readonly sequence: Option.Option<string>
  readonly end: Option.Option<End>
  readonly beats: boolean
}

/** An open request of a feed: its next batch. */
export type Connection = Effect.Effect<Batch>

/**
 * How a feed is opened.
 *
 * - `silence`: how long the server may say nothing, not even a heartbeat
 * - `plain`: whether its rows have no digits to lose
 */
export interface Opening {
  readonly request: CouchRequest
  readonly silence: Duration.Duration
  readonly plain: boolean
  readonly parse: (row: Row) => ChangeRow | undefined
}

const broken = ({ method, path }: CouchRequest, description: string): TransportError =>
  new TransportError({ method, path, reason: "Body", description })

/** A server may end a feed at any time, with its last sequence or without. */
const serverEnded = (request: CouchRequest): TransportError => broken(request, "the server ended the feed")

const breaks = (error: RowsError, silent = false): Option.Option<End> => Option.some({ _tag: "Broken", error, silent })

const answered: Option.Option<End> = Option.some({ _tag: "Answered" })

/** The changes in some rows. */
const batchOf = (
  { parse, request }: Opening,
  head: Head,
  rows: ReadonlyArray<Row>,
  beats: boolean,
  end: Option.Option<End>
): Batch => {
  const changes: Array<ChangeRow> = []
  let sequence = Option.none<string>()
  for (const row of rows) {
    const last = lastSequence(row)
    if (last !== undefined) {
      return { rows: changes, sequence: Option.some(last), end: breaks(serverEnded(request)), beats }
    }
    const change = parse(row)
    if (change === undefined) {
      const problem = unexpectedResponse(request, head, "a line of the feed is not a change")
      return { rows: changes, sequence, end: breaks(problem), beats }
    }
    changes.push(change)
    if (Option.isSome(change.sequence)) sequence = change.sequence
  }
  return { rows: changes, sequence, end, beats }
}

/**
 * Opens a request, whose connection closes with its scope. A server that says nothing for longer than `silence` counts as
 * gone; only the time in which a consumer waits counts, so that a slow consumer does not look like a dead server.
 *
 * `array` is the member of the response that holds the changes; without it they are the lines of the response. `finish`
 * says what the end of a whole response means.
 */
const open = (
  couch: Service,
  opening: Opening,
  array: string | undefined,
  beats: (pieces: number) => boolean,
  finish: (batch: Batch, around: Json.JsonObject, head: Head) => Batch
): Effect.Effect<Connection, RowsError, Scope> =>
  Effect.gen(function*() {
    const { plain, request, silence } = opening
    const response = yield* conflictAsBadRequest(couch.stream({ ...request, timeout: silence, verify: isJson }))
    const reader = new RowReader(array, plain)
    let rows: Array<Row> = []
    const taken = (): ReadonlyArray<Row> => {
      const all = rows
      rows = []
      return all
    }
    // What is pulled is how many bytes came: no effect holds them, nor their rows.
    const pull = yield* Stream.toPull(Stream.map(response.body, (piece) => {
      reader.push(piece, rows)
      return piece.length
    }))
    // A chunk of nothing is no sign of life.
    const something: typeof pull = Effect.flatMap(
      pull,
      (lengths) => Chunk.some(lengths, (length) => length > 0) ? Effect.succeed(lengths) : something
    )
    let silent = false
    const next = yield* watched(
      something,
      silence,
      () => {
        silent = true
        return Option.some(broken(request, "no heartbeat came"))
      }
    )
    let pieces = 0
    const over = (error: Option.Option<TransportError>): Effect.Effect<Batch> => {
      const last = reader.end(rows)
      const out = taken()
      return Option.match(error, {
        onNone: () =>
          Effect.match(ended(request, response, last), {
            onFailure: (problem) => batchOf(opening, response, out, false, breaks(problem)),
            onSuccess: (around) => {
              const batch = batchOf(opening, response, out, false, Option.none())
              return Option.isSome(batch.end) ? batch : finish(batch, around, response)
            }
          }),
        onSome: (error) => Effect.succeed(batchOf(opening, response, out, false, breaks(error, silent)))
      })
    }
    return next.pipe(
      Effect.map((chunks): Batch => {
        pieces += Chunk.size(chunks)
        return batchOf(opening, response, taken(), beats(pieces), Option.none())
      }),
      Effect.catchAll(over)
    )
  })

/** Opens a continuous feed, whose server shows by heartbeats that it lives. */
export const continuous = (couch: Service, opening: Opening): Effect.Effect<Connection, RowsError, Scope> =>
  open(couch, opening, undefined, (pieces) => pieces > 1, (batch) => ({
    ...batch,
    end: breaks(serverEnded(opening.request))
  }))

/** Opens a long poll, whose answer ends with its last sequence. */
export const longpoll = (couch: Service, opening: Opening): Effect.Effect<Connection, RowsError, Scope> =>
  open(couch, opening, "results", () => false, (batch, around, head) => {
    const last = sequenceOf(Json.get(around, "last_seq"))
    return Option.isSome(last)
      ? { rows: batch.rows, sequence: last, end: answered, beats: true }
      : { ...batch, end: breaks(unexpectedResponse(opening.request, head, "the response has no last_seq")) }
  })
