import { assert, describe, it } from "@effect/vitest"
import { Changes, Collection, CouchHttp, Database, Document, Replication, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { logged } from "../support/logged.js"
import { proxyPage, substitute, withSubstitutes } from "../support/outages.js"
import { adjustUntil, adjustUntilDone } from "../support/passing.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

type Answer = Parameters<typeof withSubstitutes>[1]

/** Two databases, and what is answered instead by the server of the source, and by that of the target. */
const world = (source: Answer, target: Answer = () => undefined) =>
  Effect.gen(function*() {
    const side = (answer: Answer) =>
      Effect.gen(function*() {
        const plain = EmbeddedCouch.transport(yield* EmbeddedCouch.make())
        const make = (transport: Transport.Service) =>
          Effect.provideService(
            CouchHttp.make({ url: "http://embedded", retry: "none" }),
            Transport.Transport,
            transport
          )
        const direct = yield* make(plain)
        yield* Effect.provideService(Database.create("zoo"), CouchHttp.CouchHttp, direct)
        const write = (id: string) =>
          Effect.provideService(Document.create(zoo, id, { n: 1 }), CouchHttp.CouchHttp, direct)
        const ids = Effect.provideService(Changes.fetch("zoo"), CouchHttp.CouchHttp, direct).pipe(
          Effect.map(({ changes }) => changes.map(({ id }) => id).sort())
        )
        return { endpoint: { couch: yield* make(withSubstitutes(plain, answer)), database: "zoo" }, write, ids }
      })
    return { source: yield* side(source), target: yield* side(target) }
  })

type World = Effect.Effect.Success<ReturnType<typeof world>>

const live = <E = never, R = never>({ source, target }: World, options: Replication.Options<E, R> = {}) =>
  Stream.runDrain(Replication.replicate(source.endpoint, target.endpoint, { live: true, ...options }))

/** Replicates live until the target has these. */
const arrives = (on: World, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    let arrived: ReadonlyArray<string> = []
    for (let i = 0; i < 600 && arrived.length < ids.length; i++) {
      yield* TestClock.adjust("1 second")
      arrived = yield* on.target.ids
    }
    assert.deepStrictEqual(arrived, ids)
  })

const own = { error: "unknown_error", reason: "something is wrong" }

describe("a live replication outlives", () => {
  const answers: ReadonlyArray<readonly [string, Transport.BufferedResponse]> = [
    ...[408, 425, 429, 500, 502, 503, 504, 520, 524, 527, 530].map((status) =>
      [`${status}`, substitute(status, own)] as const
    ),
    ...[200, 302, 404, 502, 504, 524].map((status) =>
      [`the page of a proxy with ${status}`, proxyPage(status)] as const
    )
  ]
  for (const [name, response] of answers) {
    it.scoped(`${name}, at its start and at any request of either side`, () =>
      Effect.gen(function*() {
        const on = yield* world(
          (_, number) => number % 3 === 1 ? response : undefined,
          (_, number) => number % 4 === 1 ? response : undefined
        )
        yield* on.source.write("a")
        const fiber = yield* Effect.fork(live(on))
        yield* arrives(on, ["a"])
        yield* on.source.write("b")
        yield* arrives(on, ["a", "b"])
        assert.isNull(fiber.unsafePoll())
        yield* Fiber.interrupt(fiber)
      }))
  }

  it.scoped("a connection that dies while the server holds a long poll back", () =>
    Effect.gen(function*() {
      const on = yield* world(() => undefined)
      let dead = false
      const { couch } = on.source.endpoint
      const dying: CouchHttp.Service = {
        ...couch,
        stream: (request) =>
          Effect.map(couch.stream(request), (response) => ({
            ...response,
            body: dead ? Stream.concat(Stream.take(response.body, 1), Stream.never) : response.body
          }))
      }
      const source = { ...on.source, endpoint: { couch: dying, database: "zoo" } }
      const fiber = yield* Effect.fork(live({ ...on, source }))
      yield* TestClock.adjust("10 seconds")
      dead = true
      yield* TestClock.adjust("30 seconds")
      yield* on.source.write("a")
      dead = false
      yield* arrives(on, ["a"])
      yield* Fiber.interrupt(fiber)
    }))
})

describe("a live replication", () => {
  it.scoped("waits as long as Retry-After asks for, and as its own schedule says", () =>
    Effect.gen(function*() {
      const on = yield* world((_, number) => number === 1 ? proxyPage(503, { "retry-after": "90" }) : undefined)
      yield* on.source.write("a")
      const fiber = yield* Effect.fork(live(on, { retry: Schedule.spaced("1 second") }))
      yield* TestClock.adjust("89 seconds")
      assert.deepStrictEqual(yield* on.target.ids, [])
      yield* arrives(on, ["a"])
      yield* Fiber.interrupt(fiber)
      const ends = yield* world(() => substitute(503, own))
      const ended = yield* Effect.fork(Effect.flip(live(ends, { retry: Schedule.recurs(3) })))
      assert.strictEqual((yield* adjustUntilDone(ended))._tag, "ServerError")
    }))

  it.scoped("warns at most once a minute, logs when it works again, and runs onReconnect", () =>
    logged((log) =>
      Effect.gen(function*() {
        let trouble = true
        const calls: Array<readonly [string, number, number]> = []
        const on = yield* world(() => trouble ? substitute(524, own) : undefined)
        const fiber = yield* Effect.fork(live(on, {
          retry: Schedule.spaced("1 second"),
          onReconnect: ({ attempt, delay, error }) =>
            Effect.sync(() => calls.push([error._tag, attempt, Duration.toMillis(delay)]))
        }))
        yield* TestClock.adjust("59 seconds")
        const warnings = () => log.filter(({ level }) => level === "WARN")
        assert.lengthOf(warnings(), 1)
        assert.match(warnings()[0]?.message ?? "", /^the replication failed; retrying in 1s \(attempt 1\): /)
        assert.deepStrictEqual(warnings()[0]?.annotations, { source: "zoo", target: "zoo", error: "ServerError" })
        assert.deepStrictEqual(calls.slice(0, 2), [["ServerError", 1, 1_000], ["ServerError", 2, 1_000]])
        trouble = false
        yield* adjustUntil(() =>
          log.some(({ level, message }) => level === "INFO" && message.startsWith("the replication"))
        )
        yield* Fiber.interrupt(fiber)
      })
    ))

  it.scoped("ends when its filter fails ten times in CouchDB's own words, and not without a filter", () =>
    Effect.gen(function*() {
      let asked = 0
      const broken: Answer = ({ path }) =>
        path.includes("_changes") && ++asked > 0
          ? substitute(500, { error: "error", reason: "{<<\"TypeError\">>,[]}" })
          : undefined
      const filtered = yield* world(broken)
      const fiber = yield* Effect.fork(Effect.flip(live(filtered, { filter: Changes.byFunction("d", "f") })))
      const error = yield* adjustUntilDone(fiber)
      assert.strictEqual(error._tag === "ServerError" && error.reason, "{<<\"TypeError\">>,[]}")
      assert.strictEqual(asked, 10)
      const plain = yield* Effect.fork(live(yield* world(broken)))
      yield* TestClock.adjust("1 hour")
      assert.isNull(plain.unsafePoll())
      yield* Fiber.interrupt(plain)
    }))

  it.scoped("does not repeat long polls without a wait that are answered at once and bring nothing", () =>
    Effect.gen(function*() {
      let polls = 0
      const on = yield* world(({ path }) =>
        path.includes("feed=longpoll")
          ? substitute(200, { results: [], last_seq: `9-${++polls}`, pending: 0 }, { server: "CouchDB/3.5.0" })
          : undefined
      )
      const fiber = yield* Effect.fork(live(on))
      yield* TestClock.adjust("10 minutes")
      assert.isAtMost(polls, 80)
      yield* Fiber.interrupt(fiber)
    }))
})

it.scoped("a replication that is not live still fails at once, and as often as its schedule allows", () =>
  Effect.gen(function*() {
    let asked = 0
    const on = yield* world(({ path }) => path.includes("_changes") && ++asked > 0 ? substitute(524, own) : undefined)
    const once = Effect.flip(Replication.run(on.source.endpoint, on.target.endpoint))
    assert.strictEqual((yield* once)._tag, "ServerError")
    assert.strictEqual(asked, 1)
    const fiber = yield* Effect.fork(
      Effect.flip(Replication.run(on.source.endpoint, on.target.endpoint, { retry: Schedule.recurs(2) }))
    )
    assert.strictEqual((yield* adjustUntilDone(fiber))._tag, "ServerError")
    assert.strictEqual(asked, 4)
  }))
