/**
 * Every error of the library.
 *
 * Errors that a response caused carry server, method, path, status, and CouchDB's own `error` and `reason`; errors found
 * before a request was sent name the document. A message says what happened, to what, and what to do. No error shows a
 * body, a password or a cookie.
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
  type Answer,
  BadRequestError,
  CredentialsError,
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
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- invariant in the body, of which a union over all says nothing
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
