import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { type RecordedBody, stored } from "../document/base.js"
import { decode } from "../document/codec.js"
import type { Document } from "../document/Document.js"
import { readRaw } from "../document/read.js"
import * as value from "../document/value.js"
import { pathOf } from "../http/bulk/bulkGetVersions.js"
import type { CouchHttp, Written } from "../http/CouchHttp.js"
import type { HttpError, NotFoundError, RequestError } from "../http/errors.js"
import { failWithServer } from "../http/failWithServer.js"
import type { RawDocument } from "../http/rawDocument.js"
import { IntegrityError } from "./errors.js"
import { plainStubs } from "./stubs.js"
import type { Current } from "./uploadDescription.js"
import type { Passed } from "./verified.js"

/** The digest and length of each file that was sent. */
export type SentFiles = ReadonlyMap<string, Passed>

/**
 * Compares the stubs of a document with the files that were sent. If the server compressed a file, the digest is not that of
 * its bytes.
 */
const problemOf = (raw: RawDocument, sent: SentFiles): readonly [name: string, problem: string] | undefined => {
  const stubs = Option.getOrUndefined(raw.stubs)
  for (const [name, { digest, length }] of sent) {
    const stub = Json.get(stubs, name)
    if (stub === undefined) return [name, "the document does not have it"]
    if (Json.get(stub, "length") !== length) {
      return [name, `the server has ${String(Json.get(stub, "length"))} of ${length} bytes`]
    }
    if (Json.get(stub, "encoding") === undefined && Json.get(stub, "digest") !== digest) {
      return [name, "the digest in the document is not that of the bytes"]
    }
  }
  return undefined
}

/** Whether a document has the files, written at the revision after the current one. */
export const hasFiles = (current: Current, sent: SentFiles) => (raw: RawDocument): boolean => {
  const generation = Option.match(current, { onNone: () => 1, onSome: ({ rev }) => Revision.generation(rev) + 1 })
  const stubs = Option.getOrUndefined(raw.stubs)
  return problemOf(raw, sent) === undefined &&
    Array.from(sent.keys()).every((name) => Json.get(Json.get(stubs, name), "revpos") === generation)
}

/** Finds the child of the current revision, if `isOwn` recognizes it as the write whose response was lost. */
export const findWrite = <A, R>(
  { collection: { database }, id }: Document<A, R>,
  current: Current,
  isOwn: (raw: RawDocument) => boolean
): Effect.Effect<Option.Option<Revision.Revision>, HttpError, CouchHttp> =>
  readRaw(database, id, "?revs=true&att_encoding_info=true").pipe(
    Effect.flatMap((winner) => {
      const path = pathOf(winner)
      const parent = Option.match(current, { onNone: () => path.length, onSome: ({ rev }) => path.indexOf(rev) })
      const child = path[parent - 1]
      if (child === undefined || (Option.isNone(current) && Revision.generation(child) !== 1)) return Effect.succeedNone
      return Effect.map(
        child === winner.rev
          ? Effect.succeed(winner)
          : readRaw(database, id, `?rev=${encodeURIComponent(child)}&att_encoding_info=true`),
        (raw) => isOwn(raw) ? Option.some(child) : Option.none()
      )
    }),
    Effect.catchTags({
      NotFoundError: () => Effect.succeedNone,
      // The id was valid for the write.
      InvalidIdError: () => Effect.succeedNone
    })
  )

/**
 * Reads the written document, and fails if its files are not those that were sent. `raw` is the body that was written, and
 * `taken` the body of the document before the request. If the stored body does not decode, since another client changed it,
 * the document keeps its own.
 */
export const readBack = <A, R>(
  self: Document<A, R>,
  taken: RecordedBody<A>,
  raw: Json.JsonObject,
  { durability, rev }: Written,
  sent: SentFiles
): Effect.Effect<Document<A, R>, IntegrityError | RequestError | NotFoundError | InvalidIdError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { database } = self.collection
    const read = yield* readRaw(database, self.id, `?rev=${encodeURIComponent(rev)}&att_encoding_info=true`)
    const problem = problemOf(read, sent)
    if (problem !== undefined) {
      const [name, why] = problem
      return yield* failWithServer((from) =>
        new IntegrityError({ ...from, operation: "upload", database, id: self.id, name, problem: why })
      )
    }
    const source = { raw: read.raw, stubs: Option.map(read.stubs, plainStubs) }
    const own = stored(taken, rev, source)
    const base = Json.equals(read.raw, raw)
      ? own
      : yield* Effect.match(decode(self.collection, read, source), { onFailure: () => own, onSuccess: identity })
    return value.clean(self.collection, self.id, durability, base)
  })
