import { TransportError } from "effect-couchdb/CouchError"
import * as Json from "effect-couchdb/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import * as Feeds from "../http/openFeed.js"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { Position } from "../storage/sequences.js"
import * as Sequences from "../storage/sequences.js"
import * as Watchers from "../storage/watchers.js"
import type { Feed, Query } from "./query.js"
import * as ChangesQuery from "./query.js"
import type { Row } from "./rows.js"
import * as ChangesRows from "./rows.js"

const normalFeed = ({ database, request, server }: DatabaseContext, query: Query): CheckedReply => {
  const etag = Response.etagOf(Sequences.encode(database, Sequences.now(database)))
  const reply = Response.unlessMatched(request, etag, (): CheckedReply =>
    Either.map(
      ChangesRows.read(database, server.node.arrival, query, query.since, query.limit, Infinity),
      ({ pending, position, rows }) =>
        Response.text(
          200,
          `{"results":[\n${rows.map(({ text }) => text).join(",\r\n")}\n],\n"last_seq":${
            print(Sequences.encode(database, position))
          },"pending":${pending}}\n`,
          { etag }
        )
    ))
  return Either.isEither(reply) ? reply : Either.right(reply)
}

/** The progress of a feed. */
interface Progress {
  readonly position: Position
  /** The position of the database at the last read. */
  readonly seen: Position
  readonly limit: number
  readonly pending: number
  /** Whether anything was sent yet. */
  readonly begun: boolean
}

const eventSource = ({ seq, text }: Row): string => `data: ${text}\nid: ${print(seq)}\n\n`

const printRows = (feed: Feed, rows: ReadonlyArray<Row>): string =>
  feed === "continuous"
    ? rows.map(({ text }) => `${text}\n`).join("")
    : feed === "eventsource"
    ? rows.map(eventSource).join("")
    : rows.map(({ text }) => text).join(",\r\n")

const printEnd = (feed: Feed, lastSeq: string, pending: number): string => {
  const members = `"last_seq":${print(lastSeq)},"pending":${pending}}\n\n`
  return feed === "continuous" ? `{${members}` : feed === "eventsource" ? "" : `\n],\n${members}`
}

// Rows are sent in batches, so that a feed never holds more than one batch.
const batchSize = 200

/** The error of a filter that fails after the feed has begun. */
const feedError = ({ request }: DatabaseContext): TransportError =>
  new TransportError({
    method: request.method,
    path: request.path,
    reason: "Body",
    description: "the filter of the feed failed"
  })

const openFeed = (context: DatabaseContext, query: Query): CheckedReply => {
  const { database, server } = context
  const { descending, feed, idle } = query
  const read = (state: Progress): Checked<Feeds.Batch<Progress>> => {
    // A long poll is one array, so it reads everything at once.
    const maxRows = feed === "longpoll" || descending ? Infinity : batchSize
    const batch = ChangesRows.read(database, server.node.arrival, query, state.position, state.limit, maxRows)
    return Either.map(batch, ({ done, pending, position, rows }) => {
      const limit = state.limit - rows.length
      const ends = (descending && pending <= 0) ||
        (feed === "longpoll" ? rows.length > 0 : limit <= 0)
      const quiet = !ends && rows.length === 0 && !state.begun
      return {
        text: quiet ? "\n" : printRows(feed, rows) + (ends && feed === "eventsource" ? "\n" : ""),
        state: { position, seen: Sequences.now(database), limit, pending, begun: true },
        more: ends ? "never" : done || limit <= 0 ? "later" : "now"
      }
    })
  }
  const initial: Progress = { position: query.since, seen: query.since, limit: query.limit, pending: 0, begun: false }
  const moved = ({ seen }: Progress): boolean => database.shards.some(({ seq }, i) => seq > (seen[i] ?? 0))
  const feedFrom = (initialBatch: Feeds.Batch<Progress>) => {
    let first: Feeds.Batch<Progress> | undefined = initialBatch
    return Feeds.run<Progress>({
      initial,
      read: (state) => {
        const known = first
        first = undefined
        return known === undefined ? Either.mapLeft(read(state), () => feedError(context)) : Effect.succeed(known)
      },
      wait: (state) =>
        Effect.map(
          Watchers.next(database.watchers, () => database.dropped || moved(state)),
          () => !database.dropped
        ),
      idle,
      wakeText: () => feed === "eventsource" ? "event: heartbeat\ndata: \n\n" : "\n",
      end: ({ pending, position }) => printEnd(feed, Sequences.encode(database, position), pending)
    })
  }
  // A filter that fails on the first rows gives an error response.
  return Either.map(read(initial), (first) => ({
    status: 200,
    headers: feed === "eventsource"
      ? { "cache-control": "no-cache", "content-type": "text/event-stream" }
      : { "cache-control": "must-revalidate", "content-type": "application/json" },
    body: feed === "longpoll" ? "{\"results\":[\n" : "",
    rest: feedFrom(first)
  }))
}

const changes = (context: DatabaseContext, body: Json.JsonObject | undefined): CheckedReply =>
  Either.flatMap(
    ChangesQuery.parse(context, body),
    (query) => query.feed === "normal" ? normalFeed(context, query) : openFeed(context, query)
  )

const post = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    if (Req.hasBody(context.request) && Req.bodyLength(context.request) === 0) return yield* changes(context, undefined)
    const body = yield* Req.json(context.request)
    if (!Json.isObject(body)) return yield* badRequest("Request body must be a JSON object")
    return yield* changes(context, body)
  })

/** `/db/_changes` */
export const handle = (context: DatabaseContext): CheckedReply =>
  byMethod(context, {
    GET: () => changes(context, undefined),
    POST: () => post(context)
  }, "GET,POST,HEAD")
