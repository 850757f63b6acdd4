import * as Chunk from "effect/Chunk"
import * as Stream from "effect/Stream"

/** A file in a `multipart/related` body. */
export interface Follower<E, R> {
  readonly bytes: Stream.Stream<Uint8Array, E, R>
}

const encoder = new TextEncoder()

/** A document and its attachments as one body: what CouchDB reads from `multipart/related`. */
export const related = <E, R>(
  boundary: string,
  document: string,
  files: ReadonlyArray<Follower<E, R>>
): Stream.Stream<Uint8Array, E, R> => {
  const text = (part: string) => Stream.succeed(encoder.encode(part))
  return Stream.concatAll(Chunk.fromIterable<Stream.Stream<Uint8Array, E, R>>([
    text(`--${boundary}\r\ncontent-type: application/json\r\n\r\n${document}`),
    ...files.flatMap(({ bytes }) => [text(`\r\n--${boundary}\r\n\r\n`), bytes]),
    text(`\r\n--${boundary}--`)
  ]))
}
