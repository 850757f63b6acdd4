import { assert, describe, it } from "@effect/vitest"
import type { CouchHttp, Transport } from "effect-couchdb"
import { Attachment, Bulk, Collection, CouchError, Database, Document } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { interceptedClient, requests } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

type Reason = CouchError.TransportError["reason"]

/** Reasons that say that the server did not carry out the request. */
const unsent: ReadonlyArray<Reason> = [
  "InvalidUrl",
  "InvalidHeader",
  "Unsupported",
  "Connection",
  "Tls",
  "PoolExhausted",
  "RequestBody"
]

const failed = (reason: Reason) =>
  new CouchError.TransportError({ method: "PUT", path: "/", reason, description: "none" })

const isWrite = ({ method, path }: Transport.TransportRequest) =>
  (method === "PUT" || method === "DELETE" || /_bulk_docs$/.test(path)) && path.split("/").length > 2

/**
 * A line on which writes fail once `armed` is set, with one reason after the other. After the last of several reasons every
 * request fails.
 */
const refusing = (reasons: ReadonlyArray<Reason>, options: Partial<CouchHttp.Options> = {}) =>
  Effect.gen(function*() {
    const armed = yield* Ref.make(false)
    let writes = 0
    const on = yield* interceptedClient((request, _, pass) =>
      Effect.flatMap(Ref.get(armed), (isArmed) => {
        const isOver = reasons.length > 1 && writes >= reasons.length
        if (!isArmed || (!isWrite(request) && !isOver)) return pass(request)
        const reason = reasons[Math.min(writes, reasons.length - 1)] ?? "Connection"
        if (isWrite(request)) writes++
        const isStream = typeof request.body === "object" && !(request.body instanceof Uint8Array)
        // The body of a request that may have happened was sent.
        const sent = reason === "NoResponse" && isStream ? Stream.runDrain(request.body) : Effect.void
        return Effect.zipRight(sent, Effect.fail(failed(reason)))
      }), options)
    yield* Database.create("zoo").pipe(Effect.provide(on.layer))
    const doc = yield* Effect.flatMap(
      Document.create(zoo, "monarch", { n: 1 }),
      (doc) => Attachment.put(doc, "x", { contentType: "text/plain", bytes: "egg" })
    ).pipe(Effect.provide(on.layer))
    yield* Ref.set(armed, true)
    return { ...on, doc, writes: () => writes }
  })

const reasonOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "reason" in error ? String(error.reason) : String(error)

type Write = (
  doc: Document.Document<{ readonly n: number }>
) => Effect.Effect<string, never, CouchHttp.CouchHttp>

const outcomeOf = <A, E>(write: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.match(write, { onFailure: reasonOf, onSuccess: () => "written" })

const file = { contentType: "text/plain", bytes: "wings" }

const writes: { readonly [name: string]: Write } = {
  "a create": () => outcomeOf(Document.create(zoo, "swallowtail", { n: 1 })),
  "an update": (doc) => outcomeOf(Document.save(Document.modify(doc, () => ({ n: 2 })))),
  "a delete": (doc) => outcomeOf(Document.delete(doc)),
  "a bulk write": (doc) =>
    Effect.map(
      Bulk.save([Document.modify(doc, () => ({ n: 2 })), Document.make(zoo, "swallowtail", { n: 1 })]),
      (rows) => rows.map((row) => Either.isLeft(row) ? reasonOf(row.left) : "written").join(" ")
    ),
  "an attachment": (doc) => outcomeOf(Attachment.put(doc, "x", file)),
  "a document with attachments": (doc) =>
    outcomeOf(Attachment.save(Document.modify(doc, () => ({ n: 2 })), { x: file })),
  "an attachment that streams": (doc) =>
    outcomeOf(Attachment.put(doc, "x", { ...file, bytes: Stream.make(new Uint8Array(3)) })),
  "the deletion of an attachment": (doc) => outcomeOf(Attachment.delete(doc, "x"))
}

/** Runs the effect while the waits between attempts pass. */
const running = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("30 seconds")
    return yield* Fiber.join(fiber)
  })

describe("a write that was never sent is not looked up", () => {
  for (const [name, write] of Object.entries(writes)) {
    it.effect(name, () =>
      Effect.gen(function*() {
        for (const reason of unsent) {
          const on = yield* refusing([reason])
          const [outcome, asked] = yield* requests(on, running(write(on.doc))).pipe(Effect.provide(on.layer))
          for (const each of outcome.split(" ")) assert.strictEqual(each, reason)
          assert.isNotEmpty(asked)
          assert.deepStrictEqual(asked.filter((request) => !isWrite(request)).map(({ path }) => path), [])
          // Only a connection that was not made is tried again.
          if (reason !== "Connection") assert.lengthOf(asked, 1)
        }
      }))
  }
})

describe("a write whose second attempt was never sent may still have happened in the first", () => {
  for (const [name, write] of Object.entries(writes)) {
    if (name === "an attachment that streams") continue
    it.effect(name, () =>
      Effect.gen(function*() {
        for (const reason of unsent) {
          const on = yield* refusing(["NoResponse", reason])
          const outcome = yield* running(write(on.doc)).pipe(Effect.provide(on.layer))
          assert.isAtLeast(on.writes(), 2)
          for (const each of outcome.split(" ")) assert.strictEqual(each, "NoResponse")
        }
      }))
  }
})

it.effect("a write that finds no connection in any attempt before its deadline fails with Connection", () =>
  Effect.gen(function*() {
    const on = yield* refusing(["Connection"], { timeout: "500 millis" })
    const save = Effect.flip(Document.save(Document.modify(on.doc, () => ({ n: 2 })))).pipe(Effect.provide(on.layer))
    for (let i = 0; i < 20; i++) {
      const fiber = yield* Effect.fork(save)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "Connection")
    }
  }))
