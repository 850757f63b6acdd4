import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Info, Opened, Place, Range, ReadError, RequestFailure } from "../../Attachment.js"
import { IntegrityError, NotFoundError, type RequestError, TransportError } from "../../CouchError.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../../CouchHttp.js"
import type { Document } from "../../Document.js"
import { isDocument } from "../document/value.js"
import { serverOf } from "../failAt.js"
import { answerOf } from "../responseError.js"
import { unconflicted } from "../unconflicted.js"
import { gunzip, passing, sniffGzip } from "./checked.js"
import { fileAt, type Spot, spotOf } from "./target.js"

type Bytes = Stream.Stream<Uint8Array, ReadError>
type Headers = Readonly<Record<string, string>>

const number = (text: string | undefined): Option.Option<number> =>
  Option.filter(Option.map(Option.fromNullable(text), Number), Number.isSafeInteger)

const infoOf = (name: string, headers: Headers): Info => {
  // A transport that decodes may take the encoding out of the headers: what is stored compressed also has no ranges.
  const compressed = headers["content-encoding"] === "gzip" || headers["accept-ranges"] === "none"
  return {
    name,
    contentType: headers["content-type"] ?? "application/octet-stream",
    digest: `md5-${(headers["etag"] ?? "").replace(/^(?:W\/)?"|"$/g, "")}`,
    compressed,
    storedLength: number(headers["content-length"])
  }
}

/**
 * How long an inflated file is, from the document, if it is the same one. Of a file that was compressed before it was put,
 * the document tells the stored length instead, which the headers tell too.
 */
const inflatedLength = <A, R>(
  target: Document<A, R> | Place,
  info: Info,
  asStored: boolean
): number | undefined => {
  const stub = isDocument(target) ? target.attachments[info.name] : undefined
  const announced = Option.getOrUndefined(info.storedLength)
  return stub?.digest === info.digest && announced !== undefined && (announced === stub.length) !== asStored
    ? stub.length
    : undefined
}

/** An attachment that was not found, among those that the document has. */
const withNames =
  <A, R>(target: Document<A, R> | Place) => (error: NotFoundError | RequestError): NotFoundError | RequestError =>
    error._tag === "NotFoundError" && isDocument(target)
      ? new NotFoundError({ ...answerOf(error), attachments: Object.keys(target.attachments) })
      : error

export const head = <A, R>(
  target: Document<A, R> | Place,
  name: string
): Effect.Effect<Info, RequestFailure, CouchHttp> =>
  Effect.flatMap(fileAt(spotOf(target), name), (where) =>
    Effect.flatMap(CouchHttp, (couch) =>
      Effect.map(
        unconflicted(couch.execute({
          method: "HEAD",
          ...where,
          headers: { accept: "*/*", "accept-encoding": "gzip" }
        })).pipe(Effect.mapError(withNames(target))),
        ({ headers }) => infoOf(name, headers)
      )))

const rangeHeader = ({ first, last }: Range): string => `bytes=${first}-${last ?? ""}`

/** What the bytes are held against at their end: those that are stored, or what was inflated of them on the way. */
interface Expected {
  readonly form: "stored" | "part" | "inflated"
  readonly length: number | undefined
}

/** What a download must have been, or it fails at its end. */
const verified = (
  { database, id }: Spot,
  request: CouchRequest,
  response: FromServer,
  info: Info,
  expected: Expected,
  bytes: Bytes
): Bytes =>
  passing(bytes, ({ digest, length }): Effect.Effect<void, ReadError> => {
    const broken = (problem: string) =>
      Effect.fail(
        new IntegrityError({ ...serverOf(response), operation: "download", database, id, name: info.name, problem })
      )
    if (expected.length !== undefined && length !== expected.length) {
      return Effect.fail(
        new TransportError({
          ...serverOf(response),
          method: request.method,
          path: request.path,
          reason: "Body",
          description: `it ended after ${length} of ${expected.length} bytes`
        })
      )
    }
    if (expected.form === "part") return Effect.void
    const same = digest === info.digest
    return expected.form === "stored"
      ? same ? Effect.void : broken("the digest of the bytes is not the one that the server stored")
      : same
      ? broken("the bytes are still compressed, although the transport reported them as inflated")
      : Effect.void
  })

/** The part of a whole file that was asked for: of what is stored compressed a server gives no parts. */
const partOf = (opened: Opened, { first, last = Infinity }: Range): Opened => ({
  ...opened,
  // Behind the last byte nothing is read, and so the end is not seen.
  verification: last === Infinity ? opened.verification : "none",
  bytes: opened.bytes.pipe(
    Stream.mapAccum(0, (at, bytes) => [at + bytes.length, { at, bytes }]),
    Stream.takeUntil(({ at, bytes }) => at + bytes.length > last),
    Stream.map(({ at, bytes }) => bytes.subarray(Math.max(0, first - at), Math.max(0, last + 1 - at))),
    Stream.filter((bytes) => bytes.length > 0)
  )
})

/** Sends the request, and gives what the headers say and the bytes as they come. Closing the scope closes the request. */
export const open = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Effect.Effect<Opened, RequestFailure, CouchHttp | Scope> =>
  Effect.gen(function*() {
    const spot = spotOf(target)
    const where = yield* fileAt(spot, name)
    const request: CouchRequest = {
      method: "GET",
      ...where,
      headers: {
        accept: "*/*",
        "accept-encoding": range === undefined ? "gzip" : "identity",
        ...(range !== undefined && { range: rangeHeader(range) })
      }
    }
    const couch = yield* CouchHttp
    const response = yield* Effect.mapError(unconflicted(couch.stream(request)), withNames(target))
    const info = infoOf(name, response.headers)
    const announced = Option.getOrUndefined(info.storedLength)
    const check = (form: Expected["form"], length: number | undefined, bytes: Bytes): Bytes =>
      verified(spot, request, response, info, { form, length }, bytes)
    if (response.status === 206) {
      return { info, verification: by(announced), bytes: check("part", announced, response.body) }
    }
    const part = (opened: Opened): Opened => range === undefined ? opened : partOf(opened, range)
    if (!info.compressed) {
      return part({ info, verification: "digest", bytes: check("stored", announced, response.body) })
    }
    const broken = (): ReadError =>
      new TransportError({
        ...serverOf(response),
        method: request.method,
        path: request.path,
        reason: "Body",
        description: "its compressed data are incomplete or damaged"
      })
    const stored = (bytes: Bytes) => gunzip(check("stored", announced, bytes), broken)
    // Where the compression was undone on the way, the stored bytes cannot be seen here.
    const sent = response.headers["content-encoding"] === "gzip"
    const before = inflatedLength(target, info, sent)
    const plain = (bytes: Bytes) => check("inflated", before, bytes)
    const inflated = sent ? response.inflated : true
    switch (inflated) {
      case false:
        return part({ info, verification: "digest", bytes: stored(response.body) })
      case true:
        return part({ info, verification: by(before), bytes: plain(response.body) })
      case undefined:
        return part({
          info,
          verification: "unknown",
          bytes: sniffGzip<ReadError, never>(response.body, (isGzip, bytes) => isGzip ? stored(bytes) : plain(bytes))
        })
    }
  })

const by = (length: number | undefined): Opened["verification"] => length === undefined ? "none" : "length"

export const get = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Stream.Stream<Uint8Array, ReadError, CouchHttp> =>
  Stream.unwrapScoped(Effect.map(open(target, name, range), ({ bytes }) => bytes))
