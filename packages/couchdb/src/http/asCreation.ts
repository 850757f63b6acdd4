import * as Effect from "effect/Effect"
import { type HttpError, UpdateConflictError } from "./errors.js"
import { answerOf } from "./responseError.js"

/** A 409 of a request that is to create a document says that it exists already. */
export const asCreation = <A, E extends HttpError, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapError(
    self,
    (error) =>
      error._tag === "UpdateConflictError"
        ? new UpdateConflictError({ ...answerOf(error), operation: "create" }) as E
        : error
  )
