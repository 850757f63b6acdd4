import { errorResponseOf } from "../http/responseError.js"
import { ConflictError } from "./errors.js"
import * as value from "./value.js"

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the conflict of any document
export type AnyConflict = ConflictError<any, any, any>

export const isConflict = (error: unknown): error is AnyConflict =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ConflictError"

/** The same conflict for a document with another body. */
export const withAttempted = <A, R, Done>(
  conflict: ConflictError<A, R, Done>,
  edit: (body: A) => A
): ConflictError<A, R, Done> => {
  const { attempted, attempts, database, id, operation, repeat } = conflict
  return new ConflictError(
    { ...errorResponseOf(conflict), operation, database, id, attempts },
    { attempted: value.modify(attempted, edit), repeat }
  )
}

/** The same conflict with another number of attempts. */
export const withAttempts = (error: AnyConflict, attempts: number): AnyConflict => {
  const { attempted, database, id, operation, repeat } = error
  return new ConflictError({ ...errorResponseOf(error), operation, database, id, attempts }, { attempted, repeat })
}
