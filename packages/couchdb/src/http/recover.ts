import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { HttpError } from "./errors.js"
import { mayHaveHappened } from "./retry.js"

/** Whether the error is one of an exchange, not one of the caller, such as that of a stream of bytes. */
const isHttpError = (error: unknown): error is HttpError =>
  typeof error === "object" && error !== null && "_tag" in error && "method" in error

/**
 * Repeats a write until its outcome is known.
 *
 * A write whose response was lost may have been carried out. After such a failure every later failure is checked against
 * the server: if `findStored` finds the write, it succeeded. If the check itself fails, the result is the failure that made
 * the outcome unknown, never a conflict: a caller that receives a conflict edits the document again.
 *
 * - `attempt`: sends the write once; its argument is the last failure that left the outcome unknown
 * - `findStored`: looks for the write on the server, after an attempt that failed with this error
 * - `schedule`: when to repeat the attempt; `undefined` if it cannot be repeated
 */
export const recover = <A, E, R, R2>({ attempt, findStored, schedule }: {
  readonly attempt: (unknownOutcome: E | undefined) => Effect.Effect<A, E, R>
  readonly findStored: (error: E) => Effect.Effect<Option.Option<A>, unknown, R2>
  readonly schedule: Schedule.Schedule<unknown, E> | undefined
}): Effect.Effect<A, E, R | R2> =>
  Effect.suspend(() => {
    let unknownOutcome: E | undefined
    const once = Effect.catchAll(
      Effect.suspend(() => attempt(unknownOutcome)),
      (error): Effect.Effect<A, E, R2> => {
        if (!isHttpError(error)) return Effect.fail(error)
        if (mayHaveHappened(error)) unknownOutcome = error
        // An earlier attempt may have been carried out, even if this one was not sent.
        if (unknownOutcome === undefined) return Effect.fail(error)
        const unknown = unknownOutcome
        return Effect.matchEffect(findStored(error), {
          onFailure: () => Effect.fail(unknown),
          onSuccess: Option.match({ onNone: () => Effect.fail(error), onSome: (found) => Effect.succeed(found) })
        })
      }
    )
    return schedule === undefined ? once : Effect.retry(once, schedule)
  })
