import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import type { CouchHttp, Ledger, WriteDocument, Written } from "../CouchHttp.js"
import type { HttpError, NotFoundError, RequestError, UpdateConflictError } from "../errors.js"
import { learn, predict } from "../lostWrites.js"
import { isTooLargeForProxy, isTransient, mayHaveHappened } from "../retry.js"
import { type RowResult, type Unanswered, writePart } from "./bulkDocs.js"
import type { WireError } from "./errors.js"
import { landed } from "./landedWrites.js"

/** What the write of one document among many can fail with. */
export type WriteError = UpdateConflictError | NotFoundError | RequestError

export type Outcome = Either.Either<Written, WriteError>

/** A write, and its text in `_bulk_docs`. */
export interface Sending {
  readonly write: WriteDocument
  readonly text: string
}

/** What one bulk operation knows. */
export interface Knowledge extends Ledger {
  readonly retry: Schedule.Schedule<unknown, HttpError>
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

/**
 * Writes documents with different ids in one request, and gives one result each in their order.
 *
 * Where the answer is lost, the rows that landed are recognised by their revisions, and the others are sent again. Where
 * that cannot be told, the rows fail with what made it unknown: a conflict must not be told then, since whoever hears of
 * one edits again.
 */
export const writeAll = (
  database: DatabaseName,
  sending: ReadonlyArray<Sending>,
  knowledge: Knowledge
): Effect.Effect<ReadonlyArray<Outcome>, never, CouchHttp> =>
  Effect.suspend(() => {
    const results = new Array<Outcome | undefined>(sending.length)
    let doubt: WireError | undefined
    /** How many rows one request may have. A proxy with a limit of its own makes it smaller. */
    let maxRows = Infinity

    const open = (): ReadonlyArray<number> => sending.flatMap((_, i) => results[i] === undefined ? [i] : [])

    /** Takes for written what is there already. */
    const recognise = (
      indices: ReadonlyArray<number>
    ): Effect.Effect<ReadonlySet<number>, WireError, CouchHttp> =>
      knowledge.holds.get(database) === false
        ? Effect.succeed(new Set())
        : Effect.map(
          landed(database, indices.map((i) => (sending[i] as Sending).write)),
          (revs) =>
            new Set(indices.filter((i, n) => {
              const rev = revs[n]
              if (rev === undefined || !knowledge.claims.take((sending[i] as Sending).write, rev)) return false
              // Whether a quorum stored it was in the answer that was lost.
              results[i] = Either.right({ rev, durability: "accepted" })
              return true
            }))
        )

    const settle = (i: number, result: RowResult): void => {
      const { write } = sending[i] as Sending
      if (result._tag !== "Stored") results[i] = Either.left(result.error)
      else if (result.rev !== undefined) {
        learn(knowledge, write, result.rev)
        knowledge.claims.take(write, result.rev)
        results[i] = Either.right({ rev: result.rev, durability: result.durability })
      }
    }

    /** Nobody answered about these rows: what landed is recognised, and the failure is the answer to the others. */
    const unanswered = (
      indices: ReadonlyArray<number>,
      error: WireError
    ): Effect.Effect<void, WireError, CouchHttp> => {
      if (mayHaveHappened(error)) doubt = error
      if (doubt === undefined || knowledge.holds.get(database) === false) return Effect.fail(error)
      return Effect.zipRight(
        Effect.mapError(recognise(indices), () => doubt as WireError),
        Effect.suspend(() => {
          if (open().length === 0) return Effect.void
          if (!isTooLargeForProxy(error)) return Effect.fail(error)
          // What is stored is known, so that the others may be sent in smaller requests.
          const [only, ...others] = indices
          if (only !== undefined && others.length === 0) results[only] ??= Either.left(error)
          maxRows = Math.min(maxRows, Math.ceil(indices.length / 2))
          return once
        })
      )
    }

    const answered = (
      told: ReadonlyArray<readonly [index: number, result: RowResult]>
    ): Effect.Effect<void, never, CouchHttp> => {
      const refused = told.flatMap(([i, { _tag }]) => _tag === "Conflict" ? [i] : [])
      for (const [i, result] of told) if (result._tag !== "Conflict") settle(i, result)
      const refuse = () => told.forEach(([i, result]) => results[i] === undefined && settle(i, result))
      if (doubt === undefined || refused.length === 0) return Effect.sync(refuse)
      const unknown = doubt
      // The refusal may be of the repetition.
      return Effect.match(recognise(refused), {
        onFailure: () => refused.forEach((i) => results[i] ??= Either.left(unknown)),
        onSuccess: () => {
          for (const i of refused) {
            const { write } = sending[i] as Sending
            const tells = knowledge.holds.get(database) !== false && Option.isSome(predict(write, write.parent))
            if (!tells) results[i] ??= Either.left(unknown)
          }
          refuse()
        }
      })
    }

    const once: Effect.Effect<void, WireError, CouchHttp> = Effect.suspend(() => {
      const indices = open().slice(0, maxRows)
      if (indices.length === 0) return Effect.void
      const rows = indices.map((i) => ({ id: (sending[i] as Sending).write.id, text: (sending[i] as Sending).text }))
      return Effect.matchEffect(writePart(database, rows, { newEdits: true, repeatable: false }), {
        onFailure: (error) => unanswered(indices, error),
        onSuccess: (answers) => {
          const told: Array<readonly [number, RowResult]> = []
          const left: Array<readonly [number, Unanswered]> = []
          indices.forEach((i, n) => {
            const result = answers[n] as RowResult | Unanswered
            if (result._tag === "Unanswered") left.push([i, result])
            else told.push([i, result])
          })
          const [first] = left
          return first === undefined
            ? Effect.zipRight(answered(told), once)
            : Effect.zipRight(
              answered(told),
              Effect.suspend(() => unanswered(left.map(([i]) => i), first[1].error))
            )
        }
      })
    })

    const repeated = Effect.retry(once, {
      schedule: knowledge.retry,
      // Where a revision cannot be known, a repeated write could meet itself and look like a conflict.
      while: (error) => isTransient(error) && (doubt === undefined || knowledge.holds.get(database) !== false)
    })
    return Effect.match(repeated, {
      onFailure: (error): ReadonlyArray<Outcome> => sending.map((_, i) => results[i] ?? Either.left(doubt ?? error)),
      onSuccess: () => results as ReadonlyArray<Outcome>
    })
  })
