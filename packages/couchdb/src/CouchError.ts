/**
 * Every error of the library.
 *
 * Errors caused by a response contain the server, method, path and status, and CouchDB's own `error` and `reason`.
 * Errors found before a request is sent contain the document. A message says what happened, to which document, and what
 * to do. No error contains a body, a password or a cookie.
 *
 * @since 0.1.0
 */
import type { IntegrityError } from "./attachment/errors.js"
import type { OverlapError } from "./conflict/overlapError.js"
import type { InvalidIdError } from "./data/errors.js"
import type {
  ConflictError,
  DecodeError,
  EncodeError,
  UnsavedChangesError,
  UnsavedDocumentError
} from "./document/errors.js"
import type { HttpError } from "./http/errors.js"
import type { SearchUnavailableError } from "./query/search/errors.js"
import type { ReplicationFailedError } from "./replication/errors.js"

export { IntegrityError } from "./attachment/errors.js"
export { OverlapError } from "./conflict/overlapError.js"
export { InvalidIdError } from "./data/errors.js"
export {
  ConflictError,
  type ConflictingOperation,
  type CurrentRevision,
  DecodeError,
  EncodeError,
  type RepeatError,
  UnsavedChangesError,
  UnsavedDocumentError
} from "./document/errors.js"
export {
  AccountLockedError,
  BadRequestError,
  CredentialsError,
  type ErrorResponse,
  ExpectationFailedError,
  ForbiddenError,
  type HttpError,
  MissingStubError,
  NotFoundError,
  PayloadTooLargeError,
  PreconditionFailedError,
  RangeNotSatisfiableError,
  type RequestError,
  type SchemaIssue,
  ServerError,
  TimeoutError,
  TooManyRequestsError,
  TransportError,
  UnauthorizedError,
  UnexpectedResponseError,
  UnsupportedMediaTypeError,
  UpdateConflictError
} from "./http/errors.js"
export { SearchUnavailableError } from "./query/search/errors.js"
export { ReplicationFailedError } from "./replication/errors.js"

/**
 * Every error of the library.
 *
 * @since 0.1.0
 * @category unions
 */
export type CouchError =
  | HttpError
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- invariant in the body, so a union of all documents requires any
  | ConflictError<any, any, any>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  | OverlapError<any, any, any>
  | DecodeError
  | EncodeError
  | IntegrityError
  | ReplicationFailedError
  | SearchUnavailableError
  | InvalidIdError
  | UnsavedChangesError
  | UnsavedDocumentError
