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
import type { Bound, Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import { type DecodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { undo } from "../http/contentEncoding.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { TransportError } from "../http/errors.js"
import { type RawDocument, readDocument } from "../http/rawDocument.js"
import { unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import type { StreamedResponse } from "../http/Transport.js"
import type { Incoming, ReadError, Whole } from "./Attachment.js"
import { IntegrityError } from "./errors.js"
import { type Part, parts } from "./multipart/parts.js"
import { boundaryOf } from "./multipart/reader.js"
import { plainStubs } from "./stubs.js"
import { withDigestCheck } from "./verified.js"

const textOf = <E>(bytes: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  Effect.map(Stream.runCollect(bytes), (pieces) => decodeUtf8(concatBytes(Array.from(pieces))))

/** The names of the attachments that follow the JSON, in their order. */
const following = (raw: RawDocument): ReadonlyArray<string> =>
  Option.match(raw.stubs, {
    onNone: () => [],
    onSome: (stubs) => Json.entries(stubs).flatMap(([name, stub]) => Json.get(stub, "follows") === true ? [name] : [])
  })

/** The attachments in the JSON, `undefined` if their data is not Base64, and their stubs with the length of the data. */
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

/** A response with a document and all its attachments. */
class WholeDocument<A, R> {
  constructor(
    private readonly collection: Bound<A, R>,
    private readonly id: DocumentId.DocumentId,
    private readonly request: CouchRequest,
    private readonly response: StreamedResponse & FromServer
  ) {}

  /** A document without attachments is JSON, and so is the response of a server that does not support multipart. */
  readonly readJson: Effect.Effect<Whole<A, R>, ReadError | DecodeError, R> = Effect.suspend(() =>
    Effect.flatMap(this.parse(this.response.body), (raw) => {
      if (Option.isNone(raw.stubs)) {
        return Effect.map(this.toDocument(raw), (document): Whole<A, R> => ({ document, files: Stream.empty }))
      }
      const { files, stubs } = inlined(raw.stubs.value)
      const all = attachmentsOf(Option.some(stubs))
      return Effect.map(this.toDocument({ ...raw, stubs: Option.some(stubs) }), (document): Whole<A, R> => ({
        document,
        files: Stream.fromIterable(files.map(([name, bytes]) => this.inlineFile(name, all[name] as Stub, bytes)))
      }))
    })
  )

  /** The first part is the document. The others are its attachments, which are read as they arrive. */
  readParts(boundary: string): Effect.Effect<Whole<A, R>, ReadError | DecodeError, R | Scope> {
    const broken = (description: string) => this.broken(description)
    const body = Stream.rechunk(parts<ReadError>(this.response.body, boundary, broken), 1)
    return Effect.flatMap(Stream.toPull(body), (pull) => {
      const next: Effect.Effect<Part<ReadError>, Option.Option<ReadError>> = Effect.map(
        pull,
        (chunk) => Array.from(chunk)[0] as Part<ReadError>
      )
      return Effect.gen(this, function*() {
        const first = yield* Effect.mapError(
          next,
          Option.getOrElse(() => this.unexpected("the response has no document"))
        )
        const raw = yield* this.parse(first.body)
        const stubs = attachmentsOf(raw.stubs)
        const files = Stream.mapEffect(Stream.fromIterable(following(raw)), (name) =>
          Effect.map(
            Effect.mapError(next, Option.getOrElse(() => broken("an attachment is missing"))),
            ({ body }) => this.incoming(name, stubs[name] as Stub, body)
          ))
        return { document: yield* this.toDocument(raw), files }
      })
    })
  }

  private unexpected(problem: string): ReadError {
    return unexpectedResponse(this.request, this.response, problem)
  }

  private broken(description: string): ReadError {
    return new TransportError({
      ...serverOf(this.response),
      method: this.request.method,
      path: this.request.path,
      reason: "Body",
      description
    })
  }

  private parse(body: Stream.Stream<Uint8Array, ReadError>): Effect.Effect<RawDocument, ReadError> {
    return Effect.flatMap(textOf(body), (text) =>
      Option.match(readDocument(text), {
        onNone: () => Effect.fail(this.unexpected("the response is not a document")),
        onSome: Effect.succeed
      }))
  }

  private toDocument(raw: RawDocument): Effect.Effect<Document<A, R>, DecodeError, R> {
    return Effect.map(
      decode(this.collection, { ...raw, stubs: Option.map(raw.stubs, plainStubs) }),
      (base) => value.clean(this.collection, raw.id, "quorum", base)
    )
  }

  private inlineFile(name: string, stub: Stub, bytes: Uint8Array | undefined): Incoming {
    return bytes === undefined
      ? { name, stub, bytes: Stream.fail(this.broken("the data of an attachment is not Base64")) }
      // The server decompresses a file that is stored compressed, and the digest is that of the compressed bytes.
      : stub.encoding !== undefined
      ? { name, stub, bytes: Stream.succeed(bytes) }
      : this.incoming(name, stub, Stream.succeed(bytes))
  }

  /** A file whose stored bytes are compared with the digest in its stub. */
  private incoming(name: string, stub: Stub, stored: Stream.Stream<Uint8Array, ReadError>): Incoming {
    const { database } = this.collection
    const checked = stub.digest === "" ?
      stored :
      withDigestCheck(stored, ({ digest }) =>
        digest === stub.digest ? Effect.void : Effect.fail(
          new IntegrityError({
            ...serverOf(this.response),
            operation: "download",
            database,
            id: this.id,
            name,
            problem: "the digest of the bytes differs from that in the document"
          })
        ))
    return {
      name,
      stub,
      bytes: stub.encoding === "gzip"
        ? undo(["gzip"], checked, () => this.broken("the gzip is incomplete or invalid"))
        : checked
    }
  }
}

const acceptsDocument = /^(?:multipart\/related|application\/json)/i

/** Reads a document and all its attachments: `GET /{db}/{docid}?attachments=true`. */
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
        acceptsDocument.test(headers["content-type"] ?? "") ? undefined : "the response is not a document"
    }))
    const whole = new WholeDocument(collection, id, request, response)
    const boundary = boundaryOf(response.headers["content-type"])
    return yield* boundary === undefined ? whole.readJson : whole.readParts(boundary)
  })
