import { assert, it } from "@effect/vitest"
import { Collection, CouchHttp, Document, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const ask = { method: "GET", path: "/zoo", route: "/{db}" } as const

/** A transport whose requests wait as long as each says, and then get no answer, or this status. */
const queue = (waits: ReadonlyArray<{ readonly wait: number; readonly status?: number }>) => {
  const asked: Array<Transport.TransportRequest> = []
  const answer = (request: Transport.TransportRequest) =>
    Effect.gen(function*() {
      const { status, wait } = waits[asked.push(request) - 1] ?? { wait: 0 }
      if (wait > 0) {
        request.onWaiting?.(true)
        yield* Effect.sleep(wait)
        request.onWaiting?.(false)
      }
      return status === undefined
        ? yield* Effect.never
        : { status, headers: {}, body: JSON.stringify({ error: "busy", reason: "busy" }) }
    })
  const service: Transport.Service = {
    request: answer,
    stream: (request) => Effect.zipRight(answer(request), Effect.never)
  }
  const layer = CouchHttp.layer({ url: "http://queue", timeout: "10 seconds" }).pipe(
    Layer.provide(Layer.succeed(Transport.Transport, service))
  )
  return { asked, layer }
}

/** The failure of a call, and after how many seconds it came. */
const failure = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.flip(effect))
    let seconds = 0
    while (fiber.unsafePoll() === null && seconds++ < 100) yield* TestClock.adjust("1 second")
    const error = yield* Fiber.join(fiber)
    return ["reason" in error ? `${error._tag} ${String(error.reason)}` : error._tag, seconds] as const
  })

const execute = Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute(ask))
const stream = (kind?: "feed") =>
  Effect.scoped(Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.stream({ ...ask, kind })))

it.effect("a call that waits for a connection until its deadline is PoolExhausted", () =>
  Effect.gen(function*() {
    const { asked, layer } = queue([1, 2, 3, 4].map(() => ({ wait: 1_000_000 })))
    const expected = ["TransportError PoolExhausted", 10] as const
    assert.deepStrictEqual(yield* failure(execute).pipe(Effect.provide(layer)), expected)
    assert.deepStrictEqual(yield* failure(stream()).pipe(Effect.provide(layer)), expected)
    assert.deepStrictEqual(yield* failure(stream("feed")).pipe(Effect.provide(layer)), expected)
    assert.deepStrictEqual(yield* failure(Document.create(zoo, "a", { n: 1 })).pipe(Effect.provide(layer)), expected)
    assert.strictEqual(asked.length, 4)
  }))

it.effect("a call that was sent is a TimeoutError, whether it waited first or an earlier try was sent", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* failure(execute).pipe(Effect.provide(queue([]).layer)), ["TimeoutError", 10])
    const waited = queue([{ wait: 4_000 }])
    assert.deepStrictEqual(yield* failure(execute).pipe(Effect.provide(waited.layer)), ["TimeoutError", 10])
    const repeated = queue([{ wait: 0, status: 503 }, { wait: 1_000_000 }])
    assert.deepStrictEqual(yield* failure(execute).pipe(Effect.provide(repeated.layer)), ["TimeoutError", 10])
    assert.strictEqual(repeated.asked.length, 2)
  }))

it.effect("a feed that waited for its connection has the whole deadline for its headers", () =>
  Effect.gen(function*() {
    const { layer } = queue([{ wait: 4_000 }])
    assert.deepStrictEqual(yield* failure(stream("feed")).pipe(Effect.provide(layer)), ["TimeoutError", 14])
    assert.deepStrictEqual(yield* failure(stream("feed")).pipe(Effect.provide(queue([]).layer)), ["TimeoutError", 10])
  }))

it.effect("a request has a deadline of its own if it names one", () =>
  Effect.gen(function*() {
    const { layer } = queue([])
    const within = (timeout: "3 seconds" | "30 seconds") =>
      failure(Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute({ ...ask, timeout }))).pipe(
        Effect.provide(layer)
      )
    assert.deepStrictEqual(yield* within("3 seconds"), ["TimeoutError", 3])
    assert.deepStrictEqual(yield* within("30 seconds"), ["TimeoutError", 30])
  }))
