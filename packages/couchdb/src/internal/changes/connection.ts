import * as Chunk from "effect/Chunk"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { TransportError } from "../../CouchError.js"
import type { CouchRequest, FromServer, Service } from "../../CouchHttp.js"
import { serverOf } from "../failAt.js"
import { unexpectedResponse } from "../responseError.js"
import { RowReader } from "../rows/reader.js"
import type { Row } from "../rows/row.js"
import { ended, type Head, isJson, type RowsError } from "../rows/stream.js"
import { unconflicted } from "../unconflicted.js"
import { type ChangeRow, changeRow } from "./change.js"
import { lastSequence } from "./feeds.js"
import { watched } from "./watched.js"

/**
 * What one piece of a feed told.
 *
 * - `rows`: changes, maybe none
 * - `sequence`: how far the feed is with them
 * - `end`: why there is no more, if so
 * - `beats`: whether it shows that the connection lives, rather than that it was only just opened
 */
export interface Told {
  readonly rows: ReadonlyArray<ChangeRow>
  readonly sequence: Option.Option<string>
  readonly end: Option.Option<RowsError>
  readonly beats: boolean
}

/** An open request of a continuous feed: what its next piece tells. */
export type Connection = Effect.Effect<Told>

const read = (
  request: CouchRequest,
  head: Head,
  rows: ReadonlyArray<Row>,
  end: Option.Option<RowsError>,
  beats: boolean,
  parse: (row: Row) => ChangeRow | undefined
): Told => {
  const changes: Array<ChangeRow> = []
  let sequence = Option.none<string>()
  for (const row of rows) {
    const last = lastSequence(row)
    if (last !== undefined) {
      return { rows: changes, sequence: Option.some(last), end: Option.some(theEnd(request, head)), beats }
    }
    const change = parse(row)
    if (change === undefined) {
      const problem = unexpectedResponse(request, head, "a line of the feed is not a change")
      return { rows: changes, sequence, end: Option.some(problem), beats }
    }
    changes.push(change)
    if (Option.isSome(change.sequence)) sequence = change.sequence
  }
  return { rows: changes, sequence, end, beats }
}

const broken = ({ method, path }: CouchRequest, response: FromServer, description: string): TransportError =>
  new TransportError({ ...serverOf(response), method, path, reason: "Body", description })

/** A server may end a feed at any time, with its last sequence or without. */
const theEnd = (request: CouchRequest, response: FromServer): TransportError =>
  broken(request, response, "the server ended the feed")

/**
 * Opens a feed, which closes with its scope. A server that says nothing for longer than `silence`, not even a heartbeat,
 * counts as gone; only the time in which somebody waits for it counts, so that a slow consumer does not look like a dead
 * server.
 */
export const connect = (
  couch: Service,
  request: CouchRequest,
  silence: Duration.Duration,
  plain: boolean,
  parse: (row: Row) => ChangeRow | undefined = changeRow
): Effect.Effect<Connection, RowsError, Scope> =>
  Effect.gen(function*() {
    const response = yield* unconflicted(couch.stream({ ...request, verify: isJson }))
    const reader = new RowReader(undefined, plain)
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
    const next = yield* watched(
      something,
      silence,
      () => Option.some(broken(request, response, "no heartbeat came"))
    )
    let pieces = 0
    const over = (error: Option.Option<TransportError>): Effect.Effect<Told> => {
      const last = reader.end(rows)
      const out = taken()
      const why = Option.match(error, {
        onNone: () =>
          Effect.match(ended(request, response, last), {
            onFailure: (problem): RowsError => problem,
            onSuccess: (): RowsError => theEnd(request, response)
          }),
        onSome: (error) => Effect.succeed<RowsError>(error)
      })
      return Effect.map(why, (end) => read(request, response, out, Option.some(end), false, parse))
    }
    return next.pipe(
      Effect.map((chunks): Told => {
        pieces += Chunk.size(chunks)
        return read(request, response, taken(), Option.none(), pieces > 1, parse)
      }),
      Effect.catchAll(over)
    )
  })
