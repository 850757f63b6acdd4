import { assert, describe, it } from "@effect/vitest"
import { Auth, Batching, Collection, Conflict, CouchHttp, Database, Document, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"

const counters = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const many = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`)

interface Meddler {
  around: (
    request: Transport.TransportRequest,
    answer: Effect.Effect<Transport.BufferedResponse>
  ) => Effect.Effect<Transport.BufferedResponse>
}

/** Requests are carried out, and the answer to the first one of a kind is lost. */
const losingOne = (kind: (request: Transport.TransportRequest) => boolean): Meddler["around"] => {
  let lost = false
  return (request, answer) =>
    Effect.map(answer, (response) => {
      if (lost || !kind(request)) return response
      lost = true
      return { status: 503, headers: {}, body: "" }
    })
}

/** A service as a program may write one: without the private state of this library. */
const withoutState = (
  { execute, readDocument, server, stream, writeDocument }: CouchHttp.Service
): CouchHttp.Service => ({
  server,
  execute,
  stream,
  readDocument,
  writeDocument
})

/** A database, the requests that reach it, and a client that batches over a service, which `change` may replace. */
const scene = (options: Batching.Options = {}, change: (service: CouchHttp.Service) => CouchHttp.Service = identity) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ admin: { username: "admin", password: Redacted.make("password") } })
    const sent: Array<string> = []
    const meddler: Meddler = { around: (_, answer) => answer }
    const inner = EmbeddedCouch.transport(couch)
    const transport: Transport.Service = {
      ...inner,
      request: (request) =>
        Effect.suspend(() => {
          sent.push(`${request.method} ${request.path.replace("/zoo/", "").split("?")[0]}`)
          return meddler.around(request, Effect.orDie(inner.request(request)))
        })
    }
    const plain = yield* CouchHttp.make({
      url: "http://embedded",
      auth: Auth.basic("admin", Redacted.make("password")),
      retry: Schedule.recurs(3)
    }).pipe(Effect.provideService(Transport.Transport, transport))
    const service = yield* Batching.make(change(plain), options)
    const asMe = Effect.provideService(CouchHttp.CouchHttp, service)
    yield* Effect.provideService(Database.create("zoo"), CouchHttp.CouchHttp, plain)
    sent.length = 0
    return { asMe, asRival: Effect.provideService(CouchHttp.CouchHttp, plain), sent, meddler }
  })

const create = (id: string, n = 0) => Document.create(counters, id, { n })

describe("concurrent calls", () => {
  it.scoped("of many fibers are one request, and each gets its own document or error", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene()
      yield* asMe(Effect.forEach(many(50), (id, i) => create(id, i), { concurrency: "unbounded" }))
      assert.deepStrictEqual(sent.splice(0), ["POST _bulk_docs"])
      const ids = [...many(50), "nobody", "c7"]
      const read = yield* asMe(
        Effect.forEach(ids, (id) => Effect.either(Document.fetch(counters, id)), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(sent.splice(0), ["POST _bulk_get"])
      assert.deepStrictEqual(
        read.map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: ({ body }) => body.n })),
        [...many(50).map((_, i) => i), "NotFoundError", 7]
      )
      const docs = read.flatMap((each) => Either.isRight(each) ? [each.right] : [])
      const tombstones = yield* asMe(Effect.forEach(docs.slice(0, 50), Document.delete, { concurrency: "unbounded" }))
      assert.deepStrictEqual(sent.splice(0), ["POST _bulk_docs"])
      assert.lengthOf(tombstones, 50)
      const gone = yield* asMe(Effect.flip(Document.fetch(counters, "c3")))
      assert.strictEqual(gone._tag === "NotFoundError" && gone.reason, "deleted")
    }))

  it.scoped("split at the size that was given", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene({ maxSize: 20 })
      yield* asMe(Effect.forEach(many(50), (id) => create(id), { concurrency: "unbounded" }))
      assert.deepStrictEqual(sent, ["POST _bulk_docs", "POST _bulk_docs", "POST _bulk_docs"])
    }))

  it.scoped("a conflict is the caller's own, and a policy settles it", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene()
      const docs = yield* asMe(Effect.forEach(many(10), (id) => create(id), { concurrency: "unbounded" }))
      yield* asRival(Document.update(counters, "c4", ({ n }) => ({ n: n + 100 })))
      const saved = yield* asMe(Effect.forEach(docs, (doc) =>
        Document.save(Document.modify(doc, ({ n }) => ({ n: n + 1 }))).pipe(
          Effect.catchTag("ConflictError", Conflict.reapply(counters, (theirs) => ({ n: theirs.n + 1 })))
        ), { concurrency: "unbounded" }))
      assert.deepStrictEqual(
        saved.map(({ body }) =>
          body.n
        ),
        many(10).map((_, i) => i === 4 ? 101 : 1)
      )
    }))

  it.scoped("reports the delete of a missing document as a single request does", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene()
      const docs = yield* asMe(Effect.forEach(many(3), (id) => create(id), { concurrency: "unbounded" }))
      const [first] = docs
      if (first === undefined) return assert.fail("no document")
      yield* asRival(Document.delete(first))
      const outcomes = yield* asMe(
        Effect.forEach(docs, (doc) => Effect.either(Document.delete(doc)), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(
        outcomes.map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: ({ _tag }) => _tag })),
        ["NotFoundError", "Tombstone", "Tombstone"]
      )
    }))
})

describe("a call alone", () => {
  it.scoped("behaves as without the layer, and needs no timer: the clock does not move", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene()
      const doc = yield* asMe(create("one"))
      yield* asMe(Document.fetch(counters, "one"))
      yield* asMe(Document.delete(doc))
      assert.deepStrictEqual(sent, ["PUT one", "GET one", "DELETE one"])
    }))

  it.scoped("waits for others where a window is given", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene({ window: "10 millis" })
      const first = yield* Effect.fork(asMe(create("a")))
      yield* TestClock.adjust("5 millis")
      const second = yield* Effect.fork(asMe(create("b")))
      yield* TestClock.adjust("4 millis")
      assert.deepStrictEqual(sent, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(Fiber.zip(first, second))
      assert.deepStrictEqual(sent, ["POST _bulk_docs"])
    }))

  it.scoped("that asks for a certain revision goes alone", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene()
      const doc = yield* asMe(create("one"))
      const rev = yield* Document.revision(doc)
      sent.length = 0
      yield* asMe(Effect.all([Document.fetch(counters, "one", { rev }), Document.fetch(counters, "one")], {
        concurrency: "unbounded"
      }))
      assert.sameMembers(sent, ["GET one", "GET one"])
    }))
})

describe("who waits", () => {
  it.scoped("equal reads share a request, and writes of one document follow one another", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene()
      yield* asMe(create("one"))
      sent.length = 0
      yield* asMe(Effect.all(many(20).map(() => Document.fetch(counters, "one")), { concurrency: "unbounded" }))
      assert.deepStrictEqual(sent.splice(0), ["GET one"])
      const outcomes = yield* asMe(
        Effect.all([1, 2].map((n) => Effect.either(create("two", n))), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(sent, ["PUT two", "PUT two"])
      assert.deepStrictEqual(outcomes.map(Either.isRight), [true, false])
    }))

  it.scoped("an interrupted caller leaves the others alone, and its write is not sent if it can be helped", () =>
    Effect.gen(function*() {
      const { asMe, meddler, sent } = yield* scene()
      const gate = yield* Deferred.make<void>()
      meddler.around = (_, answer) => Effect.zipRight(Deferred.await(gate), answer)
      const first = yield* Effect.fork(asMe(create("first")))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      // These wait for the one under way.
      const others = yield* Effect.forEach(["a", "b", "c"], (id) => Effect.fork(asMe(create(id))))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(others[1] as Fiber.Fiber<unknown, unknown>)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(others[0] as Fiber.Fiber<unknown, unknown>)
      yield* Fiber.join(others[2] as Fiber.Fiber<unknown, unknown>)
      assert.deepStrictEqual(sent, ["PUT first", "POST _bulk_docs"])
      assert.isFalse(yield* asMe(Document.exists(counters, "b")))
      assert.isTrue(yield* asMe(Document.exists(counters, "c")))
    }))

  it.scoped("reads that nobody waits for are closed; a write that was sent is not", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene()
      yield* asRival(Effect.forEach(["a", "b"], (id) => create(id)))
      const closed = yield* Deferred.make<void>()
      meddler.around = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(closed, undefined))
      const readers = yield* Effect.forEach(["a", "b"], (id) => Effect.fork(asMe(Document.fetch(counters, id))))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      yield* Fiber.interruptAll(readers)
      yield* Deferred.await(closed)

      const gate = yield* Deferred.make<void>()
      const reached = yield* Deferred.make<void>()
      meddler.around = (_, answer) =>
        Deferred.succeed(reached, undefined).pipe(Effect.zipRight(Deferred.await(gate)), Effect.zipRight(answer))
      const writers = yield* Effect.forEach(["x", "y"], (id) => Effect.fork(asMe(create(id))))
      yield* Deferred.await(reached)
      yield* Fiber.interruptAll(writers)
      yield* Deferred.succeed(gate, undefined)
      meddler.around = (_, answer) => answer
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      assert.isTrue(yield* asRival(Document.exists(counters, "x")))
      assert.isTrue(yield* asRival(Document.exists(counters, "y")))
    }))

  it.scoped("other credentials are another batch", () =>
    Effect.gen(function*() {
      const { asMe, sent } = yield* scene()
      yield* asMe(Effect.forEach(many(4), (id) => create(id), { concurrency: "unbounded" }))
      sent.length = 0
      const wrong = Auth.basic("nobody", Redacted.make("nothing"))
      const outcomes = yield* asMe(
        Effect.forEach(many(4), (id, i) =>
          Effect.either(
            i < 2 ? Document.fetch(counters, id) : Document.fetch(counters, id).pipe(CouchHttp.withAuth(wrong))
          ), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(sent, ["POST _bulk_get", "POST _bulk_get"])
      assert.deepStrictEqual(
        outcomes.map(Either.match({ onLeft: ({ _tag }) => _tag, onRight: () => "read" })),
        ["read", "read", "UnauthorizedError", "UnauthorizedError"]
      )
    }))
})

describe("when something goes wrong", () => {
  it.scoped("a failure of the batch reaches each of its callers", () =>
    Effect.gen(function*() {
      const { asMe, meddler } = yield* scene()
      meddler.around = () => Effect.succeed({ status: 500, headers: {}, body: `{"error":"e","reason":"r"}` })
      const outcomes = yield* asMe(
        Effect.forEach(many(5), (id) => Effect.either(Document.fetch(counters, id)), { concurrency: "unbounded" })
      )
      assert.isTrue(outcomes.every((each) => Either.isLeft(each) && each.left._tag === "ServerError"))
    }))

  it.scoped("an answer that is lost makes no false conflict, and nothing happens twice", () =>
    Effect.gen(function*() {
      const { asMe, meddler } = yield* scene()
      const docs = yield* asMe(Effect.forEach(many(10), (id) => create(id), { concurrency: "unbounded" }))
      let lost = 0
      meddler.around = ({ path }, answer) =>
        Effect.map(answer, (response) =>
          path.endsWith("_bulk_docs") && lost++ === 0 ? { status: 503, headers: {}, body: "" } : response)
      const fiber = yield* Effect.fork(asMe(
        Effect.forEach(docs, (doc) =>
          Document.save(Document.modify(doc, ({ n }) => ({ n: n + 1 }))), {
          concurrency: "unbounded"
        })
      ))
      yield* TestClock.adjust("1 minute")
      const saved = yield* Fiber.join(fiber)
      assert.deepStrictEqual(saved.map(({ body }) => body.n), many(10).map(() => 1))
      meddler.around = (_, answer) => answer
      const read = yield* asMe(
        Effect.forEach(many(10), (id) => Document.fetch(counters, id), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(read.map(({ rev }) => rev), saved.map(({ rev }) => rev))
    }))

  it.scoped("recognizes a write to a re-created database whose response was lost, although an equal write succeeded before", () =>
    Effect.gen(function*() {
      const { asMe, meddler } = yield* scene()
      const both = asMe(Effect.forEach(["a", "b"], (id) => create(id), { concurrency: "unbounded" }))
      const before = yield* both
      yield* asMe(Effect.zipRight(Database.delete("zoo"), Database.create("zoo")))
      meddler.around = losingOne(({ path }) => path.endsWith("_bulk_docs"))
      const fiber = yield* Effect.fork(both)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(({ rev }) => rev), before.map(({ rev }) => rev))
    }))

  it.scoped("reports an edit once, in a batch and alone", () =>
    Effect.gen(function*() {
      const { asMe, meddler } = yield* scene()
      const docs = yield* asMe(Effect.forEach(["a", "b"], (id) => create(id), { concurrency: "unbounded" }))
      const [a, b] = docs.map(Document.modify(({ n }) => ({ n: n + 1 })))
      if (a === undefined || b === undefined) return assert.fail("no documents")
      yield* asMe(Effect.all([Document.save(a), Document.save(b)], { concurrency: "unbounded" }))
      meddler.around = losingOne(({ method }) => method === "PUT")
      const fiber = yield* Effect.fork(asMe(Effect.flip(Document.save(a))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "ConflictError")
    }))

  it.scoped("recognises a write whose response was lost over a service without private state", () =>
    Effect.gen(function*() {
      const { asMe, meddler } = yield* scene({}, withoutState)
      meddler.around = losingOne(({ path }) => path.endsWith("_bulk_docs"))
      const fiber = yield* Effect.fork(asMe(Effect.forEach(many(10), (id) => create(id), { concurrency: "unbounded" })))
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* Fiber.join(fiber), 10)
    }))

  it.live("nobody waits for ever when the layer is released", () =>
    Effect.gen(function*() {
      const couch = Layer.succeed(CouchHttp.CouchHttp, {
        execute: () => Effect.never,
        stream: () => Effect.never,
        readDocument: () => Effect.never,
        writeDocument: () => Effect.never
      })
      const program = Effect.forEach(many(3), (id) => Effect.forkDaemon(Document.fetch(counters, id)))
      const waiting = yield* Effect.provide(
        Effect.tap(program, () => Effect.repeatN(Effect.yieldNow(), 20)),
        Batching.layer().pipe(Layer.provide(couch))
      )
      const exits = yield* Effect.forEach(waiting, Fiber.await)
      assert.isTrue(exits.every(Exit.isFailure))
    }))
})
