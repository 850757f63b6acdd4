import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import { Auth, Changes, Collection, CouchError, CouchHttp, Database, Document, Transport } from "effect-couchdb"
import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { changesByFunctions } from "../contract/changes.js"
import { run } from "../contract/suite.js"
import { fetchTransport, real } from "../contract/targets.js"
import { sample } from "../support/deep.js"

const { Fault } = Faults
const Numbered = Schema.Struct({ n: Schema.Number })
const zoo = Collection.make("zoo", Numbered)

/** A database `zoo` over a transport with faults, and a transport without faults for writes. */
const world = (rules: ReadonlyArray<Faults.Rule> = [], options: Partial<CouchHttp.Options> = {}) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make()
    const whole = EmbeddedCouch.transport(couch)
    const opened = yield* Ref.make(0)
    const closed = yield* Ref.make(0)
    const counted: Transport.Service = {
      request: whole.request,
      stream: (request) =>
        Effect.zipRight(
          Effect.acquireRelease(Ref.update(opened, (n) => n + 1), () => Ref.update(closed, (n) => n + 1)),
          whole.stream(request)
        )
    }
    const { faults, transport } = yield* Faults.make(counted, { rules })
    const over = (on: Transport.Service, more: Partial<CouchHttp.Options> = {}) =>
      CouchHttp.layer({ url: "http://embedded", ...more }).pipe(Layer.provide(Layer.succeed(Transport.Transport, on)))
    const direct = over(whole)
    const write = (...ids: ReadonlyArray<string>) =>
      Effect.provide(Effect.forEach(ids, (id, n) => Document.create(zoo, id, { n }), { discard: true }), direct)
    yield* Effect.provide(Database.create("zoo"), direct)
    return {
      faults,
      direct,
      layer: over(transport, { retry: "none", ...options }),
      opened: Ref.get(opened),
      open: Effect.zipWith(Ref.get(opened), Ref.get(closed), (a, b) => a - b),
      write
    }
  })

/** Lets the test's time pass until the fiber is done. */
const passing = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, step: Duration.DurationInput = "5 seconds") =>
  Effect.gen(function*() {
    for (let i = 0; i < 500 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust(step)
    if (fiber.unsafePoll() === null) {
      yield* Fiber.interrupt(fiber)
      return assert.fail("it did not come to an end")
    }
    return yield* Fiber.join(fiber)
  })

const idsOf = (changes: Iterable<Changes.Change<unknown> | Changes.DatabaseGone>): ReadonlyArray<string> =>
  Array.from(changes, (change) => change._tag === "DatabaseGone" ? "gone" : change.id)

/** Follows until every one of these was seen. */
const until =
  (wanted: ReadonlyArray<string>) =>
  <E, R>(feed: Stream.Stream<Changes.Change<unknown> | Changes.DatabaseGone, E, R>) =>
    Effect.gen(function*() {
      const seen = new Set<string>()
      return yield* feed.pipe(
        Stream.takeUntil((change) => {
          seen.add(change._tag === "DatabaseGone" ? "gone" : change.id)
          return wanted.every((id) => seen.has(id))
        }),
        Stream.runCollect,
        Effect.map(idsOf)
      )
    })

const early = ["a", "b", "c", "d", "e"]
const late = ["f", "g"]
const all = [...early, ...late]

const unique = (ids: ReadonlyArray<string>) => Array.from(new Set(ids)).sort()

describe("a follower outlives", () => {
  const faults: ReadonlyArray<readonly [string, Faults.Fault]> = [
    ["no connection", Fault.Refused()],
    ["a dropped request", Fault.Dropped()],
    ["a lost answer", Fault.Lost()],
    ["503", Fault.Status({ status: 503 })],
    ["500", Fault.Status({ status: 500 })],
    ["429 with Retry-After", Fault.Status({ status: 429, retryAfter: "7 seconds" })],
    ["a page of a proxy", Fault.Status({ status: 302 })],
    ["latency beyond the deadline", Fault.Latency({ duration: "5 minutes" })],
    ["a body that breaks off", Fault.Truncated({ after: 333 })],
    ["a body that breaks off before its first byte", Fault.Truncated({ after: 0 })],
    ["a body that stalls", Fault.Stalled({ after: 222 })],
    ["a feed that starts again from its begin", Fault.Rewound()]
  ]
  for (const [name, fault] of faults) {
    it.effect(`${name}, at any request, and leaves no request open`, () =>
      Effect.gen(function*() {
        const cases = [
          ...sample([0, 2], [0, 1, 2, 3]).flatMap((after) =>
            [1, 4].map((times) => ({ since: undefined, after, times }))
          ),
          { since: "now", after: 0, times: 2 }
        ]
        const fiber = yield* Effect.fork(
          Effect.forEach(cases, ({ after, since, times }) =>
            Effect.gen(function*() {
              const on = yield* world([
                // The line breaks now and then, so that there is a second and a third request.
                { fault: Fault.Truncated({ after: 700 }), times: 3 },
                { fault, after, times }
              ])
              yield* on.write(...early)
              const checkpoint = yield* Changes.inMemory
              const following = yield* Changes.follow(zoo, { since, checkpoint, heartbeat: "2 minutes" }).pipe(
                until(since === undefined ? all : late),
                Effect.provide(on.layer),
                Effect.fork
              )
              // With `now`, what comes before it has its place is not its business.
              yield* Effect.repeat(Effect.delay(checkpoint.read, "1 minute"), { until: Option.isSome })
              yield* on.write(...late)
              const seen = yield* Fiber.join(following)
              assert.includeMembers(unique(seen), since === undefined ? all : late)
              assert.strictEqual(yield* on.open, 0)
            }), { concurrency: "unbounded", discard: true })
        )
        yield* passing(fiber, "2 minutes")
      }))
  }

  it.effect("a body that is cut at any byte", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 60 }, (_, i) => i * 9), (after) =>
          Effect.gen(function*() {
            const on = yield* world([{ fault: Fault.Truncated({ after }), times: 1 }])
            yield* on.write("a", "b", "c")
            const seen = yield* Changes.follow(zoo).pipe(until(["a", "b", "c"]), Effect.provide(on.layer))
            assert.deepStrictEqual(unique(seen), ["a", "b", "c"])
            assert.strictEqual(yield* on.open, 0)
          }), { concurrency: "unbounded", discard: true })
      )
      yield* passing(fiber)
    }))

  it.effect("resumes after the last sequence if the server ends the feed early and often", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make<ReadonlyArray<string>>([])
      const layer = scripted((number, path) =>
        Effect.as(
          Ref.update(asked, (paths) => [...paths, /since=([^&]*)/.exec(path)?.[1] ?? "none"]),
          number === 1
            ? "\n{\"last_seq\":\"3-x\",\"pending\":0}\n"
            : number === 2
            ? row("4-x", "a") + row("5-x", "b") + "{\"last_seq\":\"6-x\",\"pending\":2}\n"
            : number === 3
            ? row("7-x", "c")
            : number === 4
            ? ""
            : row("8-x", "d")
        )
      )
      const fiber = yield* Changes.follow("zoo").pipe(until(["d"]), Effect.provide(layer), Effect.fork)
      assert.deepStrictEqual(yield* passing(fiber), ["a", "b", "c", "d"])
      assert.deepStrictEqual(yield* Ref.get(asked), ["none", "3-x", "6-x", "7-x", "7-x"])
    }))

  it.effect("an error that comes late, in the feed itself", () =>
    Effect.gen(function*() {
      const layer = scripted((number) =>
        Effect.succeed(
          number === 1
            ? row("1-x", "a") + "\n{\"code\":500,\"error\":\"timeout\",\"reason\":\"slow\"}\n"
            : row("2-x", "b")
        )
      )
      const fiber = yield* Changes.follow("zoo").pipe(until(["b"]), Effect.provide(layer), Effect.fork)
      assert.deepStrictEqual(yield* passing(fiber), ["a", "b"])
    }))
})

const row = (seq: string, id: string, doc?: unknown): string =>
  JSON.stringify({
    seq,
    id,
    changes: [{ rev: "1-967a00dff5e02add41819138abb3284d" }],
    ...(doc !== undefined && { doc })
  }) +
  "\n"

const errors: Readonly<Record<number, string>> = { 401: "unauthorized", 403: "forbidden", 404: "not_found" }

/** A server whose feeds are these texts, one a request; it ends each of them. */
const scripted = (feed: (number: number, path: string) => Effect.Effect<string | number>) =>
  Layer.unwrapEffect(Effect.map(Ref.make(0), (count) => {
    const stream: Transport.Service["stream"] = (request) =>
      Effect.gen(function*() {
        const number = yield* Ref.updateAndGet(count, (n) => n + 1)
        const text = yield* feed(number, request.path)
        const body = typeof text === "number" ? JSON.stringify({ error: errors[text] ?? "x", reason: "y" }) : text
        return {
          status: typeof text === "number" ? text : 200,
          headers: {},
          body: body === "" ? Stream.empty : Stream.make(new TextEncoder().encode(body))
        }
      })
    return CouchHttp.layer({ url: "http://scripted", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, { request: () => Effect.dieMessage("not asked for"), stream }))
    )
  }))

describe("a follower waits", () => {
  it.effect("for three heartbeats, and takes a server that says nothing for dead", () =>
    Effect.gen(function*() {
      const on = yield* world([{ fault: Fault.Stalled({ after: 1 }), times: 1 }])
      yield* on.write("a")
      const fiber = yield* Changes.follow(zoo, { heartbeat: "4 seconds" }).pipe(
        until(["a"]),
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* TestClock.adjust("11999 millis")
      assert.strictEqual(yield* on.opened, 1)
      yield* TestClock.adjust("1 millis")
      yield* TestClock.adjust("100 millis")
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* on.opened, 2)
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["a"])
    }))

  it.effect("as long as heartbeats come, on one request", () =>
    Effect.gen(function*() {
      const on = yield* world()
      const fiber = yield* Changes.follow(zoo, { heartbeat: "4 seconds" }).pipe(
        until(["a"]),
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* TestClock.adjust("10 minutes")
      yield* on.write("a")
      assert.deepStrictEqual(yield* passing(fiber), ["a"])
      assert.strictEqual(yield* on.opened, 1)
    }))

  it.effect("for a slow consumer: that is no silence of the server", () =>
    Effect.gen(function*() {
      const on = yield* world()
      yield* on.write("a", "b")
      const fiber = yield* Changes.follow(zoo, { heartbeat: "1 second" }).pipe(
        Stream.tap(() => Effect.sleep("10 minutes")),
        until(["a", "b", "c"]),
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* TestClock.adjust("5 minutes")
      yield* on.write("c")
      assert.deepStrictEqual(unique(yield* passing(fiber, "1 minute")), ["a", "b", "c"])
      assert.strictEqual(yield* on.opened, 1)
    }))

  it.effect("and takes nothing from the line while nobody pulls", () =>
    Effect.gen(function*() {
      const taken = yield* Ref.make(0)
      const body = Stream.iterate(1, (n) => n + 1).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Ref.update(taken, (n) => n + 1)),
        Stream.map((n) => new TextEncoder().encode(row(`${n}-x`, `doc${n}`)))
      )
      const layer = CouchHttp.layer({ url: "http://endless" }).pipe(
        Layer.provide(Layer.succeed(Transport.Transport, {
          request: () => Effect.dieMessage("not asked for"),
          stream: () => Effect.succeed({ status: 200, headers: {}, body })
        }))
      )
      const fiber = yield* Changes.follow("zoo").pipe(
        Stream.mapEffect((change) => Effect.as(Effect.sleep("1 hour"), change)),
        Stream.take(3),
        Stream.runCollect,
        Effect.provide(layer),
        Effect.fork
      )
      yield* TestClock.adjust("90 minutes")
      assert.isAtMost(yield* Ref.get(taken), 2)
      yield* passing(fiber, "1 hour")
      assert.isAtMost(yield* Ref.get(taken), 3)
    }))

  it.effect("with full jitter after failures, as long as its schedule allows, and resets the schedule after progress", () =>
    Effect.gen(function*() {
      const delays = yield* Ref.make<ReadonlyArray<number>>([])
      const layer = scripted((number) => Effect.succeed(number === 4 ? row("1-x", "a") : 503))
      const retry = Schedule.exponential("1 second").pipe(
        Schedule.intersect(Schedule.recurs(3)),
        Schedule.tapOutput(([delay]) => Ref.update(delays, (seen) => [...seen, Duration.toMillis(delay)]))
      )
      const fiber = yield* Changes.follow("zoo", { retry }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.provide(layer),
        Effect.fork
      )
      const error = yield* passing(fiber)
      assert.strictEqual(error._tag, "ServerError")
      // Three failures, a change, the end of that feed, and then failures until the schedule has enough.
      assert.deepStrictEqual((yield* Ref.get(delays)).slice(0, 6), [1000, 2000, 4000, 1000, 2000, 4000])
    }))

  it.effect("no shorter than Retry-After", () =>
    Effect.gen(function*() {
      const on = yield* world([{ fault: Fault.Status({ status: 429, retryAfter: "90 seconds" }), times: 1 }])
      yield* on.write("a")
      const fiber = yield* Changes.follow(zoo).pipe(until(["a"]), Effect.provide(on.layer), Effect.fork)
      yield* TestClock.adjust("89 seconds")
      assert.strictEqual(yield* on.opened, 0)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* on.opened, 1)
      yield* passing(fiber)
    }))
})

describe("a follower fails", () => {
  for (const [status, tag] of [[400, "BadRequestError"], [403, "ForbiddenError"], [404, "NotFoundError"]] as const) {
    it.effect(`with ${tag}, which waiting does not fix`, () =>
      Effect.gen(function*() {
        const layer = scripted((number) => Effect.succeed(number === 1 ? row("1-x", "a") : status))
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const fiber = yield* Changes.follow("zoo").pipe(
          Stream.runForEach((change) => Ref.update(seen, (ids) => [...ids, ...idsOf([change])])),
          Effect.flip,
          Effect.provide(layer),
          Effect.fork
        )
        assert.strictEqual((yield* passing(fiber))._tag, tag)
        assert.deepStrictEqual(yield* Ref.get(seen), ["a"])
      }))
  }

  it.effect("at once if its credentials were never valid, and after one more attempt if they were", () =>
    Effect.gen(function*() {
      const requests = (answers: ReadonlyArray<string | number>) =>
        Effect.gen(function*() {
          const count = yield* Ref.make(0)
          const layer = scripted((number) =>
            Effect.as(Ref.set(count, number), answers[Math.min(number, answers.length) - 1] ?? 500)
          )
          const fiber = yield* Changes.follow("zoo", { retry: Schedule.recurs(20) }).pipe(
            Stream.runDrain,
            Effect.flip,
            Effect.provide(layer),
            Effect.fork
          )
          return [(yield* passing(fiber))._tag, yield* Ref.get(count)] as const
        })
      assert.deepStrictEqual(yield* requests([401]), ["UnauthorizedError", 1])
      assert.deepStrictEqual(yield* requests([row("1-x", "a"), 401]), ["UnauthorizedError", 3])
      assert.deepStrictEqual(
        yield* requests([row("1-x", "a"), 401, row("2-x", "b"), 401, row("3-x", "c"), 401]),
        ["UnauthorizedError", 7]
      )
    }))

  it.effect("if a line is never a change, as its schedule says", () =>
    Effect.gen(function*() {
      const layer = scripted(() => Effect.succeed("{\"ok\":true}\n"))
      const error = yield* Changes.follow("zoo", { retry: Schedule.recurs(2) }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.provide(layer)
      )
      assert.strictEqual(error._tag, "UnexpectedResponseError")
    }))

  it.effect("not with a checkpoint on a server in trouble, whose place is saved later", () =>
    Effect.gen(function*() {
      const on = yield* world()
      const busy = new CouchError.ServerError({
        method: "PUT",
        path: "/zoo/_local/x",
        status: 503,
        error: "busy",
        reason: "starting",
        database: "zoo",
        id: "_local/x"
      })
      let trouble = 3
      const kept = yield* Changes.inMemory
      const failing = <A>(effect: Effect.Effect<A>) =>
        Effect.suspend((): Effect.Effect<A, CouchError.ServerError> => trouble-- > 0 ? Effect.fail(busy) : effect)
      const checkpoint: Changes.Checkpoint<CouchError.ServerError> = {
        read: failing(kept.read),
        write: (place) => failing(kept.write(place))
      }
      yield* on.write("a", "b", "c")
      const fiber = yield* Changes.follow("zoo", { checkpoint, checkpointEvery: 0 }).pipe(
        until(["a", "b", "c", "d"]),
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* TestClock.adjust("1 minute")
      // The checkpoint cannot be saved for a while again.
      trouble = 3
      yield* on.write("d")
      yield* passing(fiber)
      assert.isTrue(Option.isSome(yield* kept.read))
    }))

  it.effect("with the error of its checkpoint", () =>
    Effect.gen(function*() {
      const layer = scripted((number) => Effect.succeed(row(`${number}-x`, "a")))
      const checkpoint: Changes.Checkpoint<string> = { read: Effect.succeedNone, write: () => Effect.fail("full") }
      const fiber = yield* Changes.follow("zoo", { checkpoint }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.provide(layer),
        Effect.fork
      )
      assert.strictEqual(yield* passing(fiber), "full")
    }))
})

describe("documents that do not decode", () => {
  const bad = { _id: "bad", _rev: "1-967a00dff5e02add41819138abb3284d", n: "many" }
  const good = (id: string) => ({ _id: id, _rev: "1-967a00dff5e02add41819138abb3284d", n: 1 })
  const layer = scripted((number) =>
    Effect.succeed(
      number === 1
        ? row("1-x", "a", good("a")) + row("2-x", "bad", bad) + row("3-x", "b", good("b"))
        : row("4-x", "c", good("c"))
    )
  )

  it.effect("fail a follower after the changes before them, and again when it resumes", () =>
    Effect.gen(function*() {
      const checkpoint = yield* Changes.inMemory
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      for (const before of [["a"], ["a", "a"]]) {
        const error = yield* Changes.follow(zoo, { checkpoint }).pipe(
          Stream.runForEach((change) => Ref.update(seen, (ids) => [...ids, ...idsOf([change])])),
          Effect.flip,
          Effect.provide(layer)
        )
        assert.strictEqual(error._tag, "DecodeError")
        assert.deepStrictEqual(yield* Ref.get(seen), before)
      }
      assert.deepStrictEqual(yield* checkpoint.read, Option.none())
    }))

  it.effect("are a Left, are skipped and counted, or are passed to the handler", () =>
    Effect.gen(function*() {
      const both = yield* Changes.followEither(zoo).pipe(Stream.take(3), Stream.runCollect, Effect.provide(layer))
      assert.deepStrictEqual(Chunk.toReadonlyArray(both).map(Either.isRight), [true, false, true])
      const { count } = yield* Metric.value(Changes.skipped)
      const valid = yield* Changes.followValid(zoo).pipe(Stream.take(2), Stream.runCollect, Effect.provide(layer))
      assert.deepStrictEqual(idsOf(valid), ["a", "b"])
      assert.isAbove((yield* Metric.value(Changes.skipped)).count, count)
      const put = yield* Ref.make<ReadonlyArray<string>>([])
      const stopped = yield* Changes.process(
        zoo,
        (changes) => idsOf(changes).includes("c") ? Effect.fail("enough") : Effect.void,
        { onInvalid: (error) => Ref.update(put, (ids) => [...ids, error.id]), retry: Schedule.forever }
      ).pipe(Effect.flip, Effect.provide(layer))
      assert.strictEqual(stopped, "enough")
      assert.deepStrictEqual(yield* Ref.get(put), ["bad"])
      const failed = yield* Effect.flip(Changes.process(zoo, () => Effect.void)).pipe(Effect.provide(layer))
      assert.instanceOf(failed, CouchError.DecodeError)
    }))
})

describe("a checkpoint", () => {
  it.effect("moves past a batch only when the next one is pulled", () =>
    Effect.gen(function*() {
      const checkpoint = yield* Changes.inMemory
      const layer = scripted((number) => Effect.succeed(row(`${number}-x`, `doc${number}`)))
      const places = yield* Changes.follow("zoo", { checkpoint, checkpointEvery: 0, retry: Schedule.forever }).pipe(
        Stream.mapEffect(() => checkpoint.read),
        Stream.take(3),
        Stream.runCollect,
        Effect.provide(layer)
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(places), [Option.none(), Option.some("1-x"), Option.some("2-x")])
      assert.deepStrictEqual(yield* checkpoint.read, Option.some("2-x"))
    }))

  it.effect("is written at its interval, after idle heartbeats, and when the stream ends", () =>
    Effect.gen(function*() {
      const written = yield* Ref.make<ReadonlyArray<string>>([])
      const on = yield* world()
      const checkpoint: Changes.Checkpoint = {
        read: Effect.succeedNone,
        write: (place) => Ref.update(written, (places) => [...places, place])
      }
      const fiber = yield* Changes.follow(zoo, { checkpoint, checkpointEvery: "1 minute", heartbeat: "10 seconds" })
        .pipe(
          Stream.runDrain,
          Effect.provide(on.layer),
          Effect.fork
        )
      const after = (time: Duration.DurationInput) =>
        Effect.zipRight(TestClock.adjust(time), Effect.map(Ref.get(written), (places) => places.length))
      yield* TestClock.adjust("1 second")
      yield* on.write("a")
      assert.strictEqual(yield* after("1 second"), 1)
      yield* on.write("b")
      assert.strictEqual(yield* after("1 second"), 1)
      yield* on.write("c")
      assert.strictEqual(yield* after("40 seconds"), 1)
      assert.strictEqual(yield* after("40 seconds"), 2)
      yield* on.write("d")
      assert.strictEqual(yield* after("1 second"), 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* Ref.get(written)).length, 3)
    }))

  it.effect("that hangs does not hold up the end for ever", () =>
    Effect.gen(function*() {
      const on = yield* world()
      yield* on.write("a")
      const checkpoint: Changes.Checkpoint = { read: Effect.succeedNone, write: () => Effect.never }
      const fiber = yield* Changes.follow(zoo, { checkpoint }).pipe(
        Stream.runDrain,
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* TestClock.adjust("1 minute")
      const left = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("4999 millis")
      assert.isNull(left.unsafePoll())
      yield* TestClock.adjust("1 millis")
      yield* TestClock.adjust(0)
      assert.isNotNull(left.unsafePoll())
      assert.strictEqual(yield* on.open, 0)
    }))

  it.effect("in a KeyValueStore and in a local document is found by the next follower", () =>
    Effect.gen(function*() {
      const on = yield* world()
      const found = <E, R>(checkpoint: Changes.Checkpoint<E, R>, id: string) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* checkpoint.read, Option.none())
          const { lastSequence } = yield* Changes.fetch("zoo")
          yield* checkpoint.write("1-x")
          yield* checkpoint.write(lastSequence)
          assert.deepStrictEqual(yield* checkpoint.read, Option.some(lastSequence))
          const fiber = yield* Effect.fork(Changes.follow(zoo, { checkpoint }).pipe(Stream.take(1), Stream.runCollect))
          yield* TestClock.adjust("1 second")
          yield* on.write(id)
          assert.deepStrictEqual(idsOf(yield* passing(fiber)), [id])
        }).pipe(Effect.provide(Layer.merge(on.layer, KeyValueStore.layerMemory)))
      yield* on.write("a", "b")
      yield* found(Changes.inLocalDocument("zoo", "here"), "c")
      yield* found(Changes.inKeyValueStore("there"), "d")
    }))

  it.effect("reports that its database was deleted meanwhile", () =>
    Effect.gen(function*() {
      const on = yield* world()
      const checkpoint = yield* Changes.inMemory
      yield* checkpoint.write((yield* Effect.provide(Changes.fetch("zoo"), on.layer)).lastSequence)
      yield* Effect.provide(Database.delete("zoo"), on.layer)
      const end = yield* Changes.process("zoo", () => Effect.void, { checkpoint }).pipe(Effect.provide(on.layer))
      assert.strictEqual(end._tag, "DatabaseGone")
      const last = yield* Changes.follow("zoo", { checkpoint: Changes.inLocalDocument("zoo", "x") }).pipe(
        Stream.runCollect,
        Effect.flip,
        Effect.provide(on.layer)
      )
      assert.strictEqual(last._tag, "NotFoundError")
    }))
})

describe("interrupted", () => {
  it.effect("at any step, a follower leaves no request open, and the next one leaves nothing out", () =>
    Effect.gen(function*() {
      const on = yield* world([{ fault: Fault.Truncated({ after: 500 }), chance: 0.3 }])
      yield* on.write(...all)
      for (let steps = 0; steps < 120; steps += sample(11, 1 + steps % 5)) {
        const done = yield* Ref.make<ReadonlySet<string>>(new Set())
        const memory = yield* Changes.inMemory
        const early = yield* Ref.make<ReadonlyArray<string>>([])
        const checkpoint: Changes.Checkpoint<CouchError.CouchError, CouchHttp.CouchHttp> = {
          read: memory.read,
          // What a checkpoint is behind must be done.
          write: (place) =>
            Effect.gen(function*() {
              const { changes } = yield* Effect.provide(Changes.fetch("zoo", { since: place }), on.direct)
              const behind = new Set(idsOf(changes))
              const processed = yield* Ref.get(done)
              yield* Ref.update(early, (ids) => [
                ...ids,
                ...all.filter((id) => !behind.has(id) && !processed.has(id))
              ])
              yield* memory.write(place)
            })
        }
        const processing = Changes.process(
          zoo,
          (changes) =>
            Effect.zipRight(
              Effect.yieldNow(),
              Ref.update(done, (ids) => new Set([...ids, ...idsOf(changes)]))
            ),
          { checkpoint, checkpointEvery: 0 }
        )
        const first = yield* Effect.fork(Effect.provide(processing, on.layer))
        yield* Effect.repeatN(Effect.yieldNow(), steps)
        yield* Fiber.interrupt(first)
        assert.strictEqual(yield* on.open, 0)
        const second = yield* Effect.fork(Effect.provide(processing, on.layer))
        const waited = yield* Effect.fork(
          Effect.repeat(Effect.delay(Ref.get(done), "1 second"), { until: (ids) => ids.size === all.length })
        )
        yield* passing(waited)
        yield* Fiber.interrupt(second)
        assert.strictEqual(yield* on.open, 0)
        assert.deepStrictEqual(yield* Ref.get(early), [])
      }
    }))

  it.scoped("a pull that is interrupted and made again leaves nothing out", () =>
    Effect.gen(function*() {
      const on = yield* world()
      yield* on.write(...early)
      for (let steps = 0; steps < 60; steps++) {
        const checkpoint = yield* Changes.inMemory
        yield* Effect.scoped(Effect.gen(function*() {
          const pull = yield* Stream.toPull(Changes.follow(zoo, { checkpoint, checkpointEvery: 0 }))
          const first = yield* Effect.fork(pull)
          yield* Effect.repeatN(Effect.yieldNow(), steps)
          const exit = yield* Fiber.interrupt(first)
          const seen = exit._tag === "Success" ? Array.from(idsOf(exit.value)) : []
          while (new Set(seen).size < early.length) {
            seen.push(...idsOf(yield* passing(yield* Effect.fork(pull))))
          }
          assert.deepStrictEqual(unique(seen), early)
        })).pipe(Effect.provide(on.layer))
        assert.strictEqual(yield* on.open, 0)
      }
    }))

  it.effect("by a failure of the program at any change, everything is processed at least once in the end", () =>
    Effect.gen(function*() {
      for (const every of [1, 2, 3, 5]) {
        const on = yield* world([{ fault: Fault.Truncated({ after: 400 }), chance: 0.5 }])
        yield* on.write(...early)
        const checkpoint = yield* Changes.inMemory
        const done = yield* Ref.make<ReadonlyArray<string>>([])
        const calls = yield* Ref.make(0)
        const fiber = yield* Changes.process(
          zoo,
          (changes) =>
            Effect.gen(function*() {
              if ((yield* Ref.updateAndGet(calls, (n) => n + 1)) % every !== 0) return yield* Effect.fail("bad luck")
              yield* Ref.update(done, (ids) => [...ids, ...idsOf(changes)])
            }),
          { checkpoint, checkpointEvery: 0 }
        ).pipe(
          Effect.retry({ while: (error) => error === "bad luck" }),
          Effect.provide(on.layer),
          Effect.fork
        )
        yield* on.write(...late)
        const waited = yield* Effect.fork(
          Effect.repeat(Effect.delay(Ref.get(done), "1 second"), { until: (ids) => new Set(ids).size === all.length })
        )
        yield* passing(waited)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(unique(yield* Ref.get(done)), all)
      }
    }))
})

// At the end, since the runner of a layer takes the place of the file's own.
const admin = { username: "admin", password: Redacted.make("password") }

run({
  name: "embedded, with JavaScript",
  live: true,
  layer: CouchHttp.layer({ url: "http://embedded", auth: Auth.basic(admin.username, admin.password) }).pipe(
    Layer.provide(EmbeddedCouch.layer({ admin, interpreter: JavaScript.make() }))
  )
}, { changesByFunctions })
if (process.env["COUCHDB_URL"] !== undefined) run(real("fetch", fetchTransport), { changesByFunctions })
