import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { rawOf as baseRaw, recordBody } from "../document/base.js"
import { encode } from "../document/codec.js"
import type { Document } from "../document/Document.js"
import { type ConflictError, UnsavedChangesError, type UnsavedDocumentError } from "../document/errors.js"
import { readRaw } from "../document/read.js"
import * as value from "../document/value.js"
import { conflict } from "../document/write.js"
import type { CouchHttp, CouchRequest } from "../http/CouchHttp.js"
import type { HttpError, UpdateConflictError } from "../http/errors.js"
import type { RawDocument } from "../http/rawDocument.js"
import type { File, ReadError, SaveError, SaveOptions, WriteError } from "./Attachment.js"
import { checkedSource, sourceOf } from "./source.js"
import { fileAt } from "./target.js"
import { send, sendFile, sendUpload, withRecovery } from "./upload.js"
import { type Current, describe, type Upload } from "./uploadDescription.js"
import { findWrite, hasFiles, readBack } from "./uploadVerification.js"

// Each write has three steps: describe the request, send it until the outcome is known, and verify the stored document.

/** The errors of a write that passed the local checks. */
type Failure<A, R, E> = ConflictError<A, R> | ReadError | E

type Writes<A, R, E, R2> = Effect.Effect<Document<A, R>, Failure<A, R, E>, CouchHttp | R | R2>

/** Maps a 409 to a conflict of the document, with the function that repeats the operation. */
const asConflict = <A, R, E>(
  self: Document<A, R>,
  repeat: (current: Current) => Effect.Effect<Document<A, R>, unknown, unknown>
) =>
(error: E | HttpError): Failure<A, R, E> =>
  isUpdateConflict(error)
    ? conflict<A, R, Document<A, R>>("attachment", self, repeat as ConflictError<A, R>["repeat"])(error)
    : error as Failure<A, R, E>

const isUpdateConflict = (error: unknown): error is UpdateConflictError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "UpdateConflictError"

const rawOf = <A, R>(self: Document<A, R>): Json.JsonObject =>
  Option.match(self.base, { onNone: () => ({}), onSome: baseRaw })

/** Fails if the document was never saved, or has unsaved changes. */
const refuseUnsaved = <A, R>(
  self: Document<A, R>
): Effect.Effect<void, UnsavedDocumentError | UnsavedChangesError> =>
  Effect.flatMap(value.requireRevision(self, "attachment"), () =>
    value.isDirty(self)
      ? Effect.fail(
        new UnsavedChangesError({ operation: "attachment", database: self.collection.database, id: self.id })
      )
      : Effect.void)

/** `PUT /{db}/{docid}/{attname}` */
const putOnto = <A, R, E, R2>(
  self: Document<A, R>,
  name: string,
  file: File<E, R2>,
  current: Current
): Writes<A, R, E, R2> => {
  // A deleted document is re-created with its body and the file. With lineage, each revision needs a record, which a
  // request that contains only the file cannot carry.
  if (Option.isNone(current) || (self.collection.lineage !== undefined && file.encoding === undefined)) {
    return saveOnto(
      { document: self, members: rawOf(self), current, files: { [name]: file }, inline: false },
      rawOf(self)
    )
  }
  return Effect.gen(function*() {
    const { database } = self.collection
    const request: CouchRequest = {
      method: "PUT",
      ...(yield* fileAt({ database, id: self.id, rev: Option.some(current.value.rev) }, name)),
      headers: { "content-type": file.contentType, ...(file.encoding && { "content-encoding": file.encoding }) }
    }
    const taken = recordBody(self.collection, self.body)
    const source = yield* checkedSource(request, name, sourceOf(file.bytes), file)
    const { isSent, repeatable, sent, write } = sendFile(request, name, source)
    const written = yield* Effect.mapError(
      withRecovery(
        write,
        Effect.suspend(() => isSent() ? findWrite(self, current, hasFiles(current, sent)) : Effect.succeedNone),
        repeatable
      ),
      asConflict<A, R, E>(self, (current) => putOnto(self, name, file, current))
    )
    return yield* readBack(self, taken, rawOf(self), written, file.encoding === undefined ? sent : new Map())
  })
}

export const put = <A, R, E, R2>(
  self: Document<A, R>,
  name: string,
  file: File<E, R2>
): Effect.Effect<Document<A, R>, WriteError<A, R, E>, CouchHttp | R | R2> =>
  Effect.zipRight(refuseUnsaved(self), putOnto(self, name, file, self.base))

/** `DELETE /{db}/{docid}/{attname}` */
const removeFrom = <A, R>(self: Document<A, R>, name: string, current: Current): Writes<A, R, never, never> => {
  // A deleted document has no attachments.
  if (Option.isNone(current)) return Effect.succeed(self)
  if (self.collection.lineage !== undefined) {
    return saveOnto(
      { document: self, members: rawOf(self), current, files: {}, removed: name, inline: false },
      rawOf(self)
    )
  }
  return Effect.gen(function*() {
    const { database } = self.collection
    const target = yield* fileAt({ database, id: self.id, rev: Option.some(current.value.rev) }, name)
    const taken = recordBody(self.collection, self.body)
    const isOwn = (raw: RawDocument) => Json.get(Option.getOrUndefined(raw.stubs), name) === undefined
    const written = yield* Effect.mapError(
      withRecovery<never, CouchHttp, CouchHttp>(
        send({ method: "DELETE", ...target }),
        findWrite(self, current, isOwn),
        true
      ),
      asConflict<A, R, never>(self, (current) => removeFrom(self, name, current))
    )
    return yield* readBack(self, taken, rawOf(self), written, new Map())
  })
}

export const remove = <A, R>(
  self: Document<A, R>,
  name: string
): Effect.Effect<Document<A, R>, WriteError<A, R>, CouchHttp | R> =>
  Effect.zipRight(refuseUnsaved(self), removeFrom(self, name, self.base))

/** `PUT /{db}/{docid}` with attachments. `own` is the body of the document value, which `readBack` compares with. */
const saveOnto = <A, R, E, R2>(upload: Upload<A, R, E, R2>, own: Json.JsonObject): Writes<A, R, E, R2> =>
  Effect.gen(function*() {
    const { document } = upload
    const taken = recordBody(document.collection, document.body)
    const described = yield* describe(upload)
    const { current, raw } = described
    const { isSent, repeatable, sent, write } = sendUpload(described)
    const isOwn = (read: RawDocument): boolean => hasFiles(current, sent)(read) && Json.equals(read.raw, raw)
    const written = yield* Effect.mapError(
      withRecovery(
        write,
        Effect.suspend(() => isSent() ? findWrite(document, current, isOwn) : Effect.succeedNone),
        repeatable
      ),
      asConflict<A, R, E>(document, (current) => repeatSave({ ...upload, current }, own))
    )
    return yield* readBack(document, taken, own, written, sent)
  })

/** Repeats a save over another revision: files alone are added to its body, edits replace it. */
const repeatSave = <A, R, E, R2>(upload: Upload<A, R, E, R2>, own: Json.JsonObject) => {
  const { current, document } = upload
  return Option.isNone(current) || value.isDirty(document)
    ? saveOnto({ ...upload, members: own }, own)
    : Effect.flatMap(
      readRaw(document.collection.database, document.id, `?rev=${encodeURIComponent(current.value.rev)}`),
      (theirs) => saveOnto({ ...upload, members: theirs.raw }, own)
    )
}

export const save = <A, R, E, R2>(
  self: Document<A, R>,
  files: Readonly<Record<string, File<E, R2>>>,
  options: SaveOptions
): Effect.Effect<Document<A, R>, SaveError<A, R, E>, CouchHttp | R | R2> =>
  Effect.flatMap(encode(self), (members) =>
    saveOnto(
      { document: self, members, current: self.base, files, inline: options.inline === true },
      members
    ))
