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
import { type BatchOrEffect, isBatch, RowBatch, streamEither } from "../rows/batch.js"
import type { RowsError } from "../rows/stream.js"
import { type ChangeRow, changeRow, databaseGone, toChanges } from "./change.js"
import type { Change, DatabaseGone, FollowLimit, FollowOptions } from "./Changes.js"
import type { Batch, Connection, End } from "./connection.js"
import { type Connector, makeConnector } from "./connector.js"
import { Cursor } from "./cursor.js"
import { currentSequence, isPlain, requestOf } from "./feeds.js"
import { makeOutage, type Outage } from "./outage.js"
import { runsOnServer } from "./request.js"
import { isGone, isGoneDatabase, isRecoverable, isRecoverableError, retryForever } from "./retry.js"
import type { Source } from "./source.js"

type Followed<D> = Change<D> | DatabaseGone

/** How long saving the checkpoint may take when the stream is closed. */
const finalSaveTimeout = "5 seconds"

/** A connection that lasted for more than this many milliseconds counts as progress. */
const progressAfterMillis = 300_000

/**
 * The state of a follower, which determines its next step.
 *
 * - `Starting`: reads the checkpoint
 * - `Disconnected`: opens the next request
 * - `Connected`: reads the open request
 * - `Failed`: waits or fails, and returns to the state before
 * - `Gone`: ends, because the database no longer exists
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

/** Truncates a batch to at most `limit` changes of the source, and sets the sequence accordingly. */
const truncate = <D, R>(source: Source<D, R>, batch: Batch, limit: number): Batch => {
  let remaining = limit
  const at = batch.rows.findIndex(({ id }) => source.concerns(id) && --remaining === 0)
  return at < 0 ? batch : {
    ...batch,
    rows: batch.rows.slice(0, at + 1),
    sequence: (batch.rows[at] as ChangeRow).sequence,
    end: Option.none()
  }
}

/** The annotations of all log messages of a follower. */
const annotationsOf = <D, R>(source: Source<D, R>): Readonly<Record<string, string>> =>
  source.feed === undefined ? { database: source.database, feed: "_changes" } : { feed: "_db_updates" }

/**
 * Follows a feed over any number of requests.
 *
 * The connector opens requests, the cursor tracks which changes were delivered and acknowledged, and `advance` is the
 * loop over the state. The next batch is stored in a field instead of an effect, so that it can be garbage collected
 * after it was emitted.
 */
class Follower<D, R, E2, R2, E3, R3> {
  private state: State = starting
  /** Whether the database existed at the last request. */
  private databaseExists = false
  /** Whether the credentials have worked since they were last refused. */
  private credentialsWork = true
  private connectedAt = 0
  private ready: RowBatch<Followed<D>> | undefined
  /** How many changes may still be emitted. */
  private remaining: number

  constructor(
    private readonly source: Source<D, R>,
    private readonly options: FollowOptions<E2, R2, E3, R3> & FollowLimit,
    private readonly connector: Connector,
    private readonly cursor: Cursor<E2, R2>,
    private readonly outage: Outage<E3, R3>
  ) {
    this.remaining = options.limit ?? Infinity
  }

  /** Takes the batch that {@link advance} prepared, or `undefined` at the end of the feed. */
  take(): RowBatch<Followed<D>> | undefined {
    const batch = this.ready
    this.ready = undefined
    if (batch !== undefined) this.remaining -= batch.all.length
    return batch
  }

  /** Runs until a batch is ready or the feed has ended. Pulling acknowledges the previous batch. */
  readonly advance: Effect.Effect<void, RowsError | E2 | E3, R | R2 | R3 | CouchHttp> = Effect.suspend(() =>
    this.cursor.acknowledge()
      ? Effect.flatMap(this.saveCheckpoint, () => this.step())
      : this.step()
  )

  /** Returns to the acknowledged sequence after a pull was interrupted. */
  readonly rewind: Effect.Effect<void> = Effect.suspend(() => {
    this.cursor.rewind()
    this.ready = undefined
    if (this.state._tag === "Failed") this.state = this.state.before
    if (this.state._tag === "Gone") this.state = disconnected
    return this.close
  })

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const open = this.state
    if (open._tag !== "Connected") return Effect.void
    this.state = disconnected
    return Scope.close(open.scope, Exit.void)
  })

  private step(): Effect.Effect<void, RowsError | E2 | E3, R | R2 | R3 | CouchHttp> {
    if (this.state._tag === "Gone" || this.remaining <= 0) return this.close
    return Effect.flatMap(this.move(this.state), () => this.ready === undefined ? this.advance : Effect.void)
  }

  private move(
    state: Exclude<State, { readonly _tag: "Gone" }>
  ): Effect.Effect<void, RowsError | E2 | E3, R | R2 | R3 | CouchHttp> {
    switch (state._tag) {
      case "Starting":
        return this.start
      case "Disconnected":
        return this.connect
      case "Connected":
        return this.read(state.connection)
      case "Failed":
        return this.backOffOrFail(state.error, state.before)
    }
  }

  private fail(error: RowsError, before: Idle): void {
    this.state = { _tag: "Failed", error, before }
  }

  private isOwnDatabaseGone(error: unknown): boolean {
    return isGoneDatabase(error) && error.database === this.source.database
  }

  /** Saves the checkpoint. A failure is retried later; until then changes may be repeated, and none are skipped. */
  private readonly saveCheckpoint: Effect.Effect<void, E2, R2> = Effect.suspend(() =>
    Effect.catchAll(this.cursor.saveWhenDue, (error) =>
      isRecoverableError(error)
        ? this.outage.warn("the checkpoint of the changes feed was not saved, and will be saved later", error)
        // The feed itself reports that its database is gone.
        : this.isOwnDatabaseGone(error)
        ? Effect.annotateLogs(
          Effect.logDebug("the checkpoint of the changes feed was not saved, because its database does not exist"),
          annotationsOf(this.source)
        )
        : Effect.fail(error))
  )

  /** Reads the checkpoint. */
  private readonly start = Effect.suspend(() =>
    this.cursor.stored.pipe(
      Effect.catchIf((error) => this.isOwnDatabaseGone(error), () => Effect.succeedNone),
      Effect.flatMap((stored) => {
        this.databaseExists = Option.isSome(stored)
        const since = Option.getOrElse(stored, () => this.options.since)
        // `now` is resolved once, because each connection would resolve it to another sequence.
        return Effect.map(since === "now" ? currentSequence(this.source) : Effect.succeed(since), (since) => {
          this.cursor.start(stored, since)
          this.state = disconnected
        })
      }),
      Effect.catchAll((error) =>
        isRecoverableError(error) ? Effect.sync(() => this.fail(error, starting)) : Effect.fail(error)
      )
    )
  )

  private readonly connect = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Scope.make(),
      (scope) =>
        restore(Scope.extend(this.connector.open(this.cursor.delivered), scope)).pipe(
          Effect.onError(() => Scope.close(scope, Exit.void)),
          Effect.matchEffect({
            onFailure: (error) => Effect.sync(() => this.fail(error, disconnected)),
            onSuccess: (connection) => {
              if (connection === undefined) return Scope.close(scope, Exit.void)
              this.state = { _tag: "Connected", connection, scope }
              this.databaseExists = true
              return Effect.map(Clock.currentTimeMillis, (now) => {
                this.connectedAt = now
              })
            }
          })
        )
    )
  )

  /** Reads the next batch of an open request. */
  private read(connection: Connection): Effect.Effect<void, never, R> {
    return Effect.flatMap(connection, (whole) => {
      const batch = this.remaining === Infinity ? whole : truncate(this.source, whole, this.remaining)
      const moved = Option.exists(batch.sequence, (sequence) => sequence !== this.cursor.delivered)
      if (moved) this.outage.progress()
      if (moved || batch.beats) this.credentialsWork = true
      const converted: BatchOrEffect<Followed<D>, never, R> = toChanges(this.source, batch.rows)
      return isBatch(converted)
        ? this.deliver(batch, converted, moved)
        : Effect.flatMap(converted, (changes) => this.deliver(batch, changes, moved))
    })
  }

  private deliver(batch: Batch, changes: RowBatch<Followed<D>>, moved: boolean): Effect.Effect<void> {
    if (changes.all.length > 0) this.ready = changes
    if (Option.isSome(batch.sequence)) this.cursor.delivered = batch.sequence.value
    const closed = changes.all.length >= this.remaining
      ? Effect.uninterruptible(this.close)
      : Option.isNone(batch.end)
      ? Effect.void
      : this.finish(batch.end.value)
    return (moved || batch.beats) && this.outage.isActive() ? Effect.zipRight(this.outage.end, closed) : closed
  }

  /** Closes a connection that has ended. */
  private finish(end: End): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (now - this.connectedAt > progressAfterMillis) this.outage.progress()
      return Effect.map(Effect.uninterruptible(this.close), () => {
        if (end._tag === "Broken") this.fail(end.error, disconnected)
      })
    })
  }

  /** Waits before the next attempt, or fails if no attempt can succeed. */
  private backOffOrFail(error: RowsError, before: Idle): Effect.Effect<void, RowsError | E3, R3> {
    return Effect.suspend(() => {
      if (isGone(error) && this.databaseExists) {
        this.state = { _tag: "Gone" }
        this.ready = new RowBatch<Followed<D>>()
        this.ready.add(databaseGone())
        return Effect.void
      }
      this.state = before
      // The session may have expired, so the credentials are tried once more. Further attempts could lock the account.
      const expired = error._tag === "UnauthorizedError" && this.databaseExists && this.credentialsWork
      if (expired) this.credentialsWork = false
      const isBroken = this.outage.isBroken(error) && runsOnServer(this.options.filter)
      return !isBroken && (expired || isRecoverable(error)) ? this.outage.wait(error) : Effect.fail(error)
    })
  }
}

/** Follows a feed over any number of requests, as a stream of batches. */
export const follow = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
): Stream.Stream<RowBatch<Followed<D>>, RowsError | E2 | E3, CouchHttp | R | R2 | R3> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const annotations = annotationsOf(source)
    const connector = connectorOf(yield* CouchHttp, source, options, annotations)
    const outage: Outage<E3, R3> = yield* makeOutage({
      what: "the changes feed",
      annotations,
      retry: options.retry ?? retryForever,
      onReconnect: options.onReconnect
    })
    const cursor = new Cursor(options.checkpoint, Duration.toMillis(options.checkpointEvery ?? "1 second"))
    const follower = new Follower(source, options, connector, cursor, outage)
    const advance = Effect.onInterrupt(follower.advance, () => follower.rewind)

    type Out = Channel.Channel<
      Chunk.Chunk<RowBatch<Followed<D>>>,
      unknown,
      RowsError | E2 | E3,
      unknown,
      void,
      unknown,
      CouchHttp | R | R2 | R3
    >
    const pull: Out = Channel.flatMap(Channel.fromEffect(advance), (): Out => {
      const batch = follower.take()
      return batch === undefined ? Channel.void : Channel.flatMap(Channel.write(Chunk.of(batch)), () => pull)
    })

    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        follower.close,
        cursor.save.pipe(Effect.disconnect, Effect.interruptible, Effect.timeout(finalSaveTimeout), Effect.ignoreLogged)
      )
    )
    return Stream.fromChannel(pull)
  }))

/** The feed, and the function that extracts its batches. */
export const followed = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
) => [follow(source, options), (batches: Chunk.Chunk<RowBatch<Followed<D>>>) => Chunk.unsafeHead(batches)] as const

export const followEither = <D, R, E2 = never, R2 = never, E3 = never, R3 = never>(
  source: Source<D, R>,
  options: FollowOptions<E2, R2, E3, R3> & FollowLimit
): Stream.Stream<Either.Either<Followed<D>, DecodeError>, RowsError | E2 | E3, CouchHttp | R | R2 | R3> =>
  streamEither(...followed(source, options))
