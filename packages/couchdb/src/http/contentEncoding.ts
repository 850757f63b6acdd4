import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { concatBytes } from "../data/text.js"
import { TransportError } from "./errors.js"
import type { BufferedResponse, StreamedResponse, TransportRequest } from "./Transport.js"

type Headers = Readonly<Record<string, string>>

/** The names of HTTP's content codings in `DecompressionStream`. A runtime may not support all of them. */
const formats: Readonly<Record<string, string>> = { gzip: "gzip", deflate: "deflate", br: "brotli", zstd: "zstd" }

/** The codings that were applied to a body, in order. */
export const codingsOf = (headers: Headers): ReadonlyArray<string> => {
  const named = headers["content-encoding"]
  return named === undefined ? [] : named.toLowerCase().split(",").flatMap((each) => {
    const coding = each.trim()
    return coding === "" || coding === "identity" ? [] : [coding === "x-gzip" ? "gzip" : coding]
  })
}

const isSupported = (coding: string): boolean => {
  const format = formats[coding]
  if (format === undefined) return false
  try {
    return new DecompressionStream(format as CompressionFormat) !== undefined
  } catch {
    return false
  }
}

/** The first coding that this runtime cannot decode. */
export const unsupportedCoding = (codings: ReadonlyArray<string>): string | undefined =>
  codings.find((coding) => !isSupported(coding))

/** Passes all bytes on to a stream that depends on the first of them. */
export const withHead = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  then: (head: Uint8Array, bytes: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrapScoped(
    Effect.gen(function*() {
      const pull = yield* Stream.toPull(Stream.filter(bytes, ({ length }) => length > 0))
      const first = yield* Effect.catchAll(
        pull,
        Option.match({ onNone: () => Effect.succeed(Chunk.empty<Uint8Array>()), onSome: Effect.fail })
      )
      return then(
        Option.getOrElse(Chunk.head(first), () => new Uint8Array(0)),
        Stream.concat(Stream.fromChunk(first), Stream.repeatEffectChunkOption(pull))
      )
    })
  )

/** Decodes one coding. */
const inflate = <E, R>(
  coding: string,
  bytes: Stream.Stream<Uint8Array, E, R>,
  problem: () => E
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrapScoped(
    Effect.gen(function*() {
      let failure: E | undefined
      const readable = yield* Stream.toReadableStreamEffect(
        Stream.tapError(bytes, (error) =>
          Effect.sync(() => {
            failure = error
          }))
      )
      // The types of the platforms differ about the available formats and about the buffers that a stream may contain.
      const format = (formats[coding] ?? coding) as CompressionFormat
      const plain = readable.pipeThrough(new DecompressionStream(format) as never) as ReadableStream<Uint8Array>
      return Stream.fromReadableStream({ evaluate: () => plain, onError: () => failure ?? problem() })
    })
  )

/** Decodes the codings of a body. An empty body stays empty, whatever its codings are. */
export const undo = <E, R>(
  codings: ReadonlyArray<string>,
  bytes: Stream.Stream<Uint8Array, E, R>,
  problem: () => E
): Stream.Stream<Uint8Array, E, R> =>
  codings.reduceRight<Stream.Stream<Uint8Array, E, R>>(
    (coded, coding) =>
      withHead(coded, (head, bytes) => head.length === 0 ? Stream.empty : inflate(coding, bytes, problem)),
    bytes
  )

/** Whether the bytes begin like gzip. A single byte allows only a guess. */
export const beginsAsGzip = (head: Uint8Array): boolean => head[0] === 0x1f && (head.length < 2 || head[1] === 0x8b)

/** Whether the bytes begin like data with this coding. Brotli has no signature. */
export const beginsAs = (coding: string | undefined, head: Uint8Array): boolean => {
  const [first, second] = head
  if (coding === "gzip") return beginsAsGzip(head)
  return coding === "deflate" && first !== undefined && second !== undefined &&
    (first & 15) === 8 && (first * 256 + second) % 31 === 0
}

/** The response without the content encoding that an intermediary added, if the transport did not decode it. */
export const decoded = (
  { method, path }: Pick<TransportRequest, "method" | "path">,
  response: StreamedResponse
): StreamedResponse => {
  const { body, headers: { "content-encoding": _, "content-length": __, ...headers }, inflated, status } = response
  const codings = codingsOf(response.headers)
  if (codings.length === 0 || inflated === true) return response
  const broken = (description: string) => new TransportError({ method, path, reason: "Body", description })
  const unsupported = unsupportedCoding(codings)
  const undone = (bytes: typeof body) =>
    undo(codings, bytes, () => broken(`the body is not complete ${codings.join()} data`))
  return {
    status,
    headers,
    inflated: true,
    body: unsupported !== undefined
      ? Stream.fail(broken(`an intermediary encoded it as ${unsupported}, which this runtime cannot decode`))
      // A body without the signature was decoded by an intermediary, or never compressed.
      : withHead(body, (head, bytes) => beginsAs(codings[codings.length - 1], head) ? undone(bytes) : bytes)
  }
}

/**
 * The response without the content encoding that an intermediary added; `undefined` if there is none, or if the
 * transport decoded it. Only a body with the signature of its coding is decoded. No JSON begins with one.
 */
export const decodedWhole = (
  request: Pick<TransportRequest, "method" | "path">,
  response: BufferedResponse
): Effect.Effect<BufferedResponse, TransportError> | undefined => {
  const { body, headers, status } = response
  const codings = codingsOf(headers)
  if (typeof body === "string" || !beginsAs(codings[codings.length - 1], body)) return undefined
  const streamed = decoded(request, { status, headers, body: Stream.make(body), inflated: false })
  return Effect.map(Stream.runCollect(streamed.body), (pieces) => ({
    status,
    headers: streamed.headers,
    body: concatBytes(Chunk.toReadonlyArray(pieces))
  }))
}
