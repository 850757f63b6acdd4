import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type InvalidIdError } from "../data/errors.js"
import type { Stub } from "../document/attachmentStub.js"
import { attachmentsOf } from "../document/attachmentStubs.js"
import { readRaw } from "../document/read.js"
import { beginsAs, beginsAsGzip, codingsOf, undo, withHead } from "../http/contentEncoding.js"
import { CouchHttp, type CouchRequest, type FromServer } from "../http/CouchHttp.js"
import { currentAuth } from "../http/currentAuth.js"
import { type NotFoundError, type RequestError, TransportError } from "../http/errors.js"
import { serverOf } from "../http/server.js"
import type { ReadError } from "./Attachment.js"
import { IntegrityError } from "./errors.js"
import type { Spot } from "./target.js"
import { type Passed, withDigestCheck } from "./verified.js"

type Bytes = Stream.Stream<Uint8Array, ReadError>
type Headers = Readonly<Record<string, string>>

/**
 * The headers of a file.
 *
 * - `digest`: the ETag, if it is strong and an MD5. A proxy made or changed any other ETag
 * - `codings`: the content codings of the body, by the server or by a proxy
 * - `ranges`: `bytes` for a file that is stored plain, `none` for one that is stored compressed. A proxy may remove or change it
 * - `length`: the length of the body as it was sent
 */
export interface Said {
  readonly digest: string | undefined
  readonly codings: ReadonlyArray<string>
  readonly ranges: string | undefined
  readonly length: number | undefined
}

const strongMd5 = /^"([A-Za-z0-9+/]{22}==)"$/

const digits = /^\d+$/

export const saidBy = (headers: Headers): Said => {
  const md5 = strongMd5.exec(headers["etag"] ?? "")?.[1]
  const length = headers["content-length"]
  return {
    digest: md5 === undefined ? undefined : `md5-${md5}`,
    codings: codingsOf(headers),
    ranges: headers["accept-ranges"]?.toLowerCase(),
    length: length !== undefined && digits.test(length) ? Number(length) : undefined
  }
}

/** Whether the headers are those that CouchDB sends for the stored bytes. A proxy changes some of them. */
export const isAsStored = ({ codings, digest, ranges }: Said): boolean =>
  digest !== undefined &&
  (codings.length === 0 ? ranges === "bytes" : ranges === "none" && codings.join() === "gzip")

/** The digest in a stub, if it is an MD5. */
const digestIn = (stub: Stub | undefined): string | undefined =>
  stub?.digest.startsWith("md5-") === true ? stub.digest : undefined

/**
 * The data about a file before its bytes: its headers, its stub if the document was read, and whether the transport inflates.
 */
export interface Known extends FromServer {
  readonly spot: Spot
  readonly request: CouchRequest
  readonly name: string
  readonly said: Said
  readonly stub: Stub | undefined
  readonly inflated: boolean | undefined
}

/** The digest of the stored bytes. The stub has that of the revision that is read, so it takes precedence. */
export const digestOf = ({ said, stub }: Pick<Known, "said" | "stub">): string | undefined =>
  digestIn(stub) ?? said.digest

/** Whether the file seems to be stored compressed. The server offers no ranges of such a file. */
export const seemsCompressed = ({ said, stub }: Pick<Known, "said" | "stub">): boolean =>
  stub?.encoding === "gzip" || said.ranges === "none" ||
  // Without a sign of a proxy, the server compressed it.
  (said.ranges !== "bytes" && said.digest !== undefined && said.codings[0] === "gzip")

/** The state of the body on arrival: as it was sent, with codings that this client decodes, or inflated by the transport. */
type Arrival = "plain" | "undone" | "inflated"

/**
 * The length of the content of a compressed file, if the document contains it. If the client compressed the file before the
 * upload, its `length` is that of the stored bytes. The length of the body distinguishes the two cases.
 */
const contentLength = ({ said, stub }: Known, arrival: Arrival): number | undefined => {
  if (stub === undefined) return undefined
  if (stub.encodedLength !== undefined) return stub.encodedLength === stub.length ? undefined : stub.length
  return said.length !== undefined && (arrival === "plain") === (said.length === stub.length) ? stub.length : undefined
}

/** The check at the end of the bytes. */
export const verificationOf = (known: Known): "digest" | "length" | "none" | "unknown" => {
  const { inflated, said } = known
  const coded = said.codings.length > 0
  if (coded && inflated === undefined) return "unknown"
  const arrival: Arrival = !coded ? "plain" : inflated === true ? "inflated" : "undone"
  const length = digestOf(known) === undefined
    ? arrival === "inflated" ? undefined : said.length
    : arrival === "undone" || !seemsCompressed(known)
    ? "digest"
    : contentLength(known, arrival)
  return length === undefined ? "none" : length === "digest" ? "digest" : "length"
}

/** How a file is stored, according to its document. */
interface Stored {
  readonly compressed: boolean
  /** The length of the content. */
  readonly length: number | undefined
}

const storedAs = (stub: Stub): Stored => {
  const compressed = stub.encoding !== undefined && stub.encoding !== "identity"
  return { compressed, length: compressed && stub.encodedLength === stub.length ? undefined : stub.length }
}

export const stubNamed = (all: Readonly<Record<string, Stub>>, name: string): Stub | undefined =>
  Object.hasOwn(all, name) ? all[name] : undefined

/** Reads the stub of the file, with its encoding. */
export const readStub = (
  { database, id, rev }: Spot,
  name: string
): Effect.Effect<Stub | undefined, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  Effect.map(
    readRaw(
      database,
      id,
      "?att_encoding_info=true" +
        Option.match(rev, { onNone: () => "", onSome: (rev) => `&rev=${encodeURIComponent(rev)}` })
    ),
    ({ stubs }) => stubNamed(attachmentsOf(stubs), name)
  )

/**
 * Reads from the document how the file is stored, before a verification fails. `None` if the document does not contain it,
 * or has another file now.
 */
const askDocument = ({ name, said, spot, stub }: Known): Effect.Effect<Option.Option<Stored>, never, CouchHttp> =>
  readStub(spot, name).pipe(
    Effect.map((found) =>
      found !== undefined && found.digest === digestOf({ said, stub })
        ? Option.some(storedAs(found))
        : Option.none()
    ),
    Effect.catchAll(() => Effect.succeedNone)
  )

interface Arrived {
  readonly arrival: Arrival
  readonly content: Passed
  /** The bytes as they were sent, if they are known. */
  readonly sent: Passed | undefined
  /** Whether the content begins like gzip. */
  readonly looksCompressed: boolean
}

/** Compares the arrived bytes with the known data. */
class Verification {
  private readonly digest: string | undefined

  constructor(private readonly known: Known, private readonly arrived: Arrived) {
    this.digest = digestOf(known)
  }

  /** Fails only if the bytes cannot be those of the file. */
  run(): Effect.Effect<void, ReadError, CouchHttp> {
    const { content, sent } = this.arrived
    if (this.digest === undefined) return this.cut() ?? Effect.void
    if (content.digest === this.digest) return this.contentMatches()
    if (sent?.digest === this.digest) return this.sentMatches()
    return this.cut() ?? this.compareLengths()
  }

  private contentMatches(): Effect.Effect<void, ReadError, CouchHttp> {
    const { arrived: { arrival, looksCompressed }, known: { said } } = this
    if (arrival === "undone" || !looksCompressed || said.ranges === "bytes") return Effect.void
    // Either the content of the file is gzip, or these are the compressed stored bytes.
    return Effect.flatMap(
      askDocument(this.known),
      (stored) =>
        Option.match(stored, { onNone: () => said.ranges === "none", onSome: ({ compressed }) => compressed })
          ? this.broken("the bytes are still compressed")
          : Effect.void
    )
  }

  private sentMatches(): Effect.Effect<void, ReadError, CouchHttp> {
    const { inflated, said } = this.known
    if (inflated === false || said.ranges === "none") return Effect.void
    return Effect.flatMap(askDocument(this.known), (stored) =>
      Option.isSome(stored) && !stored.value.compressed
        ? this.broken("the transport inflated a gzip file without reporting it (StreamedResponse.inflated)")
        : Effect.void)
  }

  /** The digest is neither that of the content nor that of the sent bytes, so the lengths are compared. */
  private compareLengths(): Effect.Effect<void, ReadError, CouchHttp> {
    const { arrived: { arrival, content }, known: { said, stub } } = this
    // The ETag is the digest of the sent bytes, or of the bytes before a proxy compressed them. It matches neither.
    if (arrival === "undone" && said.digest === this.digest) {
      return content.digest !== "" ? this.otherDigest() : Effect.flatMap(
        askDocument(this.known),
        (stored) =>
          Option.isSome(stored) && !stored.value.compressed
            ? this.hasLength(stored.value.length)
            : this.otherDigest()
      )
    }
    if (stub?.encoding === "gzip") return this.isStored(storedAs(stub))
    // The server compressed the file, and no digest of its content exists.
    const isContent = arrival !== "undone" && said.ranges === "none"
    const length = contentLength(this.known, arrival)
    if (isContent && (stub === undefined || length !== undefined || stub.length === content.length)) {
      return this.hasLength(length)
    }
    return Effect.flatMap(
      askDocument(this.known),
      Option.match({
        onNone: () => isContent ? Effect.void : this.otherDigest(),
        onSome: (stored) => this.isStored(stored)
      })
    )
  }

  private isStored({ compressed, length }: Stored): Effect.Effect<void, ReadError> {
    return compressed ? this.hasLength(length) : Effect.zipRight(this.hasLength(length), this.otherDigest())
  }

  private hasLength(length: number | undefined): Effect.Effect<void, ReadError> {
    const { content } = this.arrived
    return length === undefined || length === content.length
      ? Effect.void
      : content.length < length
      ? this.ended(content.length, length)
      : this.broken(`the response has ${content.length} bytes, and the file has ${length}`)
  }

  /** The failure of a response that ended early. */
  private cut(): Effect.Effect<never, TransportError> | undefined {
    const { arrived: { sent }, known: { inflated, said } } = this
    // A transport that inflates may keep the length of the compressed body in the headers.
    return sent !== undefined && inflated !== true && said.length !== undefined && said.length !== sent.length
      ? this.ended(sent.length, said.length)
      : undefined
  }

  private ended(length: number, of: number): Effect.Effect<never, TransportError> {
    const { method, path } = this.known.request
    return Effect.fail(
      new TransportError({
        ...serverOf(this.known),
        method,
        path,
        reason: "Body",
        description: `it ended after ${length} of ${of} bytes`
      })
    )
  }

  private otherDigest(): Effect.Effect<never, IntegrityError> {
    return this.broken("the digest of the bytes differs from the stored one")
  }

  private broken(problem: string): Effect.Effect<never, IntegrityError> {
    return Effect.failSync(() => {
      const { name, spot: { database, id } } = this.known
      return new IntegrityError({ ...serverOf(this.known), operation: "download", database, id, name, problem })
    })
  }
}

/** The content of a whole file. Fails at its end if it is not the stored file. */
export const verified = (known: Known, body: Bytes): Effect.Effect<Bytes, never, CouchHttp> =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp
    const auth = yield* FiberRef.get(currentAuth)
    const { inflated, request, said: { codings } } = known
    const judged = (arrived: Arrived) =>
      new Verification(known, arrived).run().pipe(
        Effect.provideService(CouchHttp, couch),
        Effect.locally(currentAuth, auth)
      )
    const notUndone = (): ReadError =>
      new TransportError({
        ...serverOf(known),
        method: request.method,
        path: request.path,
        reason: "Body",
        description: `the ${codings.join(", ")} data is incomplete or invalid`
      })
    const asItCame = (arrival: "plain" | "inflated", bytes: Bytes): Bytes =>
      withHead(bytes, (head, bytes) => {
        const looksCompressed = head.length > 0 && beginsAsGzip(head)
        return withDigestCheck(
          bytes,
          (content) => judged({ arrival, content, sent: arrival === "plain" ? content : undefined, looksCompressed })
        )
      })
    const undone = (bytes: Bytes): Bytes =>
      Stream.suspend(() => {
        let sent: Passed | undefined
        const noted = withDigestCheck(bytes, (passed) =>
          Effect.sync(() => {
            sent = passed
          }))
        return withDigestCheck(
          undo(codings, noted, notUndone),
          (content) => judged({ arrival: "undone", content, sent, looksCompressed: false }),
          // A file that the server compressed has the digest of the sent bytes.
          !isAsStored(known.said) || digestOf(known) !== known.said.digest
        )
      })
    return codings.length === 0
      ? asItCame("plain", body)
      : inflated === true
      ? asItCame("inflated", body)
      : inflated === false
      ? undone(body)
      // If the body does not begin like its coding, the transport or a proxy inflated it.
      : withHead(
        body,
        (head, bytes) => beginsAs(codings[codings.length - 1], head) ? undone(bytes) : asItCame("inflated", bytes)
      )
  })
