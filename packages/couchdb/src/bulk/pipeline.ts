import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Options } from "./Bulk.js"

/**
 * A document in the pipeline.
 *
 * - `Sent`: it is part of a request to its database (`group`), with this number of bytes
 * - `Known`: it is not sent, since its result is known
 */
export type Item<Payload, A, E> =
  | {
    readonly _tag: "Sent"
    readonly group: string
    readonly id: string
    readonly bytes: number
    readonly payload: Payload
  }
  | { readonly _tag: "Known"; readonly result: Either.Either<A, E> }

interface Part<Payload, A, E> {
  readonly items: ReadonlyArray<Item<Payload, A, E>>
  readonly after: ReadonlyArray<Deferred.Deferred<void>>
  readonly done: Deferred.Deferred<void>
  readonly release: () => void
}

export const defaults = { rows: 500, bytes: 4 * 1024 * 1024, concurrency: 2 }

/**
 * Divides items into parts of one request each. A part never contains an id twice, and a part with an id of an earlier part
 * waits for that part, so the writes of one document keep their order.
 */
class Parts<Payload, A, E> {
  private items: Array<Item<Payload, A, E>> = []
  private ids = new Set<string>()
  private bytes = 0
  private group: string | undefined
  private readonly last = new Map<string, Deferred.Deferred<void>>()

  constructor(private readonly rows: number, private readonly maxBytes: number) {}

  push(item: Item<Payload, A, E>, out: Array<Part<Payload, A, E>>): void {
    if (item._tag === "Sent") {
      const fits = this.group === undefined ||
        (this.group === item.group && !this.ids.has(item.id) && this.bytes + item.bytes <= this.maxBytes)
      if (!fits) this.flush(out)
      this.group = item.group
      this.ids.add(item.id)
      this.bytes += item.bytes
    }
    this.items.push(item)
    if (this.items.length >= this.rows) this.flush(out)
  }

  flush(out: Array<Part<Payload, A, E>>): void {
    if (this.items.length === 0) return
    const done = Deferred.unsafeMake<void>(FiberId.none)
    const keys = Array.from(this.ids, (id) => `${this.group} ${id}`)
    const after = new Set<Deferred.Deferred<void>>()
    for (const key of keys) {
      const earlier = this.last.get(key)
      if (earlier !== undefined) after.add(earlier)
      this.last.set(key, done)
    }
    out.push({
      items: this.items,
      after: Array.from(after),
      done,
      release: () => keys.forEach((key) => this.last.get(key) === done && this.last.delete(key))
    })
    this.items = []
    this.ids = new Set()
    this.bytes = 0
    this.group = undefined
  }
}

const grouped = <Payload, A, E, E2, R>(
  items: Stream.Stream<Item<Payload, A, E>, E2, R>,
  options: Options
): Stream.Stream<Part<Payload, A, E>, E2, R> => {
  type Out = Channel.Channel<Chunk.Chunk<Part<Payload, A, E>>, Chunk.Chunk<Item<Payload, A, E>>, E2, E2, void>
  const parts = Channel.suspend((): Out => {
    const building = new Parts<Payload, A, E>(
      Math.max(1, options.rows ?? defaults.rows),
      options.bytes ?? defaults.bytes
    )
    const write = (out: Array<Part<Payload, A, E>>): Out =>
      out.length === 0 ? Channel.void : Channel.write(Chunk.unsafeFromArray(out))
    const loop: Out = Channel.readWithCause({
      onInput: (chunk: Chunk.Chunk<Item<Payload, A, E>>): Out => {
        const out: Array<Part<Payload, A, E>> = []
        for (const item of chunk) building.push(item, out)
        return Channel.zipRight(write(out), loop)
      },
      onFailure: (cause): Out => {
        const out: Array<Part<Payload, A, E>> = []
        building.flush(out)
        // The documents before the failure are sent, and their results are emitted before it.
        return Channel.zipRight(write(out), Channel.failCause(cause))
      },
      onDone: (): Out => {
        const out: Array<Part<Payload, A, E>> = []
        building.flush(out)
        return write(out)
      }
    })
    return loop
  })
  return Stream.fromChannel(Channel.pipeTo(Stream.toChannel(items), parts))
}

/**
 * Sends items in parts, a few at a time, and emits their results in order. No more items are pulled than the parts in
 * flight can contain.
 */
export const sendAll = <Payload, A, E, E2, R, R2>(
  items: Stream.Stream<Item<Payload, A, E>, E2, R>,
  options: Options,
  send: (
    group: string,
    payloads: ReadonlyArray<Payload>
  ) => Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E2, R2 | CouchHttp>
): Stream.Stream<Either.Either<A, E>, E2, R | R2 | CouchHttp> =>
  grouped(items, options).pipe(
    Stream.mapEffect(({ after, done, release, items }) => {
      const sent = items.flatMap((item) => item._tag === "Sent" ? [item] : [])
      const [first] = sent
      return Effect.forEach(after, Deferred.await, { discard: true }).pipe(
        Effect.zipRight(
          first === undefined ? Effect.succeed([]) : send(first.group, sent.map(({ payload }) => payload))
        ),
        Effect.map((results) => {
          let next = 0
          return Chunk.unsafeFromArray(
            items.map((item) => item._tag === "Known" ? item.result : results[next++] as Either.Either<A, E>)
          )
        }),
        Effect.ensuring(Effect.zipRight(Effect.sync(release), Deferred.succeed(done, undefined)))
      )
    }, { concurrency: Math.max(1, options.concurrency ?? defaults.concurrency) }),
    Stream.flattenChunks
  )

const encoder = new TextEncoder()

/** The number of bytes in UTF-8. */
export const sizeOf = (text: string): number => encoder.encode(text).length
