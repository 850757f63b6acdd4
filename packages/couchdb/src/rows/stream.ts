import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { type NotFoundError, type RequestError, TransportError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { fromResponse, isIdentified, type Reply, unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import * as Transport from "../http/Transport.js"
import { type End, RowReader } from "./reader.js"
import { member, type Row } from "./row.js"

export type RowsError = NotFoundError | RequestError

/**
 * A response whose rows are pulled.
 *
 * - `rows`: to be run once; it reads the body only as far as rows are pulled
 * - `around`: the other members of the response, such as `total_rows` or `bookmark`; available after the last row, and
 *   fails if `rows` fails
 * - `head`: the response without its body
 */
export interface RowsResponse {
  readonly rows: Stream.Stream<Row, RowsError>
  readonly around: Effect.Effect<Json.JsonObject, RowsError>
  readonly head: Head
}

/** A response without its body. */
export type Head = Omit<Reply, "body">

/** Fails if the response did not end as expected. */
export const ended = (request: CouchRequest, head: Head, end: End): Effect.Effect<Json.JsonObject, RowsError> => {
  switch (end._tag) {
    case "Whole":
      return Either.match(Json.parse(end.around), {
        onLeft: () => Effect.fail(unexpectedResponse(request, head, "the text around the rows is not JSON")),
        onRight: (json) => Effect.succeed(Json.isObject(json) ? json : {})
      })
    case "Refused":
      return Effect.fail(lateError(request, head, end.error)).pipe(conflictAsBadRequest)
    case "Cut":
      return Effect.fail(
        new TransportError({
          ...serverOf(head),
          method: request.method,
          path: request.path,
          reason: "Body",
          description: "it ended before its last row"
        })
      )
    case "Unexpected":
      return Effect.fail(unexpectedResponse(request, head, end.problem))
  }
}

/** The head to report with an invalid row of a streamed response, which no longer has the real one. */
export const streamedHead: Head = { status: 200, headers: {} }

const headOf = ({ headers, server, status }: Head): Head => ({ headers, server, status })

/** The error that CouchDB reports after it sent the status. Its `code` replaces the status. */
const lateError = (request: CouchRequest, { headers, server }: Head, error: unknown) => {
  const code = member(error, "code")
  const status = typeof code === "number" && code >= 400 && code < 600 ? code : 500
  return fromResponse(request, { status, headers, server, body: JSON.stringify(error) })
}

/** The rows of a body. Each chunk of bytes that completes rows becomes a chunk of rows. */
const read = (
  request: CouchRequest,
  response: Transport.StreamedResponse & FromServer,
  array: string | undefined,
  plain: boolean,
  onEnd: (around: Json.JsonObject) => Effect.Effect<unknown>
): Stream.Stream<Row, RowsError> => {
  type Rows = Channel.Channel<Chunk.Chunk<Row>, Chunk.Chunk<Uint8Array>, RowsError, TransportError, void>
  const rows = Channel.suspend((): Rows => {
    const reader = new RowReader(array, plain)
    const write = (out: Array<Row>): Rows => out.length === 0 ? Channel.void : Channel.write(Chunk.unsafeFromArray(out))
    const loop: Rows = Channel.readWithCause({
      onInput: (pieces: Chunk.Chunk<Uint8Array>): Rows => {
        const out: Array<Row> = []
        for (const piece of pieces) reader.push(piece, out)
        return Channel.zipRight(write(out), loop)
      },
      onFailure: Channel.failCause,
      onDone: (): Rows => {
        const out: Array<Row> = []
        const end = reader.end(out)
        return Channel.zipRight(
          write(out),
          Channel.fromEffect(Effect.asVoid(Effect.flatMap(ended(request, response, end), onEnd)))
        )
      }
    })
    return loop
  })
  return Stream.fromChannel(Channel.pipeTo(Stream.toChannel(response.body), rows))
}

/** Whether the headers of a streamed response are compatible with JSON from CouchDB. */
export const isJson: NonNullable<CouchRequest["verify"]> = ({ headers }) =>
  isIdentified(headers) || !/html|xml/i.test(headers["content-type"] ?? "") ? undefined : "the response is not JSON"

/**
 * Sends the request, and returns the rows of its response as they arrive. `array` is the member that holds them:
 * `rows`, `results` or `docs`. Closing the scope closes the request. `plain` rows are exactly what `JSON.parse`
 * returns.
 */
export const open = (
  request: CouchRequest,
  array: string,
  plain = false
): Effect.Effect<RowsResponse, RowsError, CouchHttp | Scope> =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.stream({ ...request, verify: isJson }))
    const around = yield* Deferred.make<Json.JsonObject, RowsError>()
    // A fiber that awaits `around` must not wait forever if the rows are not read to their end.
    yield* Effect.addFinalizer(() =>
      Deferred.fail(
        around,
        new TransportError({
          ...serverOf(response),
          method: request.method,
          path: request.path,
          reason: "Body",
          description: "the request was closed before its last row"
        })
      )
    )
    return {
      rows: Stream.tapErrorCause(
        read(request, response, array, plain, (members) => Deferred.succeed(around, members)),
        (cause) => Deferred.failCause(around, cause)
      ),
      around: Deferred.await(around),
      head: headOf(response)
    }
  })

/** The rows of a response in constant memory. The request is sent when the stream starts, and closed when it ends. */
export const stream = (
  request: CouchRequest,
  array: string,
  plain = false
): Stream.Stream<Row, RowsError, CouchHttp> =>
  Stream.unwrapScoped(Effect.map(open(request, array, plain), ({ rows }) => rows))

/** A sequence of consecutive values, such as the lines of a continuous feed. */
export const sequence = (
  request: CouchRequest,
  response: Transport.StreamedResponse & FromServer,
  plain = false
): Stream.Stream<Row, RowsError> => read(request, response, undefined, plain, () => Effect.void)

/** All rows of a small response and its other members: one page. `check` reports a problem with the rows. */
export const collect = (
  request: CouchRequest,
  array: string,
  check: (rows: ReadonlyArray<Row>) => string | undefined = () => undefined
): Effect.Effect<
  { readonly rows: ReadonlyArray<Row>; readonly around: Json.JsonObject; readonly head: Head },
  RowsError,
  CouchHttp
> =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp
    const { end, head, rows } = yield* conflictAsBadRequest(executeDecoded(couch, request, (response, server) => {
      const reader = new RowReader(array)
      const rows: Array<Row> = []
      reader.push(Transport.bytes(response), rows)
      const end = reader.end(rows)
      const problem = end._tag === "Unexpected" ? end.problem : end._tag === "Whole" ? check(rows) : undefined
      return problem === undefined
        ? Either.right({ end, head: headOf({ ...response, server }), rows })
        : Either.left(problem)
    }))
    return { rows, around: yield* ended(request, head, end), head }
  })
