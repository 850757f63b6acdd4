import { md5 } from "@noble/hashes/legacy"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type * as Changes from "../changes/Changes.js"
import { makeOutage, type Outage } from "../changes/outage.js"
import { runsOnServer } from "../changes/request.js"
import { isRecoverable, retryForever } from "../changes/retry.js"
import * as DatabaseName from "../data/DatabaseName.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import * as Database from "../database/Database.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { isTransient } from "../http/retry.js"
import { jsonOf } from "../http/verification.js"
import { verifyJson } from "../http/verification.js"
import * as checkpoints from "./checkpoint.js"
import type { Endpoint, Options, Progress, ReplicateError, Statistics } from "./Replication.js"
import { sequenceText, SourceChanges } from "./sourceChanges.js"
import { transfer, type Transferred } from "./transfer.js"

const encoder = new TextEncoder()

const hexOf = (text: string): string => Encoding.encodeHex(md5(encoder.encode(text)))

const isWelcome = verifyJson((json) => typeof Json.get(json, "couchdb") === "string")

/** The UUID of a server, which never changes. */
const serverUuid = ({ couch }: Endpoint): Effect.Effect<Json.Json, ReplicateError> =>
  Effect.map(
    conflictAsBadRequest(couch.execute({ method: "GET", path: "/", route: "/", verify: isWelcome })),
    (response) => Json.get(jsonOf(response), "uuid") ?? null
  )

/** The same replication has the same id, so it resumes from its checkpoint. */
const idOf = (
  source: Endpoint,
  target: Endpoint,
  options: Pick<Options, "id" | "filter">
): Effect.Effect<string, ReplicateError> =>
  options.id !== undefined ? Effect.succeed(options.id) : Effect.map(
    Effect.all([serverUuid(source), serverUuid(target)], { concurrency: 2 }),
    ([sourceUuid, targetUuid]) =>
      hexOf(JSON.stringify([sourceUuid, source.database, targetUuid, target.database, options.filter ?? null]))
  )

const session = Effect.map(
  Effect.all(Array.from({ length: 4 }, () => Random.nextIntBetween(0, 2 ** 32))),
  (words) => words.map((word) => word.toString(16).padStart(8, "0")).join("")
)

/** What remains the same throughout a replication. */
interface Run {
  readonly id: string
  readonly session: string
  readonly started: number
  /** The sequence from which it resumes. */
  readonly from: Json.Json | undefined
}

interface State {
  readonly checkpoint: checkpoints.Checkpoint
  readonly since: Json.Json | undefined
  readonly statistics: Statistics
  readonly caughtUp: boolean
}

/** The progress that a step reports, and the state after it, unless it was the last one. */
type Step = readonly [Chunk.Chunk<Progress>, Option.Option<State>]

const noStatistics: Statistics = {
  revisionsChecked: 0,
  missingFound: 0,
  documentsRead: 0,
  documentsWritten: 0,
  writeFailures: 0
}

const added = (statistics: Statistics, transferred: Transferred): Statistics => ({
  revisionsChecked: statistics.revisionsChecked + transferred.checked,
  missingFound: statistics.missingFound + transferred.found,
  documentsRead: statistics.documentsRead + transferred.read,
  documentsWritten: statistics.documentsWritten + transferred.written,
  writeFailures: statistics.writeFailures + transferred.failures.length
})

/** The steps of one replication: it starts with a checkpoint, then reads and transfers batches of changes. */
class Replicator<E, R> {
  private readonly changes: SourceChanges
  private readonly isLive: boolean

  constructor(
    private readonly source: Endpoint,
    private readonly target: Endpoint,
    private readonly options: Options<E, R>,
    private readonly outage: Outage<E, R>
  ) {
    this.changes = new SourceChanges(source, options)
    this.isLive = options.live === true
  }

  /** Finds the checkpoint from which the replication resumes. */
  start(targetName: DatabaseName.DatabaseName): Effect.Effect<readonly [Run, State], ReplicateError | E, R> {
    const prepare = this.prepare(targetName)
    return Effect.gen(this, function*() {
      const { checkpoint, id } = yield* this.isLive ? this.retrying(prepare) : prepare
      const started = yield* Clock.currentTimeMillis
      const from = checkpoint.since
      return [
        { id, session: yield* session, started, from },
        { checkpoint, since: from, statistics: noStatistics, caughtUp: false }
      ] as const
    })
  }

  /** Reads and transfers the next batch. */
  step(run: Run, state: State): Effect.Effect<Step, ReplicateError | E, R> {
    const read = state.caughtUp && this.isLive ? this.changes.poll(state.since) : this.changes.fetch(state.since)
    return Effect.flatMap(this.retrying(read, (error) => this.isBroken(error)), (page) => {
      this.outage.progress()
      return this.retrying(this.transferPage(run, state, page))
    })
  }

  private prepare(targetName: DatabaseName.DatabaseName) {
    return Effect.gen(this, function*() {
      if (this.options.createTarget === true) {
        yield* Effect.provideService(Database.ensure(targetName), CouchHttp, this.target.couch)
      }
      const id = yield* idOf(this.source, this.target, this.options)
      return { id, checkpoint: yield* checkpoints.read(this.source, this.target, id) }
    })
  }

  private transferPage(run: Run, state: State, page: Changes.Page<unknown>): Effect.Effect<Step, ReplicateError> {
    const { changes, lastSequence, pending } = page
    return Effect.gen(this, function*() {
      const transferred = yield* transfer(this.source, this.target, changes)
      const statistics = added(state.statistics, transferred)
      const checkpoint = yield* this.saveCheckpoint(run, state, page, statistics)
      const caughtUp = changes.length < this.changes.batch || Option.contains(pending, 0)
      const { failures } = transferred
      const progress: Progress = { id: run.id, sequence: lastSequence, pending, caughtUp, statistics, failures }
      const next: State = { checkpoint, since: lastSequence, statistics, caughtUp }
      // An empty poll is not reported.
      const isEmptyPoll = state.caughtUp && changes.length === 0
      return [
        isEmptyPoll ? Chunk.empty() : Chunk.of(progress),
        caughtUp && !this.isLive ? Option.none() : Option.some(next)
      ] as const
    })
  }

  private saveCheckpoint(
    { from, id, session, started }: Run,
    { caughtUp, checkpoint, since }: State,
    { changes, lastSequence }: Changes.Page<unknown>,
    statistics: Statistics
  ): Effect.Effect<checkpoints.Checkpoint, ReplicateError> {
    const moved = lastSequence !== sequenceText(since)
    return this.options.checkpoints === false || !moved || (changes.length === 0 && caughtUp)
      ? Effect.succeed(checkpoint)
      : checkpoints.write([this.source, this.target], id, checkpoint, {
        session,
        started,
        from,
        to: lastSequence,
        statistics
      })
  }

  /** Retries transient failures, unless `isFinal` returns true. */
  private retrying<A>(
    effect: Effect.Effect<A, ReplicateError>,
    isFinal: (error: ReplicateError) => boolean = () => false
  ): Effect.Effect<A, ReplicateError | E, R> {
    return Effect.matchEffect(effect, {
      onFailure: (error): Effect.Effect<A, ReplicateError | E, R> =>
        this.isRetried(error) && !isFinal(error)
          ? Effect.zipRight(this.outage.wait(error), Effect.suspend(() => this.retrying(effect, isFinal)))
          : Effect.fail(error),
      onSuccess: (value) => this.outage.isActive() ? Effect.as(this.outage.end, value) : Effect.succeed(value)
    })
  }

  private isRetried(error: ReplicateError): error is Exclude<ReplicateError, InvalidIdError> {
    return error._tag !== "InvalidIdError" && isRecoverable(error) &&
      (this.isLive || (this.options.retry !== undefined && (error._tag !== "ServerError" || isTransient(error))))
  }

  private isBroken(error: ReplicateError): boolean {
    return error._tag === "ServerError" && this.outage.isBroken(error) && runsOnServer(this.options.filter)
  }
}

export const replicate = <E = never, R = never>(
  source: Endpoint,
  target: Endpoint,
  options: Options<E, R>
): Stream.Stream<Progress, ReplicateError | E, R> =>
  Stream.unwrap(Effect.gen(function*() {
    const [, targetName] = yield* Effect.all([
      DatabaseName.decode(source.database),
      DatabaseName.decode(target.database)
    ])
    const outage = yield* makeOutage({
      what: "the replication",
      annotations: { source: source.database, target: target.database },
      retry: options.retry ?? retryForever,
      onReconnect: options.onReconnect
    })
    const replicator = new Replicator(source, target, options, outage)
    const [run, first] = yield* replicator.start(targetName)
    return Stream.paginateChunkEffect(first, (state) => replicator.step(run, state))
  }))
