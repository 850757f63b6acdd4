import { assert, describe, it } from "@effect/vitest"
import { Changes, Collection, CouchError, CouchHttp, Database, Document, Server, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { sample } from "../support/deep.js"
import { type Line, logged } from "../support/logged.js"
import { adjustUntil, adjustUntilDone } from "../support/passing.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

/**
 * What is between the program and the server.
 *
 * - `open`: everything goes through at once
 * - `buffers`: a response goes through when it has ended, headers and all, as nginx does by default
 * - `buffersBody`: the headers go through at once
 * - `buffersRest`: the first chunk goes through, too
 * - `cuts`: a response that has not ended after 5 seconds is cut, and what was buffered of it is lost
 * - `gives up`: the same, with a page of the proxy
 * - `dead`: nothing goes through, ever
 */
type Between = "open" | "buffers" | "buffersBody" | "buffersRest" | "cuts" | "gives up" | "dead"

const world = (initial: Between) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make()
    const whole = EmbeddedCouch.transport(couch)
    const line = { between: initial }
    const asked: Array<string> = []
    let open = 0
    const transport: Transport.Service = {
      request: (request) => line.between === "dead" ? Effect.never : whole.request(request),
      stream: (request) =>
        Effect.gen(function*() {
          const { between } = line
          asked.push(/feed=(\w+)/.exec(request.path)?.[1] ?? "normal")
          yield* Effect.acquireRelease(Effect.sync(() => open++), () => Effect.sync(() => open--))
          if (between === "dead") return yield* Effect.never
          const response = yield* whole.stream(request)
          if (between === "open") return response
          if (between === "cuts" || between === "gives up") {
            const { method, path } = request
            const cut = new CouchError.TransportError({ method, path, reason: "Body", description: "cut" })
            const whole = Effect.timeoutFail(Stream.runCollect(response.body), {
              duration: "5 seconds",
              onTimeout: () => cut
            })
            return between === "cuts"
              ? { ...response, body: Stream.unwrap(Effect.map(whole, Stream.fromChunk)) }
              : yield* Effect.match(whole, {
                onFailure: () => ({
                  status: 504,
                  headers: { "content-type": "text/html", server: "nginx" },
                  body: Stream.make(new TextEncoder().encode("<html>504 Gateway Time-out</html>"))
                }),
                onSuccess: (body) => ({ ...response, body: Stream.fromChunk(body) })
              })
          }
          const collected = Stream.unwrap(Effect.map(Stream.runCollect(response.body), Stream.fromChunk))
          if (between === "buffersBody") return { ...response, body: collected }
          if (between === "buffersRest") {
            const [first, rest] = yield* Stream.peel(response.body, Sink.head<Uint8Array>())
            return {
              ...response,
              body: Stream.concat(
                Stream.fromIterable(Option.toArray(first)),
                Stream.unwrap(Effect.map(Stream.runCollect(rest), Stream.fromChunk))
              )
            }
          }
          const body = yield* Stream.runCollect(response.body)
          return { ...response, body: Stream.fromChunk(body) }
        })
    }
    const layer = (on: Transport.Service) =>
      CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(Layer.succeed(Transport.Transport, on)))
    const direct = layer(whole)
    yield* Effect.provide(Database.create("zoo"), direct)
    return {
      line,
      asked,
      open: () => open,
      direct,
      layer: layer(transport),
      write: (...ids: ReadonlyArray<string>) =>
        Effect.provide(Effect.forEach(ids, (id, n) => Document.create(zoo, id, { n }), { discard: true }), direct)
    }
  })

type World = Effect.Effect.Success<ReturnType<typeof world>>

/** Follows, and collects what it sees. */
const following = <E, R>(feed: Stream.Stream<Changes.Change<unknown> | Changes.DatabaseGone, E, R>) =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(feed, (change) => Effect.sync(() => seen.push("id" in change ? change.id : "gone")))
    )
    return { seen, fiber }
  })

const withholding = (log: ReadonlyArray<Line>) =>
  log.filter(({ level, message }) => level === "WARN" && message.includes("withholds responses"))

const follows = (on: World, options: Changes.FollowOptions = {}) =>
  Effect.provide(following(Changes.follow("zoo", options)), on.layer)

describe("behind a proxy that withholds continuous feeds, a follower", () => {
  for (const between of ["buffers", "buffersBody", "buffersRest"] as const) {
    it.effect(`sees what is there and what comes, and says so once (${between})`, () =>
      logged((log) =>
        Effect.gen(function*() {
          const on = yield* world(between)
          yield* on.write("a", "b")
          const { fiber, seen } = yield* follows(on)
          yield* adjustUntil(() => seen.length === 2)
          for (const id of ["c", "d", "e"]) {
            yield* TestClock.adjust("5 minutes")
            yield* on.write(id)
            yield* adjustUntil(() => seen.includes(id))
          }
          assert.deepStrictEqual(Array.from(new Set(seen)).sort(), ["a", "b", "c", "d", "e"])
          assert.strictEqual(withholding(log).length, 1)
          assert.deepStrictEqual(withholding(log)[0]?.annotations, { database: "zoo", feed: "_changes" })
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(on.open(), 0)
        })
      ))
  }

  for (const between of ["cuts", "gives up"] as const) {
    for (const heartbeat of sample(["7 seconds"] as const, ["2 seconds", "7 seconds", "1 minute"] as const)) {
      it.effect(`sees what comes if the proxy ${between} before a response has ended (heartbeat: ${heartbeat})`, () =>
        logged((log) =>
          Effect.gen(function*() {
            const on = yield* world(between)
            yield* on.write("a", "b")
            const { fiber, seen } = yield* follows(on, { heartbeat })
            yield* adjustUntil(() => seen.length === 2)
            for (const id of ["c", "d", "e"]) {
              yield* TestClock.adjust(sample("1 minute", "5 minutes"))
              yield* on.write(id)
              yield* adjustUntil(() => seen.includes(id))
            }
            assert.deepStrictEqual(Array.from(new Set(seen)).sort(), ["a", "b", "c", "d", "e"])
            assert.strictEqual(withholding(log).length, 1)
            yield* Fiber.interrupt(fiber)
            assert.strictEqual(on.open(), 0)
          })
        ))
    }
  }

  it.effect("asks at most once a heartbeat while nothing happens", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      const { fiber, seen } = yield* follows(on)
      yield* on.write("a")
      yield* adjustUntil(() => seen.includes("a"))
      const before = on.asked.length
      yield* Effect.forEach(Array.from({ length: 120 }), () => TestClock.adjust("10 seconds"))
      assert.isAtMost(on.asked.length - before, 121)
      // Trials come after 1, 3, 7 and 15 minutes.
      assert.isAtMost(on.asked.slice(before).filter((feed) => feed === "continuous").length, 4)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("goes back to a continuous feed when it is let through", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world("buffers")
        yield* on.write("a")
        const { fiber, seen } = yield* follows(on)
        yield* adjustUntil(() => seen.includes("a"))
        on.line.between = "open"
        yield* TestClock.adjust("3 minutes")
        const before = on.asked.length
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(on.asked.length, before)
        assert.strictEqual(on.asked[before - 1], "continuous")
        yield* on.write("b")
        yield* adjustUntil(() => seen.includes("b"))
        assert.deepStrictEqual(
          log.filter(({ level }) => level === "INFO").map(({ message }) => message).slice(-1),
          ["the continuous changes feed works again"]
        )
        yield* Fiber.interrupt(fiber)
      })
    ))

  it.effect("keeps its filter, its checkpoint, and its place from now on", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      yield* on.write("a", "b", "c")
      const checkpoint = yield* Changes.inMemory
      const options: Changes.FollowOptions = {
        since: "now",
        checkpoint,
        checkpointEvery: 0,
        filter: Changes.byIds(["c", "x", "z"])
      }
      const first = yield* follows(on, options)
      yield* TestClock.adjust("2 minutes")
      yield* on.write("x", "y")
      yield* adjustUntil(() => first.seen.includes("x"))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(first.fiber)
      const stored = yield* Effect.flatten(checkpoint.read)
      const { changes } = yield* Effect.provide(Changes.fetch("zoo", { since: stored }), on.direct)
      assert.deepStrictEqual(changes, [])
      const second = yield* follows(on, options)
      yield* on.write("z")
      yield* adjustUntil(() => second.seen.includes("z"))
      assert.deepStrictEqual([first.seen, second.seen], [["x"], ["z"]])
      yield* Fiber.interrupt(second.fiber)
    }))

  it.effect("reads many changes in answers of a bounded size", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      const ids = Array.from({ length: 1_200 }, (_, i) => `doc${i}`)
      yield* on.write(...ids)
      const { fiber, seen } = yield* follows(on)
      yield* adjustUntil(() => seen.length >= ids.length)
      assert.deepStrictEqual(new Set(seen), new Set(ids))
      assert.isAtLeast(on.asked.filter((feed) => feed === "longpoll").length, 3)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("ends where the database is deleted", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      yield* on.write("a")
      const { fiber, seen } = yield* follows(on)
      yield* adjustUntil(() => seen.includes("a"))
      yield* Effect.provide(Database.delete("zoo"), on.direct)
      yield* adjustUntilDone(fiber)
      assert.deepStrictEqual(seen, ["a", "gone"])
    }))

  it.effect("is a follower of _db_updates too", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      const seen: Array<string> = []
      const fiber = yield* Server.followUpdates().pipe(
        Stream.runForEach(({ database }) => Effect.sync(() => seen.push(database))),
        Effect.provide(on.layer),
        Effect.fork
      )
      yield* adjustUntil(() => seen.includes("zoo"))
      yield* Effect.provide(Database.create("aviary"), on.direct)
      yield* adjustUntil(() => seen.includes("aviary"))
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("leaves nothing out and no request open, whenever it is interrupted", () =>
    Effect.gen(function*() {
      for (let seconds = 1; seconds < 80; seconds += sample(18, 6)) {
        const on = yield* world("buffers")
        yield* on.write("a", "b", "c")
        const checkpoint = yield* Changes.inMemory
        const options = { checkpoint, checkpointEvery: 0 }
        const first = yield* follows(on, options)
        yield* TestClock.adjust(`${seconds} seconds`)
        yield* Fiber.interrupt(first.fiber)
        assert.strictEqual(on.open(), 0)
        yield* on.write("d")
        const second = yield* follows(on, options)
        yield* adjustUntil(() => second.seen.includes("d"))
        yield* Fiber.interrupt(second.fiber)
        assert.deepStrictEqual(Array.from(new Set([...first.seen, ...second.seen])).sort(), ["a", "b", "c", "d"])
      }
    }))
})

describe("a server that is dead", () => {
  it.effect("is not taken for a proxy, and is followed by a continuous feed when it is back", () =>
    logged((log) =>
      Effect.gen(function*() {
        const on = yield* world("dead")
        yield* on.write("a")
        const { fiber, seen } = yield* follows(on)
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(withholding(log), [])
        // Silence of half a minute each, and the waits between.
        assert.isBelow(on.asked.length, 121)
        on.line.between = "open"
        yield* adjustUntil(() => seen.includes("a"))
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(on.asked[on.asked.length - 1], "continuous")
        yield* Fiber.interrupt(fiber)
      })
    ))

  it.effect("behind a proxy that withholds: resumes when the server is back", () =>
    Effect.gen(function*() {
      const on = yield* world("buffers")
      yield* on.write("a")
      const { fiber, seen } = yield* follows(on)
      yield* adjustUntil(() => seen.includes("a"))
      on.line.between = "dead"
      yield* TestClock.adjust("30 minutes")
      yield* on.write("b")
      on.line.between = "buffers"
      yield* adjustUntil(() => seen.includes("b"))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(seen, ["a", "b"])
    }))
})

it.effect("long polls that are answered at once and bring nothing are not repeated without a wait", () =>
  Effect.gen(function*() {
    let polls = 0
    const transport: Transport.Service = {
      request: () => Effect.never,
      stream: ({ path }) =>
        path.includes("feed=continuous")
          ? Effect.never
          : Effect.sync(() => ({
            status: 200,
            headers: { server: "CouchDB/3.5.0" },
            // Its sequence is another text each time, as in a cluster.
            body: Stream.make(new TextEncoder().encode(`{"results":[\n\n],\n"last_seq":"1-${++polls}","pending":0}\n`))
          }))
    }
    const fiber = yield* Changes.follow("zoo").pipe(
      Stream.runDrain,
      Effect.provide(
        CouchHttp.layer({ url: "http://hasty" }).pipe(
          Layer.provide(Layer.succeed(Transport.Transport, transport))
        )
      ),
      Effect.fork
    )
    yield* TestClock.adjust("1 minute")
    const before = polls
    yield* TestClock.adjust("10 minutes")
    assert.isAtMost(polls - before, 70)
    assert.isAtLeast(polls - before, 10)
    yield* Fiber.interrupt(fiber)
  }))
