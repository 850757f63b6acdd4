/**
 * Every error of the library.
 *
 * Errors that a response caused carry server, method, path, status, and CouchDB's own `error` and `reason`; errors found
 * before a request was sent name the document. A message says what happened, to what, and what to do. No error shows a
 * body, a password or a cookie.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { JsonObject } from "./data/Json.js"
import type { Revision } from "./data/Revision.js"
import type { Document } from "./document/Document.js"
import type { CouchHttp } from "./http/CouchHttp.js"
import { atServer, placeOf, quote, requestOf, say, urlOf, withoutPeriod } from "./http/errorMessage.js"
import { hidden } from "./http/hidden.js"
import * as Hints from "./http/hints.js"
import type { Overlap } from "./merge/Merge.js"

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
 * The operation that a server refused with 409, and that a policy repeats.
 *
 * @since 0.1.0
 * @category model
 */
export type ConflictingOperation = "save" | "create" | "delete" | "copy" | "attachment"

/**
 * What the server has of a document whose write it refused: the winning revision, and its attachments, which a write of
 * the body leaves alone.
 *
 * @since 0.1.0
 * @category model
 */
export interface Standing {
  readonly rev: Revision
  readonly stubs: Option.Option<JsonObject>
}

/**
 * 409: the server refused a write, because the document was changed since it was read, or exists already. Nothing of the
 * write was stored, and nothing is lost: `attempted` is the document as it was to be written, with its base.
 *
 * `Done` is what the operation would have returned: a document, or a tombstone if it was a delete. Pass the error to a
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
   * The same operation again, over what the server has now, or `None` if the document is gone.
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
    return say(this, Hints.conflict(this, Option.isNone(this.attempted.base)))
  }
}

/**
 * Two edits of one document that do not merge: `paths` says where, and nothing was written. `conflict` is the refused
 * write, which another policy may settle (`Conflict.orElse`), and `overlap` has the values, which no message shows.
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
    return `${placeOf(this)} was edited on both sides, and the edits do not merge: ${places}. ` +
      "Nothing was written. Give the fields a strategy (Merge.annotate), or add a policy that decides (Conflict.orElse)."
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
const shortened = (path: string): string => path.length > 1_000 ? `${path.slice(0, 200)}…` : path

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
 * A document does not match its schema. `issues` says where; the value that did not match is in `issue` alone, which no
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
    return `${placeOf(this)}${this.rev === "" ? "" : ` (${this.rev})`} does not match its schema: ${
      listed(this.issues)
    }. Change the schema, or fix the document.`
  }
}

/**
 * A body is not a JSON object that CouchDB accepts: its schema refuses it, it contains NaN, an infinity, a cycle or a lone
 * surrogate, or a top-level name begins with an underscore. The same goes for a query: a key
 * cannot be JSON, or two of its options exclude each other. No request was sent.
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
    return `${placeOf(this)} cannot be written: ${listed(this.issues)}. No request was sent.`
  }
}

const listed = (issues: ReadonlyArray<SchemaIssue>): string =>
  issues.map(({ expected, path }) => `${path.length === 0 ? "the body" : path.map(String).join(".")}: ${expected}`)
    .join("; ")

/**
 * A name that no request can carry: `""`, `.`, `..`, a lone surrogate, or one that begins with an underscore if CouchDB
 * reserves it. No request was sent.
 *
 * @since 0.1.0
 * @category local
 */
export class InvalidIdError extends /*#__PURE__*/ Data.TaggedError("InvalidIdError")<{
  readonly kind:
    | "database"
    | "document"
    | "local document"
    | "attachment"
    | "design document"
    | "view"
    | "function"
    | "index"
    | "partition"
    | "user"
    | "revision"
  readonly value: string
  readonly problem: string
}> {
  override get message(): string {
    return `${quote(this.value)} is not a valid ${nouns[this.kind]}: it ${this.problem}. No request was sent.`
  }
}

const nouns: { readonly [Kind in InvalidIdError["kind"]]: string } = {
  database: "database name",
  document: "document id",
  "local document": "local document id",
  attachment: "attachment name",
  "design document": "design document name",
  view: "view name",
  function: "function name",
  index: "index name",
  partition: "partition name",
  user: "user name",
  revision: "revision"
}

/**
 * The operation would lose edits that were not saved. No request was sent. `Document.discard` drops the edits.
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
    return `${placeOf(this)} has edits that were not saved, which this ${this.operation} would lose. ` +
      "Save it first, or drop the edits with Document.discard. No request was sent."
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
    return `${placeOf(this)} was never saved, and ${this.operation} needs a revision. ` +
      "Save it first. No request was sent."
  }
}

/**
 * The bytes of an attachment are not the expected ones: their digest or their number differs. After a download, discard
 * what was received; after an upload, the document has a revision with the wrong bytes.
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
    return `the ${this.operation} of ${quote(this.name)} of ${placeOf(this)} is damaged: ${this.problem}. ` +
      (this.operation === "download" ? "Read it again." : "Write it again.")
  }
}

/**
 * A replication by the server failed for good. `reason` is the server's, without credentials.
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
    return `the replication ${quote(this.id)}${atServer(this)} failed: ${this.reason}. ` +
      "Fix what the reason names, then delete the replication and define it again (Replication.remove," +
      " Replication.define)."
  }
}

/**
 * The server has no search: its search service is not running, or not enabled.
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
    return `the server${this.server === undefined ? "" : ` ${this.server}`} has no search with ${this.engine} (${
      withoutPeriod(this.reason)
    }). ` + (this.engine === "Nouveau"
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
