import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import type * as Revision from "../data/Revision.js"
import { concatBytes, decodeUtf8 } from "../data/text.js"
import type { Stub } from "../document/attachmentStub.js"
import { attachmentsOf } from "../document/attachmentStubs.js"
import { decode } from "../document/codec.js"
import type { Collection } from "../document/Collection.js"
import { type DecodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { undo } from "../http/contentEncoding.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { TransportError } from "../http/errors.js"
import { type RawDocument, readDocument } from "../http/rawDocument.js"
import { unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import type { Incoming, ReadError, Whole } from "./Attachment.js"
import { IntegrityError } from "./errors.js"
import { type Part, parts } from "./multipart/parts.js"
import { boundaryOf } from "./multipart/reader.js"
import { plainStubs } from "./stubs.js"
import { passing } from "./verified.js"

const textOf = <E>(bytes: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Effect.map(Stream.runCollect(bytes), (pieces) => decodeUtf8(concatBytes(Array.from(pieces))))

/** The names whose bytes follow, in their order. */
const following = (raw: RawDocument): ReadonlyArray<string> =>
  Option.match(raw.stubs, {
    onNone: () => [],
    onSome: (stubs) => Json.entries(stubs).flatMap(([name, stub]) => Json.get(stub, "follows") === true ? [name] : [])
  })

/** The attachments whose bytes are within the JSON, `undefined` for what is no Base64; and the stubs that tell their length. */
const inlined = (stubs: Json.JsonObject): {
  readonly stubs: Json.JsonObject
  readonly files: ReadonlyArray<readonly [name: string, bytes: Uint8Array | undefined]>
} => {
  const files: Array<readonly [string, Uint8Array | undefined]> = []
  const plain = Json.entries(stubs).map(([name, stub]): readonly [string, Json.Json] => {
    const data = Json.get(stub, "data")
    if (!Json.isObject(stub) || typeof data !== "string") return [name, stub]
    const bytes = Either.getOrUndefined(Encoding.decodeBase64(data))
    files.push([name, bytes])
    return [name, Json.fromEntries([...Json.entries(stub), ["length", bytes?.length ?? 0]])]
  })
  return { stubs: Json.fromEntries(plain), files }
}

/** A document and all its attachments in one answer, the attachments as they come. */
export const fetchAll = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K,
  rev: Revision.Revision | undefined
): Effect.Effect<Whole<A, R>, ReadError | DecodeError, CouchHttp | R | Scope> =>
  Effect.gen(function*() {
    const { database } = collection
    const id = yield* DocumentId.decode(collection.id.encode(key))
    const request: CouchRequest = {
      method: "GET",
      path: `${documentPath(database, id)}?attachments=true&att_encoding_info=true` +
        (rev === undefined ? "" : `&rev=${encodeURIComponent(rev)}`),
      route: documentRoute(id),
      database,
      id,
      headers: { accept: "multipart/related, application/json" }
    }
    const couch = yield* CouchHttp
    const response = yield* conflictAsBadRequest(couch.stream({
      ...request,
      verify: ({ headers }) =>
        /^(?:multipart\/related|application\/json)/i.test(headers["content-type"] ?? "")
          ? undefined
          : "the response is not a document"
    }))
    const strange = (reason: string) => unexpectedResponse(request, response, reason)
    const broken = (description: string): ReadError =>
      new TransportError({
        ...serverOf(response),
        method: request.method,
        path: request.path,
        reason: "Body",
        description
      })
    const parsed = (text: string) =>
      Option.match(readDocument(text), {
        onNone: () => Effect.fail(strange("the response is not a document")),
        onSome: Effect.succeed
      })
    const toDocument = (raw: RawDocument) =>
      Effect.map(
        decode(collection, { ...raw, stubs: Option.map(raw.stubs, plainStubs) }),
        (base) => value.clean(collection, raw.id, "quorum", base)
      )

    const incoming = (name: string, stub: Stub, stored: Stream.Stream<Uint8Array, ReadError>): Incoming => {
      const checked = stub.digest === "" ?
        stored :
        passing(stored, ({ digest }) =>
          digest === stub.digest ? Effect.void : Effect.fail(
            new IntegrityError({
              operation: "download",
              database,
              id,
              name,
              problem: "the digest of the bytes is not the one that the document names"
            })
          ))
      return {
        name,
        stub,
        bytes: stub.encoding === "gzip" ? undo(["gzip"], checked, () => broken("what came is no whole gzip")) : checked
      }
    }

    const boundary = boundaryOf(response.headers["content-type"])
    if (boundary === undefined) {
      // Without attachments it is JSON, and so it is where something does not speak multipart.
      const raw = yield* Effect.flatMap(textOf(response.body), parsed)
      if (Option.isNone(raw.stubs)) return { document: yield* toDocument(raw), files: Stream.empty }
      const { files, stubs } = inlined(raw.stubs.value)
      const all = attachmentsOf(Option.some(stubs))
      return {
        document: yield* toDocument({ ...raw, stubs: Option.some(stubs) }),
        files: Stream.fromIterable(files.map(([name, bytes]): Incoming => {
          const stub = all[name] as Stub
          return bytes === undefined
            ? { name, stub, bytes: Stream.fail(broken("an attachment is no Base64")) }
            // What is stored compressed is inflated there, and its digest is that of other bytes.
            : stub.encoding !== undefined
            ? { name, stub, bytes: Stream.succeed(bytes) }
            : incoming(name, stub, Stream.succeed(bytes))
        }))
      }
    }
    const pull = yield* Stream.toPull(Stream.rechunk(parts<ReadError>(response.body, boundary, broken), 1))
    const take: Effect.Effect<Part<ReadError>, Option.Option<ReadError>> = Effect.map(
      pull,
      (chunk) => Array.from(chunk)[0] as Part<ReadError>
    )
    const first = yield* Effect.mapError(take, Option.getOrElse(() => strange("the response has no document")))
    const raw = yield* Effect.flatMap(textOf(first.body), parsed)
    const stubs = attachmentsOf(raw.stubs)
    const files = Stream.mapEffect(
      Stream.fromIterable(following(raw)),
      (name): Effect.Effect<Incoming, ReadError> =>
        Effect.map(
          Effect.mapError(take, Option.getOrElse(() => broken("an attachment is missing"))),
          ({ body }) => incoming(name, stubs[name] as Stub, body)
        )
    )
    return { document: yield* toDocument(raw), files }
  })
