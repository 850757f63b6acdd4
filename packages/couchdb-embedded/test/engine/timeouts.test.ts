import { describe, expect, it } from "@effect/vitest"
import * as Attachment from "effect-couchdb/Attachment"
import * as Bulk from "effect-couchdb/Bulk"
import * as Changes from "effect-couchdb/Changes"
import * as Collection from "effect-couchdb/Collection"
import * as Conflict from "effect-couchdb/Conflict"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Database from "effect-couchdb/Database"
import * as Document from "effect-couchdb/Document"
import * as LocalDocument from "effect-couchdb/LocalDocument"
import * as Mango from "effect-couchdb/Mango"
import * as Merge from "effect-couchdb/Merge"
import * as Server from "effect-couchdb/Server"
import * as Transport from "effect-couchdb/Transport"
import * as View from "effect-couchdb/View"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { sample } from "../../../couchdb/test/support/deep.js"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as Faults from "../../src/faults/Faults.js"

const Counter = Schema.Struct({ n: Schema.Number })
const counters = Collection.make("zoo", Counter)

const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))

const times = sample(100, 1_000)
const polls = sample(50, 200)

const post = (path: string, body: string) =>
  Effect.flatMap(CouchHttp.CouchHttp, (http) =>
    http.execute({
      method: "POST",
      path: `/zoo/${path}`,
      route: `/{db}/${path}`,
      headers: { "content-type": "application/json" },
      body
    }))

type Operation = (i: number) => Effect.Effect<unknown, unknown, CouchHttp.CouchHttp>

const operations: Readonly<Record<string, Operation>> = {
  "Document.create": (i) => Document.create(counters, `new${i}`, { n: i }),
  "Document.fetch": (i) => Document.fetch(counters, `doc${i}`),
  "Document.exists": (i) => Document.exists(counters, `doc${i}`),
  "Document.info": (i) => Document.info(counters, `doc${i}`),
  "Document.save": (i) =>
    Document.fetch(counters, `doc${i}`).pipe(
      Effect.map(Document.modify(({ n }) => ({ n: n + 1 }))),
      Effect.flatMap(Document.save)
    ),
  "Document.update, all of one document": () => Document.update(counters, "shared", ({ n }) => ({ n: n + 1 })),
  "Document.upsert": (i) => Document.upsert(counters, `up${i}`, () => ({ n: i })),
  "Document.copy": (i) => Effect.flatMap(Document.fetch(counters, `doc${i}`), (doc) => Document.copy(doc, `copy${i}`)),
  "Document.revisions": (i) => Effect.flatMap(Document.fetch(counters, `doc${i}`), Document.revisions),
  "Document.delete": (i) => Effect.flatMap(Document.fetch(counters, `old${i}`), Document.delete),
  "PUT /zoo/{docid}/{attachment}": (i) =>
    Effect.flatMap(
      CouchHttp.CouchHttp,
      (http) =>
        http.execute({ method: "PUT", path: `/zoo/att${i}/a.txt`, route: "/{db}/{docid}/{attachment}", body: "text" })
    ),
  "LocalDocument.save": (i) => LocalDocument.save(counters, `local${i}`, { n: i }),
  "Database.info": () => Database.info("zoo"),
  "Database.create": (i) => Database.create(`zoo${i}`),
  "Attachment.put and get": (i) =>
    Effect.flatMap(
      Document.fetch(counters, `doc${i}`),
      (doc) => Attachment.put(doc, "a.txt", { contentType: "text/plain", bytes: "text" })
    ).pipe(Effect.flatMap((doc) => Stream.runDrain(Attachment.get(doc, "a.txt")))),
  "Bulk.save": (i) =>
    Bulk.save([Document.make(counters, `bulk${i}`, { n: i }), Document.make(counters, `bulk${i}b`, { n: i })]),
  "Bulk.fetch": (i) => Bulk.fetch(counters, [`doc${i}`, `old${i}`]),
  "Changes.fetch": () => Changes.fetch(counters, { limit: 5 }),
  "Changes.stream": () => Stream.runDrain(Changes.stream("zoo", { limit: 5 })),
  "Conflict.resolve": (i) => Conflict.resolve(counters, `doc${i}`, Merge.make(Counter)),
  "Mango.find": (i) => Mango.find(counters, { selector: { n: i }, limit: 1 }),
  "View.fetch": (i) => View.fetch(counters, View.allDocs, { key: `doc${i}`, includeDocs: true }),
  "View.stream": () => Stream.runDrain(View.stream(counters, View.allDocs, { limit: 5, includeDocs: true })),
  "Server.info": () => Server.info,
  "POST /zoo/_find": (i) => post("_find", `{"selector":{"_id":"doc${i}"}}`),
  "POST /zoo/_bulk_get": (i) => post("_bulk_get", `{"docs":[{"id":"doc${i}"}]}`)
}

const bulk = (prefix: string) =>
  post("_bulk_docs", JSON.stringify({ docs: Array.from({ length: times }, (_, n) => ({ _id: `${prefix}${n}`, n })) }))

/**
 * The requests that fail or are still running shortly before the deadline of a minute. There is no latency, so all
 * requests should end before the time advances.
 */
const failures = (operation: Operation, count: number) =>
  Effect.gen(function*() {
    const attempts = Array.from({ length: count }, (_, i) => Effect.exit(operation(i)))
    const fiber = yield* Effect.fork(Effect.all(attempts, { concurrency: 5 }))
    yield* TestClock.adjust("59 seconds")
    const done = yield* Fiber.poll(fiber)
    if (Option.isNone(done)) yield* TestClock.adjust("2 seconds")
    const exits = yield* Fiber.join(fiber)
    return exits.filter(Exit.isFailure).map((exit) => String(exit.cause).slice(0, 200))
  })

describe("under TestClock, with the default timeout of a client", () => {
  for (const [name, operation] of Object.entries(operations)) {
    it.effect(`none of ${times} times ${name} runs out of time`, () =>
      Effect.gen(function*() {
        yield* Database.create("zoo")
        yield* Effect.forEach(["doc", "old"], bulk)
        yield* Document.create(counters, "shared", { n: 0 })
        expect(yield* failures(operation, times)).toEqual([])
        const { n } = (yield* Document.fetch(counters, "shared")).body
        expect(n).toBe(name.includes("all of one") ? times : 0)
      }).pipe(Effect.provide(couch)))
  }

  it.effect("each waiting request waits for a minute", () =>
    Effect.gen(function*() {
      const found = yield* failures(() => Database.exists("zoo"), 5)
      expect(found).toHaveLength(5)
      for (const failure of found) expect(failure).toContain("TimeoutError")
    }).pipe(
      Effect.provide(
        CouchHttp.layer({ url: "http://embedded", retry: "none" }).pipe(
          Layer.provide(Faults.layer({ rules: [{ fault: Faults.Fault.Latency({ duration: "2 minutes" }) }] })),
          Layer.provide(EmbeddedCouch.layer())
        )
      )
    ))

  it.effect(`${polls} long polls end exactly when they said they would`, () =>
    Effect.gen(function*() {
      yield* Database.create("zoo")
      const http = yield* CouchHttp.CouchHttp
      const fibers = yield* Effect.forEach(Array.from({ length: polls }, (_, i) => i), (i) =>
        Effect.fork(
          http.execute({
            method: "GET",
            path: `/zoo/_changes?feed=longpoll&since=now&timeout=${20_000 + i}`,
            route: "/{db}/_changes"
          }).pipe(
            Effect.zipRight(Clock.currentTimeMillis)
          )
        ))
      yield* TestClock.adjust("25 seconds")
      const ends = yield* Effect.forEach(fibers, Fiber.join)
      expect(ends).toEqual(Array.from({ length: polls }, (_, i) => 20_000 + i))
    }).pipe(Effect.provide(couch)))

  it.effect(`${polls} long polls wake at the very moment of a change`, () =>
    Effect.gen(function*() {
      yield* Database.create("zoo")
      const http = yield* CouchHttp.CouchHttp
      const path = "/zoo/_changes?feed=longpoll&since=now&timeout=50000"
      const fibers = yield* Effect.forEach(Array.from({ length: polls }), () =>
        Effect.fork(
          http.execute({ method: "GET", path, route: "/{db}/_changes" }).pipe(
            Effect.flatMap((response) =>
              Effect.map(Clock.currentTimeMillis, (now) => [now, Transport.text(response)] as const)
            )
          )
        ))
      yield* TestClock.adjust("31 seconds")
      yield* Document.create(counters, "news", { n: 1 })
      const answers = yield* Effect.forEach(fibers, Fiber.join)
      expect(new Set(answers.map(([now, text]) => `${now} ${text.includes("\"id\":\"news\"")}`))).toEqual(
        new Set(["31000 true"])
      )
    }).pipe(Effect.provide(couch)))
})
