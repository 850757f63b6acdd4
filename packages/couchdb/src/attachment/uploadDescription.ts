import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import { concatBytes } from "../data/text.js"
import type { Document } from "../document/Document.js"
import type { CurrentRevision } from "../document/errors.js"
import { prepareWrite } from "../document/recorder.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp, CouchRequest } from "../http/CouchHttp.js"
import type { TransportError } from "../http/errors.js"
import type { File } from "./Attachment.js"
import { checkedSource, type Source, sourceOf } from "./source.js"
import { decodeName } from "./target.js"

/** The revision that a write extends; `None` to create the document. */
export type Current = Option.Option<CurrentRevision>

/**
 * A document to write together with attachments.
 *
 * - `members`: the body to write
 * - `files`: the attachments to write; the current ones of other names are kept
 * - `removed`: the name of an attachment to leave out
 * - `inline`: whether the attachments are written as Base64 in the JSON
 */
export interface Upload<A, R, E, R2> {
  readonly document: Document<A, R>
  readonly members: Json.JsonObject
  readonly current: Current
  readonly files: Readonly<Record<string, File<E, R2>>>
  readonly removed?: string | undefined
  readonly inline: boolean
}

/** A file whose length is known. */
export interface PreparedFile<E, R> {
  readonly name: string
  readonly file: File<E, R>
  readonly source: Source<E, R>
  readonly length: number
}

/**
 * The request of an upload.
 *
 * - `text`: the JSON of the document, with the stubs of its attachments
 * - `raw`: the body in it
 * - `current`: the revision that it extends
 */
export interface DescribedUpload<E, R> {
  readonly request: Omit<CouchRequest, "body">
  readonly text: string
  readonly raw: Json.JsonObject
  readonly current: Current
  readonly files: ReadonlyArray<PreparedFile<E, R>>
  readonly inline: boolean
}

const prepareFile = <E, R>(
  request: Pick<CouchRequest, "method" | "path">,
  [name, file]: readonly [string, File<E, R>],
  inline: boolean
): Effect.Effect<PreparedFile<E | TransportError, R>, E | InvalidIdError | TransportError, R> =>
  Effect.gen(function*() {
    yield* decodeName(name)
    const given = yield* checkedSource(request, name, sourceOf(file.bytes), file)
    // The JSON comes first and contains the length, so a stream of unknown length is read before it is sent.
    const source = given.whole === undefined && (inline || file.length === undefined)
      ? sourceOf<E | TransportError, R>(concatBytes(Array.from(yield* Stream.runCollect(given.bytes))))
      : given
    return { name, file, source, length: source.whole?.length ?? file.length ?? 0 }
  })

/** The members of some stubs, without those of other names. */
const stubsWithout = (
  current: Current,
  names: ReadonlySet<string>
): ReadonlyArray<readonly [name: string, stub: Json.Json]> =>
  Option.match(Option.flatMap(current, ({ stubs }) => stubs), {
    onNone: () => [],
    onSome: (stubs) => Json.entries(stubs).filter(([name]) => !names.has(name))
  })

const stubOf = <E, R>({ file, length, source }: PreparedFile<E, R>, inline: boolean): Json.Json =>
  inline
    ? { content_type: file.contentType, data: Encoding.encodeBase64(source.whole ?? new Uint8Array(0)) }
    : { content_type: file.contentType, length, follows: true }

/** Describes an upload: the JSON of the document, with the current stubs that are kept and those of the new files. */
export const describe = <A, R, E, R2>(
  { current, document, files, inline, members, removed }: Upload<A, R, E, R2>
): Effect.Effect<
  DescribedUpload<E | TransportError, R2>,
  E | InvalidIdError | TransportError | WireError,
  CouchHttp | R2
> =>
  Effect.gen(function*() {
    const { database } = document.collection
    const id = yield* DocumentId.decode(document.id)
    const request = { method: "PUT", path: documentPath(database, id), route: documentRoute(id), database, id } as const
    const prepared = yield* Effect.forEach(Object.entries(files), (entry) => prepareFile(request, entry, inline))
    const replaced = new Set([...prepared.map(({ name }) => name), ...(removed === undefined ? [] : [removed])])
    const kept = stubsWithout(current, replaced)
    const { body: raw, over } = yield* prepareWrite(document.collection, {
      id,
      raw: members,
      over: current,
      base: document.base,
      kind: "edit",
      files: Json.fromEntries([
        ...kept,
        ...prepared.map(({ file, length, name }) => [name, { content_type: file.contentType, length }] as const)
      ])
    })
    const stubs = [...kept, ...prepared.map((file): readonly [string, Json.Json] => [file.name, stubOf(file, inline)])]
    const text = Json.stringify(Json.fromEntries([
      ["_id", id] as const,
      ...Option.toArray(Option.map(over, ({ rev }) => ["_rev", rev] as const)),
      ...(stubs.length === 0 ? [] : [["_attachments", Json.fromEntries(stubs)] as const]),
      ...Json.entries(raw)
    ]))
    return { request, text, raw, current: over, files: prepared, inline }
  })
