import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import type { CouchHttp, WriteDocument, Written } from "../CouchHttp.js"
import type { HttpError } from "../errors.js"
import { recover } from "../recover.js"
import { isTooLargeForProxy, isTransient, mayHaveHappened } from "../retry.js"
import type { WriteState } from "../serviceState.js"
import { predict, recordRevision } from "../storedWrites.js"
import type { WriteError } from "../writeDocument.js"
import { type NoResponse, type RowResult, writePart } from "./bulkDocs.js"
import type { WireError } from "./errors.js"
import { storedRevisions } from "./storedRevisions.js"

export type { WriteError } from "../writeDocument.js"

export type Outcome = Either.Either<Written, WriteError>

/** A write, and its text in `_bulk_docs`. */
export interface Row {
  readonly write: WriteDocument
  readonly text: string
}

/** The service that a bulk operation writes through. */
export interface BulkContext {
  readonly schedule: Schedule.Schedule<unknown, HttpError>
  readonly state: WriteState
}

/** The text of a write in `_bulk_docs`. */
export const textOf = (write: WriteDocument): string =>
  Json.stringify(Json.fromEntries([
    ["_id", write.id] as const,
    ...Option.toArray(Option.map(write.parent, (rev) => ["_rev", rev] as const)),
    ...(write.deleted ? [["_deleted", true] as const] : []),
    ...Option.toArray(Option.map(write.attachments, (stubs) => ["_attachments", stubs] as const)),
    ...Json.entries(write.body)
  ]))

/** The rows of one bulk operation, and the outcomes that are known. */
class BulkWrite {
  private readonly outcomes: Array<Outcome | undefined>
  /** The maximum number of rows in a request. The size limit of a proxy reduces it. */
  private maxRows = Infinity
  /** The rows of the last request whose outcome is unknown. */
  private uncertain: ReadonlyArray<number> = []

  constructor(
    private readonly database: DatabaseName,
    private readonly rows: ReadonlyArray<Row>,
    private readonly state: WriteState
  ) {
    this.outcomes = new Array<Outcome | undefined>(rows.length)
  }

  get isPredictable(): boolean {
    return this.state.predictable.get(this.database) !== false
  }

  /** The outcomes; rows without one have this error. */
  outcomesOr(error: WireError | undefined): ReadonlyArray<Outcome> {
    return this.rows.map((_, i) => this.outcomes[i] ?? Either.left(error as WireError))
  }

  /** Sends the rows without an outcome, in as many requests as needed. */
  send(unknownOutcome: WireError | undefined): Effect.Effect<void, WireError, CouchHttp> {
    return Effect.suspend(() => {
      const indices = this.open().slice(0, this.maxRows)
      if (indices.length === 0) return Effect.void
      this.uncertain = indices
      const rows = indices.map((i) => ({ id: this.row(i).write.id, text: this.row(i).text }))
      return Effect.flatMap(writePart(this.database, rows, { newEdits: true, repeatable: false }), (results) => {
        const received: Array<readonly [number, RowResult]> = []
        const pending: Array<number> = []
        let failure: WireError | undefined
        indices.forEach((i, n) => {
          const result = results[n] as RowResult | NoResponse
          if (result._tag !== "NoResponse") received.push([i, result])
          else {
            pending.push(i)
            failure ??= result.error
          }
        })
        this.uncertain = pending
        return Effect.zipRight(
          this.settleAll(received, unknownOutcome),
          failure === undefined ? this.send(unknownOutcome) : Effect.fail(failure)
        )
      })
    })
  }

  /**
   * Finds the rows of the last request that are stored. Succeeds if all rows have an outcome then. If a proxy refused the
   * size of the request, the others are sent in smaller ones.
   */
  findStored(error: WireError, unknownOutcome: WireError): Effect.Effect<Option.Option<void>, WireError, CouchHttp> {
    const indices = this.uncertain
    if (!this.isPredictable) return Effect.succeedNone
    return Effect.flatMap(this.recognise(indices), () => {
      if (this.open().length === 0) return Effect.succeedSome(undefined)
      if (!isTooLargeForProxy(error)) return Effect.succeedNone
      const [only] = indices
      if (only !== undefined && indices.length === 1) this.outcomes[only] ??= Either.left(error)
      this.maxRows = Math.min(this.maxRows, Math.ceil(indices.length / 2))
      return Effect.asSome(
        Effect.catchAll(
          this.send(unknownOutcome),
          (error) =>
            Effect.flatMap(
              this.findStored(error, unknownOutcome),
              (found) => Option.isSome(found) ? Effect.void : Effect.fail(error)
            )
        )
      )
    })
  }

  private row(i: number): Row {
    return this.rows[i] as Row
  }

  private open(): ReadonlyArray<number> {
    return this.rows.flatMap((_, i) => this.outcomes[i] === undefined ? [i] : [])
  }

  /** Records the rows that the server has, with their revisions. */
  private recognise(indices: ReadonlyArray<number>): Effect.Effect<void, WireError, CouchHttp> {
    return Effect.map(
      storedRevisions(this.database, indices.map((i) => this.row(i).write)),
      (revs) =>
        indices.forEach((i, n) => {
          const rev = revs[n]
          if (rev === undefined || !this.state.claimedRevisions.take(this.row(i).write, rev)) return
          // The lost response reported whether a quorum stored it.
          this.outcomes[i] = Either.right({ rev, durability: "accepted" })
        })
    )
  }

  private settle(i: number, result: RowResult): void {
    if (this.outcomes[i] !== undefined) return
    if (result._tag !== "Stored") this.outcomes[i] = Either.left(result.error)
    else if (result.rev !== undefined) {
      recordRevision(this.state, this.row(i).write, result.rev)
      this.outcomes[i] = Either.right({ rev: result.rev, durability: result.durability })
    }
  }

  /** Records results. If an earlier outcome is unknown, a repeated write may conflict with itself. */
  private settleAll(
    results: ReadonlyArray<readonly [index: number, result: RowResult]>,
    unknownOutcome: WireError | undefined
  ): Effect.Effect<void, never, CouchHttp> {
    const settleRest = () => results.forEach(([i, result]) => this.settle(i, result))
    for (const [i, result] of results) if (result._tag !== "Conflict") this.settle(i, result)
    const conflicts = results.flatMap(([i, { _tag }]) => _tag === "Conflict" ? [i] : [])
    if (unknownOutcome === undefined || conflicts.length === 0) return Effect.sync(settleRest)
    return Effect.match(this.isPredictable ? this.recognise(conflicts) : Effect.void, {
      onFailure: () => conflicts.forEach((i) => this.outcomes[i] ??= Either.left(unknownOutcome)),
      onSuccess: () => {
        for (const i of conflicts) {
          const { write } = this.row(i)
          const canBeFound = this.isPredictable && Option.isSome(predict(write, write.parent))
          if (!canBeFound) this.outcomes[i] ??= Either.left(unknownOutcome)
        }
        settleRest()
      }
    })
  }
}

/**
 * Writes documents with different ids in one request, and returns one outcome for each in their order.
 *
 * If the response is lost, the rows that are stored are found by their revisions, and the others are sent again. If that
 * cannot be decided, the rows fail with the error that made the outcome unknown, never with a conflict: a caller that
 * receives a conflict edits the document again.
 */
export const writeAll = (
  database: DatabaseName,
  rows: ReadonlyArray<Row>,
  { schedule, state }: BulkContext
): Effect.Effect<ReadonlyArray<Outcome>, never, CouchHttp> =>
  Effect.suspend(() => {
    const bulk = new BulkWrite(database, rows, state)
    let unknownOutcome: WireError | undefined
    const written = recover<void, WireError, CouchHttp, CouchHttp>({
      attempt: (unknown) =>
        Effect.tapError(bulk.send(unknown), (error) =>
          Effect.sync(() => {
            if (mayHaveHappened(error)) unknownOutcome = error
          })),
      findStored: (error) => bulk.findStored(error, unknownOutcome ?? error),
      // If a revision cannot be predicted, a repeated write may conflict with itself.
      schedule: Schedule.whileInput(schedule, (error: WireError) =>
        isTransient(error) && (unknownOutcome === undefined || bulk.isPredictable))
    })
    return Effect.match(written, {
      onFailure: (error) =>
        bulk.outcomesOr(unknownOutcome ?? error),
      onSuccess: () => bulk.outcomesOr(undefined)
    })
  })
