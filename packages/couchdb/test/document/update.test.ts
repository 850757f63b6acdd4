import { assert, describe, it } from "@effect/vitest"
import { Batching, Collection, CouchHttp, Database, Document, Json, Transport } from "effect-couchdb"
import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { stateOf } from "../../src/http/serviceState.js"
import { sample } from "../support/deep.js"
import * as Lineage from "../support/lineageInternals.js"

const counters = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const more = ({ n }: { readonly n: number }) => ({ n: n + 1 })

type Around = (
  request: Transport.TransportRequest,
  answer: Effect.Effect<Transport.BufferedResponse, never>
) => Effect.Effect<Transport.BufferedResponse, never>

/** A database with a counter, and a client; `together` puts the batching layer over it. */
const scene = (together: boolean, rules: ReadonlyArray<Faults.Rule> = [], seed = 1) =>
  Effect.gen(function*() {
    const inner = EmbeddedCouch.transport(yield* EmbeddedCouch.make())
    const meddler: { around: Around } = { around: (_, answer) => answer }
    const sent: Array<string> = []
    const { transport } = yield* Faults.make(inner, { rules, seed })
    const counted: Transport.Service = {
      ...transport,
      request: (request) =>
        Effect.suspend(() => {
          sent.push(`${request.method} ${request.path.split("?")[0]}`)
          return meddler.around(request, transport.request(request) as Effect.Effect<Transport.BufferedResponse>)
        })
    }
    const clean = yield* CouchHttp.make({ url: "http://embedded" }).pipe(
      Effect.provideService(Transport.Transport, inner)
    )
    const asRival = Effect.provideService(CouchHttp.CouchHttp, clean)
    yield* asRival(Effect.zipRight(Database.create("zoo"), Document.create(counters, "c", { n: 0 })))
    const plain = yield* CouchHttp.make({ url: "http://embedded", timeout: "1 hour", retry: Schedule.recurs(20) }).pipe(
      Effect.provideService(Transport.Transport, counted)
    )
    const couch = together ? yield* Batching.make(plain, {}) : plain
    const value = asRival(Effect.map(Document.fetch(counters, "c"), ({ body }) => body.n))
    return { asMe: Effect.provideService(CouchHttp.CouchHttp, couch), asRival, couch, meddler, sent, value }
  })

const fibers = 64
const each = sample(20, 50)
const range = (length: number) => Array.from({ length }, (_, i) => i)

/** Lets time pass until the fiber is done. */
const inTime = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.gen(function*() {
    while (fiber.unsafePoll() === null) {
      yield* TestClock.adjust(Duration.seconds(1))
      yield* Effect.yieldNow()
    }
    return yield* Fiber.join(fiber)
  })

for (const together of [false, true]) {
  describe(together ? "edits made together" : "edits one by one", () => {
    it.scoped("that change nothing on the passed document are made on the current one", () =>
      Effect.gen(function*() {
        const { asMe, asRival, meddler, value } = yield* scene(together)
        const landed = yield* Deferred.make<void>()
        const answered = yield* Deferred.make<void>()
        meddler.around = (request, answer) =>
          request.method === "GET"
            ? answer
            : Effect.tap(answer, () => Effect.zipRight(Deferred.succeed(landed, undefined), Deferred.await(answered)))
        const first = yield* Effect.fork(asMe(Document.update(counters, "c", more)))
        yield* Deferred.await(landed)
        yield* asRival(Document.update(counters, "c", () => ({ n: 5 })))
        const second = yield* Effect.fork(asMe(Document.update(counters, "c", () => ({ n: 1 }))))
        for (const _ of range(20)) yield* Effect.yieldNow()
        yield* Deferred.succeed(answered, undefined)
        yield* Fiber.join(first)
        assert.strictEqual((yield* Fiber.join(second)).body.n, 1)
        assert.strictEqual(yield* value, 1)
      }))

    it.scoped("of many fibers all count without conflicts, and need no time to pass", () =>
      Effect.gen(function*() {
        const { asMe, couch, sent, value } = yield* scene(together)
        yield* asMe(
          Effect.forEach(range(fibers), () => Effect.replicateEffect(Document.update(counters, "c", more), each), {
            concurrency: "unbounded",
            discard: true
          })
        )
        assert.strictEqual(yield* value, fibers * each)
        const writes = sent.filter((line) => !line.startsWith("GET")).length
        assert.isAtMost(sent.length, fibers * each * (together ? 0.1 : 1.2))
        if (!together) assert.strictEqual(writes, fibers * each)
        assert.strictEqual(stateOf(couch)?.updates.queues.size, 0)
      }))

    it.scoped("leave out alone what throws, what cannot be stored, and what is interrupted", () =>
      Effect.forEach(range(6), (seed) =>
        Effect.gen(function*() {
          const { asMe, couch, value } = yield* scene(together)
          const kinds = yield* Effect.replicateEffect(Random.nextIntBetween(0, 5), fibers)
          const running = yield* Effect.forEach(kinds, (kind) =>
            Effect.fork(asMe(Document.upsert(counters, "c", (body) => {
              if (kind === 1) {
                throw new Error("an edit that throws")
              }
              return { n: kind === 2 ? NaN : Option.getOrThrow(body).n + 1 }
            }))))
          const wait = yield* Random.nextIntBetween(0, 12)
          yield* Effect.replicateEffect(Effect.yieldNow(), wait)
          yield* Effect.forEach(running, (fiber, i) =>
            kinds[i] === 3 ? Fiber.interruptFork(fiber) : Effect.void)
          const exits = yield* Effect.forEach(running, Fiber.await)
          const done = exits.filter((exit, i) =>
            Exit.isSuccess(exit) && kinds[i] !== 3
          ).length
          const given = kinds.filter((kind) => kind === 3).length
          exits.forEach((exit, i) => {
            if (kinds[i] !== 3) assert.strictEqual(Exit.isSuccess(exit), kinds[i] !== 1 && kinds[i] !== 2)
          })
          const n = yield* value
          // Whoever was interrupted may have been too late to.
          assert.isAtLeast(n, done)
          assert.isAtMost(n, done + given)
          assert.strictEqual(stateOf(couch)?.updates.queues.size, 0)
        }).pipe(Effect.withRandom(Random.make(`turns ${seed}`))), { discard: true }))

    it.scoped("count exactly beside a rival, with answers that are lost", () =>
      Effect.forEach(range(4), (seed) =>
        Effect.gen(function*() {
          const { Fault } = Faults
          const rival = Faults.concurrentEdit((document) => ({ ...document, n: Number(document["n"]) + 1_000 }))
          const { asMe, value } = yield* scene(together, [
            { fault: Fault.ConcurrentWrite({ write: rival }), chance: 0.2, times: 9, method: "PUT" },
            { fault: Fault.Lost(), chance: 0.2, times: 20 },
            { fault: Fault.Dropped(), chance: 0.1, times: 20 }
          ], seed)
          const fiber = yield* Effect.fork(asMe(
            Effect.forEach(range(16), () => Effect.replicateEffect(Document.update(counters, "c", more), 8), {
              concurrency: "unbounded",
              discard: true
            })
          ))
          yield* inTime(fiber)
          assert.strictEqual((yield* value) % 1_000, 16 * 8)
        }).pipe(Effect.withRandom(Random.make(`faults ${seed}`))), { discard: true }))

    it.scoped("continue if the current one is interrupted", () =>
      Effect.gen(function*() {
        const { asMe, meddler, value } = yield* scene(together)
        const reached = yield* Deferred.make<void>()
        let stuck = true
        meddler.around = (_, answer) =>
          Effect.suspend(() => {
            if (!stuck) return answer
            stuck = false
            return Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
          })
        const first = yield* Effect.fork(asMe(Document.update(counters, "c", more)))
        yield* Deferred.await(reached)
        const others = yield* Effect.forEach(range(5), () => Effect.fork(asMe(Document.update(counters, "c", more))))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(first)
        yield* Effect.forEach(others, Fiber.join)
        assert.strictEqual(yield* value, 5)
      }))

    it.scoped("know where the document is not there: an update fails, an upsert makes it", () =>
      Effect.gen(function*() {
        const { asMe } = yield* scene(together)
        const upsert = Document.upsert(counters, "new", Option.match({ onNone: () => ({ n: 1 }), onSome: more }))
        const exits = yield* asMe(
          Effect.forEach([Document.update(counters, "new", more), upsert, upsert], Effect.exit, {
            concurrency: "unbounded"
          })
        )
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [false, true, true])
        assert.strictEqual((yield* asMe(Document.fetch(counters, "new"))).body.n, 2)
      }))
  })
}

describe("edits of a collection with lineage", () => {
  for (const together of [false, true]) {
    it.scoped(`stay apart: each is a revision with a record of its own, ${together ? "under" : "without"} batching`, () =>
      Effect.gen(function*() {
        const { asMe, asRival, value } = yield* scene(together)
        const kept = Collection.make("zoo", Schema.Struct({ n: Schema.Number }), { lineage: Lineage.settings() })
        const fiber = yield* Effect.fork(
          asMe(Effect.forEach(range(8), () => Document.update(kept, "c", more), { concurrency: "unbounded" }))
        )
        const edited = yield* inTime(fiber)
        assert.strictEqual(yield* value, 8)
        assert.strictEqual(new Set(edited.map(({ rev }) => Option.getOrThrow(rev))).size, 8)
        const { base } = yield* asRival(Document.fetch(kept, "c"))
        const field = Lineage.decodeField(Json.get(Option.getOrThrow(base).raw, "lineage"))
        if (field._tag !== "Record") return assert.fail(field._tag)
        assert.lengthOf(field.record.path, 8)
      }))
  }
})

describe("edits made together", () => {
  it.scoped("give everybody the document with the last revision", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene(true)
      const docs = yield* asMe(
        Effect.forEach(range(5), () => Document.update(counters, "c", more), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(docs.map(({ body }) => body.n), [5, 5, 5, 5, 5])
      assert.lengthOf(new Set(docs.map(({ rev }) => Option.getOrThrow(rev))), 1)
      assert.deepStrictEqual(sent, ["GET /zoo/c", "PUT /zoo/c"])
    }))

  it.scoped("are tried apart where the server refuses what is in one of them", () =>
    Effect.gen(function*() {
      const { asMe, meddler, value } = yield* scene(true)
      meddler.around = (request, answer) =>
        request.method === "PUT" && Number(JSON.parse(String(request.body)).n) > 100
          ? Effect.succeed({ status: 403, headers: {}, body: "{\"error\":\"forbidden\",\"reason\":\"too many\"}" })
          : answer
      const exits = yield* asMe(Effect.forEach(
        [1, 1, 500, 1],
        (by) => Effect.exit(Document.update(counters, "c", ({ n }) => ({ n: n + by }))),
        { concurrency: "unbounded" }
      ))
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, false, true])
      assert.strictEqual(yield* value, 3)
    }))

  it.scoped("are each one's own in a conflict that stays", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene(true)
      meddler.around = (request, answer) =>
        request.method === "PUT"
          ? Effect.zipRight(
            Effect.orDie(asRival(Document.update(counters, "c", ({ n }) => ({ n: n + 1_000 })))),
            answer
          )
          : answer
      const schedule = Schedule.recurs(0)
      const errors = yield* asMe(Effect.forEach(
        [1, 2, 3],
        (by) => Effect.flip(Document.update(counters, "c", ({ n }) => ({ n: n + by }), { schedule })),
        { concurrency: "unbounded" }
      ))
      assert.deepStrictEqual(
        errors.map((error) => error._tag === "ConflictError" ? [error.attempted.body.n, error.attempts] : error._tag),
        [[1, 1], [2, 1], [3, 1]]
      )
    }))

  it.live("end with their layer", () =>
    Effect.gen(function*() {
      const reached = yield* Deferred.make<void>()
      const exits = yield* Effect.scoped(Effect.gen(function*() {
        const { asMe, meddler } = yield* scene(true)
        meddler.around = () => Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
        const running = yield* Effect.forEach(range(4), () =>
          Effect.forkDaemon(asMe(Document.update(counters, "c", more))))
        yield* Deferred.await(reached)
        return running
      }))
      const ended = yield* Effect.forEach(exits, Fiber.await)
      assert.isTrue(ended.every(Exit.isFailure))
    }))
})
