import { assert, it } from "@effect/vitest"
import { Changes, Collection, Database, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { interceptedClient } from "../support/transport.js"

const Empty = Schema.Struct({})
const orders = Collection.make("shop", Empty, { id: Collection.prefixed("order:") })
const customers = Collection.make("shop", Empty, { id: Collection.prefixed("customer:") })

const poll = (timeout: "10 seconds" | undefined, limit?: number) =>
  Effect.fork(Changes.longpoll(orders, { since: "now", timeout, limit }))

it.effect("a long poll of a collection keeps waiting after changes of other documents, up to its timeout", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("shop")
      for (const limit of [undefined, 1]) {
        const found = yield* poll("10 seconds", limit)
        yield* TestClock.adjust("4 seconds")
        yield* Document.create(customers, `a${limit}`, {})
        yield* TestClock.adjust("4 seconds")
        assert.isNull(yield* Fiber.poll(found).pipe(Effect.map((exit) => exit._tag === "None" ? null : exit)))
        yield* Document.create(orders, `a${limit}`, {})
        assert.deepStrictEqual((yield* Fiber.join(found)).changes.map(({ id }) => id), [`order:a${limit}`])

        const none = yield* poll("10 seconds", limit)
        yield* TestClock.adjust("6 seconds")
        yield* Document.create(customers, `b${limit}`, {})
        yield* TestClock.adjust("5 seconds")
        const { changes, lastSequence } = yield* Fiber.join(none)
        assert.deepStrictEqual(changes, [])
        assert.deepStrictEqual((yield* Changes.fetch("shop", { since: lastSequence })).changes, [])
      }
      const minute = yield* poll(undefined)
      yield* TestClock.adjust("50 seconds")
      yield* Document.create(customers, "c", {})
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual((yield* Fiber.join(minute)).changes, [])
    }).pipe(Effect.provide(on.layer))
  }))
