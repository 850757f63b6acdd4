import { assert, describe, it } from "@effect/vitest"
import {
  Attachment,
  Auth,
  Bulk,
  Changes,
  Collection,
  CouchError,
  CouchHttp,
  Database,
  Document,
  Replication,
  Transport
} from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import Pouchdb from "pouchdb"
import MemoryAdapter from "pouchdb-adapter-memory"
import { fetchTransport } from "../contract/targets.js"
import { sample } from "../support/deep.js"

const Body = Schema.Struct({ n: Schema.Number })
const lost = new CouchError.TransportError({ method: "POST", path: "/", reason: "Body", description: "cut" })
const Pouch = Pouchdb.plugin(MemoryAdapter)
const password = Redacted.make("password")
const admin = { username: "admin", password }

/** Two engines that cannot see each other, and a line between them and this program that may break. */
const apart = (between: (number: number) => "pass" | "request" | "answer") =>
  Effect.gen(function*() {
    let asked = 0
    const wrap = (plain: Transport.Service): Transport.Service => ({
      request: (request) =>
        Effect.suspend(() => {
          const what = between(++asked)
          return what === "pass"
            ? plain.request(request)
            : what === "request"
            ? lost
            : Effect.zipRight(plain.request(request), lost)
        }),
      stream: (request) => Effect.suspend(() => between(++asked) === "pass" ? plain.stream(request) : lost)
    })
    const side = Effect.gen(function*() {
      const plain = EmbeddedCouch.transport(yield* EmbeddedCouch.make())
      const make = (transport: Transport.Service) =>
        Effect.provideService(
          CouchHttp.make({ url: "http://embedded", retry: "none" }),
          Transport.Transport,
          transport
        )
      const [direct, couch] = [yield* make(plain), yield* make(wrap(plain))]
      yield* Effect.provideService(Database.create("zoo"), CouchHttp.CouchHttp, direct)
      return { direct, endpoint: { couch, database: "zoo" } }
    })
    return { source: yield* side, target: yield* side, asked: () => asked }
  })

const zoo = Collection.make("zoo", Body)

const filled = Effect.gen(function*() {
  yield* Bulk.save(Arr.makeBy(12, (n) => Document.make(zoo, `doc-${n}`, { n })))
  const read = Arr.getRights(yield* Bulk.fetch(zoo, ["doc-1", "doc-2", "doc-3"]))
  yield* Bulk.save(read.map(Document.modify(({ n }) => ({ n: n + 1 }))))
  yield* Effect.flatMap(Document.fetch(zoo, "doc-4"), Document.delete)
  yield* Bulk.insert("zoo", [{
    id: "doc-1",
    revisions: ["2-ff", "1-ee"] as unknown as Bulk.Version["revisions"],
    body: { n: 5 }
  }])
  yield* Attachment.save(Document.make(zoo, "small", { n: 0 }), {
    x: { contentType: "text/plain", bytes: "words ".repeat(50) }
  })
  yield* Attachment.save(Document.make(zoo, "large", { n: 0 }), {
    x: { contentType: "image/png", bytes: new Uint8Array(100_000).fill(7) }
  })
})

const leaves = (database: string) =>
  Effect.map(
    Changes.fetch(database, { style: "all_docs" }),
    ({ changes }) => changes.map(({ id, revisions }) => `${id}: ${[...revisions].sort().join(" ")}`).sort()
  )

const by = <A, E>(couch: CouchHttp.Service, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.provideService(effect, CouchHttp.CouchHttp, couch)

/** Time passes for whoever waits to try again. */
const running = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("5 minutes")
    return yield* Fiber.join(fiber)
  })

describe("a replication by this program", () => {
  it.scoped("ends with the same revisions wherever it was broken and run again", () =>
    Effect.gen(function*() {
      const whole = yield* apart(() => "pass")
      yield* by(whole.source.direct, filled)
      yield* Replication.run(whole.source.endpoint, whole.target.endpoint, { batch: 4 })
      const requests = whole.asked()
      assert.isAbove(requests, 15)
      for (const what of ["request", "answer"] as const) {
        for (let k = what === "answer" ? 1 : 2; k <= requests; k += sample(5, what === "answer" ? 1 : 3)) {
          const { source, target } = yield* apart((number) => number === k ? what : "pass")
          yield* by(source.direct, filled)
          const once = Replication.run(source.endpoint, target.endpoint, { batch: 4 })
          yield* Effect.retry(once, { times: 1 }).pipe(running)
          assert.deepStrictEqual(
            yield* by(target.direct, leaves("zoo")),
            yield* by(source.direct, leaves("zoo")),
            `${k}`
          )
          const size = yield* by(
            target.direct,
            Stream.runFold(Attachment.get(Attachment.at(zoo, "large"), "x"), 0, (sum, { length }) => sum + length)
          )
          assert.strictEqual(size, 100_000)
          // The checkpoint holds as well.
          const again = yield* Replication.run(source.endpoint, target.endpoint, { batch: 4 })
          assert.strictEqual(again.statistics.revisionsChecked, 0)
        }
      }
    }))

  it.scoped("continues over an unreliable connection if it may repeat requests", () =>
    Effect.gen(function*() {
      const { source, target } = yield* apart((number) => number > 6 && number % 5 === 0 ? "answer" : "pass")
      yield* by(source.direct, filled)
      yield* Replication.run(source.endpoint, target.endpoint, {
        batch: 4,
        retry: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(20)))
      }).pipe(running)
      assert.deepStrictEqual(yield* by(target.direct, leaves("zoo")), yield* by(source.direct, leaves("zoo")))
    }))

  it.scoped("makes siblings of what both sides wrote, in both directions, and ends equal", () =>
    Effect.gen(function*() {
      const { source, target } = yield* apart(() => "pass")
      yield* by(source.direct, filled)
      yield* by(target.direct, Bulk.save(Arr.makeBy(6, (n) => Document.make(zoo, `doc-${n}`, { n: -n }))))
      yield* Replication.run(source.endpoint, target.endpoint)
      yield* Replication.run(target.endpoint, source.endpoint)
      assert.deepStrictEqual(yield* by(target.direct, leaves("zoo")), yield* by(source.direct, leaves("zoo")))
    }))
})

describe("a replication that resumes", () => {
  const total = 15
  const withLog = (endpoint: Replication.Endpoint, change: (log: Record<string, unknown>) => unknown, id: string) =>
    Effect.gen(function*() {
      const local = {
        path: `/${endpoint.database}/_local/${id}`,
        route: "/{db}/_local/{docid}"
      }
      const read = yield* endpoint.couch.execute({ method: "GET", ...local })
      const log = JSON.parse(Transport.text(read)) as Record<string, unknown>
      yield* endpoint.couch.execute({ method: "PUT", ...local, body: JSON.stringify(change(log)) })
    })

  it.scoped("after it was interrupted, reads only what was left", () =>
    Effect.gen(function*() {
      const { source, target } = yield* apart(() => "pass")
      yield* by(source.direct, filled)
      const options = { batch: 4 }
      const some = yield* Replication.replicate(source.endpoint, target.endpoint, { ...options, live: true }).pipe(
        Stream.take(2),
        Stream.runLast
      )
      const rest = yield* Replication.run(source.endpoint, target.endpoint, options)
      const checked = Option.getOrThrow(some).statistics.revisionsChecked
      assert.isAbove(checked, 7)
      // One document has two leaves.
      assert.strictEqual(checked + rest.statistics.revisionsChecked, total)
      assert.deepStrictEqual(yield* by(target.direct, leaves("zoo")), yield* by(source.direct, leaves("zoo")))
    }))

  it.scoped("starts from the session if one side has less of it, and omits nothing", () =>
    Effect.gen(function*() {
      for (const behind of ["source", "target"] as const) {
        const sides = yield* apart(() => "pass")
        const { source, target } = sides
        yield* by(source.direct, filled)
        const done = yield* Replication.run(source.endpoint, target.endpoint, { batch: 4 })
        yield* withLog(sides[behind].endpoint, (log) => {
          const [head] = log["history"] as ReadonlyArray<Record<string, unknown>>
          return { ...log, source_last_seq: "1-older", history: [{ ...head, recorded_seq: "1-older" }] }
        }, done.id)
        const again = yield* Replication.run(source.endpoint, target.endpoint, { batch: 4 })
        assert.strictEqual(again.statistics.revisionsChecked, total, behind)
        assert.strictEqual((yield* Replication.run(source.endpoint, target.endpoint)).statistics.revisionsChecked, 0)
      }
    }))

  it.scoped("from a source that takes no checkpoint, by the target's alone, until the source is another", () =>
    Effect.gen(function*() {
      const { source, target } = yield* apart(() => "pass")
      yield* by(source.direct, filled)
      const { couch } = source.endpoint
      let refused = 0
      const readOnly: Replication.Endpoint = {
        ...source.endpoint,
        couch: {
          ...couch,
          execute: (request) =>
            request.method === "PUT"
              ? Effect.suspend(() => {
                refused++
                const { method, path } = request
                return new CouchError.ForbiddenError({ method, path, status: 403, error: "forbidden", reason: "no" })
              })
              : couch.execute(request)
        }
      }
      const run = Replication.run(readOnly, target.endpoint, { batch: 4 })
      assert.strictEqual((yield* run).statistics.revisionsChecked, total)
      assert.strictEqual(refused, 1)
      assert.strictEqual((yield* run).statistics.revisionsChecked, 0)
      yield* by(source.direct, Bulk.save([Document.make(zoo, "new", { n: 1 })]))
      assert.strictEqual((yield* run).statistics.revisionsChecked, 1)
      yield* TestClock.adjust("1 hour")
      yield* by(source.direct, Effect.zipRight(Database.delete("zoo"), Database.create("zoo")))
      yield* by(source.direct, Bulk.save([Document.make(zoo, "other", { n: 1 })]))
      const other = yield* run
      assert.strictEqual(other.statistics.documentsWritten, 1)
    }))
})

describe("a replication by the server", () => {
  const places = [
    {
      name: "embedded",
      server: Serve.serve({ quiet: true, admin })
    },
    ...(process.env["COUCHDB_URL"] === undefined ? [] : [{
      name: "CouchDB",
      server: Effect.succeed({ url: new URL(process.env["COUCHDB_URL"]).origin })
    }])
  ]

  for (const { name, server } of places) {
    const setUp = Effect.gen(function*() {
      const { url } = yield* server
      const couch = yield* CouchHttp.make({ url, auth: Auth.basic("admin", password) }).pipe(
        Effect.provide(fetchTransport)
      )
      const make = Effect.acquireRelease(
        Effect.sync(() => `replication-${globalThis.crypto.randomUUID()}`).pipe(
          Effect.tap((name) => by(couch, Database.create(name)))
        ),
        (name) => Effect.ignore(by(couch, Database.delete(name)))
      )
      const [here, there] = [yield* make, yield* make]
      const remote = (name: string): Replication.Remote => ({ url: `${url}/${name}`, username: "admin", password })
      const items = Collection.make(here, Body)
      yield* by(couch, Bulk.save(Arr.makeBy(5, (n) => Document.make(items, `doc-${n}`, { n }))))
      return { couch, url, make, here, there, definition: { source: remote(here), target: remote(there) }, remote }
    })

    it.scopedLive(`${name}: once, and again without changes`, () =>
      Effect.gen(function*() {
        const { couch, definition, here, remote, there } = yield* setUp
        const result = yield* by(couch, Replication.once(definition))
        assert.isFalse(result.noChanges)
        assert.strictEqual(result.history[0]?.statistics.documentsWritten, 5)
        assert.isTrue((yield* by(couch, Replication.once(definition))).noChanges)
        assert.deepStrictEqual(yield* by(couch, leaves(there)), yield* by(couch, leaves(here)))
        const missing = yield* Effect.flip(
          by(couch, Replication.once({ ...definition, source: remote("nobody-made-this") }))
        )
        assert.strictEqual(missing._tag, "NotFoundError")
        assert.notInclude(missing.message, "password")
      }))

    it.scopedLive(`${name}: continuously, until it is cancelled`, () =>
      Effect.gen(function*() {
        const { couch, definition, here } = yield* setUp
        const { id } = yield* by(couch, Replication.continuous(definition))
        const running = yield* by(couch, Stream.runCollect(Replication.jobs))
        const job = Array.from(running).find((job) => job.id === id)
        assert.include(job?.source, here)
        assert.notInclude(JSON.stringify(job), "password")
        assert.deepStrictEqual(
          yield* by(couch, Replication.checkpointId(definition)),
          Option.some(id.replace("+continuous", ""))
        )
        yield* by(couch, Replication.cancel(id))
        assert.strictEqual((yield* Effect.flip(by(couch, Replication.cancel(id))))._tag, "NotFoundError")
        yield* by(couch, Replication.continuous(definition))
        yield* by(couch, Replication.cancel(definition))
      }))

    it.scopedLive(`${name}: by a document, with its progress to the end`, () =>
      Effect.gen(function*() {
        const { couch, definition, here, there } = yield* setUp
        yield* by(couch, Database.ensure("_replicator"))
        const id = `test-${globalThis.crypto.randomUUID()}`
        yield* Effect.acquireRelease(
          by(couch, Replication.define(id, definition)),
          () => Effect.ignore(by(couch, Replication.remove(id)))
        )
        const last = yield* by(couch, Stream.runLast(Replication.progress(id, { every: "200 millis" })))
        assert.strictEqual(Option.getOrThrow(last).state, "completed")
        assert.strictEqual(Option.getOrThrow(last).statistics.documentsWritten, 5)
        assert.deepStrictEqual(yield* by(couch, leaves(there)), yield* by(couch, leaves(here)))
        const all = yield* by(couch, Stream.runCollect(Replication.statuses))
        assert.isTrue(Array.from(all).some(({ documentId }) => documentId === id))
        assert.strictEqual(
          (yield* Effect.flip(by(couch, Replication.define(id, definition))))._tag,
          "UpdateConflictError"
        )
        yield* by(couch, Replication.remove(id))
        assert.strictEqual((yield* Effect.flip(by(couch, Replication.remove(id))))._tag, "NotFoundError")
      }))

    it.scopedLive(
      `${name}: is carried on by PouchDB, and carries on what PouchDB brought`,
      () =>
        Effect.gen(function*() {
          const { couch, make, there: one, url } = yield* setUp
          const two = yield* make
          const local = (name: string) =>
            Effect.acquireRelease(
              Effect.sync(() => new Pouch(`${name}-${globalThis.crypto.randomUUID()}`, { adapter: "memory" })),
              (pouch) => Effect.promise(() => pouch.destroy())
            )
          const [first, second] = [yield* local("first"), yield* local("second")]
          const at = (name: string) => `${url.replace("//", "//admin:password@")}/${name}`
          yield* Effect.promise(async () => {
            await first.bulkDocs(Array.from({ length: 30 }, (_, n) => ({ _id: `doc-${n}`, n })))
            const doc = await first.get("doc-3")
            await first.put({ ...doc, n: 33 })
            await first.remove(await first.get("doc-4"))
            await first.putAttachment(
              "doc-5",
              "t.txt",
              (await first.get("doc-5"))._rev,
              Buffer.from("text ".repeat(50)),
              "text/plain"
            )
            await first.putAttachment(
              "doc-6",
              "a b/c?d#e",
              (await first.get("doc-6"))._rev,
              Buffer.from(Uint8Array.from({ length: 200_000 }, (_, n) => (n * 11 + (n >> 8)) & 255)),
              "image/png"
            )
            await Pouch.replicate(first, new Pouch(at(one)))
          })
          const ends = [{ couch, database: one }, { couch, database: two }] as const
          yield* Replication.run(...ends, { batch: 8 })
          assert.deepStrictEqual(yield* by(couch, leaves(two)), yield* by(couch, leaves(one)))
          yield* Effect.promise(() => Pouch.replicate(new Pouch(at(two)), second))
          for (const id of ["doc-3", "doc-5", "doc-6"]) {
            const [read, original] = yield* Effect.promise(() =>
              Promise.all([second, first].map((pouch) => pouch.get(id, { attachments: true, revs: true })))
            )
            assert.deepStrictEqual(read, original)
          }
          assert.strictEqual((yield* Effect.promise(() => second.allDocs({}))).rows.length, 29)
        })
    )
  }

  if (process.env["COUCHDB_URL"] !== undefined) {
    const url = new URL(process.env["COUCHDB_URL"]).origin
    it.scopedLive(
      "an engine in process and a real CouchDB replicate to each other through this program",
      () =>
        Effect.gen(function*() {
          const real = yield* CouchHttp.make({ url, auth: Auth.basic("admin", password) }).pipe(
            Effect.provide(fetchTransport)
          )
          const name = `replication-${globalThis.crypto.randomUUID()}`
          yield* Effect.acquireRelease(
            by(real, Database.create(name)),
            () => Effect.ignore(by(real, Database.delete(name)))
          )
          const { source } = yield* apart(() => "pass")
          yield* by(source.direct, filled)
          const there = { couch: real, database: name }
          const done = yield* Replication.run(source.endpoint, there, { batch: 5 })
          assert.deepStrictEqual(done.failures, [])
          assert.deepStrictEqual(yield* by(real, leaves(name)), yield* by(source.direct, leaves("zoo")))
          yield* by(real, Bulk.save([Document.make(Collection.make(name, Body), "from-there", { n: 1 })]))
          yield* Replication.run(there, source.endpoint)
          assert.deepStrictEqual(yield* by(real, leaves(name)), yield* by(source.direct, leaves("zoo")))
        })
    )
  }
})
