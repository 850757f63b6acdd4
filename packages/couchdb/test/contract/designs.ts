import { assert } from "@effect/vitest"
import { CouchHttp, Database, DesignDocument, Transport, View } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Contract, database, raw } from "./suite.js"

const zoo = (field: string, content: Partial<DesignDocument.Content> = {}) =>
  DesignDocument.make("zoo", {
    ...content,
    views: {
      byField: DesignDocument.view({
        map: `function (doc) { emit(doc.${field}, doc.name) }`,
        reduce: "_count",
        key: Schema.Number,
        value: Schema.String,
        reduced: Schema.Number
      })
    }
  })

const animals = (name: string) =>
  Effect.forEach(["a", "b", "c"], (id, i) => raw("PUT", `/${name}/${id}`, { name: id, seen: i, fed: 10 - i }))

const json = (response: Transport.BufferedResponse): Record<string, ReadonlyArray<Record<string, unknown>>> =>
  JSON.parse(Transport.text(response))

const designs = (name: string) =>
  Effect.map(raw("GET", `/${name}/_design_docs`), (response) => json(response)["rows"]?.map(({ id }) => id))

/** The values of a view for those who do not wait for its index. */
const unawaited = (name: string) =>
  Effect.map(
    raw("GET", `/${name}/_design/zoo/_view/byField?reduce=false&update=false`),
    (response) => json(response)["rows"]?.map(({ value }) => value)
  )

const pairs = (rows: ReadonlyArray<object>) =>
  rows.map((row) => "key" in row && "value" in row ? [row.key, row.value] : row)

export const deployments: Contract = (it) => {
  it.scoped("a design document is deployed, compared, changed, and deployed again for nothing", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* animals(name)
      const first = zoo("seen", { filters: { often: "function (doc) { return doc.seen > 1 }" } })
      assert.deepStrictEqual((yield* DesignDocument.compare(name, first)).map(({ _tag, path }) => [_tag, ...path]), [
        ["Added", "filters", "often"],
        ["Added", "language"],
        ["Added", "views", "byField"]
      ])
      const deployed = yield* DesignDocument.deploy(name, first)
      assert.strictEqual(deployed._tag === "Deployed" && deployed.rebuilt, true)
      assert.deepStrictEqual(yield* DesignDocument.compare(name, first), [])
      const before = yield* Database.info(name)
      assert.deepStrictEqual(yield* DesignDocument.deploy(name, first), { _tag: "Unchanged" })
      const after = yield* Database.info(name)
      assert.strictEqual(after.documents + after.deletedDocuments, before.documents + before.deletedDocuments)
      const rows = yield* View.fetch(name, View.make(first.views.byField))
      assert.deepStrictEqual(pairs(rows.rows), [[0, "a"], [1, "b"], [2, "c"]])
      const filter = yield* DesignDocument.deploy(name, zoo("seen"))
      assert.deepStrictEqual(
        filter._tag === "Deployed" ? [filter.rebuilt, filter.differences.map(({ path }) => path)] : [],
        [false, [["filters", "often"]]]
      )
      const second = zoo("fed")
      const changed = yield* DesignDocument.deploy(name, second)
      assert.deepStrictEqual(
        changed._tag === "Deployed"
          ? [changed.rebuilt, changed.differences.map(({ _tag, path }) => [_tag, ...path])]
          : [],
        [true, [["Changed", "views", "byField"]]]
      )
      // Nothing is left to do for the first reader.
      assert.deepStrictEqual(yield* unawaited(name), ["c", "b", "a"])
      const { byField } = second.views
      const reduced = View.reduced({ ...byField, value: byField.reduced })
      const [count] = (yield* View.fetch(name, reduced, {})).rows
      assert.strictEqual(count !== undefined && "value" in count && count.value, 3)
      assert.deepStrictEqual(yield* designs(name), ["_design/zoo"])
      assert.isTrue(yield* DesignDocument.delete(name, "zoo"))
      assert.isFalse(yield* DesignDocument.delete(name, "zoo"))
      assert.deepStrictEqual(yield* DesignDocument.deployed(name, "zoo"), Option.none())
    }))

  it.scoped("functions are sent as their text, and run there", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* animals(name)
      const emit = (..._: ReadonlyArray<unknown>) => {}
      const design = DesignDocument.make("code", {
        views: {
          names: {
            map(doc: { readonly name: string }) {
              emit(doc.name, null)
            }
          }
        },
        validate: "function (after) { if (after.seen < 0) throw { forbidden: 'seen below nothing' } }",
        updates: { touch: "function (doc, req) { doc.touched = true; return [doc, 'done'] }" }
      })
      yield* DesignDocument.deploy(name, design)
      const { rows } = yield* View.fetch(name, View.make(design.views.names))
      assert.deepStrictEqual(rows.map(({ key }) => key), ["a", "b", "c"])
      const refused = yield* Effect.flip(raw("PUT", `/${name}/x`, { seen: -1 }))
      assert.strictEqual(refused._tag === "ForbiddenError" && refused.reason, "seen below nothing")
    }))

  it.scoped("a function that cannot be compiled changes nothing", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* animals(name)
      yield* DesignDocument.deploy(name, zoo("seen"))
      const broken = DesignDocument.make("zoo", { views: { v: { map: "function (doc) { emit(" } } })
      const error = yield* Effect.flip(DesignDocument.deploy(name, broken))
      assert.strictEqual(error._tag, "BadRequestError")
      assert.deepStrictEqual(yield* DesignDocument.compare(name, zoo("seen")), [])
      assert.deepStrictEqual(yield* designs(name), ["_design/zoo"])
    }))

  it.scoped("many who deploy the same do not fight, and nothing is left over", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* animals(name)
      yield* DesignDocument.deploy(name, zoo("seen"))
      const results = yield* Effect.all(
        Array.from({ length: 2 }, () => DesignDocument.deploy(name, zoo("fed"))),
        { concurrency: "unbounded" }
      )
      assert.isTrue(results.some(({ _tag }) => _tag === "Deployed"))
      assert.deepStrictEqual(yield* DesignDocument.compare(name, zoo("fed")), [])
      assert.deepStrictEqual(yield* designs(name), ["_design/zoo"])
    }))

  it.scoped("a deployment that is interrupted anywhere is finished by the next", () =>
    Effect.gen(function*() {
      const couch = yield* CouchHttp.CouchHttp
      const interrupted = (gap: number) =>
        Effect.gen(function*() {
          const name = yield* database
          yield* animals(name)
          yield* DesignDocument.deploy(name, zoo("seen"))
          const reached = yield* Deferred.make<void>()
          let asked = 0
          const halt = Effect.suspend(() =>
            ++asked === gap ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never) : Effect.void
          )
          const pause = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
            Effect.flatMap(Effect.exit(effect), (exit) => Effect.zipRight(halt, exit))
          const halting: CouchHttp.Service = {
            ...couch,
            execute: (request) => pause(couch.execute(request)),
            readDocument: (read) => pause(couch.readDocument(read)),
            writeDocument: (write) => pause(couch.writeDocument(write))
          }
          const fiber = yield* Effect.fork(
            Effect.provideService(DesignDocument.deploy(name, zoo("fed")), CouchHttp.CouchHttp, halting)
          )
          // Where it does not get so far, it is done.
          const done = yield* Effect.raceFirst(
            Effect.as(Deferred.await(reached), false),
            Effect.as(Fiber.join(fiber), true)
          )
          yield* Fiber.interrupt(fiber)
          // Whoever reads meanwhile has an index that is there, the old one or the new one.
          assert.lengthOf((yield* unawaited(name)) ?? [], 3, `after ${gap} requests`)
          yield* DesignDocument.deploy(name, zoo("fed"))
          assert.deepStrictEqual(yield* DesignDocument.compare(name, zoo("fed")), [], `after ${gap} requests`)
          assert.deepStrictEqual(yield* designs(name), ["_design/zoo"], `after ${gap} requests`)
          const { rows } = yield* View.fetch(name, View.make(zoo("fed").views.byField))
          assert.deepStrictEqual(pairs(rows).map((pair) => Array.isArray(pair) && pair[1]), ["c", "b", "a"])
          return done
        })
      // A server that commits late is asked more often than that, and each time about the same.
      const all = yield* Effect.forEach(Array.from({ length: 16 }, (_, i) => i + 1), interrupted, { concurrency: 8 })
      assert.isAbove(all.filter((done) => !done).length, 7)
    }))

  it.scoped("views of partitions, whose every shard is built", () =>
    Effect.gen(function*() {
      const name = `contract-${globalThis.crypto.randomUUID()}`
      yield* Effect.acquireRelease(Database.create(name, { partitioned: true, q: 4 }), () =>
        Effect.ignore(Database.delete(name)))
      yield* Effect.forEach(["a:1", "b:1", "c:1", "d:1"], (id) =>
        raw("PUT", `/${name}/${id}`, { seen: 1, name: id }))
      yield* DesignDocument.deploy(name, zoo("seen"))
      yield* DesignDocument.deploy(name, zoo("seen", { partitioned: false }))
      assert.deepStrictEqual(yield* DesignDocument.compare(name, zoo("seen", { partitioned: false })), [])
      assert.lengthOf((yield* unawaited(name)) ?? [], 4)
      assert.strictEqual((yield* DesignDocument.info(name, "zoo")).index.language, "javascript")
    }))

  it.scoped("indexes of Mango, used by a query", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* animals(name)
      const indexes = DesignDocument.mango("indexes", {
        bySeen: { fields: ["seen"], partialFilterSelector: { fed: { $gt: 0 } } },
        byName: { fields: [{ name: "desc" }] }
      })
      yield* DesignDocument.deploy(name, indexes)
      assert.deepStrictEqual(yield* DesignDocument.deploy(name, indexes), { _tag: "Unchanged" })
      const found = yield* raw("POST", `/${name}/_find`, {
        selector: { seen: { $gt: 0 } },
        use_index: ["_design/indexes", "bySeen"],
        sort: ["seen"],
        fields: ["_id"]
      })
      assert.deepStrictEqual(json(found)["docs"], [{ _id: "b" }, { _id: "c" }])
      assert.notProperty(json(found), "warning")
    }))
}
