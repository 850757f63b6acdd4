import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import { requestOf, say, urlOf } from "./errorMessage.js"
import { hidden } from "./hidden.js"
import * as Hints from "./hints.js"

/**
 * What every error that a response of CouchDB caused has.
 *
 * - `server`: scheme, host, port and base path, without credentials
 * - `path`: path and query below `server`; credentials are never part of it
 * - `error`, `reason`: CouchDB's own `error` and `reason`
 * - `database`, `id`: the database and the document of the request, if it has any
 *
 * @since 0.1.0
 * @category model
 */
export interface Answer {
  readonly server?: string | undefined
  readonly method: string
  readonly path: string
  readonly status: number
  readonly error: string
  readonly reason: string
  readonly database?: string | undefined
  readonly id?: string | undefined
}

/**
 * 404: the document, its database, or what else the path names does not exist. For a document `reason` is `missing` (it
 * never existed, or its revision is gone) or `deleted`; `unknown` after a HEAD, which has no body. CouchDB itself sent this
 * response: the 404 page of a proxy is an {@link UnexpectedResponseError}.
 *
 * - `operation`: `update` if `Document.update` or `Document.updateEffect` found no document to edit
 * - `attachments`: the names of the document's attachments, if one of them was not found and the document was at hand
 *
 * @since 0.1.0
 * @category answers
 */
export class NotFoundError extends /*#__PURE__*/ Data.TaggedError("NotFoundError")<
  Omit<Answer, "reason"> & {
    readonly reason: "missing" | "deleted" | "unknown" | (string & {})
    readonly operation?: "update" | undefined
    readonly attachments?: ReadonlyArray<string> | undefined
  }
> {
  override get message(): string {
    return say(this, Hints.notFound(this))
  }
}

/**
 * 409 as it came over the wire, before an operation knows which document value it was about. Document operations turn it
 * into a {@link ConflictError}; requests sent with `CouchHttp.execute` see this one. `operation` is `create` if the
 * request was to create a document, such as that of a user.
 *
 * @since 0.1.0
 * @category answers
 */
export class UpdateConflictError extends /*#__PURE__*/ Data.TaggedError("UpdateConflictError")<
  Answer & { readonly operation?: "create" | undefined }
> {
  override get message(): string {
    return say(this, Hints.updateConflict(this))
  }
}

/**
 * 401: no credentials, wrong ones, or those of a user who lacks a permission that CouchDB asks for, such as that of a server
 * admin. `cookie` is `hidden` if a session was begun whose cookie no program can read, as in a browser, and the server does
 * not recognise the requests after it.
 *
 * @since 0.1.0
 * @category answers
 */
export class UnauthorizedError extends /*#__PURE__*/ Data.TaggedError("UnauthorizedError")<
  Answer & { readonly cookie?: "hidden" | undefined }
> {
  override get message(): string {
    return say(this, Hints.unauthorized(this, this.cookie))
  }
}

/**
 * 403: the user is known, but not allowed to do this. `reason` is CouchDB's, or that of a validation function of a design
 * document. So is a 500 in which CouchDB reports that one of its parts refused the user: of `Database.setRevisionsLimit` and
 * `Mango.createIndex`.
 *
 * @since 0.1.0
 * @category answers
 */
export class ForbiddenError extends /*#__PURE__*/ Data.TaggedError("ForbiddenError")<Answer> {
  override get message(): string {
    return say(this, Hints.forbidden(this))
  }
}

/**
 * 403 of another kind: after several wrong passwords from this address, the server refuses the account for some minutes,
 * even with the right password. CouchDB does so since 3.4.
 *
 * @since 0.1.0
 * @category answers
 */
export class AccountLockedError extends /*#__PURE__*/ Data.TaggedError("AccountLockedError")<Answer> {
  override get message(): string {
    return say(this, {
      problem: "the account is locked after several wrong passwords",
      hint: "Correct the password, and wait five minutes before the next attempt."
    })
  }
}

/**
 * There were no credentials to send: the effect that provides them failed. No request was sent. `failure` is what it failed
 * with, which no message and no log shows.
 *
 * @since 0.1.0
 * @category local
 */
export class CredentialsError
  extends /*#__PURE__*/ Data.TaggedError("CredentialsError")<{ readonly kind: "JSON Web Token" }>
{
  declare readonly failure: unknown

  constructor(fields: { readonly kind: "JSON Web Token" }, failure: unknown) {
    super(fields)
    hidden(this, { failure })
  }
  override get message(): string {
    return `no ${this.kind}: the effect that provides it failed, see \`failure\` of this error. No request was sent.`
  }
}

/**
 * 400, 405, 406 and every other 4xx that has no error of its own: CouchDB does not accept the request.
 *
 * @since 0.1.0
 * @category answers
 */
export class BadRequestError extends /*#__PURE__*/ Data.TaggedError("BadRequestError")<Answer> {
  override get message(): string {
    return say(this, Hints.badRequest(this))
  }
}

/**
 * 412 `missing_stub`: the document names an attachment by its stub, and the revision that it extends does not have it. The
 * bytes must be sent.
 *
 * @since 0.1.0
 * @category answers
 */
export class MissingStubError extends /*#__PURE__*/ Data.TaggedError("MissingStubError")<Answer> {
  override get message(): string {
    return say(this, {
      problem: "the document names an attachment that this revision does not have on the server",
      hint: "Send its bytes along (Attachment.save), or leave out the stub."
    })
  }
}

/**
 * 412: the database exists already, or another precondition of the request is not met.
 *
 * @since 0.1.0
 * @category answers
 */
export class PreconditionFailedError extends /*#__PURE__*/ Data.TaggedError("PreconditionFailedError")<Answer> {
  override get message(): string {
    return say(this, Hints.preconditionFailed(this))
  }
}

/**
 * 413: the document, the attachment or the request is larger than CouchDB accepts. The limit of a proxy is an
 * {@link UnexpectedResponseError}.
 *
 * @since 0.1.0
 * @category answers
 */
export class PayloadTooLargeError extends /*#__PURE__*/ Data.TaggedError("PayloadTooLargeError")<Answer> {
  override get message(): string {
    return say(this, Hints.tooLarge(this))
  }
}

/**
 * 415: the endpoint does not accept the content type.
 *
 * @since 0.1.0
 * @category answers
 */
export class UnsupportedMediaTypeError extends /*#__PURE__*/ Data.TaggedError("UnsupportedMediaTypeError")<Answer> {
  override get message(): string {
    return say(this, {
      problem: "the endpoint does not accept this content type",
      hint: "CouchDB expects application/json."
    })
  }
}

/**
 * 416: the range lies outside the attachment.
 *
 * @since 0.1.0
 * @category answers
 */
export class RangeNotSatisfiableError extends /*#__PURE__*/ Data.TaggedError("RangeNotSatisfiableError")<Answer> {
  override get message(): string {
    return say(this, {
      problem: "the range lies outside the attachment",
      hint: "Attachment.info returns its length."
    })
  }
}

/**
 * 417: a bulk request that the server refused as a whole.
 *
 * @since 0.1.0
 * @category answers
 */
export class ExpectationFailedError extends /*#__PURE__*/ Data.TaggedError("ExpectationFailedError")<Answer> {
  override get message(): string {
    return say(this, {
      problem: "the server refused documents of the bulk request",
      hint: "The reason is that of the first one."
    })
  }
}

/**
 * 429: too many requests, sent by a proxy or a hosted CouchDB. `retryAfter` is the wait that its `Retry-After` header asks
 * for.
 *
 * @since 0.1.0
 * @category answers
 */
export class TooManyRequestsError extends /*#__PURE__*/ Data.TaggedError("TooManyRequestsError")<
  Answer & { readonly retryAfter: Option.Option<Duration.Duration> }
> {
  override get message(): string {
    return say(this, {
      problem: "the server asks for fewer requests",
      hint: "Wait as long as `retryAfter` says, lower the concurrency, or send documents together (Bulk, Batching)."
    })
  }
}

/**
 * 5xx of CouchDB itself, with its `error` and `reason`. `retryAfter` is the wait that a `Retry-After` header asks for. A
 * 500 `no_majority` is what CouchDB answers to a user who may not write the security object of a database.
 *
 * @since 0.1.0
 * @category answers
 */
export class ServerError extends /*#__PURE__*/ Data.TaggedError("ServerError")<
  Answer & { readonly retryAfter?: Option.Option<Duration.Duration> | undefined }
> {
  override get message(): string {
    return say(this, Hints.serverFailed(this))
  }
}

/**
 * Something other than CouchDB answered: a proxy, a load balancer, a login page, another service. Nothing in the response
 * is taken for CouchDB's word, so it says nothing about documents. Reads and recovered writes are retried first.
 *
 * - `server`: scheme, host, port and base path of the request, without credentials
 * - `contentType`, `responder`: the `Content-Type` and `Server` headers of the response, if it has them
 * - `problem`: what is wrong with the response
 * - `retryAfter`: the wait that a `Retry-After` header asks for
 *
 * @since 0.1.0
 * @category answers
 */
export class UnexpectedResponseError extends /*#__PURE__*/ Data.TaggedError("UnexpectedResponseError")<{
  readonly server?: string | undefined
  readonly method: string
  readonly path: string
  readonly status: number
  readonly contentType?: string | undefined
  readonly responder?: string | undefined
  readonly problem: string
  readonly retryAfter?: Option.Option<Duration.Duration> | undefined
  readonly database?: string | undefined
  readonly id?: string | undefined
}> {
  override get message(): string {
    const { hint, problem } = Hints.unexpectedResponse(this)
    return `${requestOf(this)}: ${problem}. ${hint}`
  }
}

/**
 * There was no whole response.
 *
 * - `InvalidUrl`: the URL is not a valid `http:` or `https:` URL, or the client refuses to connect to it
 * - `InvalidHeader`: the header that `description` names contains a line break or another character that no header may have
 * - `LongLine`: the request line or a header is longer than the server reads. Document ids above 8,000 bytes,
 *   percent-encoded, are a cause; `Bulk` and `Batching` send them in a body
 * - `Unsupported`: the transport does not work on this runtime
 * - `Connection`: no connection was made, to the server or to the proxy in front of it
 * - `Tls`: the TLS handshake failed: the certificate is not trusted, one side does not speak TLS, or the server wants a
 *   client certificate
 * - `PoolExhausted`: every connection of the pool was in use until the deadline
 * - `RequestBody`: the request body could not be sent: its length is not the announced one, its source failed, or the server
 *   redirected it
 * - `NoAnswer`: the connection broke before the response came
 * - `Body`: the response ended too early
 * - `Deadline`: a transport that keeps deadlines gave up; `CouchHttp` makes a `TimeoutError` of it
 *
 * Nothing was sent in the first seven cases, and no complete request in the eighth. After the last three a write may have
 * happened.
 *
 * @since 0.1.0
 * @category transport
 */
export class TransportError extends /*#__PURE__*/ Data.TaggedError("TransportError")<{
  readonly server?: string | undefined
  readonly method: string
  readonly path: string
  readonly reason:
    | "InvalidUrl"
    | "InvalidHeader"
    | "LongLine"
    | "Unsupported"
    | "Connection"
    | "Tls"
    | "PoolExhausted"
    | "RequestBody"
    | "NoAnswer"
    | "Body"
    | "Deadline"
  readonly description: string
}> {
  override get message(): string {
    const { hint, problem } = Hints.transport(this)
    return `${this.method} ${shortened(urlOf(this))}: ${problem} (${this.description}). ${hint}`
  }
}

/** Enough of a path to know it by. */
export const shortened = (path: string): string => path.length > 1_000 ? `${path.slice(0, 200)}…` : path

/**
 * The deadline of a call passed, its retries included. A write may have happened.
 *
 * @since 0.1.0
 * @category transport
 */
export class TimeoutError extends /*#__PURE__*/ Data.TaggedError("TimeoutError")<{
  readonly server?: string | undefined
  readonly method: string
  readonly path: string
  readonly milliseconds: number
}> {
  override get message(): string {
    return `${this.method} ${urlOf(this)}: no response within ${this.milliseconds} ms. ${Hints.aftermath(this.method)}`
  }
}

/**
 * One place in a body that the schema does not accept: its path, and what the schema expected. The value is not shown.
 *
 * @since 0.1.0
 * @category model
 */
export interface SchemaIssue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly expected: string
}

/**
 * What any request can fail with, whatever it was about.
 *
 * @since 0.1.0
 * @category unions
 */
export type RequestError =
  | UnauthorizedError
  | ForbiddenError
  | AccountLockedError
  | CredentialsError
  | BadRequestError
  | PreconditionFailedError
  | MissingStubError
  | PayloadTooLargeError
  | UnsupportedMediaTypeError
  | RangeNotSatisfiableError
  | ExpectationFailedError
  | TooManyRequestsError
  | ServerError
  | UnexpectedResponseError
  | TransportError
  | TimeoutError

/**
 * What `CouchHttp` fails with: any request's errors, and the two statuses that operations give a meaning of their own.
 *
 * @since 0.1.0
 * @category unions
 */
export type HttpError = RequestError | NotFoundError | UpdateConflictError
