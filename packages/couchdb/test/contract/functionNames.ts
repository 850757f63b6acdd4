import { assert } from "@effect/vitest"
import { Changes, Collection, CouchHttp, Database, Functions, Mango, Replication, View } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Butterfly, type Contract, database, raw } from "./suite.js"

/** Names that CouchDB decodes once more, or twice, in some of its parameters, and others that it leaves alone. */
const names = [
  "c++",
  "a/b",
  "a/b/c",
  "100%",
  "x%41y",
  "50%+/%2F",
  "sp ace",
  "q?r#s",
  "é🦋",
  "say\"hi\"",
  "a&b=c;d",
  "_under",
  "%5Funder",
  "it's(~!*)"
]

const path = (database: string, design: string) => `/${database}/_design/${encodeURIComponent(design)}`

const bodyFor = (name: string) => ({
  filters: { [name]: "function (doc, req) { return doc.seen > Number(req.query.above || 0) }" },
  views: { [name]: { map: "function (doc) { if (doc.seen > 1) emit(doc.seen, null) }" } },
  shows: { [name]: "function (doc, req) { return doc ? doc.name : 'nobody' }" },
  lists: { [name]: "function (head, req) { var row, n = 0; while (row = getRow()) n += row.key; send(String(n)) }" },
  updates: { [name]: "function (doc, req) { return [null, 'for ' + req.id] }" }
})

const ids = (changes: Iterable<{ readonly id: string }>) =>
  Array.from(changes, ({ id }) => id).filter((id) => !id.startsWith("_design/")).sort()

const scene = Effect.gen(function*() {
  const zoo = Collection.make(yield* database, Butterfly)
  for (const seen of [1, 2, 3]) yield* raw("PUT", `/${zoo.database}/d${seen}`, { name: `n${seen}`, seen })
  for (const name of names) yield* raw("PUT", path(zoo.database, name), bodyFor(name))
  return zoo
})

export const functionNames: Contract = (it) => {
  it.scoped("a feed is filtered by a function or a view of any name", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      for (const name of names) {
        const filter = Changes.byFunction(name, name, { above: "2" })
        const view = Changes.byView(name, name)
        assert.deepStrictEqual(ids((yield* Changes.fetch(zoo, { filter })).changes), ["d3"], name)
        assert.deepStrictEqual(ids((yield* Changes.fetch(zoo, { filter: view })).changes), ["d2", "d3"], name)
        const streamed = yield* Stream.runCollect(Changes.stream(zoo.database, { filter: view }))
        assert.deepStrictEqual(ids(streamed), ["d2", "d3"], name)
        const followed = yield* Stream.runCollect(Stream.take(Changes.follow(zoo.database, { filter }), 1))
        assert.deepStrictEqual(ids(Array.from(followed).flatMap((one) => "id" in one ? [one] : [])), ["d3"], name)
      }
    }))

  it.scoped("a function of any name is called, and a view of any name is read", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      for (const name of names) {
        const view = View.make({ design: name, view: name, key: Schema.Number })
        const fn = Functions.make({ design: name, name })
        assert.strictEqual((yield* Stream.runCollect(View.stream(zoo.database, view))).length, 2, name)
        assert.strictEqual(yield* Functions.list(zoo, fn, view), "5", name)
        const other = View.make({ design: names[0] ?? "", view: names[0] ?? "", key: Schema.Number })
        assert.strictEqual(yield* Functions.list(zoo, fn, other), "5", name)
        assert.strictEqual(yield* Functions.show(zoo, fn, undefined, { id: "d2" }), "n2", name)
        if (!name.startsWith("_")) {
          assert.strictEqual((yield* Functions.update(zoo, fn, undefined, { id: name })).output, `for ${name}`)
        }
      }
    }))

  it.scoped("an index of a design document of any name is used and removed", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      for (const name of names) {
        const index = yield* Mango.createIndex(zoo, { fields: ["seen"], design: `m ${name}`, name })
        assert.deepStrictEqual([index.design, index.name], [`m ${name}`, name])
        for (const useIndex of [`m ${name}`, [`m ${name}`, name]] as const) {
          const { index: used } = yield* Mango.explain(zoo, { selector: { seen: { $gt: 1 } }, useIndex })
          assert.deepStrictEqual([used.design, used.name], [Option.some(`m ${name}`), name])
        }
        yield* Mango.deleteIndex(zoo, { design: `m ${name}`, name })
      }
    }))

  it.scoped("a server replicates what a view of any name lets through, and functions whose names it finds", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const into = (filter: Changes.Filter) =>
        Effect.gen(function*() {
          const target = yield* database
          yield* Replication.once({ source: zoo.database, target, filter })
          return ids((yield* Changes.fetch(target)).changes)
        })
      // A replication takes a server a second or more.
      yield* Effect.forEach(names, (name) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* into(Changes.byView(name, name)), ["d2", "d3"], name)
          const byFunction = yield* Effect.either(into(Changes.byFunction(name, name, { above: "2" })))
          if (/[+/]|%[0-9a-f]{2}|^_/i.test(name)) {
            assert.isTrue(byFunction._tag === "Left" && byFunction.left._tag === "BadRequestError", name)
          } else assert.deepStrictEqual(byFunction, Either.right(["d3"]), name)
        }), { concurrency: names.length })
    }))

  it.scoped("this program replicates what a function or a view of any name lets through", () =>
    Effect.gen(function*() {
      const zoo = yield* scene
      const couch = yield* CouchHttp.CouchHttp
      for (const name of names) {
        for (const filter of [Changes.byView(name, name), Changes.byFunction(name, name, { above: "1" })]) {
          const target = yield* database
          yield* Replication.run({ couch, database: zoo.database }, { couch, database: target }, { filter })
          assert.deepStrictEqual(ids((yield* Changes.fetch(target)).changes), ["d2", "d3"], name)
        }
      }
    }))

  it.scoped("an invalid name fails before a request is sent", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* Database.info(name)
      for (const bad of ["", ".", "..", "\ud800"]) {
        for (const filter of [Changes.byView(bad, "v"), Changes.byFunction("d", bad)]) {
          const zoo = Collection.make(name, Butterfly)
          const tags = yield* Effect.forEach([
            Effect.asVoid(Changes.fetch(name, { filter })),
            Stream.runDrain(Changes.stream(zoo, { filter })),
            Stream.runDrain(Changes.streamEither(zoo, { filter })),
            Stream.runDrain(Changes.streamValid(zoo, { filter })),
            Stream.runDrain(Changes.continuous(zoo, { filter })),
            Stream.runDrain(Changes.follow(name, { filter })),
            Stream.runDrain(Changes.followEither(zoo, { filter })),
            Stream.runDrain(Changes.followValid(zoo, { filter })),
            Effect.asVoid(Changes.process(zoo, () => Effect.void, { filter }))
          ], (effect) => Effect.map(Effect.flip(effect), ({ _tag }) => _tag))
          assert.deepStrictEqual(new Set(tags), new Set(["InvalidIdError"]), JSON.stringify(bad))
          const once = yield* Effect.flip(Replication.once({ source: name, target: name, filter }))
          assert.include(once.message, "no request was sent")
        }
      }
    }))
}
