/**
 * Every error of the library, and the one place where a response becomes an error.
 *
 * Errors that an answer caused carry method, path, status, and CouchDB's own `error` and `reason`; errors found before a
 * request was sent name the document. A message says what happened, to what, and what to do. No error shows a body, a
 * password or a cookie.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { CouchHttp } from "./CouchHttp.js"
import type { Document } from "./Document.js"
import { hidden } from "./internal/hidden.js"
import { quote, say, urlOf } from "./internal/messages.js"
import type { JsonObject } from "./Json.js"
import type { Overlap } from "./Merge.js"
import type { Revision } from "./Revision.js"

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
 * @since 0.1.0
 * @category answers
 */
export class NotFoundError extends /*#__PURE__*/ Data.TaggedError("NotFoundError")<
  Omit<Answer, "reason"> & { readonly reason: "missing" | "deleted" | "unknown" | (string & {}) }
> {
  override get message(): string {
    return say(
      this,
      this.reason === "deleted" ? "it was deleted" : "it is not there",
      this.reason === "Database does not exist."
        ? "Create the database first (Database.create), or check its name and COUCHDB_URL."
        : this.id === undefined || this.method !== "GET" || this.error === "unknown"
        ? "Check the path, and that COUCHDB_URL names a CouchDB."
        : "Use Document.fetchOption where its absence is normal."
    )
  }
}

/**
 * 409 as it came over the wire, before an operation knows which document value it was about. Document operations turn it
 * into a {@link ConflictError}; requests sent with `CouchHttp.execute` see this one.
 *
 * @since 0.1.0
 * @category answers
 */
export class UpdateConflictError extends /*#__PURE__*/ Data.TaggedError("UpdateConflictError")<Answer> {
  override get message(): string {
    return say(
      this,
      "the revision sent is not a leaf of the document any more",
      "Read the document again and repeat the edit."
    )
  }
}

/**
 * The operation that a server refused with 409, and that a policy repeats.
 *
 * @since 0.1.0
 * @category model
 */
export type ConflictingOperation = "save" | "create" | "delete" | "copy" | "attachment"

/**
 * What stands on the server where a write was refused: the winning revision, and its attachments, which a write of the
 * body leaves alone.
 *
 * @since 0.1.0
 * @category model
 */
export interface Standing {
  readonly rev: Revision
  readonly stubs: Option.Option<JsonObject>
}

/**
 * 409: the server refused a write, because somebody else wrote the document since it was read. Nothing of the write was
 * stored, and nothing is lost: `attempted` is the document as it was to be written, with its base.
 *
 * `Done` is what the operation would have given: a document, or a tombstone where it was a delete. Hand the error to a
 * policy of `Conflict`: `Effect.catchTag("ConflictError", Conflict.overwrite)`.
 *
 * @since 0.1.0
 * @category answers
 */
export class ConflictError<in out A, out R = never, out Done = Document<A, R>>
  extends /*#__PURE__*/ Data.TaggedError("ConflictError")<
    Answer & {
      readonly operation: ConflictingOperation
      readonly database: string
      readonly id: string
      /** How many times the operation was tried before this error. */
      readonly attempts: number
    }
  >
{
  /** The document as it was to be written. */
  declare readonly attempted: Document<A, R>
  /**
   * The same operation again, over what stands on the server now, or `None` where the document is gone.
   */
  declare readonly repeat: (
    over: Option.Option<Standing>
  ) => Effect.Effect<Done, RepeatError<A, R, Done>, CouchHttp | R>

  constructor(
    fields: Answer & {
      readonly operation: ConflictingOperation
      readonly database: string
      readonly id: string
      readonly attempts: number
    },
    refused: {
      readonly attempted: Document<A, R>
      readonly repeat: (
        over: Option.Option<Standing>
      ) => Effect.Effect<Done, RepeatError<A, R, Done>, CouchHttp | R>
    }
  ) {
    super(fields)
    hidden(this, refused)
  }
  override get message(): string {
    return say(
      this,
      `the ${this.operation} was refused, somebody else wrote the document first` +
        (this.attempts > 1 ? ` (${this.attempts} attempts)` : ""),
      "Nothing was written. " + (this.attempts > 1
        ? "So many write this document that every attempt met another: allow more in the schedule of the update."
        : "Handle it with Effect.catchTag(\"ConflictError\", policy), or edit with Document.update.")
    )
  }
}

/**
 * Two edits of one document that do not merge: `paths` says where, and nothing was written. `conflict` is the refusal
 * behind it, which another policy may settle (`Conflict.orElse`), and `overlap` has the values, which no message shows.
 *
 * @since 0.1.0
 * @category conflicts
 */
export class OverlapError<in out A, out R = never, out Done = Document<A, R>>
  extends /*#__PURE__*/ Data.TaggedError("OverlapError")<{
    readonly server?: string | undefined
    readonly database: string
    readonly id: string
    readonly paths: ReadonlyArray<{ readonly path: string; readonly why: string }>
  }>
{
  declare readonly overlap: Overlap
  declare readonly conflict: ConflictError<A, R, Done>

  constructor(conflict: ConflictError<A, R, Done>, overlap: Overlap) {
    super({
      ...(conflict.server !== undefined && { server: conflict.server }),
      database: conflict.database,
      id: conflict.id,
      paths: overlap.clashes.map(({ path, why }) => ({ path: path.map(String).join("."), why }))
    })
    hidden(this, { conflict, overlap })
  }
  override get message(): string {
    const places = this.paths.map(({ path, why }) => `${path === "" ? "the document" : path} (${why})`).join(", ")
    return `${quote(this.id)} in ${
      quote(this.database)
    } was edited on both sides, and the edits do not merge: ${places}. ` +
      "Nothing was written. Give the fields a strategy (Merge.annotate), or decide with Conflict.orElse."
  }
}

/**
 * What repeating a refused operation can fail with.
 *
 * @since 0.1.0
 * @category unions
 */
export type RepeatError<A, R, Done> =
  | ConflictError<A, R, Done>
  | NotFoundError
  | EncodeError
  | InvalidIdError
  | RequestError

/**
 * 401: no credentials, or wrong ones.
 *
 * @since 0.1.0
 * @category answers
 */
export class UnauthorizedError extends /*#__PURE__*/ Data.TaggedError("UnauthorizedError")<Answer> {
  override get message(): string {
    return say(this, "the server does not know who asks", "Check user and password (COUCHDB_USER, COUCHDB_PASSWORD).")
  }
}

/**
 * 403: known, but not allowed. `reason` is what the server says, or what a validation function of a design document gave.
 *
 * @since 0.1.0
 * @category answers
 */
export class ForbiddenError extends /*#__PURE__*/ Data.TaggedError("ForbiddenError")<Answer> {
  override get message(): string {
    return say(
      this,
      "the server forbids it",
      "Look at the database's security object and at its validation functions."
    )
  }
}

/**
 * 403 of another kind: so many wrong passwords came from here that the server refuses this account for some minutes, even
 * with the right one. CouchDB does so since 3.4.
 *
 * @since 0.1.0
 * @category answers
 */
export class AccountLockedError extends /*#__PURE__*/ Data.TaggedError("AccountLockedError")<Answer> {
  override get message(): string {
    return say(
      this,
      "the account is locked for a while, after several wrong passwords",
      "Correct the password, and wait five minutes before the next try."
    )
  }
}

/**
 * There were no credentials to send: the effect that gives them failed. No request was sent. `failure` is what it failed
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
    return `no ${this.kind}: the effect that gives it failed, and error.failure says why. No request was sent.`
  }
}

/**
 * 400, 405, 406 and every other 4xx that has no error of its own: the request itself is wrong.
 *
 * @since 0.1.0
 * @category answers
 */
export class BadRequestError extends /*#__PURE__*/ Data.TaggedError("BadRequestError")<Answer> {
  override get message(): string {
    return say(this, "the server could not make sense of the request", "The reason says which part of it.")
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
    return say(
      this,
      "an attachment is named that the server does not have under this revision",
      "Send its bytes along, or leave the stub out."
    )
  }
}

/**
 * 412: the database exists already, or something else that the request takes for granted is not so.
 *
 * @since 0.1.0
 * @category answers
 */
export class PreconditionFailedError extends /*#__PURE__*/ Data.TaggedError("PreconditionFailedError")<Answer> {
  override get message(): string {
    return say(
      this,
      "what the request takes for granted is not so",
      this.error === "file_exists"
        ? "The database is there already; Database.ensure creates it only where it is missing."
        : "The reason says what is missing."
    )
  }
}

/**
 * 413: the document, the attachment or the request is larger than the server allows.
 *
 * @since 0.1.0
 * @category answers
 */
export class PayloadTooLargeError extends /*#__PURE__*/ Data.TaggedError("PayloadTooLargeError")<Answer> {
  override get message(): string {
    return say(
      this,
      "it is larger than the server allows",
      "See max_document_size and max_attachment_size of the server."
    )
  }
}

/**
 * 415: the content type is not one that the endpoint takes.
 *
 * @since 0.1.0
 * @category answers
 */
export class UnsupportedMediaTypeError extends /*#__PURE__*/ Data.TaggedError("UnsupportedMediaTypeError")<Answer> {
  override get message(): string {
    return say(this, "the endpoint does not take this content type", "CouchDB wants application/json.")
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
    return say(this, "the range lies outside the attachment", "Ask for its length first.")
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
    return say(this, "the server refused the rows of the request", "The reason says why for the first of them.")
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
    return say(this, "the server asks to slow down", "Wait as long as retryAfter says, or batch the requests.")
  }
}

/**
 * 5xx of CouchDB itself, with its `error` and `reason`. `retryAfter` is the wait that a `Retry-After` header asks for.
 *
 * @since 0.1.0
 * @category answers
 */
export class ServerError extends /*#__PURE__*/ Data.TaggedError("ServerError")<
  Answer & { readonly retryAfter?: Option.Option<Duration.Duration> | undefined }
> {
  override get message(): string {
    return say(this, "the server failed", "See the server's log.")
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
    const responder = this.responder === undefined ? "no Server header" : `Server: ${this.responder}`
    return `${this.method} ${urlOf(this)}: something other than CouchDB answered (${this.status}, ${
      this.contentType ?? "no content type"
    }, ${responder}): ${this.problem}. ${
      this.status === 413
        ? "The proxy's limit for request bodies is smaller than this request: raise it (nginx: client_max_body_size)."
        : this.status >= 300 && this.status < 400
        ? "Check that the URL is CouchDB's own, and that no login page or redirect is in front of it."
        : "Check the proxy, load balancer or login page between here and CouchDB, and that the URL is CouchDB's own."
    }${isRead(this.method) ? "" : " The request may have been carried out: read before you repeat it."}`
  }
}

const isRead = (method: string): boolean => method === "GET" || method === "HEAD"

/**
 * There was no whole response.
 *
 * - `InvalidUrl`: the server's URL is not a valid `http:` or `https:` URL
 * - `InvalidHeader`: the header that `description` names contains a line break or another character that no header may have
 * - `Connection`: no connection was made
 * - `Tls`: the TLS handshake failed: the certificate is not trusted, or the port does not speak TLS
 * - `PoolExhausted`: every connection of the pool was in use until the deadline
 * - `RequestBody`: the request body could not be sent: its length is not the announced one, or its source failed
 * - `NoAnswer`: the connection broke before the response came
 * - `Body`: the response ended too early
 * - `Deadline`: a transport that keeps deadlines gave up; `CouchHttp` makes a `TimeoutError` of it
 *
 * Nothing was sent in the first five cases. After the last three a write may have happened.
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
    return `${this.method} ${urlOf(this)}: ${transportProblems[this.reason]} (${this.description}). ${
      transportHint(this)
    }`
  }
}

const transportProblems: { readonly [Reason in TransportError["reason"]]: string } = {
  InvalidUrl: "the URL of the server is not valid",
  InvalidHeader: "a header contains a line break or another character that no header may have",
  Connection: "no connection to the server",
  Tls: "the TLS handshake failed",
  PoolExhausted: "every connection of the pool was in use",
  RequestBody: "the request body could not be sent",
  NoAnswer: "the connection broke before a response came",
  Body: "the response ended too early",
  Deadline: "no response in time"
}

const transportHint = ({ description, method, reason }: TransportError): string => {
  switch (reason) {
    case "InvalidUrl":
      return "Check COUCHDB_URL. Nothing was sent."
    case "Connection":
      return "Is CouchDB running, and is COUCHDB_URL right? Nothing was sent."
    case "InvalidHeader":
      return "Check where its value comes from, such as a token, a cookie or a content type. Nothing was sent."
    case "Tls":
      return (/wrong version number|packet length too long|http request/i.test(description)
        ? "The port does not speak TLS: use http:// in the URL, or the port of https."
        : "Check the server's certificate, and the certificate authority that the client trusts.") +
        " Nothing was sent."
    case "PoolExhausted":
      return "Allow more connections, or close streams that are not read. Nothing was sent."
    case "RequestBody":
      return "Check that the announced length is the length of the bytes, and that their source can be read once more."
    default:
      return aftermath(method) + (/failed to fetch|networkerror when attempting|load failed/i.test(description)
        ? " In a browser, this also happens when CORS forbids the request: enable CORS for this origin in CouchDB" +
          " ([chttpd] enable_cors, [cors] origins), and look at the browser's console."
        : "")
  }
}

const aftermath = (method: string): string =>
  isRead(method)
    ? "Look at the server's log, and at what is between here and the server."
    : "The request may have been carried out: read before you repeat it."

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
    return `${this.method} ${urlOf(this)}: no response within ${this.milliseconds} ms. ${aftermath(this.method)}`
  }
}

/**
 * One place in a body that the schema does not take: where, and what it expected. The value itself is not shown.
 *
 * @since 0.1.0
 * @category model
 */
export interface SchemaIssue {
  readonly path: ReadonlyArray<PropertyKey>
  readonly expected: string
}

/**
 * A document is not what its schema says. `issues` tells where; the value that did not fit is in `issue` alone, which no
 * message and no log shows.
 *
 * @since 0.1.0
 * @category bodies
 */
export class DecodeError extends /*#__PURE__*/ Data.TaggedError("DecodeError")<{
  readonly server?: string | undefined
  readonly database: string
  readonly id: string
  readonly rev: string
  readonly issues: ReadonlyArray<SchemaIssue>
}> {
  /** What Effect's Schema reported, values included, or what it threw. */
  declare readonly issue: unknown

  constructor(
    fields: {
      readonly server?: string | undefined
      readonly database: string
      readonly id: string
      readonly rev: string
      readonly issues: ReadonlyArray<SchemaIssue>
    },
    issue: unknown
  ) {
    super(fields)
    hidden(this, { issue })
  }
  override get message(): string {
    return `${quote(this.id)} in ${quote(this.database)}${
      this.rev === "" ? "" : ` (${this.rev})`
    } is not what its schema says: ` +
      `${listed(this.issues)}. Widen the schema, or mend the document.`
  }
}

/**
 * A body cannot be written as a JSON object that CouchDB takes: its schema refuses it, it holds NaN, an infinity, a
 * cycle or a lone surrogate, or a top-level member begins with an underscore. No request was sent.
 *
 * @since 0.1.0
 * @category bodies
 */
export class EncodeError extends /*#__PURE__*/ Data.TaggedError("EncodeError")<{
  readonly database: string
  readonly id: string
  readonly issues: ReadonlyArray<SchemaIssue>
}> {
  override get message(): string {
    return `${quote(this.id)} for ${quote(this.database)} cannot be written: ${
      listed(this.issues)
    }. No request was sent.`
  }
}

const listed = (issues: ReadonlyArray<SchemaIssue>): string =>
  issues.map(({ expected, path }) => `${path.length === 0 ? "the body" : path.map(String).join(".")}: ${expected}`)
    .join("; ")

/**
 * A name that must not leave the process: `""`, `.`, `..`, a lone surrogate, or one that begins with an underscore where
 * CouchDB reserves it. No request was sent.
 *
 * @since 0.1.0
 * @category local
 */
export class InvalidIdError extends /*#__PURE__*/ Data.TaggedError("InvalidIdError")<{
  readonly kind: "database" | "document" | "local document" | "attachment" | "design document" | "revision"
  readonly value: string
  readonly problem: string
}> {
  override get message(): string {
    return `not a name for a ${this.kind}: ${quote(this.value)} ${this.problem}. No request was sent.`
  }
}

/**
 * The operation would lose edits that were not saved. No request was sent. `Document.discard` gives the edits up.
 *
 * @since 0.1.0
 * @category local
 */
export class UnsavedChangesError extends /*#__PURE__*/ Data.TaggedError("UnsavedChangesError")<{
  readonly operation: "refresh" | "delete" | "copy" | "attachment"
  readonly database: string
  readonly id: string
}> {
  override get message(): string {
    return `${quote(this.id)} in ${quote(this.database)} has edits that were not saved, and ${this.operation} would ` +
      "lose them. Save it first, or give them up with Document.discard. No request was sent."
  }
}

/**
 * The operation needs a document that the server has, and this one was never saved. No request was sent.
 *
 * @since 0.1.0
 * @category local
 */
export class UnsavedDocumentError extends /*#__PURE__*/ Data.TaggedError("UnsavedDocumentError")<{
  readonly operation: "refresh" | "delete" | "copy" | "attachment" | "revision" | "revisions" | "conflicts"
  readonly database: string
  readonly id: string
}> {
  override get message(): string {
    return `${quote(this.id)} in ${quote(this.database)} was never saved, and ${this.operation} needs a revision. ` +
      "Save it first. No request was sent."
  }
}

/**
 * The bytes of an attachment are not the ones that they should be: their digest or their number differs. After a download
 * nothing of it should be used; after an upload the document has a revision with the wrong bytes.
 *
 * @since 0.1.0
 * @category bodies
 */
export class IntegrityError extends /*#__PURE__*/ Data.TaggedError("IntegrityError")<{
  readonly server?: string | undefined
  readonly operation: "download" | "upload"
  readonly database: string
  readonly id: string
  readonly name: string
  readonly problem: string
}> {
  override get message(): string {
    return `${quote(this.name)} of ${quote(this.id)} in ${
      quote(this.database)
    } did not survive its ${this.operation}: ` +
      `${this.problem}. ` + (this.operation === "download" ? "Read it again." : "Write it again.")
  }
}

/**
 * A replication by the server came to its end without having replicated. `reason` is the server's, without credentials.
 *
 * @since 0.1.0
 * @category replication
 */
export class ReplicationFailedError extends /*#__PURE__*/ Data.TaggedError("ReplicationFailedError")<{
  readonly server?: string | undefined
  readonly id: string
  readonly reason: string
}> {
  override get message(): string {
    return `the replication ${quote(this.id)} failed: ${this.reason}. ` +
      "Mend what the reason says, then delete its document and write it again."
  }
}

/**
 * The server does not search: the service beside it is not there, or not switched on.
 *
 * @since 0.1.0
 * @category search
 */
export class SearchUnavailableError extends /*#__PURE__*/ Data.TaggedError("SearchUnavailableError")<{
  readonly server?: string | undefined
  readonly engine: "Nouveau" | "Clouseau"
  readonly database: string | undefined
  readonly reason: string
}> {
  override get message(): string {
    return `this server does not search with ${this.engine} (${this.reason}). ` +
      (this.engine === "Nouveau"
        ? "Run a Nouveau server, and enable it in the section [nouveau] of CouchDB's configuration."
        : "Run Clouseau, and connect it to each node of the cluster.")
  }
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
