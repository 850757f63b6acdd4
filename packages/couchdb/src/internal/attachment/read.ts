import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Info, Opened, Place, Range, ReadError, RequestFailure, Stub } from "../../Attachment.js"
import { NotFoundError, RangeNotSatisfiableError, TransportError } from "../../CouchError.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../../CouchHttp.js"
import type { Document } from "../../Document.js"
import type { StreamedResponse } from "../../Transport.js"
import { unsupportedCoding } from "../contentEncoding.js"
import { readRaw } from "../document/read.js"
import { isDocument } from "../document/value.js"
import { isIdentified, unexpectedResponse } from "../responseError.js"
import { attachmentsOf } from "../stubs.js"
import { unconflicted } from "../unconflicted.js"
import { fileAt, type Spot, spotOf } from "./target.js"
import { digestOf, type Known, type Said, saidBy, seemsCompressed, verificationOf, verified } from "./verify.js"

type Bytes = Stream.Stream<Uint8Array, ReadError>
type Headers = Readonly<Record<string, string>>

/** What the document says of the file, if the target is a document and has it. */
const stubOf = <A, R>(target: Document<A, R> | Place, name: string): Stub | undefined => {
  if (!isDocument(target)) return undefined
  const { attachments } = target
  return Object.hasOwn(attachments, name) ? attachments[name] : undefined
}

const infoOf = (name: string, headers: Headers, said: Said, stub: Stub | undefined): Info => {
  const compressed = seemsCompressed({ said, stub })
  // What a proxy compressed, or the server inflated, is not as long as what is stored.
  const asStored = (compressed ? said.codings.join() === "gzip" : said.codings.length === 0) &&
    (said.digest !== undefined || said.codings.length === 0)
  return {
    name,
    contentType: headers["content-type"] ?? stub?.contentType ?? "application/octet-stream",
    digest: digestOf({ said, stub }),
    compressed,
    storedLength: asStored ? Option.fromNullable(said.length) : Option.none()
  }
}

/**
 * Whether the headers of a file come from CouchDB, as far as they show it: any file may look like a login page. A document
 * value names the digest, which is compared at the end.
 */
const isFromCouch = (headers: Headers, stub: Stub | undefined): boolean =>
  isIdentified(headers) || saidBy(headers).digest !== undefined ||
  (stub !== undefined && (headers["content-type"] ?? stub.contentType) === stub.contentType)

/** What the document says of a file, if the headers of the file cannot be trusted. */
const infoFromDocument = (
  { database, id, rev }: Spot,
  request: CouchRequest
): (name: string) => Effect.Effect<Info, RequestFailure, CouchHttp> =>
(name) =>
  Effect.flatMap(
    readRaw(database, id, Option.match(rev, { onNone: () => "", onSome: (rev) => `?rev=${encodeURIComponent(rev)}` })),
    ({ stubs }) => {
      const stub = attachmentsOf(stubs)[name]
      return stub === undefined
        ? Effect.fail(
          new NotFoundError({
            method: request.method,
            path: request.path,
            status: 404,
            error: "not_found",
            reason: "Document is missing attachment",
            database,
            id
          })
        )
        : Effect.succeed<Info>({
          name,
          contentType: stub.contentType,
          digest: stub.digest,
          compressed: stub.encoding === "gzip",
          storedLength: stub.encoding === undefined ? Option.some(stub.length) : Option.fromNullable(stub.encodedLength)
        })
    }
  )

/** Whether the headers are those that CouchDB sends: a proxy that compresses changes the ETag or the ranges. */
const isUntouched = ({ codings, digest, ranges }: Said): boolean =>
  digest !== undefined && (codings.length === 0 || (ranges === "none" && codings.join() === "gzip"))

export const head = <A, R>(
  target: Document<A, R> | Place,
  name: string
): Effect.Effect<Info, RequestFailure, CouchHttp> =>
  Effect.gen(function*() {
    const spot = spotOf(target)
    const where = yield* fileAt(spot, name)
    const couch = yield* CouchHttp
    const stub = stubOf(target, name)
    const request: CouchRequest = { method: "HEAD", ...where }
    const ask = (encoding: "gzip" | "identity") =>
      unconflicted(couch.execute({ ...request, headers: { accept: "*/*", "accept-encoding": encoding } })).pipe(
        Effect.map(({ headers }) =>
          isFromCouch(headers, undefined) ? Option.some({ headers, said: saidBy(headers) }) : Option.none()
        ),
        Effect.catchTag("UnexpectedResponseError", () => Effect.succeedNone)
      )
    const asked = yield* ask("gzip")
    if (Option.isNone(asked)) return yield* infoFromDocument(spot, request)(name)
    const first = asked.value
    if (isUntouched(first.said)) return infoOf(name, first.headers, first.said, stub)
    // A proxy leaves what it may not compress as it is.
    const second = Option.getOrElse(yield* ask("identity"), () => first)
    return infoOf(name, second.headers, second.said, stub)
  })

const rangeHeader = ({ first, last }: Range): string => `bytes=${first}-${last ?? ""}`

const isRange = ({ first, last }: Range): boolean =>
  Number.isSafeInteger(first) && first >= 0 &&
  (last === undefined || last === Infinity || (Number.isSafeInteger(last) && last >= first))

const notSatisfiable = (request: CouchRequest, reason: string): RangeNotSatisfiableError =>
  new RangeNotSatisfiableError({
    method: request.method,
    path: request.path,
    status: 416,
    error: "requested_range_not_satisfiable",
    reason,
    database: request.database,
    id: request.id
  })

/**
 * The part of a whole file that was asked for: of what is stored compressed a server gives no parts, and a proxy may not
 * hand the question on.
 */
const partOf = (opened: Opened, request: CouchRequest, { first, last = Infinity }: Range): Opened => ({
  ...opened,
  // What follows the last byte is not read, and so the end is not seen.
  verification: last === Infinity ? opened.verification : "none",
  bytes: Stream.suspend(() => {
    let whole = 0
    const part = opened.bytes.pipe(
      Stream.mapAccum(0, (from, bytes) => {
        whole = from + bytes.length
        return [whole, { from, bytes }]
      }),
      Stream.takeUntil(({ bytes, from }) => from + bytes.length > last),
      Stream.map(({ bytes, from }) => bytes.subarray(Math.max(0, first - from), Math.max(0, last + 1 - from))),
      Stream.filter((bytes) => bytes.length > 0)
    )
    // As the server says of what it gives parts of.
    const outside = Stream.suspend(() =>
      whole > first || (first === 0 && last === Infinity)
        ? Stream.empty
        : Stream.fail(notSatisfiable(request, `the file has ${whole} bytes`))
    )
    return Stream.concat(part, outside)
  })
})

/** The bytes of a 206, if they are those that were asked for. */
const partial = (
  request: CouchRequest,
  response: StreamedResponse & FromServer,
  said: Said,
  { first, last = Infinity }: Range
): Effect.Effect<{ readonly length: number; readonly bytes: Bytes }, RequestFailure> => {
  const strange = (reason: string) => Effect.fail(unexpectedResponse(request, response, reason))
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(response.headers["content-range"]?.trim() ?? "")
  if (range === null) return strange("a part came that does not say which one it is")
  const [from, to, whole] = [Number(range[1]), Number(range[2]), range[3] === "*" ? undefined : Number(range[3])]
  const complete = to === last || (to < last && (whole === undefined ? last === Infinity : to === whole - 1))
  if (from !== first || !complete) {
    return strange(
      `bytes ${from} to ${to} came where ${first} to ${last === Infinity ? "the end" : last} were asked for`
    )
  }
  if (said.codings.length > 0) return strange(`a part came of what something on the way made ${said.codings.join()}`)
  const length = to - from + 1
  let passed = 0
  const bytes: Bytes = Stream.concat(
    Stream.mapChunks(response.body, (chunk) => {
      for (const piece of chunk) passed += piece.length
      return chunk
    }),
    Stream.suspend(() =>
      passed === length ? Stream.empty : Stream.fail(
        new TransportError({
          method: request.method,
          path: request.path,
          reason: "Body",
          description: `it ended after ${passed} of ${length} bytes`
        })
      )
    )
  )
  return Effect.succeed({ length, bytes })
}

/** Sends the request, and gives what the headers say and the bytes as they come. Closing the scope closes the request. */
export const open = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Effect.Effect<Opened, RequestFailure, CouchHttp | Scope> =>
  Effect.gen(function*() {
    const spot: Spot = spotOf(target)
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
    if (range !== undefined && !isRange(range)) {
      return yield* Effect.fail(
        notSatisfiable(request, "a range has whole numbers from 0, the last not before the first; no request was sent")
      )
    }
    const couch = yield* CouchHttp
    const stub = stubOf(target, name)
    const verify = ({ headers }: { readonly headers: Headers }) =>
      isFromCouch(headers, stub) ? undefined : "its headers do not identify CouchDB"
    const response = yield* unconflicted(couch.stream({ ...request, verify }))
    const said = saidBy(response.headers)
    const info = infoOf(name, response.headers, said, stub)
    if (response.status === 206 && range !== undefined) {
      const { bytes } = yield* partial(request, response, said, range)
      return { info, verification: "length", bytes }
    }
    if (response.status !== 200 && response.status !== 203) {
      return yield* Effect.fail(unexpectedResponse(request, response, "the response is not a file"))
    }
    const unsupported = response.inflated === true ? undefined : unsupportedCoding(said.codings)
    if (unsupported !== undefined) {
      return yield* Effect.fail(unexpectedResponse(
        request,
        response,
        `something on the way made it ${unsupported}, which was not asked for and which cannot be undone here`
      ))
    }
    const known: Known = { spot, request, name, said, stub, inflated: response.inflated }
    const opened: Opened = {
      info,
      verification: verificationOf(known),
      bytes: yield* verified(known, response.body)
    }
    return range === undefined ? opened : partOf(opened, request, range)
  })

export const get = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Stream.Stream<Uint8Array, ReadError, CouchHttp> =>
  Stream.unwrapScoped(Effect.map(open(target, name, range), ({ bytes }) => bytes))
