import { assert, describe, it } from "@effect/vitest"
import type { Transport } from "effect-couchdb"
import { Bulk, Collection, Conflict, CouchError, Database, Document, Merge, Revision } from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { interceptedClient, makeResponse, requests } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number.pipe(Merge.annotate(Merge.counter)) }))
const ids = Arr.makeBy(30, (n) => `doc-${n}`)
const create = ids.map((id) => Document.make(zoo, id, { n: 1 }))

const lost = new CouchError.TransportError({ method: "POST", path: "/", reason: "Body", description: "cut" })
const isBulk = ({ path }: Transport.TransportRequest) => path.endsWith("/_bulk_docs")

const running = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

/** A line that loses the answers to the first bulk writes after it is armed, or the requests themselves. */
const losing = (what: "answer" | "request", times: number) =>
  Effect.gen(function*() {
    const left = yield* Ref.make(0)
    const on = yield* interceptedClient((request, _, pass) =>
      Effect.gen(function*() {
        const lose = isBulk(request) && (yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0
        if (!lose) return yield* pass(request)
        if (what === "answer") yield* pass(request)
        return yield* lost
      })
    )
    yield* Effect.provide(Database.create("zoo"), on.layer)
    return { ...on, arm: Ref.set(left, times) }
  })

const seen = <A, E extends { readonly _tag: string }>(rows: ReadonlyArray<Either.Either<Document.Document<A>, E>>) =>
  rows.map((row) => Either.isRight(row) ? Option.getOrThrow(row.right.rev).split("-")[0] : row.left._tag)

describe("bulk writes whose answers are lost", () => {
  it.effect("happen once, without a conflict: creations, edits, deletes", () =>
    Effect.gen(function*() {
      for (const what of ["answer", "request"] as const) {
        for (const times of [1, 3]) {
          const on = yield* losing(what, times)
          yield* Effect.gen(function*() {
            yield* on.arm
            const created = yield* Bulk.save(create, { rows: 10 })
            assert.deepStrictEqual(seen(created), ids.map(() => "1"))
            yield* on.arm
            const edited = yield* Bulk.save(Arr.getRights(created).map(Document.modify(({ n }) => ({ n: n + 1 }))))
            assert.deepStrictEqual(seen(edited), ids.map(() => "2"))
            const there = Arr.getRights(yield* Bulk.fetch(zoo, ids))
            assert.deepStrictEqual(
              there.map(({ body, rev }) => [body.n, Option.getOrThrow(rev).split("-")[0]]),
              ids.map(() => [
                2,
                "2"
              ])
            )
            yield* on.arm
            const gone = yield* Bulk.delete(there)
            assert.strictEqual(Arr.getRights(gone).length, ids.length)
            yield* on.arm
            // On top of tombstones, of which the documents know nothing.
            assert.deepStrictEqual(seen(yield* Bulk.save(create)), ids.map(() => "4"))
          }).pipe(Effect.provide(on.layer), running)
        }
      }
    }))

  it.effect("are recognised with one _revs_diff for a request", () =>
    Effect.gen(function*() {
      const on = yield* losing("answer", 1)
      yield* Effect.gen(function*() {
        const created = Arr.getRights(yield* Bulk.save(create))
        yield* on.arm
        const [rows, asked] = yield* requests(on, Bulk.save(created.map(Document.modify(() => ({ n: 2 })))))
        assert.deepStrictEqual(seen(rows), ids.map(() => "2"))
        assert.deepStrictEqual(asked.map(({ path }) => path), ["/zoo/_bulk_docs", "/zoo/_revs_diff"])
      }).pipe(Effect.provide(on.layer), running)
    }))

  it.effect("report another client's write as a conflict, and their own as written", () =>
    Effect.gen(function*() {
      const on = yield* losing("answer", 1)
      yield* Effect.gen(function*() {
        const created = Arr.getRights(yield* Bulk.save(create))
        yield* Document.save(Document.modify(created[3] as typeof created[0] & {}, () => ({ n: 9 })))
        yield* on.arm
        const rows = yield* Bulk.save(created.map(Document.modify(() => ({ n: 2 }))))
        assert.deepStrictEqual(seen(rows), ids.map((_, n) => n === 3 ? "ConflictError" : "2"))
      }).pipe(Effect.provide(on.layer), running)
    }))

  it.effect("count two equal edits of one document in one operation once", () =>
    Effect.gen(function*() {
      const on = yield* losing("answer", 2)
      yield* Effect.gen(function*() {
        const doc = yield* Document.create(zoo, "a", { n: 0 })
        yield* on.arm
        const edit = Document.modify(doc, () => ({ n: 1 }))
        assert.deepStrictEqual(seen(yield* Bulk.save([edit, edit])), ["2", "ConflictError"])
      }).pipe(Effect.provide(on.layer), running)
    }))

  it.effect("are not taken for an equal edit that was saved alone, nor is that taken for one of theirs", () =>
    Effect.gen(function*() {
      const armed = yield* Ref.make(false)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.tap(pass(request), () =>
          Effect.flatMap(
            isBulk(request) || request.method === "PUT" ? Ref.getAndSet(armed, false) : Effect.succeed(false),
            (isArmed) => isArmed ? lost : Effect.void
          ))
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const edit = Document.modify<{ readonly n: number }>(({ n }) => ({ n: n + 1 }))
        const a = edit(yield* Document.create(zoo, "a", { n: 0 }))
        const b = edit(yield* Document.create(zoo, "b", { n: 0 }))
        yield* Document.save(a)
        yield* Ref.set(armed, true)
        assert.deepStrictEqual(seen(yield* Bulk.save([a])), ["ConflictError"])
        yield* Bulk.save([b])
        yield* Ref.set(armed, true)
        assert.deepStrictEqual(seen([yield* Effect.either(Document.save(b))]), ["ConflictError"])
      }).pipe(Effect.provide(on.layer), running)
    }))

  it.effect("fail with what made them unknown where nobody answers any more", () =>
    Effect.gen(function*() {
      const down = yield* Ref.make(false)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.flatMap(Ref.get(down), (isDown) => isDown ? lost : pass(request))
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* Ref.set(down, true)
        assert.deepStrictEqual(seen(yield* Bulk.save(create)), ids.map(() => "TransportError"))
      }).pipe(Effect.provide(on.layer), running)
    }))
})

describe("bulk writes about which something else than a CouchDB answers", () => {
  const pages = [makeResponse(200, "<html>We will be back soon</html>"), makeResponse(200, { status: "ok" })]

  /** A line on which one endpoint gives the page, and whose bulk writes lose their answers, or are lost themselves. */
  const paged = (what: "answer" | "request", endpoint: RegExp, page: Transport.BufferedResponse) =>
    Effect.gen(function*() {
      const armed = yield* Ref.make(false)
      const left = yield* Ref.make(1)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.gen(function*() {
          if (!(yield* Ref.get(armed))) return yield* pass(request)
          if (endpoint.test(request.path)) return page
          if (!isBulk(request)) return yield* pass(request)
          if (what === "request") return makeResponse(503, "<html>busy</html>")
          const response = yield* pass(request)
          return (yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0 ? yield* lost : response
        })
      )
      yield* Effect.provide(Database.create("zoo"), on.layer)
      return { ...on, arm: Ref.set(armed, true) }
    })

  it.effect("are not reported as saved if nothing was stored", () =>
    Effect.gen(function*() {
      for (const page of pages) {
        const on = yield* paged("request", /_revs_diff/, page)
        yield* Effect.gen(function*() {
          const created = Arr.getRights(yield* Bulk.save(create))
          yield* on.arm
          const rows = yield* Bulk.save(created.map(Document.modify(() => ({ n: 2 }))))
          assert.deepStrictEqual(seen(rows), ids.map(() => "UnexpectedResponseError"))
        }).pipe(Effect.provide(on.layer), running)
      }
    }))

  it.effect("do not fail with conflicts if they were stored", () =>
    Effect.gen(function*() {
      for (const page of pages) {
        const there = yield* paged("answer", /_all_docs/, page)
        yield* Effect.gen(function*() {
          yield* there.arm
          assert.deepStrictEqual(seen(yield* Bulk.save(create)), ids.map(() => "TransportError"))
        }).pipe(Effect.provide(there.layer), running)
        // On top of tombstones, so that the histories are asked.
        const anew = yield* paged("answer", /revs_info/, page)
        yield* Effect.gen(function*() {
          yield* Bulk.delete(Arr.getRights(yield* Bulk.save(create)))
          yield* anew.arm
          assert.deepStrictEqual(seen(yield* Bulk.save(create)), ids.map(() => "TransportError"))
        }).pipe(Effect.provide(anew.layer), running)
      }
    }))

  it.effect("with given revisions are not reported as stored", () =>
    Effect.gen(function*() {
      for (const page of pages) {
        const on = yield* paged("answer", /_bulk_docs/, page)
        yield* Effect.gen(function*() {
          yield* on.arm
          const rev = Revision.make(`1-${"a".repeat(32)}`)
          const rows = yield* Bulk.insert("zoo", [{ id: "a", revisions: [rev], body: { n: 1 } }])
          assert.deepStrictEqual(rows.map((row) => Either.isRight(row) ? "stored" : row.left._tag), [
            "UnexpectedResponseError"
          ])
        }).pipe(Effect.provide(on.layer), running)
      }
    }))
})

/** A line that takes no more than 15 documents in one request, and whose `count`-th small enough one does not go well. */
const narrow = (count: number, fail: (pass: ReturnType<Transport.Service["request"]>) => typeof pass) =>
  Effect.gen(function*() {
    const armed = yield* Ref.make(false)
    const taken = yield* Ref.make(0)
    const on = yield* interceptedClient((request, _, pass) =>
      Effect.gen(function*() {
        if (!isBulk(request) || !(yield* Ref.get(armed))) return yield* pass(request)
        if (JSON.parse(String(request.body)).docs.length > 15) {
          return makeResponse(413, { error: "too_large", reason: "the request entity is too large" })
        }
        const number = yield* Ref.updateAndGet(taken, (n) => n + 1)
        return yield* number === count ? fail(pass(request)) : pass(request)
      })
    )
    yield* Effect.provide(Database.create("zoo"), on.layer)
    return { ...on, arm: Ref.set(armed, true) }
  })

const refused = new CouchError.TransportError({
  method: "POST",
  path: "/",
  reason: "Connection",
  description: "refused"
})

describe("bulk writes that were halved", () => {
  it.effect("apply each edit once where a half was not sent, or its answer was lost", () =>
    Effect.gen(function*() {
      const failures: ReadonlyArray<Parameters<typeof narrow>[1]> = [() => refused, () => lost, Effect.zipRight(lost)]
      for (const fail of failures) {
        for (const count of [1, 2]) {
          const on = yield* narrow(count, fail)
          yield* Effect.gen(function*() {
            const created = Arr.getRights(yield* Bulk.save(create))
            yield* on.arm
            const saved = yield* Bulk.save(created.map(Document.modify(({ n }) => ({ n: n + 1 })))).pipe(
              Bulk.resolveWith(Conflict.merge(Merge.make(zoo.schema)).pipe(Conflict.retry()))
            )
            assert.deepStrictEqual(seen(saved), ids.map(() => "2"))
            const there = Arr.getRights(yield* Bulk.fetch(zoo, ids))
            assert.deepStrictEqual(there.map(({ body }) => body.n), ids.map(() => 2))
          }).pipe(Effect.provide(on.layer), running)
        }
      }
    }))

  it.effect("report what was stored if the other half fails permanently, and send nothing after it", () =>
    Effect.gen(function*() {
      const failed = Effect.succeed(makeResponse(500, { error: "internal", reason: "broken" }))
      const on = yield* narrow(2, () => failed)
      yield* Effect.gen(function*() {
        yield* on.arm
        const many = Arr.makeBy(60, (n) => Document.make(zoo, `doc-${n}`, { n: 1 }))
        const [saved, asked] = yield* requests(on, Bulk.save(many))
        assert.deepStrictEqual(seen(saved), many.map((_, n) => n < 15 ? "1" : "ServerError"))
        // The whole, its first half, and the quarters of that.
        assert.lengthOf(asked.filter(isBulk), 4)
      }).pipe(Effect.provide(on.layer), running)
    }))

  it.effect("report versions with given revisions in the same way", () =>
    Effect.gen(function*() {
      const failed = Effect.succeed(makeResponse(500, { error: "internal", reason: "broken" }))
      const on = yield* narrow(2, () => failed)
      yield* Effect.gen(function*() {
        yield* on.arm
        const rev = Revision.make(`1-${"a".repeat(32)}`)
        const stored = yield* Bulk.insert("zoo", ids.map((id) => ({ id, revisions: [rev], body: { n: 1 } })))
        assert.deepStrictEqual(
          stored.map((row) => Either.isRight(row) ? "stored" : row.left._tag),
          ids.map((_, n) => n < 15 ? "stored" : "ServerError")
        )
      }).pipe(Effect.provide(on.layer), running)
    }))
})

describe("bulk requests", () => {
  it.effect("are split by count and by bytes, and halved where the server wants them smaller", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient((request, _, pass) =>
        isBulk(request) && String(request.body).length > 400
          ? Effect.succeed(makeResponse(413, { error: "too_large", reason: "the request entity is too large" }))
          : pass(request)
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const [rows, asked] = yield* requests(on, Bulk.save([...create, Document.make(zoo, "x".repeat(500), { n: 1 })]))
        assert.deepStrictEqual(seen(rows), [...ids.map(() => "1"), "PayloadTooLargeError"])
        assert.isAbove(asked.length, 3)
        const byBytes = yield* requests(
          on,
          Bulk.save(ids.map((id) => Document.make(zoo, `b-${id}`, { n: 1 })), { bytes: 60 })
        )
        assert.strictEqual(byBytes[1].length, 15)
        const byRows = yield* requests(
          on,
          Bulk.save(ids.map((id) => Document.make(zoo, `c-${id}`, { n: 1 })), { rows: 7 })
        )
        assert.strictEqual(byRows[1].length, 5)
      }).pipe(Effect.provide(on.layer))
    }))

  it.effect("that are refused with 417 and an array are taken apart", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient((request, _, pass) =>
        isBulk(request) && String(request.body).includes("\"doc-5\"")
          ? Effect.succeed(makeResponse(417, [{ id: "doc-5", error: "forbidden", reason: "no" }]))
          : pass(request)
      )
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        assert.deepStrictEqual(
          seen(yield* Bulk.save(create)),
          ids.map((id) => id === "doc-5" ? "ExpectationFailedError" : "1")
        )
      }).pipe(Effect.provide(on.layer))
    }))

  it.effect("take no more of a stream than they can hold", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      const taken = yield* Ref.make(0)
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* Stream.range(1, 100_000, 10).pipe(
          Stream.tap(() => Ref.update(taken, (n) => n + 1)),
          Stream.map((n) => Document.make(zoo, String(n), { n })),
          Bulk.saveStream({ rows: 10, concurrency: 2 }),
          Stream.take(10),
          Stream.runDrain
        )
        assert.isBelow(yield* Ref.get(taken), 200)
      }).pipe(Effect.provide(on.layer))
    }))

  it.effect("settle many conflicts with one read and one write", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      yield* Effect.gen(function*() {
        yield* Database.create("zoo")
        const many = Arr.makeBy(300, (n) => Document.make(zoo, `doc-${n}`, { n: 1 }))
        const created = Arr.getRights(yield* Bulk.save(many))
        yield* Bulk.save(created.map(Document.modify(({ n }) => ({ n: n + 1 }))))
        const [rows, asked] = yield* requests(
          on,
          Bulk.save(created.map(Document.modify(({ n }) => ({ n: n + 10 })))).pipe(
            Bulk.resolveWith(Conflict.merge(Merge.make(zoo.schema)).pipe(Conflict.retry()))
          )
        )
        assert.isTrue(rows.every((row) => Either.isRight(row) && row.right.body.n === 12))
        assert.deepStrictEqual(asked.map(({ path }) => path), ["/zoo/_bulk_docs", "/zoo/_bulk_get", "/zoo/_bulk_docs"])
        const [gone, deleting] = yield* requests(
          on,
          Bulk.delete(created).pipe(Bulk.resolveWith(Conflict.overwrite))
        )
        assert.isTrue(gone.every((row) => Either.isRight(row) && row.right._tag === "Tombstone"))
        assert.strictEqual(deleting.length, 3)
      }).pipe(Effect.provide(on.layer))
    }))
})
