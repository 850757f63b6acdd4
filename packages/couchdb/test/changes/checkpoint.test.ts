import { assert, describe, it } from "@effect/vitest"
import { Auth, Bulk, Changes, Collection, CouchHttp, Database, Document, Replication, View } from "effect-couchdb"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import Pouchdb from "pouchdb"
import MemoryAdapter from "pouchdb-adapter-memory"
import { fetchTransport } from "../contract/targets.js"

const Body = Schema.Struct({ n: Schema.Number })
const password = Redacted.make("password")
const admin = { username: "admin", password }
const Pouch = Pouchdb.plugin(MemoryAdapter)

const by = <A, E>(couch: CouchHttp.Service, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.provideService(effect, CouchHttp.CouchHttp, couch)

const places = [
  { name: "embedded", server: Serve.serve({ quiet: true, admin, interpreter: JavaScript.make() }) },
  ...(process.env["COUCHDB_URL"] === undefined ? [] : [{
    name: "CouchDB",
    server: Effect.succeed({ url: new URL(process.env["COUCHDB_URL"]).origin })
  }])
]

/** Two databases of one server, and what to do with them. */
const pair = (server: Effect.Effect<{ readonly url: string }, unknown, never>) =>
  Effect.gen(function*() {
    const { url } = yield* server
    const couch = yield* CouchHttp.make({ url, auth: Auth.basic("admin", password) }).pipe(
      Effect.provide(fetchTransport)
    )
    const make = Effect.acquireRelease(
      Effect.sync(() => `checkpoint-${globalThis.crypto.randomUUID()}`).pipe(
        Effect.tap((name) => by(couch, Database.create(name)))
      ),
      (name) => Effect.ignore(by(couch, Database.delete(name)))
    )
    const [here, there] = [yield* make, yield* make]
    const items = Collection.make(here, Body)
    const remote = (name: string): Replication.Remote => ({ url: `${url}/${name}`, username: "admin", password })
    return {
      couch,
      here,
      there,
      url,
      ends: [{ couch, database: here }, { couch, database: there }] as const,
      definition: { source: remote(here), target: remote(there) },
      add: (prefix: string, count: number) =>
        by(couch, Bulk.save(Arr.makeBy(count, (n) => Document.make(items, `${prefix}-${n}`, { n })))),
      count: (name: string) => Effect.map(by(couch, Database.info(name)), ({ documents }) => documents),
      /** What the target remembers of replications. */
      remembered: Effect.map(
        by(couch, View.fetch(there, View.localDocs)),
        ({ rows }) => rows.filter(View.isRow).map(({ key }) => key.replace("_local/", ""))
      )
    }
  })

const checkedIn = ({ history }: Replication.Result) => history[0]?.statistics.revisionsChecked

for (const { name, server } of places) {
  describe(`checkpoints, with ${name}`, () => {
    it.scopedLive(
      "of the server are resumed, and it resumes from those of this program",
      () =>
        Effect.gen(function*() {
          const { add, count, couch, definition, ends, remembered, there } = yield* pair(server as never)
          yield* add("first", 40)
          const first = yield* by(couch, Replication.once(definition))
          assert.strictEqual(checkedIn(first), 40)
          const [id, ...others] = yield* remembered
          assert.deepStrictEqual(others, [])

          yield* add("second", 7)
          const second = yield* Replication.run(...ends, { id, batch: 3 })
          assert.strictEqual(second.statistics.revisionsChecked, 7)
          assert.strictEqual(second.statistics.documentsWritten, 7)

          yield* add("third", 5)
          const third = yield* by(couch, Replication.once(definition))
          // CouchDB counts on from the session before, which is this program's: it read its sequence and its figures.
          assert.strictEqual(checkedIn(third), 7 + 5)
          assert.lengthOf(third.history, 3)
          assert.strictEqual(third.history[1]?.sequence, second.sequence)
          assert.strictEqual(yield* count(there), 52)
          assert.isTrue((yield* by(couch, Replication.once(definition))).noChanges)
          assert.deepStrictEqual(yield* remembered, [id])
        })
    )

    it.scopedLive(
      "of PouchDB are resumed, and it resumes from those of this program",
      () =>
        Effect.gen(function*() {
          const { add, count, ends, here, remembered, there, url } = yield* pair(server as never)
          const asked: Array<string> = []
          const pouch = (database: string) =>
            new Pouch(`${url.replace("//", "//admin:password@")}/${database}`, {
              fetch: (url: string | Request, options?: RequestInit) => {
                asked.push(String(url))
                return fetch(url, options)
              }
            })
          const replicate = Effect.promise(() => Pouch.replicate(pouch(here), pouch(there)))
          yield* add("first", 12)
          assert.strictEqual((yield* replicate).docs_written, 12)
          const [id = "", ...others] = yield* remembered
          assert.deepStrictEqual(others, [])

          yield* add("second", 7)
          const second = yield* Replication.run(...ends, { id, batch: 3 })
          assert.strictEqual(second.statistics.revisionsChecked, 7)
          // And with the same name again, by what it wrote itself.
          assert.strictEqual((yield* Replication.run(...ends, { id })).statistics.revisionsChecked, 0)

          yield* add("third", 5)
          asked.length = 0
          assert.strictEqual((yield* replicate).docs_written, 5)
          const since = asked.filter((url) => url.includes("/_changes")).map((url) =>
            new URL(url).searchParams.get("since")
          )
          assert.strictEqual(since[0], second.sequence)
          yield* add("fourth", 2)
          assert.strictEqual((yield* Replication.run(...ends, { id })).statistics.revisionsChecked, 2)
          assert.strictEqual(yield* count(there), 26)
        })
    )
  })
}

for (const { name: place, server } of places) {
  describe(`the name under which ${place} remembers a replication`, () => {
    const known: ReadonlyArray<readonly [string, Partial<Replication.Definition>]> = [
      ["of all", {}],
      ["of some ids", { filter: Changes.byIds(["b", "ä%41+c", "a", "b"]) }],
      ["of design documents", { filter: Changes.designDocuments }],
      ["of a view", { filter: Changes.byView("d", "v") }],
      ["of winners", { winningRevisionsOnly: true, filter: Changes.byIds(["a"]) }]
    ]
    for (const [name, options] of known) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          const { couch, definition, ends, remembered } = yield* pair(server as never)
          yield* by(
            couch,
            couch.execute({
              method: "POST",
              path: `/${ends[0].database}/_bulk_docs`,
              route: "/{db}/_bulk_docs",
              body: JSON.stringify({
                docs: [
                  { _id: "a" },
                  { _id: "ä%41+c" },
                  { _id: "_design/d", views: { v: { map: "function(doc) { emit(doc._id) }" } } }
                ]
              })
            })
          )
          const whole = { ...definition, ...options }
          yield* by(couch, Replication.once(whole))
          const id = Option.getOrThrow(yield* by(couch, Replication.checkpointId(whole)))
          assert.deepStrictEqual(yield* remembered, [id])
        }))
    }
  })
}

describe("the name of a replication", () => {
  it.effect("is `None` if it depends on a value that is not known", () =>
    Effect.gen(function*() {
      const couch: CouchHttp.Service = null as never
      const none: ReadonlyArray<Replication.Definition> = [
        { source: "zoo", target: "http://a/zoo" },
        { source: "http://a/zoo", target: { url: "http://a/b", headers: { x: password } } },
        { source: "http://a/zoo", target: "http://b/zoo", filter: Changes.bySelector({ n: 1 }) },
        { source: "http://a/zoo", target: "http://b/zoo", filter: Changes.byFunction("d", "f") }
      ]
      for (const definition of none) {
        assert.isTrue(Option.isNone(yield* by(couch, Replication.checkpointId(definition))))
      }
    }))
})
