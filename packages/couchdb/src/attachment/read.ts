import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Stub } from "../document/attachmentStub.js"
import type { Document } from "../document/Document.js"
import { isDocument } from "../document/value.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { beginsAsGzip, unsupportedCoding, withHead } from "../http/contentEncoding.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { NotFoundError, RangeNotSatisfiableError, type RequestError, TransportError } from "../http/errors.js"
import { errorResponseOf, isIdentified, unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import type { StreamedResponse } from "../http/Transport.js"
import type { Info, Opened, Place, Range, ReadError, RequestFailure } from "./Attachment.js"
import { fileAt, spotOf } from "./target.js"
import {
  digestOf,
  isAsStored,
  type Known,
  readStub,
  type Said,
  saidBy,
  seemsCompressed,
  stubNamed,
  verificationOf,
  verified
} from "./verify.js"

type Bytes = Stream.Stream<Uint8Array, ReadError>
type Headers = Readonly<Record<string, string>>

/** The stub of the file, if the target is a document that has it. */
const stubOf = <A, R>(target: Document<A, R> | Place, name: string): Stub | undefined =>
  isDocument(target) ? stubNamed(target.attachments, name) : undefined

/**
 * Whether the headers of a file may come from CouchDB. The content cannot decide that, since a file may look like a login page.
 * If a document value has the digest, it is compared at the end.
 */
const isFromCouch = (headers: Headers, stub: Stub | undefined): boolean =>
  isIdentified(headers) || saidBy(headers).digest !== undefined ||
  (stub !== undefined && (headers["content-type"] ?? stub.contentType) === stub.contentType)

const verifyFor = (stub: Stub | undefined): NonNullable<CouchRequest["verify"]> => ({ headers }) =>
  isFromCouch(headers, stub) ? undefined : "its headers do not identify CouchDB"

const infoOf = (name: string, headers: Headers, said: Said, stub: Stub | undefined): Info => ({
  name,
  contentType: headers["content-type"] ?? stub?.contentType ?? "application/octet-stream",
  digest: digestOf({ said, stub }),
  compressed: seemsCompressed({ said, stub }),
  storedLength: isAsStored(said) ? Option.fromNullable(said.length) : Option.none()
})

/** Adds the names of the existing attachments to the error of a missing attachment. */
const withNames =
  <A, R>(target: Document<A, R> | Place) => (error: NotFoundError | RequestError): NotFoundError | RequestError =>
    error._tag === "NotFoundError" && isDocument(target)
      ? new NotFoundError({ ...errorResponseOf(error), attachments: Object.keys(target.attachments) })
      : error

export const head = <A, R>(
  target: Document<A, R> | Place,
  name: string
): Effect.Effect<Info, RequestFailure, CouchHttp> =>
  Effect.gen(function*() {
    const spot = spotOf(target)
    const where = yield* fileAt(spot, name)
    const couch = yield* CouchHttp
    const headers = yield* conflictAsBadRequest(couch.execute({
      method: "HEAD",
      ...where,
      headers: { accept: "*/*", "accept-encoding": "gzip" }
    })).pipe(
      Effect.map(({ headers }) => isFromCouch(headers, undefined) ? headers : undefined),
      // The stub in the document replaces the headers.
      Effect.catchTag("UnexpectedResponseError", () => Effect.succeed(undefined)),
      Effect.mapError(withNames(target))
    )
    const said = saidBy(headers ?? {})
    if (headers !== undefined && isAsStored(said)) return infoOf(name, headers, said, stubOf(target, name))
    const stub = yield* readStub(spot, name)
    if (stub === undefined && headers === undefined) {
      return yield* Effect.fail(
        new NotFoundError({
          method: "HEAD",
          path: where.path,
          status: 404,
          error: "not_found",
          reason: "Document is missing attachment",
          database: spot.database,
          id: spot.id
        })
      )
    }
    return stub === undefined || stub.digest === ""
      ? infoOf(name, headers ?? {}, said, stub)
      : {
        name,
        contentType: stub.contentType,
        digest: stub.digest,
        compressed: stub.encoding === "gzip",
        storedLength: Option.some(stub.encodedLength ?? stub.length)
      }
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
 * Extracts the requested range from the whole file. A server has no ranges of a compressed file, and a proxy may remove the
 * range from the request.
 */
const partOf = (opened: Opened, request: CouchRequest, { first, last = Infinity }: Range): Opened => ({
  ...opened,
  // The rest of the file is not read, so its digest is not known.
  verification: last === Infinity ? opened.verification : "none",
  bytes: withHead(opened.bytes, (head, bytes) => {
    // These may be compressed stored bytes. Only the check at their end can detect that.
    const mustEnd = opened.info.compressed && beginsAsGzip(head)
    let whole = 0
    const part = bytes.pipe(
      Stream.mapAccum(0, (from, bytes) => {
        whole = from + bytes.length
        return [whole, { from, bytes }]
      }),
      Stream.takeUntil(({ bytes, from }) => !mustEnd && from + bytes.length > last),
      Stream.map(({ bytes, from }) => bytes.subarray(Math.max(0, first - from), Math.max(0, last + 1 - from))),
      Stream.filter((bytes) => bytes.length > 0)
    )
    // The server sends this header for files that have ranges.
    const outside = Stream.suspend(() =>
      whole > first || (first === 0 && last === Infinity)
        ? Stream.empty
        : Stream.fail(notSatisfiable(request, `the file has ${whole} bytes`))
    )
    return Stream.concat(part, outside)
  })
})

/** The bytes of a 206, or the reason why they are not the requested range. */
const partial = (
  request: CouchRequest,
  { body, headers, server }: StreamedResponse & FromServer,
  { codings }: Said,
  { first, last = Infinity }: Range
): Either.Either<{ readonly whole: number | undefined; readonly bytes: Bytes }, string> => {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers["content-range"]?.trim() ?? "")
  if (range === null) return Either.left("a partial response without a valid Content-Range")
  const [from, to, whole] = [Number(range[1]), Number(range[2]), range[3] === "*" ? undefined : Number(range[3])]
  const isComplete = to === last || (to < last && (whole === undefined ? last === Infinity : to === whole - 1))
  if (from !== first || !isComplete) {
    const end = last === Infinity ? "the end" : last
    return Either.left(`the response has the bytes ${from} to ${to}, and the request was for ${first} to ${end}`)
  }
  if (codings.length > 0) return Either.left(`a partial response of the ${codings.join()} encoding of the file`)
  const length = to - from + 1
  const ended = (passed: number) =>
    new TransportError({
      ...serverOf({ server }),
      method: request.method,
      path: request.path,
      reason: "Body",
      description: `it ended after ${passed} of ${length} bytes`
    })
  return Either.right({
    whole,
    bytes: Stream.suspend(() => {
      let passed = 0
      return Stream.concat(
        Stream.mapChunks(body, (chunk) => {
          for (const piece of chunk) passed += piece.length
          return chunk
        }),
        Stream.suspend(() => passed === length ? Stream.empty : Stream.fail(ended(passed)))
      )
    })
  })
}

/** Opens a response that contains the whole file. */
const openWhole = (
  { name, request, spot, stub }: Pick<Known, "name" | "request" | "spot" | "stub">,
  response: StreamedResponse & FromServer
): Effect.Effect<Opened, RequestFailure, CouchHttp> =>
  Effect.gen(function*() {
    const said = saidBy(response.headers)
    const unexpected = (reason: string) => Effect.fail(unexpectedResponse(request, response, reason))
    if (response.status !== 200 && response.status !== 203) return yield* unexpected("the response is not a file")
    const unsupported = response.inflated === true ? undefined : unsupportedCoding(said.codings)
    if (unsupported !== undefined) {
      return yield* unexpected(
        `the response has the content encoding ${unsupported}, which was not requested and is not supported`
      )
    }
    const known: Known = { spot, request, name, said, stub, inflated: response.inflated, ...serverOf(response) }
    return {
      info: infoOf(name, response.headers, said, stub),
      verification: verificationOf(known),
      bytes: yield* verified(known, response.body)
    }
  })

/** Sends the request, and returns the headers and the stream of bytes. Closing the scope closes the request. */
export const open = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Effect.Effect<Opened, RequestFailure, CouchHttp | Scope.Scope> =>
  Effect.gen(function*() {
    const spot = spotOf(target)
    const where = yield* fileAt(spot, name)
    const couch = yield* CouchHttp
    const stub = stubOf(target, name)
    const requestOf = (headers: Headers): CouchRequest => ({
      method: "GET",
      ...where,
      headers: { accept: "*/*", ...headers },
      verify: verifyFor(stub)
    })
    const stream = (request: CouchRequest) =>
      Effect.mapError(conflictAsBadRequest(couch.stream(request)), withNames(target))
    const wholeOf = (request: CouchRequest, response: StreamedResponse & FromServer) =>
      openWhole({ spot, request, name, stub }, response)

    const compressed = requestOf({ "accept-encoding": "gzip" })
    if (range === undefined) return yield* wholeOf(compressed, yield* stream(compressed))

    const part = requestOf({ "accept-encoding": "identity", "range": rangeHeader(range) })
    if (!isRange(range)) {
      const reason = "a range needs integers from 0, and last must not be less than first. No request was sent"
      return yield* Effect.fail(notSatisfiable(part, reason))
    }
    const scope = yield* Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer, ExecutionStrategy.sequential))
    const response = yield* Scope.extend(stream(part), scope)
    if (response.status !== 206) return partOf(yield* wholeOf(part, response), part, range)
    const said = saidBy(response.headers)
    const came = partial(part, response, said, range)
    if (Either.isRight(came)) {
      const info = infoOf(name, response.headers, { ...said, length: came.right.whole }, stub)
      return { info, verification: "length", bytes: came.right.bytes }
    }
    // A cache may store the file compressed, and return ranges of the compressed bytes.
    yield* Scope.close(scope, Exit.void)
    const again = yield* stream(compressed)
    return again.status === 206
      ? yield* Effect.fail(unexpectedResponse(part, response, came.left))
      : partOf(yield* wholeOf(compressed, again), part, range)
  })

export const get = <A, R>(
  target: Document<A, R> | Place,
  name: string,
  range: Range | undefined
): Stream.Stream<Uint8Array, ReadError, CouchHttp> =>
  Stream.unwrapScoped(Effect.map(open(target, name, range), ({ bytes }) => bytes))
