/**
 * Documents: immutable values, and the operations that read and write them.
 *
 * Each document keeps the server's original JSON, so `save` applies only your changes, undeclared members are
 * preserved exactly, and a conflict can be merged three ways.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import type * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { CouchHttp, Durability } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Stub } from "./attachmentStub.js"
import type { Bound, Collection } from "./Collection.js"
import * as copying from "./copy.js"
import type { Edit } from "./Edit.js"
import type { ConflictError, DecodeError, EncodeError, UnsavedChangesError, UnsavedDocumentError } from "./errors.js"
import * as reading from "./read.js"
import * as removing from "./remove.js"
import * as wire from "./transferSchema.js"
import * as updating from "./update/update.js"
import * as value from "./value.js"
import * as writing from "./write.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = value.TypeId as never

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * The stored version that a document was read or saved as. Edits are compared with it, and conflicts are merged against
 * it. It cannot be changed: neither an edit in place of the document's body nor a change of the values that the base
 * returns affects it.
 *
 * - `body`: the decoded body
 * - `raw`: the members as stored, with exact numbers, including members that the schema does not declare
 * - `stubs`: the attachments as stored
 *
 * @since 0.1.0
 * @category model
 */
export interface Base<out A> {
  readonly rev: Revision
  readonly body: A
  readonly raw: JsonObject
  readonly stubs: Option.Option<JsonObject>
}

/**
 * A document. `A` is its body, `R` the requirements of its schema.
 *
 * - `rev`: the revision that was read or saved; `None` until it is saved
 * - `base`: the stored version at that revision
 * - `durability`: the durability of its last write; a document that was read has `quorum`
 *
 * It is printed without its body: database, id, revision, and the paths that were edited.
 *
 * @since 0.1.0
 * @category model
 */
export interface Document<in out A, out R = never> extends Pipeable, Inspectable {
  readonly [TypeId]: TypeId
  readonly _tag: "Document"
  readonly collection: Bound<A, R>
  readonly id: string
  readonly rev: Option.Option<Revision>
  readonly body: A
  readonly attachments: Readonly<Record<string, Stub>>
  readonly durability: Durability
  readonly base: Option.Option<Base<A>>
}

/**
 * A deleted document: its id, and the revision that deleted it. {@link restore} makes it a document again.
 *
 * @since 0.1.0
 * @category model
 */
export interface Tombstone<in out A, out R = never> extends Pipeable, Inspectable {
  readonly [TypeId]: TypeId
  readonly _tag: "Tombstone"
  readonly collection: Bound<A, R>
  readonly id: string
  readonly rev: Revision
  readonly durability: Durability
}

/**
 * The id and current revision of a document, without the body.
 *
 * @since 0.1.0
 * @category model
 */
export interface Info {
  readonly id: string
  readonly rev: Revision
}

/**
 * A revision in the history of a document, and whether the server still stores its body.
 *
 * @since 0.1.0
 * @category model
 */
export interface RevisionInfo {
  readonly rev: Revision
  readonly status: "available" | "missing" | "deleted"
}

/**
 * The leaf revisions of a document that did not win: live siblings, and deleted ones.
 *
 * @since 0.1.0
 * @category model
 */
export interface Siblings {
  readonly conflicts: ReadonlyArray<Revision>
  readonly deletedConflicts: ReadonlyArray<Revision>
}

/**
 * The options of a fetch. `rev` reads one revision, `latest` the leaf that descends from it.
 *
 * @since 0.1.0
 * @category model
 */
export interface FetchOptions {
  readonly rev?: Revision | undefined
  readonly latest?: boolean | undefined
}

/**
 * The options of an update. `schedule` determines when to read again and re-apply the edit after a conflict: by default
 * at once the first time, then up to fifty times with full jitter, from 10 ms doubling to one second.
 *
 * @since 0.1.0
 * @category model
 */
export interface UpdateOptions {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a schedule for the conflicts of every document
  readonly schedule?: Schedule.Schedule<unknown, ConflictError<any, any, any>> | undefined
}

/**
 * The errors of a fetch.
 *
 * @since 0.1.0
 * @category errors
 */
export type FetchError = NotFoundError | DecodeError | InvalidIdError | RequestError

/**
 * The errors of a save.
 *
 * @since 0.1.0
 * @category errors
 */
export type SaveError<A, R = never> = ConflictError<A, R> | NotFoundError | EncodeError | InvalidIdError | RequestError

/**
 * The errors of a delete. If another client deleted the document, the error is a `NotFoundError` (`deleted`).
 *
 * @since 0.1.0
 * @category errors
 */
export type DeleteError<A, R = never> =
  | ConflictError<A, R, Tombstone<A, R>>
  | NotFoundError
  | UnsavedChangesError
  | UnsavedDocumentError
  | InvalidIdError
  | RequestError

/**
 * Members of a tombstone, by name.
 *
 * @since 0.1.0
 * @category model
 */
export interface Members {
  readonly [name: string]: unknown
}

/**
 * The members of a document that its tombstone keeps.
 *
 * - names of top-level members: each is kept exactly as stored, whether the schema declares it or not; names that the
 *   document does not have are omitted
 * - members: any JSON. A member that is a value of the body, with the same name there, is kept exactly as stored
 * - a function of the body that returns such members
 *
 * @since 0.1.0
 * @category model
 */
export type Keep<A> = ReadonlyArray<(keyof A & string) | (string & {})> | Members | ((body: A) => Members)

/**
 * The options of a delete. `keep` selects the members that the tombstone keeps: none by default.
 *
 * @since 0.1.0
 * @category model
 */
export interface DeleteOptions<in A> {
  readonly keep?: Keep<A> | undefined
}

/**
 * The errors of a copy.
 *
 * @since 0.1.0
 * @category errors
 */
export type CopyError<A, R = never> = SaveError<A, R> | UnsavedChangesError | UnsavedDocumentError

/**
 * A document value encoded for another process.
 *
 * @since 0.1.0
 * @category model
 */
export interface Encoded<out I> {
  readonly id: string
  readonly rev: string | null
  readonly durability: Durability
  readonly body: I
  /** The stored members as JSON text, since plain JSON would lose digits; `null` until saved. */
  readonly base: string | null
  /** The stored attachments as JSON text. */
  readonly stubs: string | null
}

/**
 * Checks a body that comes before its collection in the arguments: `unknown` if the collection accepts it, else
 * `never`.
 *
 * @since 0.1.0
 * @category type level
 */
export type Takes<B, A> = [B] extends [A] ? unknown : never

/**
 * Whether the value is a document.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDocument: (value: unknown) => value is Document<unknown, unknown> = value.isDocument

/**
 * Whether the value is a tombstone.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTombstone: (value: unknown) => value is Tombstone<unknown, unknown> = value.isTombstone

/**
 * Makes a new document that is not stored yet. It sends no request. An invalid id fails when the document is saved.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const monarch = Document.make(butterflies, "monarch", { name: "Monarch", seen: 0 })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  <A, I, R, K>(collection: Collection<A, I, R, K>, id: NoInfer<K>, body: NoInfer<A>): Document<A, R>
} = value.make

/**
 * Edits the body of a document. The base stays, so that the edit is known. `f` may return a new body or edit the given
 * one in place: both are saved. An edit in place also edits `self`, since both documents share the body.
 *
 * @example
 * import { Document } from "effect-couchdb"
 *
 * const seenOnceMore = Document.modify((b: { readonly name: string; readonly seen: number }) => ({
 *   ...b,
 *   seen: b.seen + 1
 * }))
 *
 * @since 0.1.0
 * @category editing
 */
export const modify: {
  <A>(f: (body: A) => A): <R>(self: Document<A, R>) => Document<A, R>
  <A, R>(self: Document<A, R>, f: (body: A) => A): Document<A, R>
} = value.modify

/**
 * Whether the body differs from the stored one, by a new value or by an edit in place. A document that was never saved
 * is always dirty.
 *
 * Only {@link save} detects one kind of edit in place: an edit of an instance of a class that is not a `Schema.Class`,
 * if the schema needs time or services to encode it.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const doc = Document.make(butterflies, "monarch", { name: "Monarch", seen: 0 })
 *
 * console.log(Document.isDirty(doc)) // true: it was never saved
 *
 * @since 0.1.0
 * @category editing
 */
export const isDirty: <A, R>(self: Document<A, R>) => boolean = value.isDirty

/**
 * Drops the edits, including edits in place, and returns the document as it was read. A document that was never saved
 * is returned unchanged.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const asRead = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.map(Document.modify((b) => ({ ...b, seen: -1 }))),
 *   Effect.map(Document.discard)
 * )
 *
 * @since 0.1.0
 * @category editing
 */
export const discard: <A, R>(self: Document<A, R>) => Document<A, R> = value.discard

/**
 * The paths that were edited since the document was read, from the outside in. Empty for a clean document.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const changed = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.map(Document.modify((b) => ({ ...b, seen: b.seen + 1 }))),
 *   Effect.map(Document.changedPaths) // [["seen"]]
 * )
 *
 * @since 0.1.0
 * @category editing
 */
export const changedPaths: <A, R>(self: Document<A, R>) => ReadonlyArray<ReadonlyArray<string>> = value.changedPaths

/**
 * Returns the revision, or fails with an `UnsavedDocumentError` if there is none yet.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const rev = Effect.flatMap(Document.fetch(butterflies, "monarch"), Document.revision)
 *
 * @since 0.1.0
 * @category getters
 */
export const revision: <A, R>(self: Document<A, R>) => Effect.Effect<Revision, UnsavedDocumentError> = value.revision

/**
 * Makes a document from a tombstone. Saving it creates the next generation, and fails with a `ConflictError` if another
 * client wrote the document first.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const back = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.flatMap(Document.delete),
 *   Effect.map(Document.restore({ name: "Monarch", seen: 0 })),
 *   Effect.flatMap(Document.save)
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const restore: {
  <A>(body: A): <R>(self: Tombstone<A, R>) => Document<A, R>
  <A, R>(self: Tombstone<A, R>, body: A): Document<A, R>
} = value.restore

/**
 * Reads a document: `GET /{db}/{docid}`. Fails with a `NotFoundError` whose reason is `missing` or `deleted`, and with
 * a `DecodeError` if the body does not match the schema.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const program = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.map(Document.modify((b) => ({ ...b, seen: b.seen + 1 }))),
 *   Effect.flatMap(Document.save)
 * )
 *
 * @since 0.1.0
 * @category reading
 */
export const fetch: {
  <K>(
    id: K,
    options?: FetchOptions
  ): <A, I, R>(collection: Collection<A, I, R, K>) => Effect.Effect<Document<A, R>, FetchError, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    options?: FetchOptions
  ): Effect.Effect<Document<A, R>, FetchError, CouchHttp | R>
} = reading.fetch

/**
 * Reads a document, or returns `None` if it does not exist or was deleted: `GET /{db}/{docid}`. Fails with a
 * `NotFoundError` if the database does not exist.
 *
 * @example
 * import { Effect, Option, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const seen = Document.fetchOption(butterflies, "monarch").pipe(
 *   Effect.map(Option.match({ onNone: () => 0, onSome: (doc) => doc.body.seen }))
 * )
 *
 * @since 0.1.0
 * @category reading
 */
export const fetchOption: {
  <K>(
    id: K,
    options?: FetchOptions
  ): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    options?: FetchOptions
  ): Effect.Effect<Option.Option<Document<A, R>>, FetchError, CouchHttp | R>
} = reading.fetchOption

/**
 * Whether a live document exists: `HEAD /{db}/{docid}`. Returns `false` if the database does not exist either.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const there = Document.exists(butterflies, "monarch")
 *
 * @since 0.1.0
 * @category reading
 */
export const exists: {
  <K>(
    id: K
  ): <A, I, R>(collection: Collection<A, I, R, K>) => Effect.Effect<boolean, InvalidIdError | RequestError, CouchHttp>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<boolean, InvalidIdError | RequestError, CouchHttp>
} = reading.exists

/**
 * Reads the id and current revision of a document: `HEAD /{db}/{docid}`. A HEAD response has no reason, so that of its
 * `NotFoundError` is `unknown`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const rev = Effect.map(Document.info(butterflies, "monarch"), ({ rev }) => rev)
 *
 * @since 0.1.0
 * @category reading
 */
export const info: {
  <K>(
    id: K
  ): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp>
} = reading.info

/**
 * Reads the document again: `GET /{db}/{docid}`. Fails with an `UnsavedChangesError` if the document has edits, and
 * with an `UnsavedDocumentError` if it was never saved, before any request.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const newest = Effect.flatMap(Document.fetch(butterflies, "monarch"), Document.refresh)
 *
 * @since 0.1.0
 * @category reading
 */
export const refresh: <A, R>(
  self: Document<A, R>
) => Effect.Effect<Document<A, R>, FetchError | UnsavedChangesError | UnsavedDocumentError, CouchHttp | R> =
  reading.refresh

/**
 * Reads the history of the winning revision, newest first: `GET /{db}/{docid}?revs_info=true`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const history = Effect.flatMap(Document.fetch(butterflies, "monarch"), Document.revisions)
 *
 * @since 0.1.0
 * @category reading
 */
export const revisions: <A, R>(
  self: Document<A, R>
) => Effect.Effect<
  ReadonlyArray<RevisionInfo>,
  NotFoundError | UnsavedDocumentError | InvalidIdError | RequestError,
  CouchHttp
> = reading.revisions

/**
 * Reads the leaves that did not win, live and deleted: `GET /{db}/{docid}?conflicts=true&deleted_conflicts=true`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const siblings = Effect.flatMap(Document.fetch(butterflies, "monarch"), Document.conflicts)
 *
 * @since 0.1.0
 * @category reading
 */
export const conflicts: <A, R>(
  self: Document<A, R>
) => Effect.Effect<Siblings, NotFoundError | InvalidIdError | RequestError, CouchHttp> = reading.conflicts

/**
 * Writes the document: `PUT /{db}/{docid}`. Without edits it sends no request and returns the same value. Members that
 * the schema does not declare, the text of unedited members, and attachments are preserved.
 *
 * A 409 fails with a `ConflictError` that contains this document. An interrupted save may have been carried out.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const saved = Document.make(butterflies, "monarch", { name: "Monarch", seen: 0 }).pipe(
 *   Document.save,
 *   Effect.catchTag("ConflictError", Conflict.overwrite)
 * )
 *
 * @since 0.1.0
 * @category writing
 */
export const save: <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R> =
  writing.save

/**
 * Writes a document only if none exists: `PUT /{db}/{docid}` without a revision, so that the server decides. Fails with
 * a `ConflictError` (`create`) if the document exists already.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const first = Document.create(butterflies, "monarch", { name: "Monarch", seen: 0 }).pipe(
 *   Effect.catchTag("ConflictError", () => Document.fetch(butterflies, "monarch"))
 * )
 *
 * @since 0.1.0
 * @category writing
 */
export const create: {
  <K, const B>(
    id: K,
    body: B
  ): <A, I, R>(
    collection: Collection<A, I, R, K> & Takes<B, A>
  ) => Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    body: NoInfer<A>
  ): Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R>
} = writing.create

const delete_: <A, R>(
  self: Document<A, R>
) => Effect.Effect<Tombstone<A, R>, DeleteError<A, R>, CouchHttp | R> = removing.remove
export {
  /**
   * Deletes the document: `DELETE /{db}/{docid}`. Fails with an `UnsavedChangesError` if the document has edits, and
   * with an `UnsavedDocumentError` if it was never saved, before any request. Fails with a `ConflictError` if the
   * server has a newer revision, and with a `NotFoundError` if another client deleted the document.
   *
   * @example
   * import { Effect, Schema } from "effect"
   * import { Collection, Document } from "effect-couchdb"
   *
   * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
   *
   * const gone = Effect.flatMap(Document.fetch(butterflies, "monarch"), Document.delete)
   *
   * @since 0.1.0
   * @category writing
   */
  delete_ as delete
}

/**
 * Deletes a document like {@link delete}, with options: the tombstone keeps members of the document, or gets other
 * ones, so that filters and selectors of replications and feeds can select it: `PUT /{db}/{docid}` with `_deleted`.
 * Only the change of the deletion contains these members (`Changes.Deleted`). Attachments are not kept.
 *
 * Members must be JSON, and their names must not begin with an underscore; otherwise the delete fails with an
 * `EncodeError` before any request. A policy repeats the delete with the members of the revision that it then deletes.
 * A collection with lineage also keeps its record and the members of its settings.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const Card = Schema.Struct({ type: Schema.Literal("card"), owner: Schema.String, text: Schema.String })
 * const cards = Collection.make("office", Card)
 *
 * const gone = Effect.flatMap(Document.fetch(cards, "a"), Document.deleteWith({ keep: ["type", "owner"] }))
 *
 * const goneBy = (user: string) =>
 *   Effect.flatMap(Document.fetch(cards, "b"), (doc) =>
 *     Document.deleteWith(doc, { keep: ({ owner, type }) => ({ type, owner, deletedBy: user }) }))
 *
 * @since 0.1.0
 * @category writing
 */
export const deleteWith: {
  <A>(
    options: { readonly keep: (body: A) => Members }
  ): <R>(
    self: Document<A, R>
  ) => Effect.Effect<Tombstone<A, R>, DeleteError<A, R> | EncodeError, CouchHttp | R>
  (
    options: { readonly keep?: ReadonlyArray<string> | Members | undefined }
  ): <A, R>(
    self: Document<A, R>
  ) => Effect.Effect<Tombstone<A, R>, DeleteError<A, R> | EncodeError, CouchHttp | R>
  <A, R>(
    self: Document<A, R>,
    options: DeleteOptions<NoInfer<A>>
  ): Effect.Effect<Tombstone<A, R>, DeleteError<A, R> | EncodeError, CouchHttp | R>
} = dual(2, removing.removeWith)

/**
 * Copies the document on the server, including its attachments: `COPY /{db}/{docid}`. `newId` is the id on the server,
 * even if the collection has keys of its own. The revision of this value is copied. Fails with an `UnsavedChangesError`
 * if the document has edits, and with a `ConflictError` (`copy`) if a document with the new id exists, unless
 * `overwrite` is set.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const backup = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.flatMap(Document.copy("monarch-backup", { overwrite: true }))
 * )
 *
 * @since 0.1.0
 * @category writing
 */
export const copy: {
  (
    newId: string,
    options?: { readonly overwrite?: boolean | undefined }
  ): <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, CopyError<A, R>, CouchHttp | R>
  <A, R>(
    self: Document<A, R>,
    newId: string,
    options?: { readonly overwrite?: boolean | undefined }
  ): Effect.Effect<Document<A, R>, CopyError<A, R>, CouchHttp | R>
} = copying.copy

/**
 * Reads, edits and saves a document. After a conflict it reads again and re-applies the edit. An edit that changes
 * nothing writes nothing. When the schedule ends, it fails with the last `ConflictError`, which contains the number of
 * attempts.
 *
 * `f` may return a new body or edit the given one in place: no other fiber has the same body.
 *
 * Updates of one document by several fibers of one `CouchHttp` run one after the other, each on the document that the
 * previous one saved. Under `Batching` waiting updates are combined, in their order, into one read and one write: an
 * edit that throws or cannot be stored fails alone, and each caller gets the document with the final revision.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const seen = Document.update(butterflies, "monarch", (b) => ({ ...b, seen: b.seen + 1 }))
 *
 * @since 0.1.0
 * @category updating
 */
export const update: {
  <K, A>(id: K, f: (body: A) => A, options?: UpdateOptions): <I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    f: (body: A) => NoInfer<A>,
    options?: UpdateOptions
  ): Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>
} = updating.update

/**
 * Updates a document like {@link update}, with an edit that is an effect and returns `Edit.keep`, `Edit.change(body)`,
 * `Edit.delete` or `Edit.delete({ keep })`. After a conflict of this document the effect runs again. Its own failures,
 * including conflicts, end the update.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document, Edit } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const prune = Document.updateEffect(butterflies, "monarch", (b) =>
 *   Effect.succeed(b.seen === 0 ? Edit.delete : Edit.keep))
 *
 * @since 0.1.0
 * @category updating
 */
export const updateEffect: {
  <K, A, E2, R2>(id: K, f: (body: A) => Effect.Effect<Edit<A>, E2, R2>, options?: UpdateOptions): <I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<
    Document<A, R> | Tombstone<A, R>,
    E2 | FetchError | SaveError<A, R> | ConflictError<A, R, Tombstone<A, R>>,
    CouchHttp | R | R2
  >
  <A, I, R, K, E2, R2>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    f: (body: A) => Effect.Effect<Edit<NoInfer<A>>, E2, R2>,
    options?: UpdateOptions
  ): Effect.Effect<
    Document<A, R> | Tombstone<A, R>,
    E2 | FetchError | SaveError<A, R> | ConflictError<A, R, Tombstone<A, R>>,
    CouchHttp | R | R2
  >
} = updating.updateEffect

/**
 * Updates a document like {@link update}, or creates it if it does not exist: the edit then gets `None`.
 *
 * @example
 * import { Option, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const seen = Document.upsert(butterflies, "monarch", Option.match({
 *   onNone: () => ({ name: "Monarch", seen: 1 }),
 *   onSome: (b) => ({ ...b, seen: b.seen + 1 })
 * }))
 *
 * @since 0.1.0
 * @category updating
 */
export const upsert: {
  <K, A>(id: K, f: (body: Option.Option<A>) => A, options?: UpdateOptions): <I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    f: (body: Option.Option<A>) => NoInfer<A>,
    options?: UpdateOptions
  ): Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>
} = updating.upsert

/**
 * The schema of a document value that is sent to another process and back: id, revision, body and base. Two people can
 * edit the same document over HTTP, and a save still knows the changes of each of them.
 *
 * The base contains every stored member, including members that the collection's schema does not declare: send it only
 * to users who may read the whole document. The returned value is checked (a valid id, no member that CouchDB reserves,
 * valid stubs), but the program must decide whether its sender may write this id.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const sent = Document.fetch(butterflies, "monarch").pipe(
 *   Effect.flatMap(Schema.encode(Document.schema(butterflies)))
 * )
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema: <A, I, R, K>(
  collection: Collection<A, I, R, K>
) => Schema.Schema<Document<A, R>, Encoded<I>, R> = wire.schema
