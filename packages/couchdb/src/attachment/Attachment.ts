/**
 * Attachments: files that belong to a document. They go up and come down as streams, and nothing is kept in memory.
 *
 * A write through a document value gives the document with its new revision and attachments. An attachment by itself is
 * written only where the document has no unsaved edits, so that these are neither lost nor sent along unasked;
 * {@link save} writes edits and attachments in one revision.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { DatabaseName } from "../data/DatabaseName.js"
import type { InvalidIdError } from "../data/errors.js"
import type { Revision } from "../data/Revision.js"
import { type Stub } from "../document/attachmentStub.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type {
  ConflictError,
  DecodeError,
  EncodeError,
  UnsavedChangesError,
  UnsavedDocumentError
} from "../document/errors.js"
import { isDocument } from "../document/value.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { IntegrityError } from "./errors.js"
import * as allOf from "./fetchAll.js"
import * as reading from "./read.js"
import * as writing from "./write.js"

export { type Stub } from "../document/attachmentStub.js"

/**
 * A document whose attachments are read without reading it first; made by {@link at}.
 *
 * @since 0.1.0
 * @category model
 */
export interface Place {
  readonly database: DatabaseName
  readonly id: string
  readonly rev?: Revision | undefined
}

/**
 * The bytes of a file: text is sent as UTF-8, a stream as it comes.
 *
 * @since 0.1.0
 * @category model
 */
export type Bytes<E = never, R = never> = Uint8Array | string | Stream.Stream<Uint8Array, E, R>

/**
 * A file to write.
 *
 * - `length`: how many bytes a stream has, which {@link save} sends in front of them; without it the stream is read first.
 *   If the stream has fewer or more bytes, the write fails with a `TransportError` (`RequestBody`), and nothing is stored
 * - `encoding`: `gzip` where the bytes are compressed already, and the server is to know it; only {@link put} takes it
 *
 * @since 0.1.0
 * @category model
 */
export interface File<out E = never, out R = never> {
  readonly contentType: string
  readonly bytes: Bytes<E, R>
  readonly length?: number | undefined
  readonly encoding?: "gzip" | undefined
}

/**
 * What the server says of a file.
 *
 * - `digest`: the MD5 of the stored bytes, if it is known: from the document value, or from an ETag that is strong and an
 *   MD5. An ETag that a proxy made weak, added to or replaced is not a digest
 * - `compressed`: the file is stored as gzip, and the digest is that of the gzip. The server gives no ranges of such a file
 * - `storedLength`: how many bytes are stored, if the answer says so; what a proxy compressed does not
 *
 * @since 0.1.0
 * @category model
 */
export interface Info {
  readonly name: string
  readonly contentType: string
  readonly digest: string | undefined
  readonly compressed: boolean
  readonly storedLength: Option.Option<number>
}

/**
 * A file that is being read: what is known of it, and its bytes, to be run once.
 *
 * `verification` is what the bytes are checked against when they end:
 *
 * - `digest`: the MD5 that the server stored. Bytes that do not have it fail, unless the document says that the file is
 *   stored compressed and a proxy inflated it or compressed it again, so that the stored bytes never came
 * - `length`: their number
 * - `none`: nothing, because nothing is known of the file, or because the stored bytes were inflated on the way (`fetch`
 *   does that)
 * - `unknown`: the transport does not say whether it inflates, so it shows with the first bytes
 *
 * @since 0.1.0
 * @category model
 */
export interface Opened {
  readonly info: Info
  readonly verification: "digest" | "length" | "none" | "unknown"
  readonly bytes: Stream.Stream<Uint8Array, ReadError>
}

/**
 * A file that comes with its document. Its bytes are to be read before the next file is asked for, which else skips them.
 *
 * @since 0.1.0
 * @category model
 */
export interface Incoming {
  readonly name: string
  readonly stub: Stub
  readonly bytes: Stream.Stream<Uint8Array, ReadError>
}

/**
 * A document, and its attachments as they come.
 *
 * @since 0.1.0
 * @category model
 */
export interface Whole<in out A, out R = never> {
  readonly document: Document<A, R>
  readonly files: Stream.Stream<Incoming, ReadError>
}

/**
 * Bytes from `first` to `last`, both included and counted from 0; to the end where there is no `last`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Range {
  readonly first: number
  readonly last?: number | undefined
}

/**
 * Options of {@link save}. `inline` sends the files as base64 within the JSON, for small ones and for servers that take
 * no multipart.
 *
 * @since 0.1.0
 * @category model
 */
export interface SaveOptions {
  readonly inline?: boolean | undefined
}

/**
 * What a request about an attachment can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type RequestFailure = NotFoundError | InvalidIdError | RequestError

/**
 * What reading the bytes can fail with: a `TransportError` (`Body`) if they end too early, and an `IntegrityError` after
 * the last of them if they are not the ones stored.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = RequestFailure | IntegrityError

/**
 * What writing one attachment can fail with, besides `E` of its stream.
 *
 * @since 0.1.0
 * @category errors
 */
export type WriteError<A, R = never, E = never> =
  | ConflictError<A, R>
  | ReadError
  | UnsavedChangesError
  | UnsavedDocumentError
  | E

/**
 * What saving a document with files can fail with, besides `E` of their streams.
 *
 * @since 0.1.0
 * @category errors
 */
export type SaveError<A, R = never, E = never> = ConflictError<A, R> | ReadError | EncodeError | E

/**
 * Names a document whose attachments are to be read, without reading it.
 *
 * @example
 * import { Schema, Stream } from "effect"
 * import { Attachment, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const picture = Attachment.get(Attachment.at(butterflies, "monarch"), "wing.png").pipe(Stream.runCollect)
 *
 * @since 0.1.0
 * @category constructors
 */
export const at = <A, I, R, K>(collection: Collection<A, I, R, K>, key: NoInfer<K>, rev?: Revision): Place => ({
  database: collection.database,
  id: collection.id.encode(key),
  rev
})

/**
 * What the server says of a file: `HEAD /{db}/{docid}/{attname}`. If a proxy changed the answer, the question is asked once
 * more with `Accept-Encoding: identity`, which proxies leave alone.
 *
 * @example
 * import { Schema } from "effect"
 * import { Attachment, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const info = Attachment.info(Attachment.at(butterflies, "monarch"), "wing.png")
 *
 * @since 0.1.0
 * @category reading
 */
export const info: {
  (name: string): <A, R>(target: Document<A, R> | Place) => Effect.Effect<Info, RequestFailure, CouchHttp>
  <A, R>(target: Document<A, R> | Place, name: string): Effect.Effect<Info, RequestFailure, CouchHttp>
} = dual(2, reading.head)

/**
 * The bytes of a file as they come: `GET /{db}/{docid}/{attname}`. Of a document value it is the file at that revision.
 * The request is sent when the stream begins, and closed when it ends, fails, or is interrupted.
 *
 * The bytes are the content of the file, however it is stored, and whatever a proxy does to it on the way: what the server
 * or a proxy compressed is inflated, once for each coding that `Content-Encoding` names.
 *
 * The stream fails at its end if the bytes are not those that the server stored. The digest is known from a document value,
 * or from an ETag that is strong and an MD5; if a proxy changed the ETag, a file that is read by {@link at} is not verified.
 * For a file that is stored compressed the digest needs a transport that gives the bytes as they come
 * (`effect-couchdb-node` does): one that decompresses by itself, such as `fetch`, hides them, and then the number of bytes
 * is checked if a document value has it; {@link open} says which. Bytes that do not have the digest make one more request,
 * which reads from the document how the file is stored. {@link fetchAll} verifies the digest over any transport.
 *
 * A range is checked by its place and its length only. If the whole file comes instead, since it is stored compressed or a
 * proxy does not pass the question on, it is read to the end of the range and cut here. A range that begins after the last
 * byte, or is none, fails with a `RangeNotSatisfiableError`.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Attachment, type Document } from "effect-couchdb"
 *
 * const size = <A>(doc: Document.Document<A>) =>
 *   Attachment.get(doc, "wing.png").pipe(Stream.runFold(0, (sum, bytes) => sum + bytes.length))
 *
 * const beginning = <A>(doc: Document.Document<A>) => Attachment.get(doc, "wing.png", { first: 0, last: 99 })
 *
 * @since 0.1.0
 * @category reading
 */
export const get: {
  (
    name: string,
    range?: Range
  ): <A, R>(target: Document<A, R> | Place) => Stream.Stream<Uint8Array, ReadError, CouchHttp>
  <A, R>(
    target: Document<A, R> | Place,
    name: string,
    range?: Range
  ): Stream.Stream<Uint8Array, ReadError, CouchHttp>
} = dual((args) => typeof args[0] !== "string", reading.get)

/**
 * {@link get} with what the headers say of the file. Closing the scope closes the request.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Attachment, type Document } from "effect-couchdb"
 *
 * const typed = <A>(doc: Document.Document<A>) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const { bytes, info } = yield* Attachment.open(doc, "wing.png")
 *     return { type: info.contentType, pieces: yield* Stream.runCollect(bytes) }
 *   }))
 *
 * @since 0.1.0
 * @category reading
 */
export const open: {
  (
    name: string,
    range?: Range
  ): <A, R>(target: Document<A, R> | Place) => Effect.Effect<Opened, RequestFailure, CouchHttp | Scope>
  <A, R>(
    target: Document<A, R> | Place,
    name: string,
    range?: Range
  ): Effect.Effect<Opened, RequestFailure, CouchHttp | Scope>
} = dual((args) => typeof args[0] !== "string", reading.open)

/**
 * A document and all its attachments in one answer, as `multipart/related`: `GET /{db}/{docid}?attachments=true`. The
 * digest of each is verified, those stored compressed among them. Closing the scope closes the request.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Attachment, Collection } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const sizes = Effect.scoped(Effect.gen(function*() {
 *   const { document, files } = yield* Attachment.fetchAll(butterflies, "monarch")
 *   const each = yield* files.pipe(
 *     Stream.mapEffect(({ bytes, name }) =>
 *       Stream.runFold(bytes, 0, (sum, { length }) => sum + length).pipe(Effect.map((size) => [name, size] as const))
 *     ),
 *     Stream.runCollect
 *   )
 *   return { document, each }
 * }))
 *
 * @since 0.1.0
 * @category reading
 */
export const fetchAll = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: NoInfer<K>,
  options: { readonly rev?: Revision | undefined } = {}
): Effect.Effect<Whole<A, R>, ReadError | DecodeError, CouchHttp | R | Scope> =>
  allOf.fetchAll(collection, key, options.rev)

/**
 * Writes one file: `PUT /{db}/{docid}/{attname}`. Gives the document with its new revision and attachments, which is read
 * for that, and checked against what was sent. A document with edits is an `UnsavedChangesError`.
 *
 * A 409 is a `ConflictError` whose operation is `attachment`: `Conflict.overwrite` writes the file on top of what stands
 * there, whose body stays, and a merge does the same. A stream is then run once more. A lost answer is looked into; what
 * did not land is sent again where the bytes are at hand, while a stream fails with what made it unknown. However it is
 * sent, it must be through within the deadline of `CouchHttp` (its `timeout`), a minute unless said otherwise.
 *
 * @example
 * import { Effect } from "effect"
 * import { Attachment, Conflict, type Document } from "effect-couchdb"
 *
 * const withNote = <A>(doc: Document.Document<A>) =>
 *   Attachment.put(doc, "notes/first.txt", { contentType: "text/plain", bytes: "seen at noon" }).pipe(
 *     Effect.catchTag("ConflictError", Conflict.overwrite)
 *   )
 *
 * @since 0.1.0
 * @category writing
 */
export const put: {
  <E2 = never, R2 = never>(
    name: string,
    file: File<E2, R2>
  ): <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, WriteError<A, R, E2>, CouchHttp | R | R2>
  <A, R, E2 = never, R2 = never>(
    self: Document<A, R>,
    name: string,
    file: File<E2, R2>
  ): Effect.Effect<Document<A, R>, WriteError<A, R, E2>, CouchHttp | R | R2>
} = dual(3, writing.put)

/**
 * Saves a document, its edits included, together with files, in one revision and one request: `PUT /{db}/{docid}` as
 * `multipart/related`. Attachments that it has already stay; those of the same name are replaced. A document that was
 * never saved is created.
 *
 * A `ConflictError` has the operation `attachment`: `Conflict.overwrite` repeats it. A merge repeats it where the body
 * has no edits, and leaves the conflict where it has, since nobody but the caller can merge both.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Attachment, Collection, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const saved = Document.make(butterflies, "monarch", { name: "Monarch" }).pipe(
 *   Attachment.save({
 *     "wing.png": { contentType: "image/png", bytes: new Uint8Array([137, 80, 78, 71]) },
 *     "note.txt": { contentType: "text/plain", bytes: "seen at noon" }
 *   })
 * )
 *
 * @since 0.1.0
 * @category writing
 */
export const save: {
  <E2 = never, R2 = never>(
    files: Readonly<Record<string, File<E2, R2>>>,
    options?: SaveOptions
  ): <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, SaveError<A, R, E2>, CouchHttp | R | R2>
  <A, R, E2 = never, R2 = never>(
    self: Document<A, R>,
    files: Readonly<Record<string, File<E2, R2>>>,
    options?: SaveOptions
  ): Effect.Effect<Document<A, R>, SaveError<A, R, E2>, CouchHttp | R | R2>
} = dual(
  (args) => isDocument(args[0]),
  <A, R, E2, R2>(
    self: Document<A, R>,
    files: Readonly<Record<string, File<E2, R2>>>,
    options: SaveOptions = {}
  ) => writing.save(self, files, options)
)

const delete_: {
  (
    name: string
  ): <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, WriteError<A, R>, CouchHttp | R>
  <A, R>(self: Document<A, R>, name: string): Effect.Effect<Document<A, R>, WriteError<A, R>, CouchHttp | R>
} = dual(2, writing.remove)

export {
  /**
   * Deletes one file: `DELETE /{db}/{docid}/{attname}`. Gives the document with its new revision and the attachments that
   * are left. A file that is not there is a `NotFoundError`.
   *
   * @example
   * import { Attachment, type Document } from "effect-couchdb"
   *
   * const without = <A>(doc: Document.Document<A>) => Attachment.delete(doc, "wing.png")
   *
   * @since 0.1.0
   * @category writing
   */
  delete_ as delete
}
