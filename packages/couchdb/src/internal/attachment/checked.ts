import { md5 } from "@noble/hashes/legacy"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** What passed: the MD5 of the bytes as CouchDB writes it, and their number. */
export interface Passed {
  readonly digest: string
  readonly length: number
}

/** Runs the hash along, and hands what passed to `check` when the stream has ended. */
export const passing = <E, R, E2, R2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  check: (passed: Passed) => Effect.Effect<unknown, E2, R2>
): Stream.Stream<Uint8Array, E | E2, R | R2> =>
  Stream.suspend(() => {
    const hash = md5.create()
    let length = 0
    return Stream.concat(
      Stream.mapChunks(bytes, (chunk) => {
        for (const piece of chunk) {
          hash.update(piece)
          length += piece.length
        }
        return chunk
      }),
      Stream.drain(Stream.fromEffect(
        Effect.suspend(() => check({ digest: `md5-${Encoding.encodeBase64(hash.digest())}`, length }))
      ))
    )
  })

/** What comes out of gzip, as it comes. */
export const gunzip = <E, R>(
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
      // The types of the platform differ about which buffers a stream may carry.
      const plain = readable.pipeThrough(new DecompressionStream("gzip") as never) as ReadableStream<Uint8Array>
      return Stream.fromReadableStream({ evaluate: () => plain, onError: () => failure ?? problem() })
    })
  )

/** Tells whether the bytes begin as gzip does, and goes on with all of them. */
export const sniffGzip = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  then: (isGzip: boolean, bytes: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E, R> =>
  Stream.unwrapScoped(
    Effect.gen(function*() {
      const pull = yield* Stream.toPull(Stream.filter(bytes, ({ length }) => length > 0))
      const first = yield* Effect.catchAll(
        pull,
        Option.match({ onNone: () => Effect.succeed(Chunk.empty<Uint8Array>()), onSome: Effect.fail })
      )
      const head = Option.getOrElse(Chunk.head(first), () => new Uint8Array(0))
      return then(
        head[0] === 0x1f && (head.length < 2 || head[1] === 0x8b),
        Stream.concat(Stream.fromChunk(first), Stream.repeatEffectChunkOption(pull))
      )
    })
  )
