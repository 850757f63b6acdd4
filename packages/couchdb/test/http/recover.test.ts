import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchError, Database, Document, Revision, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { interceptedClient, makeResponse } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const users = Collection.make("_users", Schema.Struct({ n: Schema.Number }))

const lost = new CouchError.TransportError({ method: "PUT", path: "/", reason: "Body", description: "cut" })

const isWrite = ({ method, path }: Transport.TransportRequest) =>
  (method === "PUT" || method === "DELETE") && path.split("/").length > 2

/**
 * A line on which the first `times` writes of a document reach the server while their answers are lost, or are lost
 * themselves, after `armed` is set. From then on reads get the page, if there is one.
 */
const losing = (what: "answer" | "request", times = 1, page?: Transport.BufferedResponse) =>
  Effect.gen(function*() {
    const armed = yield* Ref.make(false)
    const left = yield* Ref.make(times)
    const on = yield* interceptedClient((request, _, pass) =>
      Effect.gen(function*() {
        const isArmed = yield* Ref.get(armed)
        if (isArmed && page !== undefined && request.method === "GET") return page
        const lose = isArmed && isWrite(request) && (yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0
        if (!lose) return yield* pass(request)
        if (what === "answer") yield* pass(request)
        return yield* lost
      })
    )
    yield* Database.create("zoo").pipe(Effect.provide(on.layer))
    return { ...on, armed }
  })

/** Runs the effect on the line while time passes. */
const running = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const generation = <A>(doc: Document.Document<A>) => Option.map(doc.rev, Revision.generation)

describe("a write whose answer was lost", () => {
  it.effect("is recognised: a create, an update and a delete happen once, without a conflict", () =>
    Effect.gen(function*() {
      for (const times of [1, 3]) {
        const { armed, layer } = yield* losing("answer", times)
        yield* Ref.set(armed, true)
        const created = yield* running(Document.create(zoo, "a", { n: 1 }).pipe(Effect.provide(layer)))
        assert.deepStrictEqual(generation(created), Option.some(1))
        assert.strictEqual(created.durability, "accepted")

        const second = yield* losing("answer", times)
        const doc = yield* Document.create(zoo, "a", { n: 1 }).pipe(Effect.provide(second.layer))
        yield* Ref.set(second.armed, true)
        const saved = yield* running(
          Document.save(Document.modify(doc, () => ({ n: 2 }))).pipe(Effect.provide(second.layer))
        )
        assert.deepStrictEqual(generation(saved), Option.some(2))

        const third = yield* losing("answer", times)
        const there = yield* Document.create(zoo, "a", { n: 1 }).pipe(Effect.provide(third.layer))
        yield* Ref.set(third.armed, true)
        const gone = yield* running(Document.delete(there).pipe(Effect.provide(third.layer)))
        assert.strictEqual(Revision.generation(gone.rev), 2)

        const fourth = yield* losing("answer", times)
        const kept = yield* Document.create(zoo, "a", { n: 1 }).pipe(Effect.provide(fourth.layer))
        yield* Ref.set(fourth.armed, true)
        const deleting = Document.deleteWith(kept, { keep: { n: 1, by: "me" } })
        const tombstone = yield* running(deleting.pipe(Effect.provide(fourth.layer)))
        assert.strictEqual(Revision.generation(tombstone.rev), 2)
        assert.strictEqual(tombstone.durability, "accepted")
      }
    }))

  it.effect("is recognised after somebody else wrote on top of it", () =>
    Effect.gen(function*() {
      const armed = yield* Ref.make(false)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.gen(function*() {
          if (!(isWrite(request) && (yield* Ref.getAndSet(armed, false)))) return yield* pass(request)
          yield* pass(request)
          const read = yield* pass({ ...request, method: "GET", path: "/zoo/a", body: undefined })
          const rival = { ...JSON.parse(Transport.text(read)), n: 99 }
          yield* pass({ ...request, path: "/zoo/a", body: JSON.stringify(rival) })
          return yield* lost
        })
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const doc = yield* Document.create(zoo, "a", { n: 1 })
        yield* Ref.set(armed, true)
        const saved = yield* Document.save(Document.modify(doc, () => ({ n: 2 })))
        assert.deepStrictEqual(generation(saved), Option.some(2))
        assert.strictEqual((yield* Document.fetch(zoo, "a")).body.n, 99)
        assert.deepStrictEqual(generation(yield* Document.fetch(zoo, "a")), Option.some(3))
      }).pipe(Effect.provide(on.layer))
    }))

  it.effect("is applied once by update, and equal edits of one parent stay as many as they are", () =>
    Effect.gen(function*() {
      for (const times of [1, 2, 3, 5]) {
        const { armed, layer } = yield* losing("answer", times)
        const bump = Document.update(zoo, "a", ({ n }) => ({ n: n + 1 }))
        const after = yield* running(
          Effect.gen(function*() {
            yield* Document.create(zoo, "a", { n: 0 })
            yield* Ref.set(armed, true)
            yield* Effect.all([bump, bump, bump, bump], { concurrency: "unbounded" })
            return yield* Document.fetch(zoo, "a")
          }).pipe(Effect.provide(layer))
        )
        assert.strictEqual(after.body.n, 4)
        assert.deepStrictEqual(generation(after), Option.some(5))
      }
    }))

  it.effect("is distinguished from an equal creation that was deleted long ago", () =>
    Effect.gen(function*() {
      const { armed, layer } = yield* losing("request", 99)
      yield* Document.create(zoo, "lock", { n: 1 }).pipe(Effect.flatMap(Document.delete), Effect.provide(layer))
      yield* Ref.set(armed, true)
      const error = yield* running(Effect.flip(Document.create(zoo, "lock", { n: 1 })).pipe(Effect.provide(layer)))
      assert.strictEqual(error._tag, "TransportError")
      assert.isFalse(yield* Document.exists(zoo, "lock").pipe(Effect.provide(layer)))
    }))

  it.effect("is recognised on top of a tombstone that the writer did not know", () =>
    Effect.gen(function*() {
      const { armed, layer } = yield* losing("answer")
      yield* Document.create(zoo, "a", { n: 1 }).pipe(Effect.flatMap(Document.delete), Effect.provide(layer))
      yield* Ref.set(armed, true)
      const created = yield* running(Document.create(zoo, "a", { n: 5 }).pipe(Effect.provide(layer)))
      assert.deepStrictEqual(generation(created), Option.some(3))
    }))
})

describe("a check whose response does not come from CouchDB", () => {
  const pages = [
    makeResponse(200, "<html>We will be back soon</html>"),
    makeResponse(200, { status: "ok" }),
    makeResponse(404, "<html>")
  ]

  it.effect("leaves an edit unknown that was not stored", () =>
    Effect.gen(function*() {
      for (const page of pages) {
        const down = yield* Ref.make(false)
        const on = yield* interceptedClient((request, _, pass) =>
          Effect.flatMap(Ref.get(down), (isDown) =>
            !isDown ? pass(request) : Effect.succeed(isWrite(request) ? makeResponse(503, "<html>busy</html>") : page))
        )
        yield* Effect.gen(function*() {
          yield* Database.create("zoo")
          const doc = yield* Document.create(zoo, "a", { n: 1 })
          yield* Ref.set(down, true)
          const error = yield* Effect.flip(Document.save(Document.modify(doc, () => ({ n: 2 }))))
          assert.strictEqual(error._tag === "UnexpectedResponseError" && error.status, 503)
        }).pipe(Effect.provide(on.layer), running)
      }
    }))

  it.effect("leaves a creation unknown that was stored", () =>
    Effect.gen(function*() {
      for (const page of pages) {
        const { armed, layer } = yield* losing("answer", 1, page)
        yield* Ref.set(armed, true)
        const error = yield* running(Effect.flip(Document.create(zoo, "a", { n: 1 })).pipe(Effect.provide(layer)))
        assert.strictEqual(error._tag, "TransportError")
      }
    }))
})

describe("a re-created database", () => {
  it.effect("has none of the old one's revisions: an equal document is created again", () =>
    Effect.gen(function*() {
      const { armed, layer } = yield* losing("answer")
      const doc = yield* running(
        Effect.gen(function*() {
          yield* Document.create(zoo, "a", { n: 1 })
          yield* Database.delete("zoo")
          yield* Database.create("zoo")
          yield* Ref.set(armed, true)
          return yield* Document.create(zoo, "a", { n: 1 })
        }).pipe(Effect.provide(layer))
      )
      assert.deepStrictEqual(generation(doc), Option.some(1))
    }))
})

describe("a write that was lost itself", () => {
  it.effect("is sent again, and happens once", () =>
    Effect.gen(function*() {
      const { armed, layer } = yield* losing("request", 2)
      yield* Ref.set(armed, true)
      const created = yield* running(Document.create(zoo, "a", { n: 1 }).pipe(Effect.provide(layer)))
      assert.deepStrictEqual(generation(created), Option.some(1))
      assert.strictEqual(created.durability, "quorum")
    }))

  it.effect("meets a real conflict as a conflict", () =>
    Effect.gen(function*() {
      const armed = yield* Ref.make(false)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.gen(function*() {
          if (!(isWrite(request) && (yield* Ref.getAndSet(armed, false)))) return yield* pass(request)
          yield* pass({ ...request, path: "/zoo/a", body: JSON.stringify({ n: 99 }) })
          return yield* lost
        })
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* Document.create(zoo, "b", { n: 1 })
        yield* Ref.set(armed, true)
        const fiber = yield* Effect.fork(Effect.flip(Document.create(zoo, "a", { n: 1 })))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "ConflictError")
        assert.strictEqual((yield* Document.fetch(zoo, "a")).body.n, 99)
      }).pipe(Effect.provide(on.layer))
    }))
})

describe("a server that hashes otherwise", () => {
  it.effect("is noticed at the first write: later writes are not repeated, and report what is known", () =>
    Effect.gen(function*() {
      const sent = yield* Ref.make(0)
      const on = yield* interceptedClient((request) =>
        isWrite(request)
          ? Effect.flatMap(Ref.updateAndGet(sent, (n) => n + 1), (number) =>
            number === 1
              ? Effect.succeed(makeResponse(201, { ok: true, id: "x", rev: `1-${"e".repeat(32)}` }))
              : lost)
          : Effect.succeed(makeResponse(404, { error: "not_found", reason: "missing" }))
      )
      const error = yield* running(
        Document.create(users, "x", { n: 1 }).pipe(
          Effect.zipRight(Effect.flip(Document.create(users, "y", { n: 2 }))),
          Effect.provide(on.layer)
        )
      )
      assert.strictEqual(error._tag, "TransportError")
      assert.strictEqual(yield* Ref.get(sent), 2)
    }))
})
