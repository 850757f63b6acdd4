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

/** The most changes that a request asks for beyond those that are wanted. */
const most = 1_000

/** How long CouchDB waits for a change. */
const defaultTimeout = "1 minute"

/** How many changes of a collection are wanted, or `undefined` if the server counts right, or refuses to count. */
const limitOf = (source: Source<unknown, unknown>, { limit }: DatabaseOptions): number | undefined =>
  source.span !== undefined && limit !== undefined && Number.isSafeInteger(limit) && limit > 0 ? limit : undefined

/** Whether a row is the source's. One that is no change at all is everybody's. */
const isOwn = (source: Source<unknown, unknown>) => (row: Row): boolean => {
  const id = member(row.json, "id")
  return typeof id !== "string" || source.concerns(id)
}

/**
 * The changes of one answer that are wanted.
 *
 * - `read`: how many changes the answer has, and `upTo`: how many up to the last of those that are wanted
 * - `isCut`: whether others of the source come after these
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
    const answer = yield* Rows.open(request, "results")
    const own: Array<Row> = []
    let read = 0
    let upTo = 0
    let isCut = false
    yield* Stream.runForEachChunk(answer.rows, (rows) =>
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
    const around = yield* answer.around
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

/** How long a long poll waits from now on, of what it was to wait: for ever, if the server keeps it alive. */
const patience = (options: DatabaseOptions) =>
  Effect.map(Clock.currentTimeMillis, (begin) =>
    options.heartbeat !== undefined
      ? Effect.succeed(Duration.infinity)
      : Effect.map(Clock.currentTimeMillis, (now) =>
        Duration.subtract(Duration.decode(options.timeout ?? defaultTimeout), Duration.millis(now - begin))))

/** The request of the next part. A long poll waits for the rest of its timeout. */
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
 * Reads on from one answer to the next, until enough changes are the source's, or until there are no more. A long poll
 * waits on if all that happened was to others.
 */
const forward = <D, R>(
  source: Source<D, R>,
  feed: Feed,
  options: DatabaseOptions,
  limit: number
): Effect.Effect<Page<D>, DecodeError | Rows.RowsError, CouchHttp | R> =>
  Effect.gen(function*() {
    const timeLeft = yield* patience(options)
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
        // No place is known between these changes, so they are asked for again, up to the last that is wanted.
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
      size = nextSize(limit - rows.length, read, rows.length, size, part.own.length, most)
    }
  })

const isPositive = (duration: Duration.Duration | undefined): boolean =>
  duration !== undefined && Duration.greaterThan(duration, Duration.zero)

/** The latest changes: no request can resume downwards, so each asks for more from the top. */
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

/** One answer, read to its end, or as many as hold the changes of a collection that are wanted. */
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

/** Ends after a number of rows of the source. */
const atMost = <E, R>(
  self: Stream.Stream<Row, E, R>,
  source: Source<unknown, unknown>,
  limit: number
): Stream.Stream<Row, E, R> =>
  Stream.suspend(() => {
    let found = 0
    return Stream.takeUntil(self, (row) => !isLast(row) && isOwn(source)(row) && ++found >= limit)
  })

/** The rows of one answer after the other, until enough are the source's. */
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
    let isOver = false
    const next = Effect.suspend(() =>
      isOver
        ? Effect.fail(Option.none())
        : Effect.succeed(partRequest(source, "normal", options, since, size, undefined))
    )
    const part = (request: CouchRequest) =>
      Stream.unwrapScoped(Effect.map(Rows.open(request, "results", feeds.isPlain(source, options)), (answer) => {
        const [readBefore, foundBefore] = [read, found]
        const wanted = Stream.mapChunks(answer.rows, (rows) => {
          read += rows.length
          const own = Chunk.take(Chunk.filter(rows, isOwn(source)), limit - found)
          found += own.length
          return own
        })
        const end = Effect.map(
          Effect.flatMap(answer.around, (around) => feeds.lastSequenceOf(request, Rows.streamedHead, around)),
          (last) => {
            since = last
            isOver = found === limit || read - readBefore < size
            size = nextSize(limit - found, read, found, size, found - foundBefore, most)
          }
        )
        return Stream.concat(wanted, Stream.execute(end))
      }))
    return Stream.flatMap(Stream.repeatEffectOption(next), part)
  })

/** The changes there are, as many as are wanted. */
export const normal = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions
): feeds.Read<D, R> => {
  const limit = limitOf(source, options)
  if (limit === undefined) return feeds.normal(source, options)
  const [rows, make] = feeds.normal(source, { ...options, limit: undefined })
  return [options.descending === true ? atMost(rows, source, limit) : rowsForward(source, options, limit), make]
}

/** The changes of one connection, as many as are wanted. */
export const continuous = <D, R>(
  source: Source<D, R>,
  options: DatabaseOptions
): feeds.Read<D, R> => {
  const limit = limitOf(source, options)
  if (limit === undefined) return feeds.continuous(source, options)
  const [rows, make] = feeds.continuous(source, { ...options, limit: undefined })
  return [atMost(rows, source, limit), make]
}
