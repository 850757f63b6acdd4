import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { defineNonEnumerable } from "../http/defineNonEnumerable.js"
import { placeOf, responseMessage } from "../http/errorMessage.js"
import type { NotFoundError } from "../http/errors.js"
import { type ErrorResponse, type RequestError, type SchemaIssue } from "../http/errors.js"
import { conflict } from "../http/hints/conflict.js"
import type { Document } from "./Document.js"

/**
 * The operation that a server refused with 409, and that a policy repeats.
 *
 * @since 0.1.0
 * @category model
 */
export type ConflictingOperation = "save" | "create" | "delete" | "copy" | "attachment"

/**
 * The current revision of a document whose write was refused: the winning revision, and its attachments, which a write
 * of the body preserves.
 *
 * @since 0.1.0
 * @category model
 */
export interface CurrentRevision {
  readonly rev: Revision
  readonly stubs: Option.Option<JsonObject>
}

/**
 * 409: the server refused a write, because the document was changed since it was read, or exists already. Nothing was
 * stored, and nothing is lost: `attempted` is the document that was to be written, with its base.
 *
 * `Done` is the result of the operation: a document, or a tombstone if it was a delete. Pass the error to a policy of
 * `Conflict`: `Effect.catchTag("ConflictError", Conflict.overwrite)`.
 *
 * @since 0.1.0
 * @category responses
 */
export class ConflictError<in out A, out R = never, out Done = Document<A, R>>
  extends /*#__PURE__*/ Data.TaggedError("ConflictError")<
    ErrorResponse & {
      readonly operation: ConflictingOperation
      readonly database: string
      readonly id: string
      /** The number of attempts before this error. */
      readonly attempts: number
    }
  >
{
  /** The document that was to be written. */
  declare readonly attempted: Document<A, R>
  /**
   * Repeats the operation on top of the current revision, or of `None` if the document was deleted.
   */
  declare readonly repeat: (
    over: Option.Option<CurrentRevision>
  ) => Effect.Effect<Done, RepeatError<A, R, Done>, CouchHttp | R>

  constructor(
    fields: ErrorResponse & {
      readonly operation: ConflictingOperation
      readonly database: string
      readonly id: string
      readonly attempts: number
    },
    refused: {
      readonly attempted: Document<A, R>
      readonly repeat: (
        over: Option.Option<CurrentRevision>
      ) => Effect.Effect<Done, RepeatError<A, R, Done>, CouchHttp | R>
    }
  ) {
    super(fields)
    defineNonEnumerable(this, refused)
  }
  override get message(): string {
    return responseMessage(this, conflict(this, Option.isNone(this.attempted.base)))
  }
}

/**
 * The errors of a repeated operation.
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
 * A document does not match its schema. `issues` contains the paths. The mismatched value is only in `issue`, which no
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
  /** The issue that Effect's Schema reported, including values, or the error that it threw. */
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
    defineNonEnumerable(this, { issue })
  }
  override get message(): string {
    return `${placeOf(this)}${this.rev === "" ? "" : ` (${this.rev})`} does not match its schema: ${
      listed(this.issues)
    }. Change the schema, or fix the document.`
  }
}

/**
 * A body is not a JSON object that CouchDB accepts: its schema refuses it, it contains NaN, an infinity, a cycle or a
 * lone surrogate, or a top-level name begins with an underscore. It is also the error of a query whose key cannot be
 * JSON, or whose options exclude each other. No request was sent.
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
 * The operation would lose unsaved edits. No request was sent. `Document.discard` drops the edits.
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
 * The operation needs a stored document, and this one was never saved. No request was sent.
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
 * The errors of reading the current document of the other side.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = NotFoundError | DecodeError | InvalidIdError | RequestError
