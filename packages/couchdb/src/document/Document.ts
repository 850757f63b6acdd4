/**
 * Documents: immutable values, and the operations that exchange them with the server.
 *
 * A document keeps what the server had when it was read. So an edit knows what it changed, a save writes that change and
 * nothing else, and a conflict can be merged three ways.
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
 * What the server had when a document was read or saved, which edits are compared with and conflicts merged against. No
 * program can change it: an edit in place of a document's body leaves the base as it was, and changing what the base
 * returns does too.
 *
 * - `body`: the body as decoded then
 * - `raw`: the members as stored, exact to the digit, those that the schema does not know among them
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
 * A document. `A` is its body, `R` what its schema requires.
 *
 * - `rev`: the revision that it was read or saved at; `None` until it is saved
 * - `base`: what the server had at that revision
 * - `durability`: how sure its last write is; what was read counts as `quorum`
 *
 * It prints without its body: database, id, revision, and the paths that were edited.
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
 * What is left of a deleted document: its id, and the revision that deleted it. {@link restore} makes it a document
 * again.
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
 * Id and current revision, without the body.
 *
 * @since 0.1.0
 * @category model
 */
export interface Info {
  readonly id: string
  readonly rev: Revision
}

/**
 * A revision in the history of a document, and whether the server still has its body.
 *
 * @since 0.1.0
 * @category model
 */
export interface RevisionInfo {
  readonly rev: Revision
  readonly status: "available" | "missing" | "deleted"
}

/**
 * The leaves of a document that did not win: live siblings, and deleted ones.
 *
 * @since 0.1.0
 * @category model
 */
export interface Siblings {
  readonly conflicts: ReadonlyArray<Revision>
  readonly deletedConflicts: ReadonlyArray<Revision>
}

/**
 * Options of a fetch. `rev` reads one revision, `latest` the leaf that it led to.
 *
 * @since 0.1.0
 * @category model
 */
export interface FetchOptions {
  readonly rev?: Revision | undefined
  readonly latest?: boolean | undefined
}

/**
 * Options of an update: when to read again and re-apply after a conflict. By default at once for the first time, then up
 * to fifty times with full jitter, 10 ms doubling to a second.
 *
 * @since 0.1.0
 * @category model
 */
export interface UpdateOptions {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a schedule for the conflicts of every document
  readonly schedule?: Schedule.Schedule<unknown, ConflictError<any, any, any>> | undefined
}

/**
 * What a fetch can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type FetchError = NotFoundError | DecodeError | InvalidIdError | RequestError

/**
 * What a save can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type SaveError<A, R = never> = ConflictError<A, R> | NotFoundError | EncodeError | InvalidIdError | RequestError

/**
 * What a delete can fail with. A document that somebody else deleted is a `NotFoundError` (`deleted`).
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
 * What a tombstone keeps of its document.
 *
 * - names of top-level members, as they are stored: each stays exactly as it is, whether the schema knows it or not, and one
 *   that the document does not have is left out
 * - or members: any JSON. One that is a value of the body, under its name there, stays exactly as it is stored
 * - or a function of the body that gives them
 *
 * @since 0.1.0
 * @category model
 */
export type Keep<A> = ReadonlyArray<(keyof A & string) | (string & {})> | Members | ((body: A) => Members)

/**
 * Options of a delete. `keep` says what the tombstone keeps: nothing by default.
 *
 * @since 0.1.0
 * @category model
 */
export interface DeleteOptions<in A> {
  readonly keep?: Keep<A> | undefined
}

/**
 * What a copy can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type CopyError<A, R = never> = SaveError<A, R> | UnsavedChangesError | UnsavedDocumentError

/**
 * The body of a document value as it is passed between processes.
 *
 * @since 0.1.0
 * @category model
 */
export interface Encoded<out I> {
  readonly id: string
  readonly rev: string | null
  readonly durability: Durability
  readonly body: I
  /** The members that the server had, as JSON text, since plain JSON would lose digits; `null` until saved. */
  readonly base: string | null
  /** The attachments that the server had, as JSON text. */
  readonly stubs: string | null
}

/**
 * Where a body comes before its collection: `unknown` if the collection takes it, else nothing fits.
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
 * A new document that the server does not have yet. No request is made; an id that may not leave the process shows when
 * the document is saved.
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
 * The same document with an edited body. The base stays, so that the edit is known. `f` may return a new body or edit the
 * given one in place: both are saved. An edit in place is also an edit of `self`, since both documents share the body.
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
 * Whether the body differs from what the server had, by a new value or by an edit in place. A document that was never saved
 * is always dirty.
 *
 * One kind of edit in place is detected by {@link save} only: of an instance of a class that is not a `Schema.Class`, if the
 * schema needs time or services to encode it.
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
 * Gives up the edits, those in place too: the document as it was read. One that was never saved has nothing to go back to
 * and stays as it is.
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
 * The paths that were edited since the document was read, from the outside in; empty for a clean document.
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
 * The revision, or an `UnsavedDocumentError` where there is none yet.
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
 * A document again, where a tombstone was. Saving it creates the next generation, and fails with a `ConflictError` where
 * somebody else was faster.
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
 * Reads a document: `GET /{db}/{docid}`. Fails with a `NotFoundError` whose reason is `missing` or `deleted`, and with a
 * `DecodeError` where the body is not what the schema says.
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
 * Reads a document, or gives `None` where there is none, never was, or was one: `GET /{db}/{docid}`. A database that is
 * not there is still a `NotFoundError`.
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
 * Whether a live document is there: `HEAD /{db}/{docid}`. There is none in a database that is not there either.
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
 * Id and revision of what stands on the server: `HEAD /{db}/{docid}`. A HEAD brings no reason, so that of its
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
 * Reads the document again: `GET /{db}/{docid}`. One with edits fails with an `UnsavedChangesError`, and one never saved
 * with an `UnsavedDocumentError`, before any request.
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
 * The history of the winning revision, newest first: `GET /{db}/{docid}?revs_info=true`.
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
 * The leaves that did not win, live and deleted: `GET /{db}/{docid}?conflicts=true&deleted_conflicts=true`.
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
 * Writes the document: `PUT /{db}/{docid}`. Without edits there is no request, and the same value comes back. Members
 * that the schema does not know, untouched text and attachments stay as they are.
 *
 * A 409 is a `ConflictError` that carries this document. An interrupted save may have happened.
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
 * Writes a document only if there is none: `PUT /{db}/{docid}` without a revision, so that the server decides. One that
 * is there already is a `ConflictError` (`create`).
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
) => Effect.Effect<Tombstone<A, R>, DeleteError<A, R>, CouchHttp | R> = writing.remove
export {
  /**
   * Deletes the document: `DELETE /{db}/{docid}`. One with edits fails with an `UnsavedChangesError`, one never saved with
   * an `UnsavedDocumentError`, before any request. A newer revision on the server is a `ConflictError`; a document that
   * somebody else deleted a `NotFoundError`.
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
 * {@link delete} with options: the tombstone keeps members of the document, or gets others, by which filters and selectors of
 * replications and feeds let it pass: `PUT /{db}/{docid}` with `_deleted`. They come with the change that tells of the
 * deletion (`Changes.Deleted`), and nowhere else. Attachments are not kept.
 *
 * What is kept must be JSON under names without an underscore in front, or it is an `EncodeError` before any request. A
 * policy repeats the delete with the members of the revision that it deletes then. A collection with lineage keeps its
 * record and the members of its settings besides.
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
} = dual(2, writing.removeWith)

/**
 * Copies the document on the server, attachments included: `COPY /{db}/{docid}`. `newId` is the id as the server sees it,
 * also where the collection has keys of its own. What is copied is the revision of this value; one with edits fails with an `UnsavedChangesError`. A document that stands at the new id is a `ConflictError`
 * (`copy`), unless `overwrite` is set.
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
 * Reads, edits and saves; after a conflict, reads again and re-applies the edit. An edit that changes nothing writes
 * nothing. Gives up with the last `ConflictError`, which tells the attempts.
 *
 * `f` may return a new body or edit the given one in place: no other fiber has the same body.
 *
 * Updates of one document by many fibers of one `CouchHttp` follow one another, each on the document that the one before
 * saved. Under `Batching` those that wait are made together, in their order, over one read and one write: an edit that
 * throws or cannot be stored fails alone, and each caller gets the document with the final revision.
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
 * As {@link update}, with an edit that is an effect and answers `Edit.keep`, `Edit.change(body)`, `Edit.delete` or
 * `Edit.delete({ keep })`. After
 * a conflict of this document the effect runs again; its own failures, conflicts among them, end the update.
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
 * As {@link update}, where the document may not be there yet: the edit gets `None`, and its answer is created.
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
 * The schema of a document value that leaves the process and comes back: id, revision, body and base. So two people can
 * edit the same document over HTTP, and a save still knows what each of them changed.
 *
 * The base carries every member that the server had, those that the collection's schema does not show too: hand it to
 * those who may read the whole document. What comes back is checked (an id that may be one, no member that CouchDB keeps
 * for itself, stubs that are stubs), but whether this sender may write this id is for the program to say.
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
