import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Scope } from "effect/Scope"
import type { AnySpan } from "effect/Tracer"
import { type Fork, forkWithContextOf } from "../http/forkWithContextOf.js"

type Resume<A, E> = (result: Effect.Effect<A, E>) => void

/** A request, and the fibers that wait for its result: usually one, and up to ten thousand. */
class Entry<Q, A, E> {
  inFlight: InFlight<Q, A, E> | undefined = undefined
  private first: Resume<A, E> | undefined = undefined
  private others: Set<Resume<A, E>> | undefined = undefined
  spans: Array<AnySpan> | undefined = undefined

  constructor(readonly request: Q, readonly name: string) {}

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
  complete(result: Effect.Effect<A, E>): void {
    const { first, others } = this
    this.first = this.others = undefined
    first?.(result)
    others?.forEach((resume) => resume(result))
  }
}

/** A batch that was sent. */
interface InFlight<Q, A, E> {
  readonly entries: ReadonlyArray<Entry<Q, A, E>>
  fiber: Fiber.RuntimeFiber<ReadonlyArray<Either.Either<A, E>>, E> | undefined
}

/**
 * The options of a batcher.
 *
 * - `keyOf`: requests with the same key are sent together; the key may depend on the requesting fiber
 * - `nameOf`: requests with the same name share a result if they are reads, and follow one another if they are writes
 * - `reads`: whether requests are reads. A read that no fiber waits for is not sent, or is interrupted
 * - `send`: sends a batch, and returns one result for each request; a failure is the result of all of them
 */
export interface Options<Q, A, E> {
  readonly maxSize: number
  readonly maxInFlight: number
  readonly window: Duration.DurationInput | undefined
  readonly scope: Scope
  readonly keyOf: (fiber: Fiber.RuntimeFiber<A, E>, request: Q) => unknown
  readonly nameOf: (request: Q) => string
  readonly reads: boolean
  readonly send: (batch: ReadonlyArray<Q>) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E>
}

/** The requests with one key. */
interface Queue<Q, A, E> {
  readonly key: unknown
  /** The requests that may be sent, in order. */
  readonly ready: Set<Entry<Q, A, E>>
  /** The ready reads by name. */
  readonly shared: Map<string, Entry<Q, A, E>>
  /** The writes that wait for a write of the same name, which is ready or in flight. */
  readonly blocked: Map<string, Array<Entry<Q, A, E>>>
  readonly inFlight: Set<InFlight<Q, A, E>>
  flushScheduled: boolean
}

/**
 * Sends requests in batches.
 *
 * If nothing is in flight, a request is sent after its fiber yielded once, together with the requests that other fibers
 * make meanwhile. Requests that arrive while a batch is in flight are the next batch. A full batch is sent at once, as long
 * as fewer than `maxInFlight` are. No request waits for a timer, unless there is a `window`.
 */
export class Batcher<Q, A, E> {
  private readonly queues = new Map<unknown, Queue<Q, A, E>>()
  private closed = false

  constructor(private readonly options: Options<Q, A, E>) {}

  /** Adds a request to the next batch, and waits for its result. */
  request(request: Q): Effect.Effect<A, E> {
    return Effect.withFiberRuntime((fiber) => {
      if (this.closed) return Effect.interrupt
      // Does what `Effect.async` does for a canceler, in fewer steps.
      return Effect.uninterruptibleMask((restore) => {
        let leave: (() => void) | undefined
        return Effect.matchCauseEffect(
          restore(Effect.async<A, E>((resume) => {
            leave = this.enter(fiber as Fiber.RuntimeFiber<A, E>, request, resume)
          })),
          {
            onFailure: (cause) => {
              leave?.()
              return Effect.failCause(cause)
            },
            onSuccess: Effect.succeed
          }
        )
      })
    })
  }

  /** Interrupts all waiting fibers, and those that request later. */
  close(): void {
    this.closed = true
    for (const queue of this.queues.values()) this.dismiss(queue)
  }

  /** Adds a request to its queue, and returns a function that removes it. */
  private enter(fiber: Fiber.RuntimeFiber<A, E>, request: Q, resume: Resume<A, E>): () => void {
    const { keyOf, maxInFlight, maxSize } = this.options
    const queue = this.queueOf(keyOf(fiber, request))
    const entry = this.enqueue(queue, request)
    entry.join(resume, fiber.currentSpan)
    const isIdle = !queue.flushScheduled && queue.inFlight.size === 0
    const isFull = queue.ready.size >= maxSize && queue.inFlight.size < maxInFlight
    if (isIdle || isFull) this.next(queue, forkWithContextOf(fiber))
    return () => this.leave(queue, entry, resume)
  }

  private queueOf(key: unknown): Queue<Q, A, E> {
    let queue = this.queues.get(key)
    if (queue === undefined) {
      queue = {
        key,
        ready: new Set(),
        shared: new Map(),
        blocked: new Map(),
        inFlight: new Set(),
        flushScheduled: false
      }
      this.queues.set(key, queue)
    }
    return queue
  }

  private enqueue(queue: Queue<Q, A, E>, request: Q): Entry<Q, A, E> {
    const { nameOf, reads } = this.options
    const name = nameOf(request)
    const shared = queue.shared.get(name)
    if (shared !== undefined) return shared
    const entry = new Entry<Q, A, E>(request, name)
    const blocked = reads ? undefined : queue.blocked.get(name)
    if (blocked === undefined) {
      queue.ready.add(entry)
      if (reads) queue.shared.set(name, entry)
      else queue.blocked.set(name, [])
    } else blocked.push(entry)
    return entry
  }

  /** Lets the next write of a name be sent. */
  private release(queue: Queue<Q, A, E>, name: string): void {
    if (this.options.reads) return
    const next = queue.blocked.get(name)?.shift()
    if (next === undefined) queue.blocked.delete(name)
    else queue.ready.add(next)
  }

  private takeBatch(queue: Queue<Q, A, E>): ReadonlyArray<Entry<Q, A, E>> {
    const batch: Array<Entry<Q, A, E>> = []
    for (const entry of queue.ready) {
      if (batch.length === this.options.maxSize) break
      batch.push(entry)
      queue.ready.delete(entry)
      queue.shared.delete(entry.name)
    }
    return batch
  }

  private flush(queue: Queue<Q, A, E>, fork: Fork): void {
    const { scope, send } = this.options
    const inFlight: InFlight<Q, A, E> = { entries: this.takeBatch(queue), fiber: undefined }
    const spans: Array<AnySpan> = []
    for (const entry of inFlight.entries) {
      entry.inFlight = inFlight
      if (entry.spans !== undefined) spans.push(...entry.spans)
    }
    queue.inFlight.add(inFlight)
    const sent = send(inFlight.entries.map(({ request }) => request))
    const fiber = fork(spans.reduce((effect, span) => Effect.linkSpans(effect, span), sent), { scope })
    inFlight.fiber = fiber
    fiber.addObserver((exit) => {
      queue.inFlight.delete(inFlight)
      // Every fiber gets a result, even after a defect or when the layer is released.
      inFlight.entries.forEach((entry, i) => {
        this.release(queue, entry.name)
        entry.complete(Exit.isSuccess(exit) ? exit.value[i] as Either.Either<A, E> : Effect.failCause(exit.cause))
      })
      this.next(queue, fork)
    })
  }

  /** Waits for further requests, and then sends the ready ones. */
  private scheduleFlush(queue: Queue<Q, A, E>, fork: Fork): void {
    const { scope, window } = this.options
    queue.flushScheduled = true
    const fiber = fork(window === undefined ? Effect.yieldNow() : Effect.sleep(window), { scope })
    fiber.addObserver((exit) => {
      queue.flushScheduled = false
      if (Exit.isFailure(exit)) this.dismiss(queue)
      if (queue.ready.size > 0 && queue.inFlight.size === 0) this.flush(queue, fork)
      this.next(queue, fork)
    })
  }

  /** Sends full batches, and schedules the rest if nothing is in flight. */
  private next(queue: Queue<Q, A, E>, fork: Fork): void {
    const { maxInFlight, maxSize } = this.options
    while (queue.ready.size >= maxSize && queue.inFlight.size < maxInFlight) this.flush(queue, fork)
    if (queue.flushScheduled || queue.inFlight.size > 0) return
    if (queue.ready.size > 0) this.scheduleFlush(queue, fork)
    else this.queues.delete(queue.key)
  }

  /** Interrupts the fibers whose requests were not sent. */
  private dismiss(queue: Queue<Q, A, E>): void {
    const all = [...queue.ready, ...Array.from(queue.blocked.values()).flat()]
    queue.ready.clear()
    queue.shared.clear()
    queue.blocked.clear()
    for (const entry of all) entry.complete(Effect.interrupt)
  }

  /** Removes a fiber that no longer waits. A request without fibers is not sent, and a read without fibers is interrupted. */
  private leave(queue: Queue<Q, A, E>, entry: Entry<Q, A, E>, resume: Resume<A, E>): void {
    entry.leave(resume)
    if (!entry.abandoned) return
    const { inFlight } = entry
    if (inFlight === undefined) {
      if (queue.ready.delete(entry)) {
        queue.shared.delete(entry.name)
        this.release(queue, entry.name)
      } else {
        const blocked = queue.blocked.get(entry.name)
        if (blocked?.includes(entry) === true) blocked.splice(blocked.indexOf(entry), 1)
      }
    } else if (this.options.reads && inFlight.entries.every(({ abandoned }) => abandoned)) {
      inFlight.fiber?.unsafeInterruptAsFork(FiberId.none)
    }
  }
}
