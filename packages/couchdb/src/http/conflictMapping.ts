import * as Effect from "effect/Effect"
import { BadRequestError, type HttpError, UpdateConflictError } from "./errors.js"
import { errorResponseOf } from "./responseError.js"

/** Reports a 409 as a bad request, for endpoints without revisions: there it means that the request is wrong. */
export const conflictAsBadRequest = <A, E extends HttpError, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, UpdateConflictError> | BadRequestError, R> =>
  Effect.mapError(
    effect,
    (error) =>
      error._tag === "UpdateConflictError"
        ? new BadRequestError(errorResponseOf(error))
        : error as Exclude<E, UpdateConflictError>
  )

/** Reports a 409 as the conflict of a creation: the document exists already. */
export const conflictOfCreation = <A, E extends HttpError, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapError(
    self,
    (error) =>
      error._tag === "UpdateConflictError"
        ? new UpdateConflictError({ ...errorResponseOf(error), operation: "create" }) as E
        : error
  )
