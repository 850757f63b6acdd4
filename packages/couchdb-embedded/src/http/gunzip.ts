import * as Either from "effect/Either"
import type { ZStream } from "pako"
import { Inflate } from "pako"

/** Why decompression failed: the bytes are not gzip, or the result is too large. */
export type Problem = "Corrupt" | "TooLarge"

/** Thrown to abort pako, which has no other way to stop. */
class Exceeded extends Error {}

class BoundedInflate extends Inflate {
  private size = 0
  private stream: ZStream | undefined

  constructor(private readonly limit: number, options?: { readonly windowBits: number }) {
    super(options)
  }
  override onStart(stream: ZStream): void {
    this.stream = stream
  }
  override onData(chunk: Uint8Array<ArrayBuffer>): void {
    this.size += chunk.length
    if (this.size > this.limit) throw new Exceeded()
    super.onData(chunk)
  }
  /** How many bytes follow the last member. */
  get left(): number {
    return this.stream?.avail_in ?? 0
  }
}

// 31 selects a window of 15 bits, and gzip only. By default, pako accepts zlib too.
const gzipOnly = { windowBits: 31 }

/** Decompresses a sequence of whole gzip members, without trailing bytes, as Erlang's `zlib:gunzip` does. */
export const gunzip = (bytes: Uint8Array, limit: number): Either.Either<Uint8Array, Problem> => {
  const inflate = new BoundedInflate(limit, gzipOnly)
  return Either.flatMap(run(inflate, bytes), (whole) => inflate.left === 0 ? Either.right(whole) : corrupt)
}

/** Decompresses data that may have trailing bytes, as the content of an attachment may. */
export const inflate = (bytes: Uint8Array, limit: number): Either.Either<Uint8Array, Problem> =>
  run(new BoundedInflate(limit), bytes)

const corrupt = Either.left<Problem>("Corrupt")

const run = (inflate: BoundedInflate, bytes: Uint8Array): Either.Either<Uint8Array, Problem> => {
  try {
    return inflate.push(bytes, true) ? Either.right(inflate.result) : corrupt
  } catch (error) {
    if (error instanceof Exceeded) return Either.left("TooLarge")
    throw error
  }
}
