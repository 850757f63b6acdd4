import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** An effect that is an `Either`, which needs no fiber; `undefined` where it is another. */
export const now = <A, E, R>(effect: Effect.Effect<A, E, R>): Either.Either<A, E> | undefined =>
  Either.isEither(effect) ? effect as Either.Either<A, E> : undefined
