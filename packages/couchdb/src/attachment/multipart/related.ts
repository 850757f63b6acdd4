import * as Chunk from "effect/Chunk"
import * as Stream from "effect/Stream"

/** A file in a `multipart/related` body. */
export interface Follower<E, R> {
  readonly bytes: Stream.Stream<Uint8Array, E, R>
  readonly length: number
}

/** A body and its length: CouchDB reads a body of known length more than twice as fast. */
export interface Related<E, R> {
  readonly bytes: Stream.Stream<Uint8Array, E, R>
  readonly length: number
}

const encoder = new TextEncoder()

/** A document and its attachments as one `multipart/related` body. */
export const related = <E, R>(
  boundary: string,
  document: string,
  files: ReadonlyArray<Follower<E, R>>
): Related<E, R> => {
  const parts: ReadonlyArray<Uint8Array | Follower<E, R>> = [
    encoder.encode(`--${boundary}\r\ncontent-type: application/json\r\n\r\n${document}`),
    ...files.flatMap((file) => [encoder.encode(`\r\n--${boundary}\r\n\r\n`), file]),
    encoder.encode(`\r\n--${boundary}--`)
  ]
  return {
    bytes: Stream.concatAll(
      Chunk.fromIterable(parts.map((part) => part instanceof Uint8Array ? Stream.succeed(part) : part.bytes))
    ),
    length: parts.reduce((sum, { length }) => sum + length, 0)
  }
}
