import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Change, Checkpoint, DatabaseGone, FollowOptions } from "../../Changes.js"
import type { DecodeError } from "../../CouchError.js"
import { CouchHttp } from "../../CouchHttp.js"
import { isPiece, Piece, streamEither } from "../rows/pieces.js"
import type { RowsError } from "../rows/stream.js"
import { honourRetryAfter } from "../transient.js"
import { databaseGone, toChanges } from "./change.js"
import { connect, type Connection } from "./connection.js"
import { isPlain, present, requestOf } from "./feeds.js"
import { isGone, isPassing, passes, patient } from "./retry.js"
import type { Source } from "./source.js"

type Told<D> = Change<D> | DatabaseGone

const forgetful: Checkpoint = { read: Effect.succeedNone, write: () => Effect.void }

/** So many heartbeats may be missed. */
const missed = 3

/** How long the last checkpoint may take when the stream is left. */
const farewell = "5 seconds"

/**
 * Follows a continuous feed over any number of connections.
 *
 * Three places in the feed are known. `delivered` is behind what was handed out last: from there the next connection
 * goes on. `acknowledged` is behind what was handed out before that, since whoever pulls again is done with it. `saved`
 * is what the checkpoint has. An interrupted pull goes back to what is acknowledged, so that a change may come twice and
 * is never left out.
 */
export const follow = <D, R, E2 = never, R2 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2>
): Stream.Stream<Piece<Told<D>>, RowsError | E2, CouchHttp | R | R2> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const couch = yield* CouchHttp
    const checkpoint: Checkpoint<E2, R2> = options.checkpoint ?? forgetful
    const driver = yield* Schedule.driver(honourRetryAfter(options.retry ?? patient))
    const heartbeat = Duration.decode(options.heartbeat ?? "10 seconds")
    const every = Duration.toMillis(options.checkpointEvery ?? "1 second")

    let delivered: string | undefined
    let acknowledged: string | undefined
    let saved: string | undefined
    let savedAt = Number.NEGATIVE_INFINITY
    /** The checkpoint was read, and there is a place to begin at. */
    let begun = false
    /** The database was there. */
    let alive = false
    /** The credentials were good since they were last refused. */
    let trusted = true
    /** It was waited for better times since the feed went on. */
    let delayed = false
    let gone = false
    let connection: Connection | undefined
    let scope: Scope.CloseableScope | undefined
    /** Why the last connection ended, to be dealt with when somebody pulls. */
    let failure: RowsError | undefined
    /** What was told and is not yet handed out. No effect holds it. */
    let ready: Piece<Told<D>> | undefined

    const disconnect = Effect.suspend(() => {
      const open = scope
      scope = undefined
      connection = undefined
      return open === undefined ? Effect.void : Scope.close(open, Exit.void)
    })

    const write = Effect.suspend(() => {
      const place = acknowledged
      if (place === undefined || place === saved) return Effect.void
      return Effect.zipRight(
        checkpoint.write(place),
        Effect.map(Clock.currentTimeMillis, (now) => {
          saved = place
          savedAt = now
        })
      )
    })

    // The place is saved later where it cannot be now: until then more would come twice, and nothing is left out.
    const writeWhenDue = options.checkpoint === undefined ? Effect.void : Effect.flatMap(
      Clock.currentTimeMillis,
      (now) =>
        now - savedAt < every ? Effect.void : Effect.catchAll(write, (error) => {
          savedAt = now
          return isPassing(error) ? Effect.logDebug("the checkpoint could not be saved", error) : Effect.fail(error)
        })
    )

    const begin = Effect.gen(function*() {
      const found = yield* Effect.either(checkpoint.read)
      if (Either.isLeft(found)) {
        if (!isPassing(found.left)) return yield* Effect.fail(found.left)
        failure = found.left
        return
      }
      const stored = found.right
      saved = Option.getOrUndefined(stored)
      alive = Option.isSome(stored)
      const since = saved ?? options.since
      // `now` would be another place for each connection.
      const place = since === "now" ? yield* Effect.either(present(source)) : Either.right(since)
      if (Either.isLeft(place)) {
        failure = place.left
        return
      }
      delivered = place.right
      acknowledged = place.right
      begun = true
    })

    const open = Effect.gen(function*() {
      const request = requestOf(source, "continuous", {
        filter: options.filter,
        includeDocs: options.includeDocs,
        conflicts: options.conflicts,
        style: options.style,
        attachments: options.attachments,
        attachmentEncodingInfo: options.attachmentEncodingInfo,
        since: delivered,
        heartbeat
      })
      const opened = yield* Scope.make()
      scope = opened
      const result = yield* Effect.either(
        Scope.extend(
          connect(couch, request, Duration.times(heartbeat, missed), isPlain(source, options), source.feed?.parse),
          opened
        )
      )
      if (Either.isLeft(result)) failure = result.left
      else {
        connection = result.right
        alive = true
      }
    })

    /** Waits for better times, or fails where there will be none. */
    const outlive = (error: RowsError): Effect.Effect<void, RowsError> =>
      Effect.suspend(() => {
        // A session may have expired, so credentials get one more chance; more of them could lock the account.
        const expired = error._tag === "UnauthorizedError" && alive && trusted
        if (expired) trusted = false
        delayed = true
        return expired || passes(error)
          ? Effect.catchAll(Effect.asVoid(driver.next(error)), () => Effect.fail(error))
          : Effect.fail(error)
      })

    /** The next piece of an open feed, whose changes are handed out with the place behind them. */
    const take = (feed: Connection): Effect.Effect<void, never, R> =>
      Effect.flatMap(feed, (told) => {
        const settle = (changes: Piece<Told<D>>): void => {
          if (changes.all.length > 0) ready = changes
          failure = Option.getOrUndefined(told.end)
          delivered = Option.getOrElse(told.sequence, () => delivered)
        }
        const goesOn = told.beats || Option.exists(told.sequence, (place) => place !== delivered)
        if (goesOn) trusted = true
        const reset = goesOn && delayed ? driver.reset : Effect.void
        if (goesOn) delayed = false
        const made = toChanges(source, told.rows)
        if (!isPiece(made)) return Effect.zipRight(reset, Effect.map(made, settle))
        settle(made)
        return reset
      })

    const step = Effect.suspend((): Effect.Effect<void, RowsError | E2, R | R2 | CouchHttp> => {
      if (failure !== undefined) {
        const error = failure
        failure = undefined
        if (isGone(error) && alive) {
          gone = true
          ready = new Piece<Told<D>>()
          ready.add(databaseGone())
          return disconnect
        }
        return Effect.zipRight(disconnect, outlive(error))
      }
      if (!begun) return begin
      return connection === undefined ? open : take(connection)
    })

    const advance: Effect.Effect<void, RowsError | E2, R | R2 | CouchHttp> = Effect.suspend(() => {
      // Whoever pulls is done with what was handed out, and what brought no change needs nobody to be done with it.
      acknowledged = delivered
      return Effect.flatMap(writeWhenDue, () => gone ? Effect.void : Effect.flatMap(step, handed))
    })
    const handed = (): typeof advance => ready === undefined ? advance : Effect.void

    const advanced = advance.pipe(
      Effect.onInterrupt(() => {
        delivered = acknowledged
        failure = undefined
        ready = undefined
        return disconnect
      })
    )

    type Out = Channel.Channel<
      Chunk.Chunk<Piece<Told<D>>>,
      unknown,
      RowsError | E2,
      unknown,
      void,
      unknown,
      CouchHttp | R | R2
    >
    const handOut = (): Out => {
      const piece = ready
      ready = undefined
      return piece === undefined ? Channel.void : Channel.flatMap(Channel.write(Chunk.of(piece)), () => pull)
    }
    const pull: Out = Channel.flatMap(Channel.fromEffect(advanced), handOut)

    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        disconnect,
        write.pipe(Effect.disconnect, Effect.interruptible, Effect.timeout(farewell), Effect.ignoreLogged)
      )
    )
    return Stream.fromChannel(pull)
  }))

/** The feed and what is in its pieces, for a stream of one's choice. */
export const followed = <D, R, E2 = never, R2 = never>(source: Source<D, R>, options: FollowOptions<E2, R2>) =>
  [follow(source, options), (pieces: Chunk.Chunk<Piece<Told<D>>>) => Chunk.unsafeHead(pieces)] as const

export const followEither = <D, R, E2 = never, R2 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2>
): Stream.Stream<Either.Either<Told<D>, DecodeError>, RowsError | E2, CouchHttp | R | R2> =>
  streamEither(...followed(source, options))
