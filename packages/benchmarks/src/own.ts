/** This library. A worker loads only the client that it measures. */
import { Batching, Collection } from "effect-couchdb"
import { NodeCouchHttp } from "effect-couchdb-node"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Butterfly } from "./butterfly.js"

export { Changes, Document, View } from "effect-couchdb"
export { Effect, Stream }

export const butterfliesIn = (database: string) => Collection.make(database, Butterfly)

/** A collection without a schema. */
export const anythingIn = (database: string) => Collection.make(database, Schema.Unknown)

export const single = (url: string) => ManagedRuntime.make(NodeCouchHttp.layer({ url }))

export const batched = (url: string) =>
  ManagedRuntime.make(Batching.layer().pipe(Layer.provide(NodeCouchHttp.layer({ url }))))

/** Runs effects in concurrent fibers, sequentially within each fiber, as `atOnce` does with promises. */
export const atOnce = <A, E, R>(
  concurrency: number,
  count: number,
  each: (i: number) => Effect.Effect<A, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    let next = 0
    const worker = Effect.whileLoop({ while: () => next < count, body: () => each(next++), step: () => undefined })
    return Effect.all(Array.from({ length: concurrency }, () => worker), { concurrency: "unbounded", discard: true })
  })

/**
 * Runs each effect in its own fiber, as a server does for requests. `Effect.forEach` also joins the `FiberRef`s of each fiber,
 * which costs several times as much as the fiber.
 */
export const everyOne = <A, E, R>(
  count: number,
  each: (i: number) => Effect.Effect<A, E, R>
): Effect.Effect<void, E, R> =>
  Effect.forEach(Array.from({ length: count }, (_, i) => i), (i) => Effect.fork(each(i))).pipe(
    Effect.flatMap(Effect.forEach((fiber) => Effect.flatten(Fiber.await(fiber)), { discard: true }))
  )

/** Reads all elements, a chunk at a time, and checks their number. */
export const counted = <A, E, R>(
  self: Stream.Stream<A, E, R>,
  count: number,
  onFirst: () => void
): Effect.Effect<void, E | Error, R> =>
  Effect.suspend(() => {
    let elements = 0
    return Effect.flatMap(
      Stream.runForEachChunk(self, (chunk) => {
        onFirst()
        elements += chunk.length
        return Effect.void
      }),
      () => elements === count ? Effect.void : Effect.fail(new Error(`${elements} elements instead of ${count}`))
    )
  })
