import type { NotFoundError, RequestError } from "../errors.js"

/** What an exchange about a whole database can fail with. */
export type WireError = NotFoundError | RequestError
