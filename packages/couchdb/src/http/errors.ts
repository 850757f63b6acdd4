import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import { defineNonEnumerable } from "./defineNonEnumerable.js"
import { requestOf, responseMessage, urlOf } from "./errorMessage.js"
import { updateConflict } from "./hints/conflict.js"
import { notFound } from "./hints/notFound.js"
import * as Refused from "./hints/refusedRequest.js"
import { transport } from "./hints/transport.js"
import { aftermath, unexpectedResponse } from "./hints/unexpectedResponse.js"

/**
 * The fields of every error that a response of CouchDB caused.
 *
 * - `server`: scheme, host, port and base path, without credentials
 * - `path`: path and query below `server`; credentials are never part of it
 * - `error`, `reason`: CouchDB's own `error` and `reason`
 * - `database`, `id`: the database and the document of the request, if it has any
 *
 * @since 0.1.0
 * @category model
 */
export interface ErrorResponse {
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
 * 404: the document, its database, or another resource in the path does not exist. For a document `reason` is `missing`
 * (it never existed, or its revision is not stored) or `deleted`; `unknown` after a HEAD, which has no body. CouchDB
 * itself sent this response: the 404 page of a proxy is an {@link UnexpectedResponseError}.
 *
 * - `operation`: `update` if `Document.update` or `Document.updateEffect` found no document to edit
 * - `attachments`: the names of the document's attachments, if one of them was not found and the document is known
 *
 * @since 0.1.0
 * @category responses
 */
export class NotFoundError extends /*#__PURE__*/ Data.TaggedError("NotFoundError")<
  Omit<ErrorResponse, "reason"> & {
    readonly reason: "missing" | "deleted" | "unknown" | (string & {})
    readonly operation?: "update" | undefined
    readonly attachments?: ReadonlyArray<string> | undefined
  }
> {
  override get message(): string {
    return responseMessage(this, notFound(this))
  }
}

/**
 * 409: a conflict on the wire, before an operation relates it to a document. Document operations convert it to a
 * {@link ConflictError}; requests sent with `CouchHttp.execute` fail with this error. `operation` is `create` if the
 * request created a document, such as a user.
 *
 * @since 0.1.0
 * @category responses
 */
export class UpdateConflictError extends /*#__PURE__*/ Data.TaggedError("UpdateConflictError")<
  ErrorResponse & { readonly operation?: "create" | undefined }
> {
  override get message(): string {
    return responseMessage(this, updateConflict(this))
  }
}

/**
 * 401: no credentials, wrong ones, or those of a user who lacks a permission that CouchDB requires, such as that of a
 * server admin. `cookie` is `hidden` if the login set a cookie that scripts cannot read, as in a browser, and the
 * server does not recognize the requests after it.
 *
 * @since 0.1.0
 * @category responses
 */
export class UnauthorizedError extends /*#__PURE__*/ Data.TaggedError("UnauthorizedError")<
  ErrorResponse & { readonly cookie?: "hidden" | undefined }
> {
  override get message(): string {
    return responseMessage(this, Refused.unauthorized(this, this.cookie))
  }
}

/**
 * 403: the user is authenticated, but not allowed to do this. `reason` is CouchDB's, or that of a validation function
 * of a design document. It is also the error of a 500 in which CouchDB reports that an internal request of
 * `Database.setRevisionsLimit` or `Mango.createIndex` was forbidden.
 *
 * @since 0.1.0
 * @category responses
 */
export class ForbiddenError extends /*#__PURE__*/ Data.TaggedError("ForbiddenError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, Refused.forbidden(this))
  }
}

/**
 * 403: after several wrong passwords from this address, the server refuses the account for some minutes, even with the
 * right password. Since CouchDB 3.4.
 *
 * @since 0.1.0
 * @category responses
 */
export class AccountLockedError extends /*#__PURE__*/ Data.TaggedError("AccountLockedError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, {
      problem: "the account is locked after several wrong passwords",
      hint: "Correct the password, and wait five minutes before the next attempt."
    })
  }
}

/**
 * No credentials are available: the effect that provides them failed. No request was sent. `failure` is its error,
 * which no message and no log shows.
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
    defineNonEnumerable(this, { failure })
  }
  override get message(): string {
    return `no ${this.kind}: the effect that provides it failed, see \`failure\` of this error. No request was sent.`
  }
}

/**
 * 400, 405, 406 and every other 4xx without an error of its own: CouchDB does not accept the request.
 *
 * @since 0.1.0
 * @category responses
 */
export class BadRequestError extends /*#__PURE__*/ Data.TaggedError("BadRequestError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, Refused.badRequest(this))
  }
}

/**
 * 412 `missing_stub`: the document contains the stub of an attachment that the revision it extends does not have. The
 * bytes must be sent.
 *
 * @since 0.1.0
 * @category responses
 */
export class MissingStubError extends /*#__PURE__*/ Data.TaggedError("MissingStubError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, {
      problem: "the document names an attachment that this revision does not have on the server",
      hint: "Send its bytes along (Attachment.save), or leave out the stub."
    })
  }
}

/**
 * 412: the database exists already, or another precondition of the request is not met.
 *
 * @since 0.1.0
 * @category responses
 */
export class PreconditionFailedError extends /*#__PURE__*/ Data.TaggedError("PreconditionFailedError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, Refused.preconditionFailed(this))
  }
}

/**
 * 413: the document, the attachment or the request is larger than CouchDB accepts. The limit of a proxy causes an
 * {@link UnexpectedResponseError}.
 *
 * @since 0.1.0
 * @category responses
 */
export class PayloadTooLargeError extends /*#__PURE__*/ Data.TaggedError("PayloadTooLargeError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, Refused.tooLarge(this))
  }
}

/**
 * 415: the endpoint does not accept the content type.
 *
 * @since 0.1.0
 * @category responses
 */
export class UnsupportedMediaTypeError
  extends /*#__PURE__*/ Data.TaggedError("UnsupportedMediaTypeError")<ErrorResponse>
{
  override get message(): string {
    return responseMessage(this, {
      problem: "the endpoint does not accept this content type",
      hint: "CouchDB expects application/json."
    })
  }
}

/**
 * 416: the range lies outside the attachment.
 *
 * @since 0.1.0
 * @category responses
 */
export class RangeNotSatisfiableError
  extends /*#__PURE__*/ Data.TaggedError("RangeNotSatisfiableError")<ErrorResponse>
{
  override get message(): string {
    return responseMessage(this, {
      problem: "the range lies outside the attachment",
      hint: "Attachment.info returns its length."
    })
  }
}

/**
 * 417: the server refused a bulk request as a whole.
 *
 * @since 0.1.0
 * @category responses
 */
export class ExpectationFailedError extends /*#__PURE__*/ Data.TaggedError("ExpectationFailedError")<ErrorResponse> {
  override get message(): string {
    return responseMessage(this, {
      problem: "the server refused documents of the bulk request",
      hint: "The reason is that of the first one."
    })
  }
}

/**
 * 429: too many requests, sent by a proxy or a hosted CouchDB. `retryAfter` is the delay in its `Retry-After` header.
 *
 * @since 0.1.0
 * @category responses
 */
export class TooManyRequestsError extends /*#__PURE__*/ Data.TaggedError("TooManyRequestsError")<
  ErrorResponse & { readonly retryAfter: Option.Option<Duration.Duration> }
> {
  override get message(): string {
    return responseMessage(this, {
      problem: "the server asks for fewer requests",
      hint: "Wait as long as `retryAfter` says, lower the concurrency, or send documents together (Bulk, Batching)."
    })
  }
}

/**
 * 5xx of CouchDB itself, with its `error` and `reason`. `retryAfter` is the delay in a `Retry-After` header. CouchDB
 * responds with 500 `no_majority` if the user may not write the security object of a database.
 *
 * @since 0.1.0
 * @category responses
 */
export class ServerError extends /*#__PURE__*/ Data.TaggedError("ServerError")<
  ErrorResponse & { readonly retryAfter?: Option.Option<Duration.Duration> | undefined }
> {
  override get message(): string {
    return responseMessage(this, Refused.serverFailed(this))
  }
}

/**
 * The response came from something other than CouchDB: a proxy, a load balancer, a login page, another service. It says
 * nothing about documents. Reads, and writes that can be recovered, are retried first.
 *
 * - `server`: scheme, host, port and base path of the request, without credentials
 * - `contentType`, `responder`: the `Content-Type` and `Server` headers of the response, if it has them
 * - `problem`: what is wrong with the response
 * - `retryAfter`: the delay in a `Retry-After` header
 *
 * @since 0.1.0
 * @category responses
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
    const { hint, problem } = unexpectedResponse(this)
    return `${requestOf(this)}: ${problem}. ${hint}`
  }
}

/**
 * The request failed without a complete response.
 *
 * - `InvalidUrl`: the URL is not a valid `http:` or `https:` URL, or the client refuses to connect to it
 * - `InvalidHeader`: the header in `description` contains a line break or another character that headers do not allow
 * - `LongLine`: the request line or a header is longer than the server reads, for example because of a document id
 *   above 8,000 bytes, percent-encoded; `Bulk` and `Batching` send ids in a body
 * - `Unsupported`: the transport does not work on this runtime
 * - `Connection`: no connection was made, to the server or to the proxy in front of it
 * - `Tls`: the TLS handshake failed: the certificate is not trusted, one side does not speak TLS, or the server
 *   requires a client certificate
 * - `PoolExhausted`: every connection of the pool was in use until the deadline
 * - `RequestBody`: the request body could not be sent: its length is not the announced one, its source failed, or the server
 *   redirected it
 * - `NoResponse`: the connection broke before the response came
 * - `Body`: the response ended too early
 * - `Deadline`: a transport that keeps deadlines gave up; `CouchHttp` maps it to a `TimeoutError`
 *
 * Nothing was sent in the first seven cases, and no complete request in the eighth. After the last three, a write may
 * have been carried out.
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
    | "NoResponse"
    | "Body"
    | "Deadline"
  readonly description: string
}> {
  override get message(): string {
    const { hint, problem } = transport(this)
    return `${this.method} ${shortened(urlOf(this))}: ${problem} (${this.description}). ${hint}`
  }
}

/** Truncates a long path. */
const shortened = (path: string): string => path.length > 1_000 ? `${path.slice(0, 200)}…` : path

/**
 * The deadline of a call, including its retries, expired. A write may have been carried out.
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
    return `${this.method} ${urlOf(this)}: no response within ${this.milliseconds} ms. ${aftermath(this.method)}`
  }
}

/**
 * One part of a body that does not match the schema: its path, and what the schema expects. The value is not shown.
 *
 * @since 0.1.0
 * @category model
 */
export interface SchemaIssue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly expected: string
}

/**
 * The errors of any request, whatever it is about.
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
 * The errors of `CouchHttp`: those of any request, and the two statuses that depend on the operation.
 *
 * @since 0.1.0
 * @category unions
 */
export type HttpError = RequestError | NotFoundError | UpdateConflictError
