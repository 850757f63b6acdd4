/**
 * Attachments: files that belong to a document. They are streamed in both directions, and not kept in memory.
 *
 * A write through a document value returns the document with its new revision and attachments. A single attachment is
 * written only if the document has no unsaved changes, so that these are neither lost nor sent by accident. {@link save}
 * writes edits and attachments in one revision.
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
 * A reference to the attachments of a document, made by {@link at}.
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
 * The bytes of a file: a text is sent as UTF-8, and a stream is sent as it is produced.
 *
 * @since 0.1.0
 * @category model
 */
export type Bytes<E = never, R = never> = Uint8Array | string | Stream.Stream<Uint8Array, E, R>

/**
 * A file to write.
 *
 * - `length`: the number of bytes of a stream. {@link save} sends it before the bytes, and without it reads the stream first.
 *   If the stream has fewer or more bytes, the write fails with a `TransportError` (`RequestBody`), and nothing is stored
 * - `encoding`: `gzip` to store bytes that are already compressed. Only {@link put} accepts it
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
 * The headers of a file.
 *
 * - `digest`: the MD5 of the stored bytes, from the document value or from a strong ETag that is an MD5. An ETag that a proxy
 *   weakened, extended or replaced is not a digest
 * - `compressed`: whether the file is stored as gzip. The digest is then that of the gzip, and the server has no ranges
 * - `storedLength`: the number of stored bytes, if the response contains it. A response that a proxy compressed does not
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
 * A file that is being read: its headers, and its bytes, which can be run once.
 *
 * `verification` is the check at the end of the bytes:
 *
 * - `digest`: their MD5 must be that of the stored bytes. The exception is a file that is stored compressed, according to the
 *   document, and that a proxy inflated or compressed again, so that the stored bytes did not arrive
 * - `length`: their number is checked
 * - `none`: nothing is checked, because neither is known, or because the transport inflated the stored bytes, as `fetch` does
 * - `unknown`: the transport does not report whether it inflates, so the check depends on the first bytes
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
 * A file that is read together with its document. Read its bytes before you pull the next file, which skips them.
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
 * A document, and a stream of its attachments.
 *
 * @since 0.1.0
 * @category model
 */
export interface Whole<in out A, out R = never> {
  readonly document: Document<A, R>
  readonly files: Stream.Stream<Incoming, ReadError>
}

/**
 * The bytes from `first` to `last`, both inclusive and counted from 0. Without `last` the range extends to the end.
 *
 * @since 0.1.0
 * @category model
 */
export interface Range {
  readonly first: number
  readonly last?: number | undefined
}

/**
 * The options of {@link save}. `inline` sends the files as Base64 in the JSON, for small files and for servers that do not
 * support multipart.
 *
 * @since 0.1.0
 * @category model
 */
export interface SaveOptions {
  readonly inline?: boolean | undefined
}

/**
 * The errors of a request about an attachment.
 *
 * @since 0.1.0
 * @category errors
 */
export type RequestFailure = NotFoundError | InvalidIdError | RequestError

/**
 * The errors of reading the bytes: a `TransportError` (`Body`) if they end too early, and an `IntegrityError` after the last
 * byte if they are not the stored bytes.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = RequestFailure | IntegrityError

/**
 * The errors of writing one attachment; `E` is the error of its stream.
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
 * The errors of saving a document with files; `E` is the error of their streams.
 *
 * @since 0.1.0
 * @category errors
 */
export type SaveError<A, R = never, E = never> = ConflictError<A, R> | ReadError | EncodeError | E

/**
 * Refers to the attachments of a document without reading the document.
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
 * Reads the headers of a file: `HEAD /{db}/{docid}/{attname}`. If a proxy changed the response, the request is repeated once
 * with `Accept-Encoding: identity`, which proxies do not change.
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
 * Streams the bytes of a file: `GET /{db}/{docid}/{attname}`. For a document value it is the file at its revision. The
 * request is sent when the stream starts, and closed when it ends, fails, or is interrupted.
 *
 * The bytes are the content of the file, even if it is stored compressed or a proxy compresses it. Every coding in
 * `Content-Encoding` is decoded.
 *
 * The stream fails at its end if the bytes are not those that the server stored. The digest is known from a document value,
 * or from a strong ETag that is an MD5. If a proxy changed the ETag, a file that is read by {@link at} is not verified. To
 * verify a file that is stored compressed, the transport must return the bytes as they were sent (`effect-couchdb-node`
 * does). A transport that decompresses, such as `fetch`, hides them. Their number is then checked if the document value has
 * it. {@link open} reports the check. If the digest differs, one more request reads from the document how the file is stored.
 * {@link fetchAll} verifies the digest over any transport.
 *
 * Only the position and the length of a range are checked. If the response is the whole file, since it is stored compressed
 * or a proxy removed the range, it is read to the end of the range and cut. A range that begins after the last byte, or that
 * is invalid, fails with a `RangeNotSatisfiableError`.
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
 * {@link get} with the headers of the file. Closing the scope closes the request.
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
 * Reads a document and all its attachments in one `multipart/related` response: `GET /{db}/{docid}?attachments=true`. The
 * digest of each attachment is verified, even if it is stored compressed. Closing the scope closes the request.
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
 * Writes one file: `PUT /{db}/{docid}/{attname}`. Returns the document with its new revision and attachments, which are read
 * back and compared with what was sent. Fails with an `UnsavedChangesError` if the document has edits.
 *
 * A 409 is a `ConflictError` with the operation `attachment`. `Conflict.overwrite` and merges write the file to the current
 * revision and keep its body. They run a stream once more. If the response is lost, the document is read to determine whether
 * the file is stored. If it is not, bytes in memory are sent again, and a stream fails with the error of the lost response. The whole write must end within the `timeout` of `CouchHttp`, by default a minute.
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
 * Saves a document with its edits and with files, in one revision and one request: `PUT /{db}/{docid}` as
 * `multipart/related`. The document keeps its other attachments, and those of the same name are replaced. A document that
 * was never saved is created.
 *
 * A `ConflictError` has the operation `attachment`. `Conflict.overwrite` repeats the save. A merge repeats it if the body has
 * no edits, and otherwise leaves the conflict, since only the caller can merge both.
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
   * Deletes one file: `DELETE /{db}/{docid}/{attname}`. Returns the document with its new revision and the remaining
   * attachments. Fails with a `NotFoundError` if the file does not exist.
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
