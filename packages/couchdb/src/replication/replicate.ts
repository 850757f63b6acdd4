import { md5 } from "@noble/hashes/legacy"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Changes from "../changes/Changes.js"
import { EmptyPolls } from "../changes/emptyPolls.js"
import { makeOutage } from "../changes/outage.js"
import { runsOnServer } from "../changes/request.js"
import { isRecoverable, retryForever } from "../changes/retry.js"
import * as DatabaseName from "../data/DatabaseName.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import * as Database from "../database/Database.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { TimeoutError } from "../http/errors.js"
import { isTransient } from "../http/retry.js"
import { jsonOf } from "../http/verification.js"
import { verifyJson } from "../http/verification.js"
import * as checkpoints from "./checkpoint.js"
import type { Endpoint, Options, Progress, ReplicateError, Statistics } from "./Replication.js"
import { transfer } from "./transfer.js"

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

/** A sequence as a query parameter, or `undefined` at the start of the feed. */
const sequenceText = (sequence: Json.Json | undefined): string | undefined =>
  sequence === undefined || sequence === null || sequence === 0
    ? undefined
    : typeof sequence === "string"
    ? sequence
    : Json.stringify(sequence)

interface State {
  readonly checkpoint: checkpoints.Checkpoint
  readonly since: Json.Json | undefined
  readonly statistics: Statistics
  readonly caughtUp: boolean
}

const noStatistics: Statistics = {
  revisionsChecked: 0,
  missingFound: 0,
  documentsRead: 0,
  documentsWritten: 0,
  writeFailures: 0
}

/** How long a poll may exceed its timeout. */
const pollGrace = "1 minute"

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
    const isRetried = (error: ReplicateError): error is Exclude<ReplicateError, InvalidIdError> =>
      error._tag !== "InvalidIdError" && isRecoverable(error) &&
      (options.live === true || (options.retry !== undefined && (error._tag !== "ServerError" || isTransient(error))))

    /** Retries transient failures, unless `isFinal` returns true. */
    const retrying = <A>(
      effect: Effect.Effect<A, ReplicateError>,
      isFinal: (error: ReplicateError) => boolean = () => false
    ): Effect.Effect<A, ReplicateError | E, R> =>
      Effect.matchEffect(effect, {
        onFailure: (error): Effect.Effect<A, ReplicateError | E, R> =>
          isRetried(error) && !isFinal(error)
            ? Effect.zipRight(outage.wait(error), Effect.suspend(() => retrying(effect, isFinal)))
            : Effect.fail(error),
        onSuccess: (value) => outage.isActive() ? Effect.as(outage.end, value) : Effect.succeed(value)
      })
    const isBroken = (error: ReplicateError): boolean =>
      error._tag === "ServerError" && outage.isBroken(error) && runsOnServer(options.filter)

    const prepare = Effect.gen(function*() {
      if (options.createTarget === true) {
        yield* Effect.provideService(Database.ensure(targetName), CouchHttp, target.couch)
      }
      const id = yield* idOf(source, target, options)
      return { id, first: yield* checkpoints.read(source, target, id) }
    })
    const { first, id } = yield* options.live === true ? retrying(prepare) : prepare
    const replicationStart = yield* Clock.currentTimeMillis
    const sessionId = yield* session
    const batch = Math.max(1, options.batch ?? 100)
    const poll = Duration.decode(options.poll ?? "25 seconds")
    const from = first.since
    const emptyPolls = new EmptyPolls()

    const page = (state: State) => {
      const read = state.caughtUp && options.live === true ? Changes.longpoll : Changes.fetch
      const since = sequenceText(state.since)
      const changes = Effect.provideService(
        read(source.database, {
          style: "all_docs",
          limit: batch,
          ...(since !== undefined && { since }),
          ...(options.filter !== undefined && { filter: options.filter }),
          ...(read === Changes.fetch ? { seqInterval: batch } : { timeout: poll })
        }),
        CouchHttp,
        source.couch
      )
      if (read === Changes.fetch) return changes
      // Without a deadline, a connection that breaks while the server withholds the response would block forever.
      const pollDeadline = Duration.sum(poll, pollGrace)
      const bounded = Effect.timeoutFail(changes, {
        duration: pollDeadline,
        onTimeout: () =>
          new TimeoutError({
            method: "GET",
            path: `/${encodeURIComponent(source.database)}/_changes`,
            milliseconds: Duration.toMillis(pollDeadline)
          })
      })
      return Effect.gen(function*() {
        if (emptyPolls.wait > 0) yield* Effect.sleep(emptyPolls.wait)
        const startedAt = yield* Clock.currentTimeMillis
        const response = yield* bounded
        emptyPolls.record(response.changes.length === 0, (yield* Clock.currentTimeMillis) - startedAt)
        return response
      })
    }

    const transferPage = (
      state: State,
      { changes, lastSequence, pending }: Changes.Page<unknown>
    ): Effect.Effect<readonly [Chunk.Chunk<Progress>, Option.Option<State>], ReplicateError> =>
      Effect.gen(function*() {
        const transferred = yield* transfer(source, target, changes)
        const statistics: Statistics = {
          revisionsChecked: state.statistics.revisionsChecked + transferred.checked,
          missingFound: state.statistics.missingFound + transferred.found,
          documentsRead: state.statistics.documentsRead + transferred.read,
          documentsWritten: state.statistics.documentsWritten + transferred.written,
          writeFailures: state.statistics.writeFailures + transferred.failures.length
        }
        const moved = lastSequence !== sequenceText(state.since)
        const checkpoint = options.checkpoints === false || !moved || (changes.length === 0 && state.caughtUp)
          ? state.checkpoint
          : yield* checkpoints.write([source, target], id, state.checkpoint, {
            session: sessionId,
            started: replicationStart,
            from,
            to: lastSequence,
            statistics
          })
        const caughtUp = changes.length < batch || Option.contains(pending, 0)
        const next: State = { checkpoint, since: lastSequence, statistics, caughtUp }
        const progress: Progress = {
          id,
          sequence: lastSequence,
          pending,
          caughtUp,
          statistics,
          failures: transferred.failures
        }
        // An empty poll is not reported.
        const isEmptyPoll = state.caughtUp && changes.length === 0
        return [
          isEmptyPoll ? Chunk.empty() : Chunk.of(progress),
          caughtUp && options.live !== true ? Option.none() : Option.some(next)
        ] as const
      })

    const step = (state: State) =>
      Effect.flatMap(retrying(page(state), isBroken), (changes) => {
        outage.progress()
        return retrying(transferPage(state, changes))
      })

    return Stream.paginateChunkEffect<State, Progress, ReplicateError | E, R>(
      { checkpoint: first, since: from, statistics: noStatistics, caughtUp: false },
      step
    )
  }))
