import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as Watchers from "../../src/storage/watchers.js"
import { client } from "../client.js"

const decoder = new TextDecoder()

const feedOf = (couch: EmbeddedCouch.Service) => (path: string, headers: Record<string, string> = {}) =>
  Effect.map(
    couch.stream({ method: "GET", origin: "http://embedded", path, headers }),
    ({ body, status }) => ({ status, lines: Stream.map(body, (bytes) => decoder.decode(bytes)) })
  )

const setup = Effect.gen(function*() {
  const couch = yield* EmbeddedCouch.make()
  const send = client(couch)
  yield* send("PUT", "/db")
  return { couch, send, feed: feedOf(couch) }
})

/** Reads a feed in the background, and records the time of each chunk. */
const collect = (lines: Stream.Stream<string, unknown>) =>
  Effect.gen(function*() {
    const seen = yield* Queue.unbounded<readonly [number, string]>()
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(lines, (text) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => Queue.offer(seen, [now / 1000, text])))
    )
    return {
      fiber,
      seen: Effect.map(Queue.takeAll(seen), (all) =>
        Chunk.toReadonlyArray(all))
    }
  })

const withoutSeq = (text: string) => text.replace(/"\d+-[A-Za-z0-9_=-]{40,}"/g, "SEQ")

const empty = "1-967a00dff5e02add41819138abb3284d"

describe("_changes", () => {
  it.scoped("sends heartbeats at exactly the given interval", () =>
    Effect.gen(function*() {
      const { feed } = yield* setup
      const { lines } = yield* feed("/db/_changes?feed=continuous&heartbeat=60000")
      const { seen } = yield* collect(lines)
      yield* TestClock.adjust("59 seconds")
      expect(yield* seen).toEqual([[0, "\n"]])
      yield* TestClock.adjust("4 minutes")
      expect(yield* seen).toEqual([[60, "\n"], [120, "\n"], [180, "\n"], [240, "\n"]])
    }))

  it.scoped("sends changes as they happen", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      yield* send("PUT", "/db/a", { body: {} })
      const { lines, status } = yield* feed("/db/_changes?feed=continuous&heartbeat=60000")
      const { seen } = yield* collect(lines)
      yield* TestClock.adjust("30 seconds")
      yield* send("PUT", "/db/b", { body: {} })
      // Any change restarts the heartbeat interval.
      yield* TestClock.adjust("45 seconds")
      expect(status).toBe(200)
      const row = (id: string) => `{"seq":SEQ,"id":"${id}","changes":[{"rev":"${empty}"}]}\n`
      expect((yield* seen).map(([at, text]) => [at, withoutSeq(text)])).toEqual([
        [0, row("a")],
        [30, "\n"],
        [30, row("b")]
      ])
      yield* TestClock.adjust("15 seconds")
      expect(yield* seen).toEqual([[90, "\n"]])
    }))

  it.scoped("ends after the timeout without changes, at most after a minute", () =>
    Effect.gen(function*() {
      const { feed } = yield* setup
      const short = yield* collect((yield* feed("/db/_changes?feed=continuous&timeout=500")).lines)
      const long = yield* collect((yield* feed("/db/_changes?feed=longpoll&timeout=3600000")).lines)
      yield* TestClock.adjust("1 hour")
      expect((yield* short.seen).map(([at, text]) => [at, withoutSeq(text)])).toEqual([
        [0, "\n"],
        [0.5, "{\"last_seq\":SEQ,\"pending\":0}\n\n"]
      ])
      expect((yield* long.seen).map(([at, text]) => [at, withoutSeq(text)])).toEqual([
        [0, "{\"results\":[\n"],
        [0, "\n"],
        [60, "\n],\n\"last_seq\":SEQ,\"pending\":0}\n\n"]
      ])
      expect(yield* Fiber.join(short.fiber)).toBeUndefined()
    }))

  it.scoped("wakes a long poll with the first change, once", () =>
    Effect.gen(function*() {
      const { send } = yield* setup
      const waiting = yield* Effect.fork(send("GET", "/db/_changes?feed=longpoll&since=now&timeout=5000"))
      yield* TestClock.adjust("2 seconds")
      yield* send("POST", "/db/_bulk_docs", { body: { docs: [{ _id: "a" }, { _id: "b" }] } })
      const reply = yield* Fiber.join(waiting)
      expect(reply.json).toMatchObject({ results: [{ id: expect.any(String) }, {}], pending: 0 })
      const more = yield* send("GET", "/db/_changes?feed=longpoll&limit=1&since=0")
      expect(more.json).toMatchObject({ results: [{}], pending: 1 })
    }))

  it.scoped("applies a filter", () =>
    Effect.gen(function*() {
      const { send } = yield* setup
      const waiting = yield* Effect.fork(
        send("POST", "/db/_changes?feed=longpoll&filter=_doc_ids", { body: { doc_ids: ["b"] } })
      )
      yield* TestClock.adjust("1 seconds")
      yield* send("PUT", "/db/a", { body: {} })
      yield* TestClock.adjust("1 seconds")
      yield* send("PUT", "/db/b", { body: {} })
      expect((yield* Fiber.join(waiting)).json).toMatchObject({ results: [{ id: "b" }] })
    }))

  it.scoped("sends events for EventSource, and resumes after the last event", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      yield* send("PUT", "/db/a", { body: {} })
      const first = yield* collect((yield* feed("/db/_changes?feed=eventsource&heartbeat=1000")).lines)
      yield* TestClock.adjust("1 seconds")
      const texts = (yield* first.seen).map(([, text]) => text)
      expect(texts.map(withoutSeq)).toEqual([
        `data: {"seq":SEQ,"id":"a","changes":[{"rev":"${empty}"}]}\nid: SEQ\n\n`,
        "event: heartbeat\ndata: \n\n"
      ])
      const id = /\nid: "([^"]+)"/.exec(texts[0] ?? "")?.[1] ?? ""
      const again = yield* collect(
        (yield* feed("/db/_changes?feed=eventsource&timeout=1000", { "last-event-id": id })).lines
      )
      yield* TestClock.adjust("1 seconds")
      expect((yield* again.seen).map(([, text]) => text)).toEqual(["\n"])
    }))

  it.scoped("stops at its limit, and at the end if it is descending", () =>
    Effect.gen(function*() {
      const { send } = yield* setup
      for (const id of ["a", "b", "c"]) yield* send("PUT", `/db/${id}`, { body: {} })
      const limited = yield* send("GET", "/db/_changes?feed=continuous&limit=2")
      expect(limited.text.match(/"id"/g)).toHaveLength(2)
      expect(limited.text).toMatch(/"pending":1\}\n\n$/)
      const backwards = yield* send("GET", "/db/_changes?feed=continuous&descending=true&heartbeat=1000")
      expect(backwards.text.match(/"id"/g)).toHaveLength(3)
    }))

  it.scoped("waits if a long poll has limit 0", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      yield* send("PUT", "/db/a", { body: {} })
      const { seen } = yield* collect((yield* feed("/db/_changes?feed=longpoll&limit=0&timeout=1000")).lines)
      yield* TestClock.adjust("500 millis")
      yield* send("PUT", "/db/b", { body: {} })
      yield* TestClock.adjust("1 seconds")
      expect((yield* seen).map(([at, text]) => [at, withoutSeq(text)])).toEqual([
        [0, "{\"results\":[\n"],
        [0, "\n"],
        [0.5, "\n"],
        [1.5, "\n],\n\"last_seq\":SEQ,\"pending\":2}\n\n"]
      ])
    }))

  it.scoped("ends when its database is deleted", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      const { fiber, seen } = yield* collect((yield* feed("/db/_changes?feed=continuous&heartbeat=1000")).lines)
      yield* TestClock.adjust("1 millis")
      yield* send("DELETE", "/db")
      yield* Fiber.join(fiber)
      expect((yield* seen).map(([, text]) => withoutSeq(text))).toEqual(["\n", "{\"last_seq\":SEQ,\"pending\":0}\n\n"])
    }))

  it.effect("closes with its scope", () =>
    Effect.gen(function*() {
      const { feed } = yield* setup
      const scope = yield* Scope.make()
      const { lines } = yield* Scope.extend(feed("/db/_changes?feed=continuous&heartbeat=1000"), scope)
      const fiber = yield* Effect.fork(Stream.runCollect(lines))
      yield* TestClock.adjust("2 seconds")
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TransportError", reason: "Body" })
    }))

  it.scoped("reads no faster than the client", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      const docs = Array.from({ length: 1000 }, (_, i) => ({ _id: `d${i}` }))
      yield* send("POST", "/db/_bulk_docs", { body: { docs } })
      const { lines } = yield* feed("/db/_changes?feed=continuous&heartbeat=1000")
      const first = yield* Effect.flatten(Stream.runHead(lines))
      // Only one batch was read, because nobody asked for the next.
      expect(first.match(/\n/g)).toHaveLength(200)
    }))

  it.effect("rejects invalid parameters", () =>
    Effect.gen(function*() {
      const { send } = yield* setup
      const answers: Array<readonly [number, unknown]> = []
      for (const query of ["heartbeat=x", "heartbeat=0", "timeout=x", "feed=x", "filter=_x", "filter=a"]) {
        const reply = yield* send("GET", `/db/_changes?${query}`)
        answers.push([reply.status, reply.json])
      }
      expect(answers).toMatchObject([
        [400, { reason: "Invalid heartbeat value. Expecting a positive integer value (in milliseconds)." }],
        [400, { reason: "The heartbeat value should be a positive integer (in milliseconds)." }],
        [500, { reason: "badarg" }],
        [400, { reason: "Supported `feed` types: normal, continuous, live, longpoll, eventsource" }],
        [400, { reason: "unknown builtin filter name" }],
        [400, { reason: "`filter` must be of the form `designname/filtername`" }]
      ])
    }))
})

describe("Watchers", () => {
  it.effect("keep no callback of an interrupted wait", () =>
    Effect.gen(function*() {
      const watchers = Watchers.make()
      const fiber = yield* Effect.fork(Watchers.next(watchers, () => false))
      const other = yield* Effect.fork(Watchers.next(watchers, () => false))
      yield* Effect.yieldNow()
      expect(watchers.waiting.size).toBe(2)
      yield* Fiber.interrupt(fiber)
      Watchers.wake(watchers)
      yield* Fiber.join(other)
      expect(watchers.waiting.size).toBe(0)
    }))
})

describe("_db_updates", () => {
  it.scoped("reports created, updated and deleted databases", () =>
    Effect.gen(function*() {
      const { feed, send } = yield* setup
      const { seen } = yield* collect((yield* feed("/_db_updates?feed=continuous&heartbeat=30000")).lines)
      yield* TestClock.adjust("10 seconds")
      yield* send("PUT", "/db/a", { body: {} })
      yield* TestClock.adjust("10 seconds")
      yield* send("DELETE", "/db")
      yield* TestClock.adjust("30 seconds")
      const row = (type: string) => `{"db_name":"db","type":"${type}","seq":SEQ}\n`
      expect((yield* seen).map(([at, text]) => [at, withoutSeq(text)])).toEqual([
        [0, row("created")],
        [10, row("updated")],
        [20, row("deleted")],
        [50, "\n"]
      ])
    }))

  it.scoped("lists the latest event of each kind, and resumes from a sequence", () =>
    Effect.gen(function*() {
      const { send } = yield* setup
      yield* send("PUT", "/db/a", { body: {} })
      yield* send("PUT", "/db/b", { body: {} })
      const all = yield* send("GET", "/_db_updates")
      expect(all.json).toMatchObject({
        results: [{ db_name: "db", type: "created" }, { db_name: "db", type: "updated" }]
      })
      const since = /"last_seq":"([^"]+)"/.exec(all.text)?.[1] ?? ""
      const waiting = yield* Effect.fork(send("GET", `/_db_updates?feed=longpoll&since=${since}`))
      yield* TestClock.adjust("1 seconds")
      yield* send("PUT", "/other")
      expect((yield* Fiber.join(waiting)).json).toMatchObject({ results: [{ db_name: "other", type: "created" }] })
      expect((yield* send("GET", "/_db_updates?since=nonsense")).status).toBe(400)
    }))
})
