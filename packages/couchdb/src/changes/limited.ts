import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Json from "../data/Json.js"
import type { DecodeError } from "../document/errors.js"
import { nextSize } from "../document/idRange.js"
import type { CouchHttp, CouchRequest } from "../http/CouchHttp.js"
import * as Batches from "../rows/batch.js"
import { member, type Row } from "../rows/row.js"
import { sequenceOf } from "../rows/row.js"
import * as Rows from "../rows/stream.js"
import { isLast } from "./change.js"
import type { DatabaseOptions, Page } from "./Changes.js"
import * as feeds from "./feeds.js"
import type { Feed } from "./request.js"
import type { Source } from "./source.js"

/** How many changes one request may read beyond those that are still wanted. */
const maxExtra = 1_000

/** CouchDB's default `timeout` of a long poll. */
const defaultTimeout = "1 minute"

/** How many changes of a collection are wanted, or `undefined` if the server counts correctly or rejects the count. */
const limitOf = (source: Source<unknown, unknown>, { limit }: DatabaseOptions): number | undefined =>
  source.span !== undefined && limit !== undefined && Number.isSafeInteger(limit) && limit > 0 ? limit : undefined

/** Whether a row belongs to the source. A row that is not a change belongs to every source. */
const isOwn = (source: Source<unknown, unknown>) => (row: Row): boolean => {
  const id = member(row.json, "id")
  return typeof id !== "string" || source.concerns(id)
}

/**
 * The wanted changes of one response.
 *
 * - `read`: how many changes the response contains
 * - `upTo`: how many of them precede or are the last wanted change
 * - `isCut`: whether further changes of the source follow
 */
interface Part {
  readonly own: ReadonlyArray<Row>
  readonly read: number
  readonly upTo: number
  readonly isCut: boolean
  readonly last: string
  readonly pending: Option.Option<number>
}

const readPart = (
  request: CouchRequest,
  source: Source<unknown, unknown>,
  wanted: number
): Effect.Effect<Part, Rows.RowsError, CouchHttp> =>
  Effect.scoped(Effect.gen(function*() {
    const response = yield* Rows.open(request, "results")
    const own: Array<Row> = []
    let read = 0
    let upTo = 0
    let isCut = false
    yield* Stream.runForEachChunk(response.rows, (rows) =>
      Effect.sync(() => {
        for (const row of rows) {
          read++
          if (!isOwn(source)(row)) continue
          if (own.length === wanted) isCut = true
          else {
            own.push(row)
            upTo = read
          }
        }
      }))
    const around = yield* response.around
    const last = yield* feeds.lastSequenceOf(request, Rows.streamedHead, around)
    const pending = Json.get(around, "pending")
    return {
      own,
      read,
      upTo,
      isCut,
      last,
      pending: typeof pending === "number" ? Option.some(pending) : Option.none()
    }
  }))

/** Returns the remaining time of a long poll, starting now. It is infinite if the server sends heartbeats. */
const remainingTime = (options: DatabaseOptions) =>
  Effect.map(Clock.currentTimeMillis, (begin) =>
    options.heartbeat !== undefined
      ? Effect.succeed(Duration.infinity)
      : Effect.map(Clock.currentTimeMillis, (now) =>
        Duration.subtract(Duration.decode(options.timeout ?? defaultTimeout), Duration.millis(now - begin))))

/** The request of the next part. A long poll continues with its remaining time. */
const partRequest = (
  source: Source<unknown, unknown>,
  feed: Feed,
  options: DatabaseOptions,
  since: string | undefined,
  size: number,
  left: Duration.Duration | undefined
): CouchRequest =>
  feeds.requestOf(source, feed, {
    ...options,
    since,
    limit: Number.isFinite(size) ? size : undefined,
    ...(left !== undefined && Duration.isFinite(left) && { timeout: left })
  })

/**
 * Reads one response after another until enough changes belong to the source or there are no more. A long poll
 * continues to wait if only other documents changed.
 */
const forward = <D, R>(
  source: Source<D, R>,
  feed: Feed,
  options: DatabaseOptions,
  limit: number
): Effect.Effect<Page<D>, DecodeError | Rows.RowsError, CouchHttp | R> =>
  Effect.gen(function*() {
    const timeLeft = yield* remainingTime(options)
    const rows: Array<Row> = []
    let since = options.since
    let size = limit
    let read = 0
    let left: Duration.Duration | undefined
    while (true) {
      const waits = feed === "longpoll" && rows.length === 0
      const request = partRequest(source, waits ? "longpoll" : "normal", options, since, size, waits ? left : undefined)
      const part = yield* readPart(request, source, limit - rows.length)
      const lastOwn = part.own[part.own.length - 1]
      const sequence = part.isCut ? Option.getOrUndefined(sequenceOf(member(lastOwn?.json, "seq"))) : part.last
      if (sequence === undefined) {
        // The rows have no sequence, so they are requested again, up to the last wanted change.
        size = part.upTo
        continue
      }
      for (const row of part.own) rows.push(row)
      read += part.read
      if (waits) left = yield* timeLeft
      const isDone = rows.length === limit ||
        (waits && part.own.length === 0 ? part.read === 0 || !isPositive(left) : part.read < size)
      if (isDone) {
        const unread = part.isCut ? part.read - part.upTo : 0
        return {
          changes: yield* Batches.toValues(feeds.changesIn(request, source, rows)),
          lastSequence: sequence,
          pending: Option.map(part.pending, (pending) => pending + unread)
        }
      }
      since = sequence
      size = nextSize(limit - rows.length, read, rows.length, size, part.own.length, maxExtra)
    }
  })

const isPositive = (duration: Duration.Duration | undefined): boolean =>
  duration !== undefined && Duration.greaterThan(duration, Duration.zero)

/**
 * Reads the latest changes. A descending request cannot resume, so each request starts at the top with a larger limit.
 */
const backward = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions,
  limit: number
): Effect.Effect<Page<D>, DecodeError | Rows.RowsError, CouchHttp | R> =>
  Effect.gen(function*() {
    let size = limit
    while (true) {
      const request = feeds.requestOf(source, "normal", { ...options, limit: size })
      const { last, own, pending, read, upTo } = yield* readPart(request, source, limit)
      if (own.length < limit && read >= size) {
        size *= 4
        continue
      }
      const isWhole = own.length < limit
      return {
        changes: yield* Batches.toValues(feeds.changesIn(request, source, own)),
        lastSequence: isWhole
          ? last
          : Option.getOrElse(sequenceOf(member(own[own.length - 1]?.json, "seq")), () => last),
        pending: isWhole ? pending : Option.map(pending, (pending) => pending + read - upTo)
      }
    }
  })

/** Reads a complete response, or, for a collection with a limit, as many as contain the wanted changes. */
export const page = <D, R>(
  source: Source<D, R>,
  feed: Feed,
  options: DatabaseOptions
): Effect.Effect<Page<D>, DecodeError | Rows.RowsError, CouchHttp | R> => {
  const limit = limitOf(source, options)
  if (options.descending === true) {
    return limit === undefined || feed === "longpoll"
      ? feeds.page(source, feed, options)
      : backward(source, options, limit)
  }
  const mayWait = feed === "longpoll" && source.span !== undefined && options.limit === undefined
  return limit === undefined && !mayWait
    ? feeds.page(source, feed, options)
    : forward(source, feed, options, limit ?? Infinity)
}

/** Ends with the nth row of the source, where n is `limit`. */
const takeOwn = <E, R>(
  self: Stream.Stream<Row, E, R>,
  source: Source<unknown, unknown>,
  limit: number
): Stream.Stream<Row, E, R> =>
  Stream.suspend(() => {
    let found = 0
    return Stream.takeUntil(self, (row) => !isLast(row) && isOwn(source)(row) && ++found >= limit)
  })

/** Streams the rows of one response after another, until enough of them belong to the source. */
const rowsForward = (
  source: Source<unknown, unknown>,
  options: DatabaseOptions,
  limit: number
): Stream.Stream<Row, Rows.RowsError, CouchHttp> =>
  Stream.suspend(() => {
    let since = options.since
    let size = limit
    let read = 0
    let found = 0
    let hasEnded = false
    const next = Effect.suspend(() =>
      hasEnded
        ? Effect.fail(Option.none())
        : Effect.succeed(partRequest(source, "normal", options, since, size, undefined))
    )
    const rowsOfPart = (request: CouchRequest) =>
      Stream.unwrapScoped(Effect.map(Rows.open(request, "results", feeds.isPlain(source, options)), (response) => {
        const [readBefore, foundBefore] = [read, found]
        const wanted = Stream.mapChunks(response.rows, (rows) => {
          read += rows.length
          const own = Chunk.take(Chunk.filter(rows, isOwn(source)), limit - found)
          found += own.length
          return own
        })
        const end = Effect.map(
          Effect.flatMap(response.around, (around) => feeds.lastSequenceOf(request, Rows.streamedHead, around)),
          (last) => {
            since = last
            hasEnded = found === limit || read - readBefore < size
            size = nextSize(limit - found, read, found, size, found - foundBefore, maxExtra)
          }
        )
        return Stream.concat(wanted, Stream.execute(end))
      }))
    return Stream.flatMap(Stream.repeatEffectOption(next), rowsOfPart)
  })

/** Reads the existing changes, up to the limit. */
export const normal = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions
): feeds.Read<D, R> => {
  const limit = limitOf(source, options)
  if (limit === undefined) return feeds.normal(source, options)
  const [rows, make] = feeds.normal(source, { ...options, limit: undefined })
  return [options.descending === true ? takeOwn(rows, source, limit) : rowsForward(source, options, limit), make]
}

/** Reads the changes of one connection, up to the limit. */
export const continuous = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions
): feeds.Read<D, R> => {
  const limit = limitOf(source, options)
  if (limit === undefined) return feeds.continuous(source, options)
  const [rows, make] = feeds.continuous(source, { ...options, limit: undefined })
  return [takeOwn(rows, source, limit), make]
}
