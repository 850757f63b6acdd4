import { md5 } from "@noble/hashes/legacy"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Stream from "effect/Stream"

/** The MD5 of a stream of bytes as CouchDB writes it, and their number. */
export interface Passed {
  readonly digest: string
  readonly length: number
}

/** Hashes a stream, and passes the result to `check` at its end. Without `hashes` the digest is empty. */
export const withDigestCheck = <E, R, E2, R2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  check: (passed: Passed) => Effect.Effect<unknown, E2, R2>,
  hashes = true
): Stream.Stream<Uint8Array, E | E2, R | R2> =>
  Stream.suspend(() => {
    const hash = hashes ? md5.create() : undefined
    let length = 0
    return Stream.concat(
      Stream.mapChunks(bytes, (chunk) => {
        for (const piece of chunk) {
          hash?.update(piece)
          length += piece.length
        }
        return chunk
      }),
      Stream.drain(Stream.fromEffect(
        Effect.suspend(() =>
          check({
            digest: hash === undefined ? "" : `md5-${Encoding.encodeBase64(hash.digest())}`,
            length
          })
        )
      ))
    )
  })
