import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** The length of a source. `atLeast` is the length that was read of a source that is longer than announced. */
export type Actual = { readonly exactly: number } | { readonly atLeast: number }

/** Compares the announced length of a source with the actual one. */
export const wrongLength = (announced: number, actual: Actual): string =>
  "exactly" in actual
    ? `${announced} bytes were announced, and its source has ${actual.exactly}`
    : `${announced} bytes were announced, and its source has more (${actual.atLeast} so far)`

/**
 * Fails if the source has fewer or more bytes than announced. The last bytes are sent only after the source has ended,
 * so that no server stores a truncated source as complete.
 */
export const sized = <E, R, E2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  announced: number,
  wrong: (actual: Actual) => E2
): Stream.Stream<Uint8Array, E | E2, R> =>
  Stream.suspend(() => {
    let length = 0
    let last: Uint8Array | undefined
    const passed = (chunk: Chunk.Chunk<Uint8Array>): Effect.Effect<Chunk.Chunk<Uint8Array>, E2> => {
      const forwarded: Array<Uint8Array> = []
      for (const piece of chunk) {
        length += piece.length
        if (length > announced) return Effect.fail(wrong({ atLeast: length }))
        if (length < announced) forwarded.push(piece)
        else if (piece.length > 0) last = piece
      }
      return Effect.succeed(Chunk.unsafeFromArray(forwarded))
    }
    return Stream.concat(
      Stream.mapChunksEffect(bytes, passed),
      Stream.suspend(() =>
        length < announced
          ? Stream.fail(wrong({ exactly: length }))
          : last === undefined
          ? Stream.empty
          : Stream.succeed(last)
      )
    )
  })
