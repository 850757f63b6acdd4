import { assert, describe, it } from "@effect/vitest"
import { Changes, Collection, Conflict, CouchHttp, Database, Merge, Server, Transport } from "effect-couchdb"
import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type Line, logged } from "../support/logged.js"
import { adjustUntil, adjustUntilDone } from "../support/passing.js"

const { Fault } = Faults

/** A database `zoo` over a transport with faults, with a password. */
const world = (rules: ReadonlyArray<Faults.Rule>) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ admin: { username: "ada", password: Redacted.make("s3cret") } })
    const { faults, transport } = yield* Faults.make(EmbeddedCouch.transport(couch), { rules: [] })
    const layer = CouchHttp.layer({ url: "http://ada:s3cret@embedded", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport))
    )
    yield* Effect.provide(Database.create("zoo"), layer)
    yield* faults.use(rules)
    return { faults, layer }
  })

const of = (log: ReadonlyArray<Line>, level: string) => log.filter((line) => line.level === level)

const every = (seconds: number): Schedule.Schedule<unknown> => Schedule.spaced(Duration.seconds(seconds))

describe("a follower says in the log", () => {
  it.effect("that it failed, at most once a minute with a count, and when it works again", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world([{ fault: Fault.Status({ status: 503 }) }])
        const fiber = yield* Changes.follow("zoo", { retry: every(1) }).pipe(
          Stream.runDrain,
          Effect.provide(on.layer),
          Effect.fork
        )
        yield* TestClock.adjust("59 seconds")
        assert.lengthOf(of(log, "WARN"), 1)
        assert.lengthOf(of(log, "DEBUG"), 59)
        const [first] = of(log, "WARN")
        assert.match(
          first?.message ?? "",
          /^the changes feed failed; retrying in 1s \(attempt 1\): GET .*_changes/
        )
        assert.deepStrictEqual(first?.annotations, { database: "zoo", feed: "_changes", error: "ServerError" })
        yield* TestClock.adjust("61 seconds")
        assert.lengthOf(of(log, "WARN"), 3)
        assert.include(of(log, "WARN")[1]?.message, "There were 59 more failures since the last warning.")
        assert.lengthOf(of(log, "INFO"), 0)
        yield* on.faults.use([])
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(of(log, "INFO").map(({ message }) => message), [
          "the changes feed works again after 121 failed attempts"
        ])
        yield* Fiber.interrupt(fiber)
        for (const line of log) assert.notMatch(JSON.stringify(line), /s3cret|YWRhOnMzY3JldA/)
      })
    ))

  it.effect("nothing above Debug while a connection that breaks now and then was warned of within the minute", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world([{ fault: Fault.Truncated({ after: 3 }) }])
        const fiber = yield* Changes.follow("zoo", { heartbeat: "1 second", retry: every(1) }).pipe(
          Stream.runDrain,
          Effect.provide(on.layer),
          Effect.fork
        )
        yield* TestClock.adjust("3 minutes")
        assert.isAtMost(of(log, "WARN").length, 4)
        assert.isAtMost(of(log, "INFO").length, 4)
        yield* Fiber.interrupt(fiber)
      })
    ))

  it.effect("that a checkpoint is not saved", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world([{ fault: Fault.Status({ status: 503 }), method: "PUT" }])
        const fiber = yield* Changes.follow("zoo", {
          since: "now",
          checkpoint: Changes.inLocalDocument("zoo", "here"),
          heartbeat: "1 second"
        }).pipe(Stream.runDrain, Effect.provide(on.layer), Effect.fork)
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.interrupt(fiber)
        assert.match(of(log, "WARN")[0]?.message ?? "", /^the checkpoint of the changes feed was not saved/)
      })
    ))

  it.effect("what the feed of the server, and a watch, fail with", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world([{ fault: Fault.Status({ status: 503 }) }])
        const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
        const updates = yield* Effect.fork(Stream.runDrain(Server.followUpdates()).pipe(Effect.provide(on.layer)))
        const watch = yield* Effect.fork(
          Stream.runDrain(Conflict.watch(zoo, Merge.make(zoo))).pipe(Effect.provide(on.layer))
        )
        yield* adjustUntil(() => of(log, "WARN").length === 2)
        assert.deepStrictEqual(
          of(log, "WARN").map(({ annotations }) => annotations),
          [
            { feed: "_db_updates", error: "ServerError" },
            { database: "zoo", feed: "_changes", error: "ServerError" }
          ]
        )
        yield* Fiber.interruptAll([updates, watch])
      })
    ))
})

describe("onReconnect", () => {
  it.effect("is run with the error, the attempt and the wait, before the wait", () =>
    Effect.gen(function*() {
      const on = yield* world([{ fault: Fault.Status({ status: 429, retryAfter: "7 seconds" }), times: 3 }])
      const calls: Array<Changes.Reconnect> = []
      const fiber = yield* Changes.follow("zoo", {
        retry: every(5),
        onReconnect: (reconnect) => Effect.sync(() => calls.push(reconnect))
      }).pipe(Stream.runDrain, Effect.provide(on.layer), Effect.fork)
      yield* TestClock.adjust("6999 millis")
      assert.lengthOf(calls, 1)
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(calls, 2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        calls.map(({ attempt, delay, error }) => [error._tag, attempt, Duration.toMillis(delay)]),
        [1, 2, 3].map((attempt) => ["TooManyRequestsError", attempt, 7_000])
      )
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("counts from one once the feed worked again", () =>
    Effect.gen(function*() {
      const on = yield* world([{ fault: Fault.Status({ status: 503 }), times: 2 }])
      const attempts: Array<number> = []
      const fiber = yield* Changes.follow("zoo", {
        heartbeat: "1 second",
        onReconnect: ({ attempt }) => Effect.sync(() => attempts.push(attempt))
      }).pipe(Stream.runDrain, Effect.provide(on.layer), Effect.fork)
      yield* TestClock.adjust("1 minute")
      yield* on.faults.use([{ fault: Fault.Status({ status: 503 }), times: 1 }])
      // The server ends the feed, so that there is a next request.
      yield* Effect.provide(Database.delete("zoo"), on.layer).pipe(Effect.retry({ times: 1 }))
      yield* adjustUntilDone(fiber)
      assert.strictEqual(attempts[2], 1)
    }))

  it.effect("ends the follower with its error, and may ask for services", () =>
    Effect.gen(function*() {
      class Pager extends Context.Tag("Pager")<Pager, { readonly page: Effect.Effect<void, "paged"> }>() {}
      const on = yield* world([{ fault: Fault.Status({ status: 503 }) }])
      const fiber = yield* Changes.follow("zoo", {
        onReconnect: ({ attempt }) => attempt < 4 ? Effect.void : Effect.flatMap(Pager, ({ page }) => page)
      }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.provideService(Pager, { page: Effect.fail("paged" as const) }),
        Effect.provide(on.layer),
        Effect.fork
      )
      assert.strictEqual(yield* adjustUntilDone(fiber), "paged")
      assert.lengthOf(yield* on.faults.injected, 4)
    }))
})
