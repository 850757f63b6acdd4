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
import { withIdleTimeout } from "./idleTimeout.js"

/**
 * Why a request has ended.
 *
 * - `Complete`: a long poll is complete
 * - `Broken`: the connection broke, or the server sent nothing for too long (`silent`)
 */
export type End =
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Broken"; readonly error: RowsError; readonly silent: boolean }

/**
 * The result of one pull.
 *
 * - `rows`: the changes, possibly none
 * - `sequence`: the sequence after them
 * - `end`: why the request has ended, if it has
 * - `beats`: whether the connection has proved to be alive; opening it is not enough
 */
export interface Batch {
  readonly rows: ReadonlyArray<ChangeRow>
  readonly sequence: Option.Option<string>
  readonly end: Option.Option<End>
  readonly beats: boolean
}

/** Pulls the next batch of an open request. */
export type Connection = Effect.Effect<Batch>

/**
 * How a feed is opened.
 *
 * - `silence`: the maximum time without any byte from the server, heartbeats included
 * - `plain`: whether rows contain no numbers that `JSON.parse` would round
 */
export interface Opening {
  readonly request: CouchRequest
  readonly silence: Duration.Duration
  readonly plain: boolean
  readonly parse: (row: Row) => ChangeRow | undefined
}

const broken = ({ method, path }: CouchRequest, description: string): TransportError =>
  new TransportError({ method, path, reason: "Body", description })

/** A server may end a feed at any time, with or without a last sequence. */
const serverEnded = (request: CouchRequest): TransportError => broken(request, "the server ended the feed")

const brokenEnd = (error: RowsError, silent = false): Option.Option<End> =>
  Option.some({ _tag: "Broken", error, silent })

const completeEnd: Option.Option<End> = Option.some({ _tag: "Complete" })

/** Parses rows into a batch of changes. */
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
      return { rows: changes, sequence: Option.some(last), end: brokenEnd(serverEnded(request)), beats }
    }
    const change = parse(row)
    if (change === undefined) {
      const problem = unexpectedResponse(request, head, "a line of the feed is not a change")
      return { rows: changes, sequence, end: brokenEnd(problem), beats }
    }
    changes.push(change)
    if (Option.isSome(change.sequence)) sequence = change.sequence
  }
  return { rows: changes, sequence, end, beats }
}

/**
 * Opens a request, whose connection closes with its scope. A server that sends nothing for longer than `silence` counts
 * as gone. Only time in which the consumer waits counts, so a slow consumer is not mistaken for a dead server.
 *
 * `array` is the member of the response that contains the changes; without it, each line of the response is a change.
 * `finish` completes the last batch of a whole response.
 */
const open = (
  couch: Service,
  opening: Opening,
  array: string | undefined,
  beats: (chunkCount: number) => boolean,
  finish: (batch: Batch, around: Json.JsonObject, head: Head) => Batch
): Effect.Effect<Connection, RowsError, Scope> =>
  Effect.gen(function*() {
    const { plain, request, silence } = opening
    const response = yield* conflictAsBadRequest(couch.stream({ ...request, timeout: silence, verify: isJson }))
    const reader = new RowReader(array, plain)
    let rows: Array<Row> = []
    const takeRows = (): ReadonlyArray<Row> => {
      const all = rows
      rows = []
      return all
    }
    // Pulls only the number of bytes, so that no effect retains the chunks or their rows.
    const pull = yield* Stream.toPull(Stream.map(response.body, (chunk) => {
      reader.push(chunk, rows)
      return chunk.length
    }))
    // An empty chunk is not a sign of life.
    const pullBytes: typeof pull = Effect.flatMap(
      pull,
      (lengths) => Chunk.some(lengths, (length) => length > 0) ? Effect.succeed(lengths) : pullBytes
    )
    let silent = false
    const next = yield* withIdleTimeout(
      pullBytes,
      silence,
      () => {
        silent = true
        return Option.some(broken(request, "no heartbeat arrived"))
      }
    )
    let chunkCount = 0
    const finishWith = (error: Option.Option<TransportError>): Effect.Effect<Batch> => {
      const last = reader.end(rows)
      const out = takeRows()
      return Option.match(error, {
        onNone: () =>
          Effect.match(ended(request, response, last), {
            onFailure: (problem) => batchOf(opening, response, out, false, brokenEnd(problem)),
            onSuccess: (around) => {
              const batch = batchOf(opening, response, out, false, Option.none())
              return Option.isSome(batch.end) ? batch : finish(batch, around, response)
            }
          }),
        onSome: (error) => Effect.succeed(batchOf(opening, response, out, false, brokenEnd(error, silent)))
      })
    }
    return next.pipe(
      Effect.map((chunks): Batch => {
        chunkCount += Chunk.size(chunks)
        return batchOf(opening, response, takeRows(), beats(chunkCount), Option.none())
      }),
      Effect.catchAll(finishWith)
    )
  })

/** Opens a continuous feed, on which the server sends heartbeats. */
export const continuous = (couch: Service, opening: Opening): Effect.Effect<Connection, RowsError, Scope> =>
  open(couch, opening, undefined, (chunkCount) => chunkCount > 1, (batch) => ({
    ...batch,
    end: brokenEnd(serverEnded(opening.request))
  }))

/** Opens a long poll, whose response ends with its last sequence. */
export const longpoll = (couch: Service, opening: Opening): Effect.Effect<Connection, RowsError, Scope> =>
  open(couch, opening, "results", () => false, (batch, around, head) => {
    const last = sequenceOf(Json.get(around, "last_seq"))
    return Option.isSome(last)
      ? { rows: batch.rows, sequence: last, end: completeEnd, beats: true }
      : { ...batch, end: brokenEnd(unexpectedResponse(opening.request, head, "the response has no last_seq")) }
  })
