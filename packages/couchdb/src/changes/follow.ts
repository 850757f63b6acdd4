import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { DecodeError } from "../document/errors.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { isPiece, Piece, streamEither } from "../rows/batch.js"
import type { RowsError } from "../rows/stream.js"
import { type ChangeRow, changeRow, databaseGone, toChanges } from "./change.js"
import type { Change, DatabaseGone, FollowLimit, FollowOptions } from "./Changes.js"
import type { Batch, Connection } from "./connection.js"
import { type Connector, makeConnector } from "./connector.js"
import { Cursor } from "./cursor.js"
import { isPlain, present, requestOf } from "./feeds.js"
import { makeOutage, type Outage } from "./outage.js"
import { runsOnServer } from "./request.js"
import { isGone, isGoneDatabase, isPassing, passes, patient } from "./retry.js"
import type { Source } from "./source.js"

type Followed<D> = Change<D> | DatabaseGone

/** How long the last checkpoint may take when the stream is closed. */
const finalSaveTimeout = "5 seconds"

/** A connection that lived for so many milliseconds counts as progress. */
const longLife = 300_000

/**
 * What a follower does next.
 *
 * - `Starting`: reads the checkpoint
 * - `Disconnected`: opens the next request
 * - `Connected`: reads the open one
 * - `Failed`: waits, or fails; then it is as before
 * - `Gone`: ends, since the database does not exist any more
 */
type State =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Disconnected" }
  | { readonly _tag: "Connected"; readonly connection: Connection; readonly scope: Scope.CloseableScope }
  | { readonly _tag: "Failed"; readonly error: RowsError; readonly before: Idle }
  | { readonly _tag: "Gone" }

type Idle = { readonly _tag: "Starting" } | { readonly _tag: "Disconnected" }

const starting: Idle = { _tag: "Starting" }
const disconnected: Idle = { _tag: "Disconnected" }

const connectorOf = <D, R>(
  couch: CouchHttp["Type"],
  source: Source<D, R>,
  options: FollowOptions<unknown, unknown, unknown, unknown>,
  annotations: Readonly<Record<string, string>>
): Connector =>
  makeConnector({
    couch,
    annotations,
    heartbeat: Duration.decode(options.heartbeat ?? "10 seconds"),
    filters: runsOnServer(options.filter),
    plain: isPlain(source, options),
    parse: source.feed?.parse ?? changeRow,
    request: (feed, parameters) =>
      requestOf(source, feed, {
        filter: options.filter,
        includeDocs: options.includeDocs,
        conflicts: options.conflicts,
        style: options.style,
        attachments: options.attachments,
        attachmentEncodingInfo: options.attachmentEncodingInfo,
        ...parameters
      })
  })

/** The part of a batch that has so many changes of the source, and how far the feed is with it. */
const atMost = <D, R>(source: Source<D, R>, batch: Batch, limit: number): Batch => {
  let left = limit
  const at = batch.rows.findIndex(({ id }) => source.concerns(id) && --left === 0)
  return at < 0 ? batch : {
    ...batch,
    rows: batch.rows.slice(0, at + 1),
    sequence: (batch.rows[at] as ChangeRow).sequence,
    end: Option.none()
  }
}

/** Follows a feed over any number of requests. */
export const follow = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
): Stream.Stream<Piece<Followed<D>>, RowsError | E2 | E3, CouchHttp | R | R2 | R3> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const annotations = source.feed === undefined
      ? { database: source.database, feed: "_changes" }
      : { feed: "_db_updates" }
    const connector = connectorOf(yield* CouchHttp, source, options, annotations)
    const outage: Outage<E3, R3> = yield* makeOutage({
      what: "the changes feed",
      annotations,
      retry: options.retry ?? patient,
      onReconnect: options.onReconnect
    })
    const cursor = new Cursor(options.checkpoint, Duration.toMillis(options.checkpointEvery ?? "1 second"))

    let state: State = starting
    /** Whether the database was there. */
    let alive = false
    /** Whether the credentials were good since they were refused last. */
    let trusted = true
    let connectedAt = 0
    /** How many changes are still to be handed out. */
    let left = options.limit ?? Infinity
    /** What is to be handed out. No effect holds it. */
    let ready: Piece<Followed<D>> | undefined

    const close = Effect.suspend(() => {
      const open = state
      if (open._tag !== "Connected") return Effect.void
      state = disconnected
      return Scope.close(open.scope, Exit.void)
    })

    const fail = (error: RowsError, before: Idle): void => {
      state = { _tag: "Failed", error, before }
    }

    // What cannot be saved now is saved later: until then more would come twice, and nothing is left out.
    const save = Effect.catchAll(cursor.saveWhenDue, (error) =>
      isPassing(error)
        ? outage.warn("the checkpoint of the changes feed is not saved, and is tried again", error)
        // What became of the database itself, the feed reports.
        : isGoneDatabase(error) && error.database === source.database
        ? Effect.annotateLogs(
          Effect.logDebug("the checkpoint of the changes feed is not saved, since its database does not exist"),
          annotations
        )
        : Effect.fail(error))

    const begin = Effect.gen(function*() {
      const stored = yield* cursor.stored.pipe(
        Effect.catchIf(
          (error) => isGoneDatabase(error) && error.database === source.database,
          () => Effect.succeedNone
        )
      )
      alive = Option.isSome(stored)
      const since = Option.getOrElse(stored, () => options.since)
      // `now` would be another place for each connection.
      cursor.begin(stored, since === "now" ? yield* present(source) : since)
      state = disconnected
    }).pipe(
      Effect.catchAll((error) => isPassing(error) ? Effect.sync(() => fail(error, starting)) : Effect.fail(error))
    )

    const connect = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.make(), (scope) =>
        restore(Scope.extend(connector.open(cursor.delivered), scope)).pipe(
          Effect.onError(() => Scope.close(scope, Exit.void)),
          Effect.matchEffect({
            onFailure: (error) => Effect.sync(() => fail(error, disconnected)),
            onSuccess: (connection) => {
              if (connection === undefined) return Scope.close(scope, Exit.void)
              state = { _tag: "Connected", connection, scope }
              alive = true
              return Effect.map(Clock.currentTimeMillis, (now) => {
                connectedAt = now
              })
            }
          })
        ))
    )

    /** Closes a connection that brings no more. */
    const finish = ({ end }: Batch): Effect.Effect<void> =>
      Option.isNone(end)
        ? Effect.void
        : Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (now - connectedAt > longLife) outage.progress()
          const { value } = end
          return Effect.map(Effect.uninterruptible(close), () => {
            if (value._tag === "Broken") fail(value.error, disconnected)
          })
        })

    /** The next batch of an open request, whose changes are handed out with the sequence after them. */
    const read = (connection: Connection): Effect.Effect<void, never, R> =>
      Effect.flatMap(connection, (whole) => {
        const batch = left === Infinity ? whole : atMost(source, whole, left)
        const moved = Option.exists(batch.sequence, (sequence) => sequence !== cursor.delivered)
        if (moved) outage.progress()
        const works = moved || batch.beats
        if (works) trusted = true
        const settle = (changes: Piece<Followed<D>>): Effect.Effect<void> => {
          if (changes.all.length > 0) ready = changes
          if (Option.isSome(batch.sequence)) cursor.delivered = batch.sequence.value
          const finished = changes.all.length >= left ? Effect.uninterruptible(close) : finish(batch)
          return works && outage.lasts() ? Effect.zipRight(outage.end, finished) : finished
        }
        const made = toChanges(source, batch.rows)
        return isPiece(made) ? settle(made) : Effect.flatMap(made, settle)
      })

    /** Waits until it may work again, or fails if it will not. */
    const outlive = (error: RowsError, before: Idle): Effect.Effect<void, RowsError | E3, R3> =>
      Effect.suspend(() => {
        if (isGone(error) && alive) {
          state = { _tag: "Gone" }
          ready = new Piece<Followed<D>>()
          ready.add(databaseGone())
          return Effect.void
        }
        state = before
        // A session may have expired, so credentials get one more chance; more of them could lock the account.
        const expired = error._tag === "UnauthorizedError" && alive && trusted
        if (expired) trusted = false
        const isBroken = outage.isBroken(error) && runsOnServer(options.filter)
        return !isBroken && (expired || passes(error)) ? outage.wait(error) : Effect.fail(error)
      })

    const step = Effect.suspend((): Effect.Effect<void, RowsError | E2 | E3, R | R2 | R3 | CouchHttp> => {
      switch (state._tag) {
        case "Starting":
          return begin
        case "Disconnected":
          return connect
        case "Connected":
          return read(state.connection)
        case "Failed":
          return outlive(state.error, state.before)
        case "Gone":
          return Effect.void
      }
    })

    const advance: Effect.Effect<void, RowsError | E2 | E3, R | R2 | R3 | CouchHttp> = Effect.suspend(() => {
      cursor.acknowledge()
      return Effect.flatMap(save, () => state._tag === "Gone" || left <= 0 ? close : Effect.flatMap(step, unlessReady))
    })
    const unlessReady = (): typeof advance => ready === undefined ? advance : Effect.void

    const advanced = advance.pipe(
      Effect.onInterrupt(() => {
        cursor.rewind()
        ready = undefined
        if (state._tag === "Failed") state = state.before
        if (state._tag === "Gone") state = disconnected
        return close
      })
    )

    type Out = Channel.Channel<
      Chunk.Chunk<Piece<Followed<D>>>,
      unknown,
      RowsError | E2 | E3,
      unknown,
      void,
      unknown,
      CouchHttp | R | R2 | R3
    >
    const handOut = (): Out => {
      const piece = ready
      ready = undefined
      if (piece === undefined) return Channel.void
      left -= piece.all.length
      return Channel.flatMap(Channel.write(Chunk.of(piece)), () => pull)
    }
    const pull: Out = Channel.flatMap(Channel.fromEffect(advanced), handOut)

    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        close,
        cursor.save.pipe(Effect.disconnect, Effect.interruptible, Effect.timeout(finalSaveTimeout), Effect.ignoreLogged)
      )
    )
    return Stream.fromChannel(pull)
  }))

/** The feed and what is in its pieces, for a stream of one's choice. */
export const followed = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
) => [follow(source, options), (pieces: Chunk.Chunk<Piece<Followed<D>>>) => Chunk.unsafeHead(pieces)] as const

export const followEither = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
): Stream.Stream<Either.Either<Followed<D>, DecodeError>, RowsError | E2 | E3, CouchHttp | R | R2 | R3> =>
  streamEither(...followed(source, options))
