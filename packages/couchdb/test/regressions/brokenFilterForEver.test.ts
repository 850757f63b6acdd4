import { assert, describe, it } from "@effect/vitest"
import type { Transport } from "effect-couchdb"
import { Changes, Collection, Conflict, Merge, Server } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { logged } from "../support/logged.js"
import { layerOver, proxyPage, substitute, withSubstitutes } from "../support/outages.js"
import { adjustUntilDone } from "../support/passing.js"

const row = (seq: string, id: string): string =>
  `${JSON.stringify({ seq, id, changes: [{ rev: "1-967a00dff5e02add41819138abb3284d" }] })}\n`

const feed = (text: string): Transport.BufferedResponse => substitute(200, text, { "content-type": "application/json" })

/** What CouchDB 3.5 answers where a filter throws. */
const throws = (what = "TypeError") =>
  substitute(500, { error: "error", reason: `{<<"${what}">>,{[]},[{couch_os_process,prompt,2,[]}]}` })

const none: Transport.Service = { request: () => Effect.never, stream: () => Effect.never }

const scripted = (answer: (number: number) => Transport.BufferedResponse) => {
  const asked = { count: 0 }
  const layer = layerOver(withSubstitutes(none, () => answer(++asked.count)))
  return { asked, layer }
}

const filtered = (filter: Changes.Filter | undefined) => Stream.runDrain(Changes.follow("zoo", { filter }))

const filters: ReadonlyArray<readonly [string, Changes.Filter]> = [
  ["a filter function", Changes.byFunction("d", "f")],
  ["a view", Changes.byView("d", "v")],
  ["a selector", Changes.bySelector({ n: { $mod: [0, 1] } })]
]

describe("a follower ends with CouchDB's own words", () => {
  for (const [name, filter] of filters) {
    it.effect(`where ${name} fails ten times in a row`, () =>
      logged((log) =>
        Effect.gen(function*() {
          const { asked, layer } = scripted(() => throws())
          const fiber = yield* Effect.fork(Effect.flip(Effect.provide(filtered(filter), layer)))
          const error = yield* adjustUntilDone(fiber)
          assert.strictEqual(error._tag === "ServerError" && error.reason.slice(0, 16), "{<<\"TypeError\">>")
          assert.strictEqual(asked.count, 10)
          assert.isTrue(log.some(({ level, message }) => level === "WARN" && message.includes("TypeError")))
        })
      ))
  }

  it.effect("where it fails in a feed that has begun, and then at once", () =>
    Effect.gen(function*() {
      const late = { error: "error", reason: "{<<\"Error\">>}" }
      const { asked, layer } = scripted((number) =>
        number === 1 ? feed(`${row("1-x", "a")}\n${JSON.stringify(late)}\n`) : substitute(500, late)
      )
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(filtered(Changes.byFunction("d", "f")), layer)))
      assert.strictEqual((yield* adjustUntilDone(fiber))._tag, "ServerError")
      assert.strictEqual(asked.count, 10)
    }))

  it.effect("where two documents make it fail in two ways, whichever comes first", () =>
    Effect.gen(function*() {
      const { asked, layer } = scripted((number) => throws(number % 2 === 0 ? "TypeError" : "ReferenceError"))
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(filtered(Changes.byFunction("d", "f")), layer)))
      assert.strictEqual((yield* adjustUntilDone(fiber))._tag, "ServerError")
      assert.strictEqual(asked.count, 19)
    }))
})

describe("a follower continues", () => {
  const forEver: ReadonlyArray<
    readonly [string, Changes.Filter | undefined, (n: number) => Transport.BufferedResponse]
  > = [
    ["without a filter", undefined, () => throws()],
    ["with a filter that runs nothing of its own", Changes.byIds(["a"]), () => throws()],
    ["where each failure is another", Changes.byView("d", "v"), (n) => throws(`Error ${n}`)],
    [
      "where the cluster is in trouble",
      Changes.byView("d", "v"),
      () => substitute(500, { error: "internal_server_error", reason: "No DB shards could be opened." })
    ],
    [
      "where the server is slow",
      Changes.byView("d", "v"),
      () =>
        substitute(500, {
          error: "timeout",
          reason: "The request could not be processed in a reasonable amount of time."
        })
    ],
    ...[408, 425, 429, 502, 503, 504, 524].map((status) =>
      [`at ${status}`, Changes.byView("d", "v"), () => substitute(status, { error: "x", reason: "y" })] as const
    ),
    ["at the page of a proxy", Changes.byView("d", "v"), () => proxyPage(500)],
    ["at the 404 of a proxy", Changes.byView("d", "v"), () => proxyPage(404)]
  ]
  for (const [name, filter, answer] of forEver) {
    it.effect(`${name}, and warns`, () =>
      logged((log) =>
        Effect.gen(function*() {
          const { asked, layer } = scripted(answer)
          const fiber = yield* Effect.fork(Effect.provide(filtered(filter), layer))
          yield* TestClock.adjust("10 minutes")
          assert.isNull(fiber.unsafePoll())
          assert.isAbove(asked.count, 10)
          const warnings = log.filter(({ level }) => level === "WARN").length
          assert.isTrue(warnings >= 5 && warnings <= 11, `${warnings} warnings`)
          yield* Fiber.interrupt(fiber)
        })
      ))
  }

  it.effect("where changes come in between", () =>
    Effect.gen(function*() {
      const { asked, layer } = scripted((number) => number % 9 === 0 ? feed(row(`${number}-x`, "a")) : throws())
      const fiber = yield* Effect.fork(Effect.provide(filtered(Changes.byView("d", "v")), layer))
      yield* TestClock.adjust("10 minutes")
      assert.isNull(fiber.unsafePoll())
      assert.isAbove(asked.count, 20)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("where the feed of the server fails, and where a watch does", () =>
    Effect.gen(function*() {
      const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
      const { layer } = scripted(() => throws())
      const fibers = yield* Effect.forEach([
        Stream.runDrain(Server.followUpdates()),
        Stream.runDrain(Conflict.watch(zoo, Merge.make(zoo)))
      ], (feed) => Effect.fork(Effect.asVoid(Effect.provide(feed, layer))))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(fibers.map((fiber) => fiber.unsafePoll()), [null, null])
      yield* Fiber.interruptAll(fibers)
    }))
})

it.effect("a filter whose design document or function is missing ends a follower at once", () =>
  Effect.gen(function*() {
    for (const reason of ["missing", "deleted", "missing json key: f"]) {
      const { asked, layer } = scripted(() => substitute(404, { error: "not_found", reason }))
      const error = yield* Effect.flip(Effect.provide(filtered(Changes.byFunction("d", "f")), layer))
      assert.strictEqual(error._tag, "NotFoundError")
      assert.strictEqual(asked.count, 1)
    }
  }))
