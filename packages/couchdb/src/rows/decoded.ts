import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import type { DecodeError } from "../document/errors.js"
import { skipped } from "./skipped.js"

/** Emits the documents before the first one that does not decode, then fails with its error. */
export const failing = <A, E, E2, R>(
  self: Stream.Stream<Either.Either<A, E>, E2, R>
): Stream.Stream<A, E | E2, R> => {
  const loop: Channel.Channel<Chunk.Chunk<A>, Chunk.Chunk<Either.Either<A, E>>, E | E2, E2, unknown> = Channel
    .readWithCause({
      onInput: (all: Chunk.Chunk<Either.Either<A, E>>) => {
        const good: Array<A> = []
        for (const one of all) {
          if (Either.isLeft(one)) {
            return Channel.zipRight(Channel.write(Chunk.unsafeFromArray(good)), Channel.fail(one.left))
          }
          good.push(one.right)
        }
        return Channel.zipRight(Channel.write(Chunk.unsafeFromArray(good)), loop)
      },
      onFailure: Channel.failCause,
      onDone: () => Channel.void
    })
  return Stream.fromChannel(Channel.pipeTo(Stream.toChannel(self), loop))
}

export { skipped }

/** Omits the documents that do not decode, and counts them. */
export const valid = <A, E2, R>(
  self: Stream.Stream<Either.Either<A, DecodeError>, E2, R>
): Stream.Stream<A, E2, R> =>
  Stream.mapChunksEffect(self, (all) => {
    const [bad, good] = Chunk.separate(all)
    return bad.length === 0
      ? Effect.succeed(good)
      : Effect.as(Metric.incrementBy(skipped, bad.length), good)
  })
