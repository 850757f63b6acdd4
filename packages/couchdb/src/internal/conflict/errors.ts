import { ConflictError } from "../../CouchError.js"

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the conflict of any document
export type AnyConflict = ConflictError<any, any, any>

export const isConflict = (error: unknown): error is AnyConflict =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ConflictError"

/** The same conflict, which tells how often the operation was tried. */
export const withAttempts = (
  { attempted, attempts: _, database, error, id, method, operation, path, reason, repeat, status }: AnyConflict,
  attempts: number
): AnyConflict =>
  new ConflictError(
    { method, path, status, error, reason, operation, database, id, attempts },
    { attempted, repeat }
  )
