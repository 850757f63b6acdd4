import * as Effect from "effect/Effect"
import { BadRequestError, type HttpError, type UpdateConflictError } from "./errors.js"
import { answerOf } from "./responseError.js"

/**
 * For endpoints that have no revisions to conflict about: a 409 there is the server's way of calling the request wrong.
 */
export const unconflicted = <A, E extends HttpError, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, UpdateConflictError> | BadRequestError, R> =>
  Effect.mapError(
    effect,
    (error) =>
      error._tag === "UpdateConflictError"
        ? new BadRequestError(answerOf(error))
        : error as Exclude<E, UpdateConflictError>
  )
