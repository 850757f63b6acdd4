/** The cost of lineage: the bytes that it adds to a document, and the time of a merge with many tombstones. */
import { Collection, Conflict, CouchHttp, Database, Document, Merge, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Lineage from "../../couchdb/test/support/lineageInternals.js"

const Card = Schema.Struct({
  ...Object.fromEntries(
    ["name", "street", "city", "phone", "mail", "born", "note", "group", "photo"].map((key) => [key, Schema.String])
  ),
  edits: Merge.Counter
})
const Note = Schema.Struct({ title: Schema.String, text: Merge.Text })
const Counter = Schema.Struct({ count: Merge.Counter })

const fields = Object.fromEntries(
  ["name", "street", "city", "phone", "mail", "born", "note", "group", "photo"].map((
    key
  ) => [key, `${key} of the card`])
)

const words = (n: number): string => Array.from({ length: n }, (_, i) => `word${i % 977}`).join(" ")

const http = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))

const sizeOf = (database: string, id: string) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    Effect.map(
      couch.execute({ method: "GET", path: `/${database}/${id}`, route: "/{db}/{docid}" }),
      (response) => {
        const text = Transport.text(response)
        const { lineage, ...plain } = JSON.parse(text) as Record<string, unknown>
        return { whole: text.length, plain: JSON.stringify(plain).length, grown: lineage === undefined ? 0 : 1 }
      }
    ))

const growth = <A, I>(name: string, schema: Schema.Schema<A, I>, first: A, edit: (body: A, i: number) => A) =>
  Effect.gen(function*() {
    const database = `grown-${name.replace(/[^a-z]/g, "")}`
    const things = Collection.make(database, schema, { lineage: Lineage.settings() })
    yield* Database.create(database)
    yield* Document.create(things, "one", first)
    const rows: Array<string> = []
    for (let i = 1; i <= 200; i++) {
      yield* Document.update(things, "one", (body) => edit(body, i))
      if (i === 1 || i === 16 || i === 200) {
        const { plain, whole } = yield* sizeOf(database, "one")
        rows.push(`${whole - plain}`)
      }
    }
    const { plain } = yield* sizeOf(database, "one")
    return `| ${name}, ${plain} B | ${rows.join(" | ")} |`
  })

/** The versions in a response to `open_revs=all&revs=true`. */
const versionsIn = (text: string): ReadonlyArray<Lineage.Version> =>
  (JSON.parse(text) as ReadonlyArray<{ readonly ok: Record<string, never> }>)
    .map(({ ok }): Lineage.Version => {
      const { _deleted, _id, _rev, _revisions, ...body } = ok as unknown as {
        readonly _id: string
        readonly _rev: Lineage.Version["rev"]
        readonly _deleted?: boolean
        readonly _revisions: { readonly start: number; readonly ids: ReadonlyArray<string> }
      }
      return {
        id: _id,
        rev: _rev,
        path: _revisions.ids.map((hash, i) => `${_revisions.start - i}-${hash}` as Lineage.Version["rev"]),
        deleted: _deleted === true,
        body: body as Lineage.Version["body"],
        files: {}
      }
    })

/** The median time in milliseconds of planning a merge of the versions. */
const planningTime = (versions: ReadonlyArray<Lineage.Version>): number => {
  const settings = Lineage.settings()
  const times = Array.from({ length: 5 }, () => {
    const before = performance.now()
    Lineage.plan(Lineage.buildIndex(settings, versions), versions, "editWins")
    return performance.now() - before
  })
  return times.sort((a, b) => a - b)[2] ?? 0
}

/** Forks and merges a document until it has the given number of tombstones, then measures one more merge. */
const planning = (tombstones: number) =>
  Effect.gen(function*() {
    const database = `tombstones-${tombstones}`
    const cards = Collection.make(database, Card as unknown as Schema.Schema<{ edits: number }>, {
      lineage: Lineage.settings()
    })
    const policy = Merge.make(cards)
    yield* Database.create(database)
    yield* Document.create(cards, "one", { ...fields, edits: 0 })
    const fork = (many: number) =>
      Effect.gen(function*() {
        const doc = yield* Document.fetch(cards, "one")
        for (let i = 0; i <= many; i++) {
          yield* Document.save(Document.modify(doc, (body) => ({ ...body, edits: body.edits + 1 }))).pipe(
            Effect.catchTag("ConflictError", (conflict) => Conflict.fork(conflict))
          )
        }
      })
    for (let made = 0; made < tombstones;) {
      const many = Math.min(14, tombstones - made)
      yield* fork(many)
      yield* Conflict.resolve(cards, "one", policy)
      made += many
    }
    yield* fork(1)
    const couch = yield* CouchHttp.CouchHttp
    const response = yield* couch.execute({
      method: "GET",
      path: `/${database}/one?open_revs=all&revs=true`,
      route: "/{db}/{docid}",
      headers: { accept: "application/json" }
    })
    const median = planningTime(versionsIn(Transport.text(response)))
    const before = performance.now()
    yield* Conflict.resolve(cards, "one", policy)
    const whole = performance.now() - before
    return `| ${tombstones} | ${Transport.text(response).length} | ${median.toFixed(1)} | ${whole.toFixed(0)} |`
  })

const program = Effect.gen(function*() {
  yield* Console.log("| shape | bytes added after 1 edit | after 16 | after 200 |\n|---|---|---|---|")
  yield* Console.log(
    yield* growth("card of 10 fields", Card as unknown as Schema.Schema<{ edits: number }>, { ...fields, edits: 0 }, (
      body,
      i
    ) => ({ ...body, edits: body.edits + 1, phone: `0${i}` }))
  )
  yield* Console.log(
    yield* growth("note of 10 kB", Note, { title: "a note", text: words(1_300) }, (body, i) => ({
      ...body,
      text: body.text.replace(`word${i}`, `edit${i}`)
    }))
  )
  yield* Console.log(yield* growth("counter", Counter, { count: 0 }, ({ count }) => ({ count: count + 1 })))
  yield* Console.log("\n| tombstones | bytes of all leaves | ms to plan a merge | ms to resolve |\n|---|---|---|---|")
  for (const tombstones of [10, 100, 1_000]) yield* Console.log(yield* planning(tombstones))
})

await Effect.runPromise(Effect.provide(program, http))
