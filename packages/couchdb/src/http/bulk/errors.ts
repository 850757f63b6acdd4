import type { NotFoundError, RequestError } from "../errors.js"

/** The errors of an exchange about a whole database. */
export type WireError = NotFoundError | RequestError
