import { assert, describe, it } from "@effect/vitest"
import { Collection, CouchHttp, Database, Document, Edit, Revision } from "effect-couchdb"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { interceptedClient, makeResponse, requests } from "../support/transport.js"

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
const zoo = Collection.make("zoo", Butterfly)
const monarch = { name: "Monarch", seen: 1 }
const seenAgain = Document.modify((b: typeof monarch) => ({ ...b, seen: b.seen + 1 }))

/** Runs on a line with the database, and counts the requests of each effect handed to it. */
const onLine = <A, E>(
  test: (
    count: <B, E2, R>(effect: Effect.Effect<B, E2, R>) => Effect.Effect<readonly [B, number], E2, R>
  ) => Effect.Effect<A, E, CouchHttp.CouchHttp>
) =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    return yield* Effect.zipRight(
      Database.create("zoo"),
      test((effect) => Effect.map(requests(on, effect), ([value, sent]) => [value, sent.length] as const))
    ).pipe(Effect.provide(on.layer))
  })

describe("what goes over the wire", () => {
  it.effect("an unchanged save sends nothing, a changed one a single request", () =>
    onLine((count) =>
      Effect.gen(function*() {
        const [saved, one] = yield* count(Document.create(zoo, "monarch", monarch))
        assert.strictEqual(one, 1)
        const [same, none] = yield* count(Document.save(saved))
        assert.strictEqual(none, 0)
        assert.strictEqual(same, saved)
        const [, again] = yield* count(Document.save(seenAgain(saved)))
        assert.strictEqual(again, 1)
      })
    ))

  it.effect("an edit that encodes to what is stored sends nothing, and is clean then", () =>
    onLine((count) =>
      Effect.gen(function*() {
        const shouted = Collection.make("zoo", Schema.Struct({ name: Schema.Lowercase }))
        const doc = yield* Document.create(shouted, "a", { name: "x" })
        const [settled, sent] = yield* count(Document.save(Document.modify(doc, (b) => ({ ...b }))))
        assert.strictEqual(sent, 0)
        assert.isFalse(Document.isDirty(settled))
      })
    ))

  it.effect("local refusals send nothing: delete, refresh, copy, bad ids, bad bodies", () =>
    onLine((count) =>
      Effect.gen(function*() {
        const saved = yield* Document.create(zoo, "monarch", monarch)
        const dirty = seenAgain(saved)
        const unsaved = Document.make(zoo, "new", monarch)
        const context = yield* Effect.context<CouchHttp.CouchHttp>()
        const refusal = (effect: Effect.Effect<unknown, { readonly _tag: string }, CouchHttp.CouchHttp>) =>
          Effect.provide(effect, context)
        const refused = [
          refusal(Document.delete(dirty)),
          refusal(Document.delete(unsaved)),
          refusal(Document.refresh(dirty)),
          refusal(Document.refresh(unsaved)),
          refusal(Document.copy(dirty, "x")),
          refusal(Document.copy(unsaved, "x")),
          refusal(Document.copy(saved, "_x")),
          refusal(Document.revisions(unsaved)),
          refusal(Document.fetch(zoo, "..")),
          refusal(Document.fetch(zoo, "\ud800")),
          refusal(Document.save(Document.modify(saved, (b) => ({ ...b, seen: NaN })))),
          refusal(Database.create("Zoo"))
        ]
        for (const effect of refused) {
          const [error, sent] = yield* count(Effect.flip(effect))
          assert.strictEqual(sent, 0, error._tag)
          assert.notStrictEqual(error._tag, "ConflictError")
        }
      })
    ))

  it.effect("create is one request, copy with overwrite two", () =>
    onLine((count) =>
      Effect.gen(function*() {
        const [doc] = yield* count(Document.create(zoo, "monarch", monarch))
        assert.strictEqual((yield* count(Document.copy(doc, "copy")))[1], 1)
        assert.strictEqual((yield* count(Document.copy(doc, "copy", { overwrite: true })))[1], 2)
      })
    ))
})

describe("durability", () => {
  it.effect("201 is a quorum, 202 is only accepted", () =>
    Effect.gen(function*() {
      const rev = `1-${"a".repeat(32)}`
      for (const [status, durability] of [[201, "quorum"], [200, "quorum"], [202, "accepted"]] as const) {
        const { layer } = yield* interceptedClient(() =>
          Effect.succeed(makeResponse(status, { ok: true, id: "x", rev }))
        )
        const saved = yield* Document.create(zoo, "x", monarch).pipe(Effect.provide(layer))
        assert.strictEqual(saved.durability, durability)
        assert.deepStrictEqual(saved.rev, Option.some(Revision.make(rev)))
        const gone = yield* Document.delete(saved).pipe(Effect.provide(layer))
        assert.strictEqual(gone.durability, durability)
      }
    }))
})

describe("interruption", () => {
  it.effect("of an operation interrupts its request", () =>
    Effect.gen(function*() {
      const interrupted = yield* Ref.make(0)
      const on = yield* interceptedClient(() =>
        Effect.never.pipe(Effect.onInterrupt(() => Ref.update(interrupted, (n) => n + 1)))
      )
      const fibers = yield* Effect.forEach(
        [Document.fetch(zoo, "x"), Document.create(zoo, "x", monarch), Document.update(zoo, "x", (b) => b)],
        (effect) => Effect.fork(effect.pipe(Effect.provide(on.layer)))
      )
      yield* Effect.yieldNow({ priority: 10 }).pipe(Effect.repeatN(20))
      yield* Fiber.interruptAll(fibers)
      assert.strictEqual(yield* Ref.get(interrupted), 3)
    }))
})

describe("a document as a value", () => {
  it.effect("prints database, id, revision and edited paths, never its body", () =>
    onLine(() =>
      Effect.gen(function*() {
        const doc = yield* Document.create(zoo, "monarch", { name: "a secret", seen: 1 })
        const edited = Document.modify(doc, (b) => ({ ...b, name: "another secret" }))
        for (const text of [inspect(edited, { depth: 9 }), JSON.stringify(edited), String(edited)]) {
          assert.notInclude(text, "secret")
          for (const word of ["zoo", "monarch", "1-", "name"]) assert.include(text, word)
        }
        const conflict = yield* Effect.flip(Document.create(zoo, "monarch", { name: "a secret", seen: 2 }))
        assert.notInclude(inspect(conflict, { depth: 9 }) + JSON.stringify(conflict), "secret")
        assert.include(conflict.message, "a document with this id exists already")
      })
    ))

  it.effect("knows what was edited, and gives it up", () =>
    onLine(() =>
      Effect.gen(function*() {
        const Nested = Schema.Struct({ a: Schema.Struct({ b: Schema.Number, c: Schema.String }), d: Schema.String })
        const doc = yield* Document.create(Collection.make("zoo", Nested), "x", { a: { b: 1, c: "c" }, d: "d" })
        assert.deepStrictEqual(Document.changedPaths(doc), [])
        const edited = Document.modify(doc, (body) => ({ ...body, a: { ...body.a, b: 2 } }))
        assert.deepStrictEqual(Document.changedPaths(edited), [["a", "b"]])
        assert.isFalse(Document.isDirty(Document.discard(edited)))
        assert.isTrue(Document.isDirty(Document.make(zoo, "new", monarch)))
        assert.isFalse(Document.isDirty(Document.modify(edited, () => ({ a: { b: 1, c: "c" }, d: "d" }))))
      })
    ))

  it.effect("is distinguished from a tombstone and from any other value", () =>
    onLine(() =>
      Effect.gen(function*() {
        const doc = yield* Document.create(zoo, "monarch", monarch)
        const gone = yield* Document.delete(doc)
        assert.isTrue(Document.isDocument(doc) && Document.isTombstone(gone))
        assert.isFalse(
          Document.isDocument(gone) || Document.isTombstone(doc) || Document.isDocument({ _tag: "Document" })
        )
        assert.strictEqual(doc.pipe(Document.isDirty), false)
      })
    ))

  it.effect("a schema with requirements carries them into fetch and save", () =>
    onLine(() =>
      Effect.gen(function*() {
        class Unit extends Effect.Tag("Unit")<Unit, { readonly factor: number }>() {}
        const Scaled = Schema.transformOrFail(Schema.Number, Schema.Number, {
          strict: true,
          decode: (n) => Effect.map(Unit, ({ factor }) => n / factor),
          encode: (n) => Effect.map(Unit, ({ factor }) => n * factor)
        })
        const scaled = Collection.make("zoo", Schema.Struct({ length: Scaled }))
        const doc = yield* Document.create(scaled, "x", { length: 2 }).pipe(
          Effect.zipRight(Document.fetch(scaled, "x")),
          Effect.map(Document.modify((body) => ({ length: body.length + 1 }))),
          Effect.flatMap(Document.save),
          Effect.provideService(Unit, { factor: 100 })
        )
        assert.strictEqual(doc.body.length, 3)
        const raw = yield* Document.fetch(Collection.make("zoo", Schema.Struct({ length: Schema.Number })), "x")
        assert.strictEqual(raw.body.length, 300)
      })
    ))
})

describe("what comes from outside", () => {
  const sent = (over: object) => ({
    id: "a",
    rev: `1-${"a".repeat(32)}`,
    durability: "quorum",
    body: { name: "x", seen: 1 },
    base: `{"name":"a","seen":1}`,
    stubs: null,
    ...over
  })

  it.effect("refuses a tampered document: reserved members, stubs with data, invalid ids, half a base", () =>
    Effect.gen(function*() {
      const decode = Schema.decodeUnknown(Document.schema(zoo))
      yield* decode(sent({}))
      yield* decode(sent({ stubs: `{"a.txt":{"stub":true,"digest":"md5-x","content_type":"text/plain"}}` }))
      yield* decode(sent({ rev: null, base: null }))
      for (
        const over of [
          { base: `{"_deleted":true,"name":"a","seen":1}` },
          { base: `{"name":"a","seen":1,"_attachments":{"evil.html":{"data":"aGk="}}}` },
          { base: "[]" },
          { base: "nonsense" },
          { base: null },
          { rev: null },
          { rev: "zzz" },
          { id: ".." },
          { id: "_evil" },
          { stubs: `{"a":{"data":"aGk=","stub":true}}` },
          { stubs: `{"a":{"data":"aGk="}}` },
          { base: `{"name":"a","seen":"often"}` }
        ]
      ) {
        const error = yield* Effect.flip(decode(sent(over)))
        assert.strictEqual(error._tag, "ParseError", JSON.stringify(over))
      }
    }))

  it.effect("deep documents are a typed error or a saved document, never a defect", () =>
    onLine(() =>
      Effect.gen(function*() {
        const Name = Schema.Struct({ name: Schema.String })
        const names = Collection.make("zoo", Name)
        for (const depth of [900, 1_900]) {
          for (const core of ["1", "1.0"]) {
            const couch = yield* CouchHttp.CouchHttp
            const id = `deep-${depth}-${core}`
            const text = `{"name":"a","deep":${"[".repeat(depth)}${core}${"]".repeat(depth)}}`
            yield* couch.execute({ method: "PUT", path: `/zoo/${id}`, route: "/{db}/{docid}", body: text })
            const doc = yield* Document.fetch(names, id)
            const saved = yield* Effect.exit(Document.save(Document.modify(doc, () => ({ name: "b" }))))
            if (Exit.isFailure(saved)) assert.isTrue(Cause.isFailure(saved.cause), "a defect")
          }
        }
      })
    ))

  it.effect("a schema that throws, or a body without end, is an EncodeError", () =>
    onLine((count) =>
      Effect.gen(function*() {
        const Explosive = Schema.Struct({
          n: Schema.transform(Schema.Number, Schema.Number, {
            strict: true,
            decode: (n) => n,
            encode: () => {
              throw new TypeError("secret")
            }
          })
        })
        const [error, sent] = yield* count(
          Effect.flip(Document.create(Collection.make("zoo", Explosive), "x", { n: 1 }))
        )
        assert.strictEqual(error._tag, "EncodeError")
        assert.strictEqual(sent, 0)
        assert.notInclude(error.message, "secret")
      })
    ))
})

describe("update", () => {
  it.effect("does not repeat an edit that fails with a conflict of its own", () =>
    onLine(() =>
      Effect.gen(function*() {
        yield* Document.create(zoo, "a", monarch)
        yield* Document.create(zoo, "audit", monarch)
        const runs = yield* Ref.make(0)
        const error = yield* Effect.flip(Document.updateEffect(zoo, "a", () =>
          Effect.zipRight(
            Ref.update(runs, (n) => n + 1),
            Effect.as(Document.create(zoo, "audit", monarch), Edit.keep)
          )))
        assert.strictEqual(error._tag === "ConflictError" && error.id, "audit")
        assert.strictEqual(yield* Ref.get(runs), 1)
      })
    ))
})
