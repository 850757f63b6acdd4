import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { DecodeError } from "../document/errors.js"
import { skipped } from "./skipped.js"

// The JSON of a row may have any `_tag`, so only `instanceof` identifies an error that this package created.
const isDecodeError = (one: unknown): one is DecodeError => one instanceof DecodeError

/**
 * The results of the rows in one chunk of a response: values, and errors at the positions of rows that do not decode.
 *
 * A chunk passes through a stream as a whole. An effect for each row, or an effect that holds rows, costs more than
 * reading them. V8 also allocates effects in the old generation, so memory that a dead effect holds is freed only by a
 * full collection.
 */
export class RowBatch<out A, out R = never> {
  readonly all: ReadonlyArray<A | DecodeError> = []
  refused = 0
  private waits = false

  add(this: RowBatch<unknown, unknown>, one: unknown): void {
    ;(this.all as Array<unknown>).push(one)
    if (isDecodeError(one)) this.refused++
  }
  /** Adds the result of an effect, which is run only if it is not an `Either`. */
  addEffect(this: RowBatch<unknown, unknown>, effect: Effect.Effect<A, DecodeError, R>): void {
    if (Either.isEither(effect)) this.add(Either.merge(effect as Either.Either<A, DecodeError>))
    else {
      this.waits = true
      this.add(new Later(effect))
    }
  }
  /** The batch, or an effect that runs its pending effects. */
  get made(): BatchOrEffect<A, never, R> {
    return this.waits ? settled(this) : this as RowBatch<A, unknown> as RowBatch<A>
  }
}

class Later {
  constructor(readonly effect: Effect.Effect<unknown, unknown, unknown>) {}
}

const settled = <A, R>(piece: RowBatch<A, R>): Effect.Effect<RowBatch<A>, never, R> =>
  Effect.map(
    Effect.forEach(
      piece.all,
      (one): Effect.Effect<A | DecodeError, never, R> =>
        one instanceof Later ? Effect.merge(one.effect as Effect.Effect<A, DecodeError, R>) : Effect.succeed(one)
    ),
    (all) => {
      const settled = new RowBatch<A>()
      for (const one of all) settled.add(one)
      return settled
    }
  )

/** The results of rows: a batch, or an effect if a schema requires one. */
export type BatchOrEffect<A, E, R> = RowBatch<A> | Effect.Effect<RowBatch<A>, E, R>

export const isBatch = <A, E, R>(made: BatchOrEffect<A, E, R>): made is RowBatch<A> => made instanceof RowBatch

const eithers = <A>({ all }: RowBatch<A>): Chunk.Chunk<Either.Either<A, DecodeError>> =>
  Chunk.unsafeFromArray(all.map((one) => isDecodeError(one) ? Either.left(one) : Either.right(one)))

const values = <A>({ all, refused }: RowBatch<A>): Chunk.Chunk<A> =>
  Chunk.unsafeFromArray(
    refused === 0 ? all as ReadonlyArray<A> : all.filter((one): one is A => !isDecodeError(one))
  )

type Out<O, E, R> = Channel.Channel<O, unknown, E, unknown, unknown, unknown, R>

const streamed = <In, A, O, E, E2, R, R2>(
  self: Stream.Stream<In, E, R>,
  make: (rows: Chunk.Chunk<In>) => BatchOrEffect<A, E | E2, R2>,
  emit: (piece: RowBatch<A>) => Out<Chunk.Chunk<O>, E2, never>
): Stream.Stream<O, E | E2, R | R2> => {
  const loop: Channel.Channel<Chunk.Chunk<O>, Chunk.Chunk<In>, E | E2, E, unknown, unknown, R2> = Channel.readWithCause(
    {
      onInput: (rows: Chunk.Chunk<In>) => {
        const made = make(rows)
        const out = isBatch(made) ? emit(made) : Channel.flatMap(Channel.fromEffect(made), emit)
        return Channel.flatMap(out, () => loop)
      },
      onFailure: Channel.failCause,
      onDone: () => Channel.void
    }
  )
  return Stream.fromChannel(Channel.pipeTo(Stream.toChannel(self), loop))
}

const write = <A>(all: Chunk.Chunk<A>): Out<Chunk.Chunk<A>, never, never> =>
  Chunk.isEmpty(all) ? Channel.void : Channel.write(all)

/** The results in order: each value as a `Right`, each error as a `Left`. */
export const streamEither = <In, A, E, R, R2>(
  self: Stream.Stream<In, E, R>,
  make: (rows: Chunk.Chunk<In>) => BatchOrEffect<A, E, R2>
): Stream.Stream<Either.Either<A, DecodeError>, E, R | R2> => streamed(self, make, (piece) => write(eithers(piece)))

/** The values before the first error, then the error. */
export const stream = <In, A, E, R, R2>(
  self: Stream.Stream<In, E, R>,
  make: (rows: Chunk.Chunk<In>) => BatchOrEffect<A, E, R2>
): Stream.Stream<A, E | DecodeError, R | R2> =>
  streamed(self, make, (piece: RowBatch<A>): Out<Chunk.Chunk<A>, DecodeError, never> => {
    if (piece.refused === 0) return write(values(piece))
    const at = piece.all.findIndex(isDecodeError)
    return Channel.zipRight(
      write(Chunk.unsafeFromArray(piece.all.slice(0, at) as ReadonlyArray<A>)),
      Channel.fail(piece.all[at] as DecodeError)
    )
  })

/** The values only. Errors are counted. */
export const streamValid = <In, A, E, R, R2>(
  self: Stream.Stream<In, E, R>,
  make: (rows: Chunk.Chunk<In>) => BatchOrEffect<A, E, R2>
): Stream.Stream<A, E, R | R2> =>
  streamed(self, make, (piece: RowBatch<A>): Out<Chunk.Chunk<A>, never, never> =>
    piece.refused === 0
      ? write(values(piece))
      : Channel.zipRight(Channel.fromEffect(Metric.incrementBy(skipped, piece.refused)), write(values(piece))))

/** The results as a chunk, when all rows are available. */
export const toEithers = <A, E, R>(
  made: BatchOrEffect<A, E, R>
): Effect.Effect<Chunk.Chunk<Either.Either<A, DecodeError>>, E, R> =>
  isBatch(made) ? Effect.succeed(eithers(made)) : Effect.map(made, eithers)

/** All values, or the first error. */
export const toValues = <A, E, R>(
  made: BatchOrEffect<A, E, R>
): Effect.Effect<ReadonlyArray<A>, E | DecodeError, R> => {
  const whole = ({ all, refused }: RowBatch<A>): Either.Either<ReadonlyArray<A>, DecodeError> =>
    refused === 0
      ? Either.right(all as ReadonlyArray<A>)
      : Either.left(all.find(isDecodeError) as DecodeError)
  return isBatch(made) ? whole(made) : Effect.flatMap(made, whole)
}
