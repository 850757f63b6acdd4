import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { concatBytes } from "../data/text.js"
import { TransportError } from "./errors.js"
import type { BufferedResponse, StreamedResponse, TransportRequest } from "./Transport.js"

type Headers = Readonly<Record<string, string>>

/** What `DecompressionStream` calls the codings of HTTP. A runtime may not have all of them. */
const formats: Readonly<Record<string, string>> = { gzip: "gzip", deflate: "deflate", br: "brotli", zstd: "zstd" }

/** The codings that a body was put through, in their order. */
export const codingsOf = (headers: Headers): ReadonlyArray<string> => {
  const named = headers["content-encoding"]
  return named === undefined ? [] : named.toLowerCase().split(",").flatMap((each) => {
    const coding = each.trim()
    return coding === "" || coding === "identity" ? [] : [coding === "x-gzip" ? "gzip" : coding]
  })
}

const canUndo = (coding: string): boolean => {
  const format = formats[coding]
  if (format === undefined) return false
  try {
    return new DecompressionStream(format as CompressionFormat) !== undefined
  } catch {
    return false
  }
}

/** The first coding that this runtime cannot undo. */
export const unsupportedCoding = (codings: ReadonlyArray<string>): string | undefined =>
  codings.find((coding) => !canUndo(coding))

/** Passes all the bytes on to a stream that depends on the first of them. */
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

/** What comes out of one coding, as it comes. */
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
      // The types of the platform differ about which formats there are and which buffers a stream may carry.
      const format = (formats[coding] ?? coding) as CompressionFormat
      const plain = readable.pipeThrough(new DecompressionStream(format) as never) as ReadableStream<Uint8Array>
      return Stream.fromReadableStream({ evaluate: () => plain, onError: () => failure ?? problem() })
    })
  )

/** What was put through the codings, as it was before. A body without a byte stays so, whatever it is called. */
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

/** Whether the bytes begin as gzip does. Of one byte alone that is a guess. */
export const beginsAsGzip = (head: Uint8Array): boolean => head[0] === 0x1f && (head.length < 2 || head[1] === 0x8b)

/** Whether the bytes begin as what was put through the coding does. Brotli has no sign of it. */
export const beginsAs = (coding: string | undefined, head: Uint8Array): boolean => {
  const [first, second] = head
  if (coding === "gzip") return beginsAsGzip(head)
  return coding === "deflate" && first !== undefined && second !== undefined &&
    (first & 15) === 8 && (first * 256 + second) % 31 === 0
}

/** The answer without what was put on its body on the way, if the transport left that there. */
export const decoded = (
  { method, path }: Pick<TransportRequest, "method" | "path">,
  response: StreamedResponse
): StreamedResponse => {
  const { body, headers: { "content-encoding": _, "content-length": __, ...headers }, inflated, status } = response
  const codings = codingsOf(response.headers)
  if (codings.length === 0 || inflated === true) return response
  const broken = (description: string) => new TransportError({ method, path, reason: "Body", description })
  const unsupported = unsupportedCoding(codings)
  const undone = (bytes: typeof body) => undo(codings, bytes, () => broken(`what came is no whole ${codings.join()}`))
  return {
    status,
    headers,
    inflated: true,
    body: unsupported !== undefined
      ? Stream.fail(broken(`something on the way made it ${unsupported}, which cannot be undone here`))
      // What does not begin as it would was inflated on the way, or never compressed.
      : withHead(body, (head, bytes) => beginsAs(codings[codings.length - 1], head) ? undone(bytes) : bytes)
  }
}

/**
 * The answer without what was put on its body on the way; `undefined` if nothing was, or if the transport undid it. Only
 * what says so by its first bytes is undone, which no JSON begins with.
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
