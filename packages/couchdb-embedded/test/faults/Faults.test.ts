import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, Document, Revision, Transport } from "effect-couchdb"
import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const { Fault } = Faults
const counters = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

const get = (path: string): Transport.TransportRequest => ({ method: "GET", origin: "http://x", path, headers: {} })

const line = (rules: ReadonlyArray<Faults.Rule>, seed = 1) =>
  Effect.flatMap(EmbeddedCouch.make(), (couch) => Faults.make(EmbeddedCouch.transport(couch), { rules, seed }))

describe("each fault", () => {
  it.effect("Status responds instead of the server, with Retry-After", () =>
    Effect.gen(function*() {
      const { transport } = yield* line([{ fault: Fault.Status({ status: 429, retryAfter: "1500 millis" }), times: 1 }])
      const first = yield* transport.request(get("/"))
      assert.deepStrictEqual([first.status, first.headers["retry-after"]], [429, "2"])
      assert.strictEqual((yield* transport.request(get("/"))).status, 200)
    }))

  it.effect("Latency waits on the test's clock", () =>
    Effect.gen(function*() {
      const { transport } = yield* line([{ fault: Fault.Latency({ duration: "3 seconds" }) }])
      const fiber = yield* Effect.fork(transport.request(get("/")))
      yield* TestClock.adjust("2999 millis")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }))

  it.effect("Refused and Dropped do not reach the server, Lost does", () =>
    Effect.gen(function*() {
      for (
        const [fault, reason, there] of [
          [Fault.Refused(), "Connection", false],
          [Fault.Dropped(), "NoResponse", false],
          [Fault.Lost(), "NoResponse", true]
        ] as const
      ) {
        const { transport } = yield* line([{ fault, method: "PUT" }])
        const error = yield* Effect.flip(transport.request({ ...get("/zoo"), method: "PUT" }))
        assert.strictEqual(error.reason, reason)
        assert.strictEqual((yield* transport.request(get("/zoo"))).status, there ? 200 : 404)
      }
    }))

  it.effect("Truncated cuts a body off, Stalled stalls it", () =>
    Effect.gen(function*() {
      const cutting = yield* line([{ fault: Fault.Truncated({ after: 5 }) }])
      assert.strictEqual((yield* Effect.flip(cutting.transport.request(get("/")))).reason, "Body")
      const streamed = yield* cutting.transport.stream(get("/"))
      const sizes: Array<number> = []
      const end = yield* Effect.exit(
        Stream.runForEach(streamed.body, (chunk) => Effect.sync(() => sizes.push(chunk.length)))
      )
      assert.isTrue(Exit.isFailure(end))
      assert.deepStrictEqual(sizes, [5])

      const stalling = yield* line([{ fault: Fault.Stalled({ after: 3 }) }])
      const waiting = yield* Effect.fork(Effect.timeoutOption(stalling.transport.request(get("/")), "1 hour"))
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isNone(yield* Fiber.join(waiting)))
      const { body } = yield* stalling.transport.stream(get("/"))
      const held = yield* Effect.fork(
        Effect.timeoutOption(Stream.runDrain(body), "1 hour")
      )
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isNone(yield* Fiber.join(held)))
    }).pipe(Effect.scoped))

  it.effect("Rival writes first, so that the affected write conflicts", () =>
    Effect.gen(function*() {
      const { faults, transport } = yield* line([])
      const layer = CouchHttp.layer({ url: "http://x" }).pipe(
        Layer.provide(Layer.succeed(Transport.Transport, transport))
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const doc = yield* Document.create(counters, "a", { n: 1 })
        yield* faults.use([{
          fault: Fault.ConcurrentWrite({ write: Faults.concurrentEdit((document) => ({ ...document, n: 50 })) }),
          method: "PUT",
          times: 1
        }])
        const error = yield* Effect.flip(Document.save(Document.modify(doc, () => ({ n: 2 }))))
        assert.strictEqual(error._tag, "ConflictError")
        const now = yield* Document.fetch(counters, "a")
        assert.strictEqual(now.body.n, 50)
        assert.deepStrictEqual(Option.map(now.rev, Revision.generation), Option.some(2))
      }).pipe(Effect.provide(layer))
    }))

  it.effect("Rewound starts changes from the beginning", () =>
    Effect.gen(function*() {
      const { faults, transport } = yield* line([])
      yield* transport.request({ ...get("/zoo"), method: "PUT" })
      yield* transport.request({
        ...get("/zoo/a"),
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: "{}"
      })
      const changes = Effect.map(transport.request(get("/zoo/_changes?since=now")), (response) =>
        (JSON.parse(Transport.text(response)) as { readonly results: ReadonlyArray<unknown> }).results.length)
      assert.strictEqual(yield* changes, 0)
      yield* faults.use([{ fault: Fault.Rewound(), path: /_changes/, times: 1 }])
      assert.strictEqual(yield* changes, 1)
      assert.strictEqual(yield* changes, 0)
    }))
})

describe("rules", () => {
  it.effect("method, path, after and times must all match", () =>
    Effect.gen(function*() {
      const { faults, transport } = yield* line([
        { fault: Fault.Refused(), method: ["GET", "HEAD"], path: /^\/_up/, after: 1, times: 2 }
      ])
      const up = Effect.map(Effect.exit(transport.request(get("/_up"))), Exit.isSuccess)
      assert.deepStrictEqual(yield* Effect.replicateEffect(up, 5), [true, false, false, true, true])
      assert.strictEqual((yield* transport.request(get("/"))).status, 200)
      assert.deepStrictEqual(yield* faults.injected, [
        { method: "GET", path: "/_up", fault: "Refused" },
        { method: "GET", path: "/_up", fault: "Refused" }
      ])
    }))

  it.effect("chance is seeded: the same seed affects the same requests, at about the given rate", () =>
    Effect.gen(function*() {
      const run = (seed: number) =>
        Effect.flatMap(
          line([{ fault: Fault.Refused(), chance: 0.3 }], seed),
          ({ transport }) =>
            Effect.replicateEffect(Effect.map(Effect.exit(transport.request(get("/_up"))), Exit.isFailure), 400)
        )
      const first = yield* run(5)
      assert.deepStrictEqual(yield* run(5), first)
      assert.notDeepEqual(yield* run(6), first)
      const struck = first.filter(Boolean).length
      assert.isAbove(struck, 80)
      assert.isBelow(struck, 160)
    }))
})

describe("64 writers increment one counter under all faults", () => {
  const writers = 64

  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it.effect(`the counter is the number of acknowledged increments (seed ${seed})`, () =>
      Effect.gen(function*() {
        const couch = yield* EmbeddedCouch.make({ seed })
        const { faults, transport } = yield* Faults.make(EmbeddedCouch.transport(couch), { rules: [], seed })
        // Enough retries to determine every outcome.
        const retry = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurs(100))
        const layer = CouchHttp.layer({ url: "http://x", timeout: "10 minutes", retry }).pipe(
          Layer.provide(Layer.succeed(Transport.Transport, transport))
        )
        const program = Effect.gen(function*() {
          yield* Database.create("zoo")
          yield* Document.create(counters, "a", { n: 0 })
          yield* faults.use([
            { fault: Fault.Lost(), chance: 0.15 },
            { fault: Fault.Dropped(), chance: 0.1 },
            { fault: Fault.Status({ status: 503 }), chance: 0.1 },
            { fault: Fault.Status({ status: 429, retryAfter: "1 seconds" }), chance: 0.05 },
            { fault: Fault.Latency({ duration: "200 millis" }), chance: 0.2 }
          ])
          const increment = Document.update(counters, "a", ({ n }) => ({ n: n + 1 }))
          const outcomes = yield* Effect.forEach(
            Array.from({ length: writers }),
            () => Effect.exit(increment),
            { concurrency: "unbounded" }
          )
          yield* faults.use([])
          const acknowledged = outcomes.filter(Exit.isSuccess).length
          return { acknowledged, counted: (yield* Document.fetch(counters, "a")).body.n }
        }).pipe(Effect.provide(layer), Effect.withRandom(Random.make(seed)))

        const fiber = yield* Effect.fork(program)
        let waited = 0
        while (fiber.unsafePoll() === null && waited++ < 2_000) yield* TestClock.adjust(Duration.millis(250))
        const { acknowledged, counted } = yield* Fiber.join(fiber)
        const struck = yield* faults.injected
        assert.isAbove(struck.length, 50)
        assert.strictEqual(acknowledged, writers)
        assert.strictEqual(counted, acknowledged)
      }))
  }
})
