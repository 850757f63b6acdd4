import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Scope } from "effect/Scope"
import type { AnySpan } from "effect/Tracer"
import { forkWithContextOf, type Run } from "../http/forkWithContextOf.js"

type Resume<A, E> = (answer: Effect.Effect<A, E>) => void

/** A question, and those who wait for its answer: mostly one, and of those there may be ten thousand at a time. */
class Entry<Q, A, E> {
  flight: Flight<Q, A, E> | undefined = undefined
  private first: Resume<A, E> | undefined = undefined
  private others: Set<Resume<A, E>> | undefined = undefined
  spans: Array<AnySpan> | undefined = undefined

  constructor(readonly question: Q, readonly name: string) {}

  get abandoned(): boolean {
    return this.first === undefined && (this.others === undefined || this.others.size === 0)
  }
  join(resume: Resume<A, E>, span: AnySpan | undefined): void {
    if (this.first === undefined) this.first = resume
    else (this.others ??= new Set()).add(resume)
    if (span !== undefined) (this.spans ??= []).push(span)
  }
  leave(resume: Resume<A, E>): void {
    if (this.first === resume) this.first = undefined
    else this.others?.delete(resume)
  }
  answer(answer: Effect.Effect<A, E>): void {
    const { first, others } = this
    this.first = this.others = undefined
    first?.(answer)
    others?.forEach((resume) => resume(answer))
  }
}

/** A batch that is under way. */
interface Flight<Q, A, E> {
  readonly entries: ReadonlyArray<Entry<Q, A, E>>
  fiber: Fiber.RuntimeFiber<ReadonlyArray<Either.Either<A, E>>, E> | undefined
}

export interface Options<Q, A, E> {
  readonly maxSize: number
  readonly maxInFlight: number
  readonly window: Duration.DurationInput | undefined
  readonly scope: Scope
  /** Questions with one key go out together; the key is that of the fiber that asks. */
  readonly keyOf: (fiber: Fiber.RuntimeFiber<A, E>, question: Q) => unknown
  /** Questions with one name can share an answer, or must follow one another. */
  readonly nameOf: (question: Q) => string
  /** Whether equal questions share an answer, and nobody's question need not be sent: reads do, writes do not. */
  readonly reads: boolean
  /** Answers each question of a batch; a failure is the answer to all of them. */
  readonly send: (batch: ReadonlyArray<Q>) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E>
}

interface Line<Q, A, E> {
  readonly key: unknown
  /** What may be sent, in order. */
  readonly ready: Set<Entry<Q, A, E>>
  /** Reads that are ready, by their names. */
  readonly shared: Map<string, Entry<Q, A, E>>
  /** Writes that wait for one of the same name, which is ready or under way. */
  readonly behind: Map<string, Array<Entry<Q, A, E>>>
  readonly flights: Set<Flight<Q, A, E>>
  /** Whether somebody waits for those who ask in the same breath. */
  breathing: boolean
}

/**
 * Questions that go out together. One that finds nothing under way goes after the fiber yielded once, so that whoever asks
 * in the same breath goes along; what comes while a batch is under way is the next batch. As many as fill a batch wait for
 * nobody, while there is room for another one under way. Nobody waits for a timer, unless a window is given.
 */
export const makeAsk = <Q, A, E>(options: Options<Q, A, E>) => {
  const { keyOf, maxInFlight, maxSize, nameOf, reads, scope, send, window } = options
  const lines = new Map<unknown, Line<Q, A, E>>()
  let closed = false

  const lineOf = (key: unknown): Line<Q, A, E> => {
    let line = lines.get(key)
    if (line === undefined) {
      line = { key, ready: new Set(), shared: new Map(), behind: new Map(), flights: new Set(), breathing: false }
      lines.set(key, line)
    }
    return line
  }

  const enqueue = (line: Line<Q, A, E>, question: Q, resume: Resume<A, E>, span: AnySpan | undefined) => {
    const name = nameOf(question)
    let entry = line.shared.get(name)
    if (entry === undefined) {
      entry = new Entry(question, name)
      const ahead = reads ? undefined : line.behind.get(name)
      if (ahead === undefined) {
        line.ready.add(entry)
        if (reads) line.shared.set(name, entry)
        else line.behind.set(name, [])
      } else ahead.push(entry)
    }
    entry.join(resume, span)
    return entry
  }

  /** The next write of the same name may be sent. */
  const release = (line: Line<Q, A, E>, name: string): void => {
    if (reads) return
    const next = line.behind.get(name)?.shift()
    if (next === undefined) line.behind.delete(name)
    else line.ready.add(next)
  }

  /** As many as fit. */
  const take = (line: Line<Q, A, E>): ReadonlyArray<Entry<Q, A, E>> => {
    const batch: Array<Entry<Q, A, E>> = []
    for (const entry of line.ready) {
      if (batch.length === maxSize) break
      batch.push(entry)
      line.ready.delete(entry)
      line.shared.delete(entry.name)
    }
    return batch
  }

  const launch = (line: Line<Q, A, E>, run: Run): void => {
    const flight: Flight<Q, A, E> = { entries: take(line), fiber: undefined }
    const spans: Array<AnySpan> = []
    for (const entry of flight.entries) {
      entry.flight = flight
      if (entry.spans !== undefined) spans.push(...entry.spans)
    }
    line.flights.add(flight)
    const sent = send(flight.entries.map(({ question }) => question))
    const fiber = run(spans.reduce((effect, span) => Effect.linkSpans(effect, span), sent), { scope })
    flight.fiber = fiber
    fiber.addObserver((exit) => {
      line.flights.delete(flight)
      // A defect, or the end of the layer, must not leave anybody waiting.
      flight.entries.forEach((entry, i) => {
        release(line, entry.name)
        entry.answer(Exit.isSuccess(exit) ? exit.value[i] as Either.Either<A, E> : Effect.failCause(exit.cause))
      })
      next(line, run)
    })
  }

  /** Waits for those who ask in the same breath. */
  const breathe = (line: Line<Q, A, E>, run: Run): void => {
    line.breathing = true
    const fiber = run(window === undefined ? Effect.yieldNow() : Effect.sleep(window), { scope })
    fiber.addObserver((exit) => {
      line.breathing = false
      if (Exit.isFailure(exit)) dismiss(line)
      if (line.ready.size > 0 && line.flights.size === 0) launch(line, run)
      next(line, run)
    })
  }

  /** Sends what need not wait for more. */
  const next = (line: Line<Q, A, E>, run: Run): void => {
    while (line.ready.size >= maxSize && line.flights.size < maxInFlight) launch(line, run)
    if (line.breathing || line.flights.size > 0) return
    if (line.ready.size > 0) breathe(line, run)
    else lines.delete(line.key)
  }

  /** Nothing that waits will be sent any more. */
  const dismiss = (line: Line<Q, A, E>): void => {
    const all = [...line.ready, ...Array.from(line.behind.values()).flat()]
    line.ready.clear()
    line.shared.clear()
    line.behind.clear()
    for (const entry of all) entry.answer(Effect.interrupt)
  }

  /** Somebody waits no longer. What nobody waits for is not sent, and a read that nobody waits for is closed. */
  const leave = (line: Line<Q, A, E>, entry: Entry<Q, A, E>, resume: Resume<A, E>): void => {
    entry.leave(resume)
    if (!entry.abandoned) return
    const { flight } = entry
    if (flight === undefined) {
      if (line.ready.delete(entry)) {
        line.shared.delete(entry.name)
        release(line, entry.name)
      } else {
        const queue = line.behind.get(entry.name)
        if (queue?.includes(entry) === true) queue.splice(queue.indexOf(entry), 1)
      }
    } else if (reads && flight.entries.every(({ abandoned }) => abandoned)) {
      flight.fiber?.unsafeInterruptAsFork(FiberId.none)
    }
  }

  const ask = (question: Q): Effect.Effect<A, E> =>
    Effect.withFiberRuntime((fiber) => {
      if (closed) return Effect.interrupt
      // What `Effect.async` does for a canceler, with fewer steps.
      return Effect.uninterruptibleMask((restore) => {
        let leaving: (() => void) | undefined
        return Effect.matchCauseEffect(
          restore(Effect.async<A, E>((resume) => {
            const line = lineOf(keyOf(fiber as Fiber.RuntimeFiber<A, E>, question))
            const entry = enqueue(line, question, resume, fiber.currentSpan)
            leaving = () => leave(line, entry, resume)
            const idle = !line.breathing && line.flights.size === 0
            if (idle || (line.ready.size >= maxSize && line.flights.size < maxInFlight)) {
              next(line, forkWithContextOf(fiber))
            }
          })),
          {
            onFailure: (cause) => {
              leaving?.()
              return Effect.failCause(cause)
            },
            onSuccess: Effect.succeed
          }
        )
      })
    })

  /** The end of the layer: who waits is told, and who comes later too. */
  const close = (): void => {
    closed = true
    for (const line of lines.values()) dismiss(line)
  }

  return { ask, close }
}
