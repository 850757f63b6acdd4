import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Scope } from "effect/Scope"
import type { AnySpan } from "effect/Tracer"

/** A question that waits to be sent, and those who wait for its answer. */
export interface Entry<Q, A, E> {
  readonly question: Q
  readonly answer: Deferred.Deferred<A, E>
  readonly spans: Array<AnySpan>
  waiting: number
}

export interface Options<Q, A, E> {
  readonly maxSize: number
  readonly window: Duration.DurationInput | undefined
  readonly scope: Scope
  /** Questions with one name can share an answer, or must follow one another. */
  readonly nameOf: (question: Q) => string
  /** Whether equal questions share an answer, and nobody's question need not be sent: reads do, writes do not. */
  readonly reads: boolean
  /** Answers each question of a batch; a failure is the answer to all of them. */
  readonly send: (batch: ReadonlyArray<Q>) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E>
}

interface Line<Q, A, E> {
  /** What waits to be sent, in order. */
  readonly entries: Set<Entry<Q, A, E>>
  /** The reads among them. */
  readonly byName: Map<string, Entry<Q, A, E>>
  running: boolean
  /** What is under way, for whom. */
  flight: { readonly entries: ReadonlyArray<Entry<Q, A, E>>; fiber: Fiber.RuntimeFiber<void> | undefined } | undefined
}

/**
 * Questions that go out together. One that finds nothing under way goes after the fiber yielded once, so that whoever asks
 * in the same breath goes along; what comes while a batch is under way is the next batch. Nobody waits for a timer, unless
 * a window is given.
 */
export const makeAsk = <Q, A, E>(options: Options<Q, A, E>) => {
  const { maxSize, nameOf, reads, scope, send, window } = options
  const lines = new Map<unknown, Line<Q, A, E>>()

  const lineOf = (key: unknown): Line<Q, A, E> => {
    let line = lines.get(key)
    if (line === undefined) {
      line = { entries: new Set(), byName: new Map(), running: false, flight: undefined }
      lines.set(key, line)
    }
    return line
  }

  const enqueue = (line: Line<Q, A, E>, question: Q, span: AnySpan | undefined): Entry<Q, A, E> => {
    const name = nameOf(question)
    let entry = line.byName.get(name)
    if (entry === undefined) {
      entry = { question, answer: Deferred.unsafeMake<A, E>(FiberId.none), spans: [], waiting: 0 }
      line.entries.add(entry)
      if (reads) line.byName.set(name, entry)
    }
    entry.waiting++
    if (span !== undefined) entry.spans.push(span)
    return entry
  }

  /** As many as fit; of writes of one document only the first. */
  const take = (line: Line<Q, A, E>): ReadonlyArray<Entry<Q, A, E>> => {
    const batch: Array<Entry<Q, A, E>> = []
    const names = new Set<string>()
    for (const entry of line.entries) {
      if (batch.length === maxSize) break
      const name = nameOf(entry.question)
      if (names.has(name)) continue
      names.add(name)
      batch.push(entry)
      remove(line, entry)
    }
    return batch
  }

  const remove = (line: Line<Q, A, E>, entry: Entry<Q, A, E>): void => {
    line.entries.delete(entry)
    if (reads) line.byName.delete(nameOf(entry.question))
  }

  const deliver = (batch: ReadonlyArray<Entry<Q, A, E>>): Effect.Effect<void> => {
    const sent = Effect.matchEffect(send(batch.map(({ question }) => question)), {
      onFailure: (error) => Effect.forEach(batch, ({ answer }) => Deferred.fail(answer, error), { discard: true }),
      onSuccess: (answers) =>
        Effect.forEach(
          batch,
          ({ answer }, i) => Deferred.complete(answer, answers[i] as Either.Either<A, E>),
          { discard: true }
        )
    }).pipe(
      // A defect, or the end of the layer, must not leave anybody waiting.
      Effect.onExit((exit) =>
        exit._tag === "Success"
          ? Effect.void
          : Effect.forEach(batch, ({ answer }) => Deferred.failCause(answer, exit.cause as never), { discard: true })
      )
    )
    return batch.flatMap(({ spans }) => spans).reduce((effect, span) => Effect.linkSpans(effect, span), sent)
  }

  const run = (key: unknown, line: Line<Q, A, E>): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (;;) {
        yield* (window === undefined ? Effect.yieldNow() : Effect.sleep(window))
        const batch = take(line)
        if (batch.length === 0) {
          line.running = false
          lines.delete(key)
          return
        }
        const flight: Exclude<Line<Q, A, E>["flight"], undefined> = { entries: batch, fiber: undefined }
        line.flight = flight
        const fiber = yield* Effect.fork(deliver(batch))
        flight.fiber = fiber
        yield* Fiber.await(fiber)
        line.flight = undefined
      }
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.forEach(line.entries, ({ answer }) => Deferred.interrupt(answer), { discard: true })
      )
    )

  /** Somebody waits no longer. What nobody waits for is not sent, and a read that nobody waits for is closed. */
  const leave = (line: Line<Q, A, E>, entry: Entry<Q, A, E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      entry.waiting--
      if (entry.waiting > 0) return Effect.void
      if (line.entries.has(entry)) remove(line, entry)
      const { flight } = line
      return reads && flight?.fiber !== undefined && flight.entries.every(({ waiting }) => waiting === 0)
        ? Fiber.interruptFork(flight.fiber)
        : Effect.void
    })

  return (key: unknown, question: Q): Effect.Effect<A, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime((fiber) => {
        const line = lineOf(key)
        const entry = enqueue(line, question, fiber.currentSpan)
        const answer = Effect.onInterrupt(restore(Deferred.await(entry.answer)), () => leave(line, entry))
        if (line.running) return answer
        line.running = true
        return Effect.zipRight(Effect.forkIn(Effect.interruptible(run(key, line)), scope), answer)
      })
    )
}
