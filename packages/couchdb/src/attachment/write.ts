import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as DocumentId from "../data/DocumentId.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import { concatBytes } from "../data/text.js"
import { rawOf as baseRaw, recordBody, type RecordedBody, stored } from "../document/base.js"
import { decode, encode } from "../document/codec.js"
import type { Document } from "../document/Document.js"
import { type ConflictError, type CurrentRevision, UnsavedChangesError } from "../document/errors.js"
import { readRaw } from "../document/read.js"
import { prepareWrite } from "../document/recorder.js"
import * as value from "../document/value.js"
import { conflict } from "../document/write.js"
import { pathOf } from "../http/bulk/bulkGetVersions.js"
import type { CouchHttp, CouchRequest, Written } from "../http/CouchHttp.js"
import {
  type HttpError,
  type NotFoundError,
  type RequestError,
  type TransportError,
  type UpdateConflictError
} from "../http/errors.js"
import { failAt } from "../http/failAt.js"
import type { RawDocument } from "../http/rawDocument.js"
import type { File, SaveError, SaveOptions, WriteError } from "./Attachment.js"
import { IntegrityError } from "./errors.js"
import { related } from "./multipart/related.js"
import { plainStubs } from "./stubs.js"
import { decodeName, fileAt } from "./target.js"
import { checkedSource, noted, passedOf, send, sendStream, type Source, sourceOf, withRecovery } from "./upload.js"
import type { Passed } from "./verified.js"

type Over = Option.Option<CurrentRevision>

/** What passed of each file. */
type Sent = Map<string, Passed>

const overOf = <A, R>(self: Document<A, R>): Over => self.base

/** Whether the document has each file as it was sent; the digest of what the server compressed is not that of the bytes. */
const problemWith = (raw: RawDocument, sent: Sent): readonly [name: string, problem: string] | undefined => {
  for (const [name, { digest, length }] of sent) {
    const stub = Json.get(Option.getOrUndefined(raw.stubs), name)
    if (stub === undefined) return [name, "the document does not have it"]
    if (Json.get(stub, "length") !== length) {
      return [name, `the server has ${String(Json.get(stub, "length"))} bytes of ${length}`]
    }
    if (Json.get(stub, "encoding") === undefined && Json.get(stub, "digest") !== digest) {
      return [name, "the digest that the server names is not that of the bytes"]
    }
  }
  return undefined
}

/** The child of the revision written over, if `isOwn` knows it again. */
const landed = <A, R>(
  { collection: { database }, id }: Document<A, R>,
  over: Over,
  isOwn: (raw: RawDocument) => boolean
): Effect.Effect<Option.Option<Revision.Revision>, HttpError, CouchHttp> =>
  readRaw(database, id, "?revs=true&att_encoding_info=true").pipe(
    Effect.flatMap((winner) => {
      const path = pathOf(winner)
      const below = Option.match(over, { onNone: () => path.length, onSome: ({ rev }) => path.indexOf(rev) })
      const child = path[below - 1]
      if (child === undefined || (Option.isNone(over) && Revision.generation(child) !== 1)) return Effect.succeedNone
      return Effect.map(
        child === winner.rev
          ? Effect.succeed(winner)
          : readRaw(database, id, `?rev=${encodeURIComponent(child)}&att_encoding_info=true`),
        (raw) => isOwn(raw) ? Option.some(child) : Option.none()
      )
    }),
    Effect.catchTags({
      NotFoundError: () => Effect.succeedNone,
      // The id was good enough to write to.
      InvalidIdError: () => Effect.succeedNone
    })
  )

const areOwn = (over: Over, sent: Sent) => (raw: RawDocument): boolean => {
  const generation = Option.match(over, { onNone: () => 1, onSome: ({ rev }) => Revision.generation(rev) + 1 })
  return problemWith(raw, sent) === undefined &&
    Array.from(sent.keys()).every((name) =>
      Json.get(Json.get(Option.getOrUndefined(raw.stubs), name), "revpos") === generation
    )
}

/**
 * The document as the server has it now; `raw` is what the document value itself says, whose body was `taken` before. A body that the other side made
 * undecodable stays the one that was read.
 */
const written = <A, R>(
  self: Document<A, R>,
  taken: RecordedBody<A>,
  raw: Json.JsonObject,
  { durability, rev }: Written,
  sent: Sent
): Effect.Effect<Document<A, R>, IntegrityError | RequestError | NotFoundError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { database } = self.collection
    const read = yield* readRaw(database, self.id, `?rev=${encodeURIComponent(rev)}&att_encoding_info=true`).pipe(
      Effect.catchTag("InvalidIdError", (error) => Effect.die(error))
    )
    const problem = problemWith(read, sent)
    if (problem !== undefined) {
      const [name, why] = problem
      return yield* failAt((from) =>
        new IntegrityError({ ...from, operation: "upload", database, id: self.id, name, problem: why })
      )
    }
    const stubs = Option.map(read.stubs, plainStubs)
    const source = { raw: read.raw, stubs }
    const own = stored(taken, rev, source)
    const base = Json.equals(read.raw, raw)
      ? own
      : yield* Effect.match(decode(self.collection, read, source), { onFailure: () => own, onSuccess: identity })
    return value.clean(self.collection, self.id, durability, base)
  })

type Failure<A, R, E> = ConflictError<A, R> | NotFoundError | RequestError | IntegrityError | E

/** A 409 becomes the conflict of the document, with the way to repeat it. */
const asConflict = <A, R, E>(
  self: Document<A, R>,
  repeat: (over: Over) => Effect.Effect<Document<A, R>, unknown, unknown>
) =>
(error: E | HttpError): Failure<A, R, E> =>
  isUpdateConflict(error)
    ? conflict<A, R, Document<A, R>>("attachment", self, repeat as ConflictError<A, R>["repeat"])(error)
    : error as Failure<A, R, E>

const isUpdateConflict = (error: unknown): error is UpdateConflictError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "UpdateConflictError"

const rawOf = <A, R>(self: Document<A, R>): Json.JsonObject =>
  Option.match(self.base, { onNone: () => ({}), onSome: baseRaw })

const refuseEdits = <A, R>(self: Document<A, R>): Effect.Effect<void, UnsavedChangesError> =>
  value.isDirty(self)
    ? Effect.fail(
      new UnsavedChangesError({ operation: "attachment", database: self.collection.database, id: self.id })
    )
    : Effect.void

const putOver = <A, R, E2, R2>(
  self: Document<A, R>,
  name: string,
  file: File<E2, R2>,
  over: Over
): Effect.Effect<Document<A, R>, WriteError<A, R, E2>, CouchHttp | R | R2> => {
  // Where the document is gone, it is created again with its body and the file.
  // With lineage, each revision says what is in it, which a PUT of bytes alone cannot.
  if (Option.isNone(over) || (self.collection.lineage !== undefined && file.encoding === undefined)) {
    return saveOver(self, { [name]: file }, {}, over, rawOf(self)) as never
  }
  return Effect.gen(function*() {
    const spot = { database: self.collection.database, id: self.id, rev: Option.some(over.value.rev) }
    const where = yield* fileAt(spot, name)
    const taken = recordBody(self.collection, self.body)
    const sent: Sent = new Map()
    const request: CouchRequest = {
      method: "PUT",
      ...where,
      headers: { "content-type": file.contentType, ...(file.encoding && { "content-encoding": file.encoding }) }
    }
    const source = yield* checkedSource(request, name, sourceOf(file.bytes), file)
    const write: Effect.Effect<Written, HttpError | E2, CouchHttp | R2> = source.whole === undefined
      ? sendStream(request, noted(source, (passed) => sent.set(name, passed)))
      : Effect.suspend(() => {
        sent.set(name, passedOf(source.whole as Uint8Array))
        return send({ ...request, body: source.whole })
      })
    // A stream that was not read to its end cannot be known again.
    const found = Effect.suspend(() => sent.has(name) ? landed(self, over, areOwn(over, sent)) : Effect.succeedNone)
    const done = yield* Effect.mapError(
      withRecovery(write, found, source.whole !== undefined),
      asConflict<A, R, E2>(self, (over) => putOver(self, name, file, over))
    )
    return yield* written(self, taken, rawOf(self), done, file.encoding === undefined ? sent : new Map())
  })
}

export const put = <A, R, E2, R2>(self: Document<A, R>, name: string, file: File<E2, R2>) =>
  Effect.zipRight(
    Effect.zipRight(value.requireRevision(self, "attachment"), refuseEdits(self)),
    putOver(self, name, file, overOf(self))
  )

const withoutName = (stubs: Option.Option<Json.JsonObject>, name: string): Option.Option<Json.JsonObject> =>
  Option.filter(
    Option.map(stubs, (stubs) => Json.fromEntries(Json.entries(stubs).filter(([each]) => each !== name))),
    (stubs) => Json.keys(stubs).length > 0
  )

const removeOver = <A, R>(
  self: Document<A, R>,
  name: string,
  over: Over
): Effect.Effect<Document<A, R>, WriteError<A, R, never>, CouchHttp | R> => {
  // With the document its attachment is gone, and there is nothing to write.
  if (Option.isNone(over)) return Effect.succeed(self)
  if (self.collection.lineage !== undefined) {
    return saveOver(self, {}, {}, over, rawOf(self), rawOf(self), name) as never
  }
  return Effect.gen(function*() {
    const spot = { database: self.collection.database, id: self.id, rev: Option.some(over.value.rev) }
    const where = yield* fileAt(spot, name)
    const taken = recordBody(self.collection, self.body)
    const isOwn = (raw: RawDocument) => Json.get(Option.getOrUndefined(raw.stubs), name) === undefined
    const done = yield* Effect.mapError(
      withRecovery<never, CouchHttp, CouchHttp>(send({ method: "DELETE", ...where }), landed(self, over, isOwn), true),
      asConflict<A, R, never>(self, (over) => removeOver(self, name, over))
    )
    return yield* written(self, taken, rawOf(self), done, new Map())
  })
}

export const remove = <A, R>(self: Document<A, R>, name: string) =>
  Effect.zipRight(
    Effect.zipRight(value.requireRevision(self, "attachment"), refuseEdits(self)),
    removeOver(self, name, overOf(self))
  )

interface Prepared<E, R> {
  readonly name: string
  readonly file: File<E, R>
  readonly source: Source<E, R>
  readonly length: number
}

const prepare = <E2, R2>(
  request: Pick<CouchRequest, "method" | "path">,
  [name, file]: readonly [string, File<E2, R2>],
  inline: boolean
): Effect.Effect<Prepared<E2 | TransportError, R2>, E2 | InvalidIdError | TransportError, R2> =>
  Effect.gen(function*() {
    yield* decodeName(name)
    const given = yield* checkedSource(request, name, sourceOf(file.bytes), file)
    // What is sent in front needs the length: a stream that does not tell it is read first.
    const source = given.whole === undefined && (inline || file.length === undefined)
      ? sourceOf<E2 | TransportError, R2>(concatBytes(Array.from(yield* Stream.runCollect(given.bytes))))
      : given
    return { name, file, source, length: source.whole?.length ?? file.length ?? 0 }
  })

const boundary = "effect-couchdb-"

/** A boundary of letters and digits that follows from what is sent, and that no file will hold by chance. */
const boundaryFor = (text: string): string =>
  boundary + passedOf(new TextEncoder().encode(text)).digest.replace(/\W/g, "")

const saveOver = <A, R, E2, R2>(
  self: Document<A, R>,
  files: Readonly<Record<string, File<E2, R2>>>,
  options: SaveOptions,
  over: Over,
  members: Json.JsonObject,
  own = members,
  gone?: string
): Effect.Effect<Document<A, R>, SaveError<A, R, E2>, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const { database } = self.collection
    const id = yield* DocumentId.decode(self.id)
    const taken = recordBody(self.collection, self.body)
    const inline = options.inline === true
    const request = { method: "PUT", path: documentPath(database, id), route: documentRoute(id), database, id } as const
    const prepared = yield* Effect.forEach(Object.entries(files), (entry) => prepare(request, entry, inline))
    const kept = prepared.reduce(
      (stubs, { name }) => withoutName(stubs, name),
      gone === undefined
        ? Option.flatMap(over, ({ stubs }) => stubs)
        : withoutName(Option.flatMap(over, ({ stubs }) => stubs), gone)
    )
    const { body: raw, over: onto } = yield* prepareWrite(self.collection, {
      id,
      raw: members,
      over,
      base: self.base,
      kind: "edit",
      files: Json.fromEntries([
        ...Option.match(kept, { onNone: () => [], onSome: Json.entries }),
        ...prepared.map(({ file, length, name }) => [name, { content_type: file.contentType, length }] as const)
      ])
    })
    const attachments = Json.fromEntries([
      ...Option.match(kept, { onNone: () => [], onSome: Json.entries }),
      ...prepared.map(({ file, length, name, source }): readonly [string, Json.Json] => [
        name,
        inline
          ? { content_type: file.contentType, data: Encoding.encodeBase64(source.whole ?? new Uint8Array(0)) }
          : { content_type: file.contentType, length, follows: true }
      ])
    ])
    const text = Json.stringify(Json.fromEntries([
      ["_id", id] as const,
      ...Option.toArray(Option.map(onto, ({ rev }) => ["_rev", rev] as const)),
      ...(Json.keys(attachments).length === 0 ? [] : [["_attachments", attachments] as const]),
      ...Json.entries(raw)
    ]))
    const sent: Sent = new Map()
    const border = boundaryFor(text)
    const whole = related(
      border,
      text,
      prepared.map(({ length, name, source }) => ({
        bytes: noted(source, (passed) => sent.set(name, passed)),
        length
      }))
    )
    const note = Effect.sync(() => {
      for (const { name, source } of prepared) if (source.whole !== undefined) sent.set(name, passedOf(source.whole))
    })
    const write: Effect.Effect<Written, E2 | HttpError, CouchHttp | R2> = inline || prepared.length === 0
      ? Effect.zipRight(note, send({ ...request, body: text }))
      : sendStream(
        {
          ...request,
          headers: {
            "content-type": `multipart/related; boundary="${border}"`,
            "content-length": String(whole.length)
          }
        },
        whole.bytes
      )
    const found = Effect.suspend(() =>
      sent.size === prepared.length
        ? landed(self, onto, (read) => areOwn(onto, sent)(read) && Json.equals(read.raw, raw))
        : Effect.succeedNone
    )
    const done = yield* Effect.mapError(
      withRecovery(write, found, prepared.every(({ source }) => source.whole !== undefined)),
      asConflict<A, R, E2>(self, (over) => repeatSave(self, files, options, over, own, gone))
    )
    return yield* written(self, taken, own, done, sent)
  }) as never

/** Files alone go over whatever body stands there; edits go with the body that was to be saved. */
const repeatSave = <A, R, E2, R2>(
  self: Document<A, R>,
  files: Readonly<Record<string, File<E2, R2>>>,
  options: SaveOptions,
  over: Over,
  own: Json.JsonObject,
  gone: string | undefined
) =>
  Option.isNone(over) || value.isDirty(self)
    ? saveOver(self, files, options, over, own, own, gone)
    : Effect.flatMap(
      readRaw(self.collection.database, self.id, `?rev=${encodeURIComponent(over.value.rev)}`),
      (theirs) => saveOver(self, files, options, over, theirs.raw, own, gone)
    )

export const save = <A, R, E2, R2>(
  self: Document<A, R>,
  files: Readonly<Record<string, File<E2, R2>>>,
  options: SaveOptions
): Effect.Effect<Document<A, R>, SaveError<A, R, E2>, CouchHttp | R | R2> =>
  Effect.flatMap(encode(self), (raw) => saveOver(self, files, options, overOf(self), raw))
