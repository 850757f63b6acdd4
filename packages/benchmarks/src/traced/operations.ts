/** The operations that `trace.ts` follows. Each runs twice: the first run records the responses of an embedded CouchDB. */
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Changes from "effect-couchdb/Changes"
import * as Collection from "effect-couchdb/Collection"
import * as Conflict from "effect-couchdb/Conflict"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Database from "effect-couchdb/Database"
import * as Document from "effect-couchdb/Document"
import * as Merge from "effect-couchdb/Merge"
import * as SiblingPolicy from "effect-couchdb/SiblingPolicy"
import * as Transport from "effect-couchdb/Transport"
import * as View from "effect-couchdb/View"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** While `__entries` is set, every function of the client adds its file to it. */
const tracer = globalThis as { __entries?: Array<string> | undefined }

const Card = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
const cards = Collection.make("cards", Card)
const body = { name: "Ada", seen: 1, tags: ["a"] }

/** Records the responses of a transport, and replays them in the same order. */
const recording = (inner: Transport.Service) => {
  const buffered: Array<Transport.BufferedResponse> = []
  const streamed: Array<readonly [Transport.StreamedResponse, Array<Uint8Array>]> = []
  const recorder: Transport.Service = {
    ...inner,
    request: (request) => Effect.tap(inner.request(request), (response) => Effect.sync(() => buffered.push(response))),
    stream: (request) =>
      Effect.map(inner.stream(request), (response) => {
        const chunks: Array<Uint8Array> = []
        streamed.push([response, chunks])
        return { ...response, body: Stream.tap(response.body, (chunk) => Effect.sync(() => chunks.push(chunk))) }
      })
  }
  const replay: Transport.Service = {
    ...inner,
    request: () => Effect.sync(() => buffered.shift() as Transport.BufferedResponse),
    stream: () =>
      Effect.sync(() => {
        const [response, chunks] = streamed.shift() as (typeof streamed)[number]
        return { ...response, body: Stream.fromChunk(Chunk.unsafeFromArray(chunks)) }
      })
  }
  return { recorder, replay }
}

const post = (path: string, route: string, json: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method: "POST", path, route, body: JSON.stringify(json) })
  )

type Operation = () => Effect.Effect<unknown, unknown, CouchHttp.CouchHttp>

/** Prepares each operation. */
const operations = {
  fetch: Effect.succeed(() => Document.fetch(cards, "a")),
  save: Effect.map(
    Document.fetch(cards, "b"),
    (doc) => () => Document.save(Document.modify(doc, (card) => ({ ...card, seen: card.seen + 1 })))
  ),
  view: Effect.succeed(() => View.fetch(cards, View.allDocs)),
  follow: Effect.succeed(() => Stream.runDrain(Stream.take(Changes.follow(cards, { since: "0" }), 2))),
  resolve: Effect.as(
    post("/cards/_bulk_docs", "/{db}/_bulk_docs", {
      new_edits: false,
      docs: [1, 2].map((seen) => ({
        ...body,
        seen,
        _id: "sibling",
        _revisions: { start: 2, ids: [`${seen}`.repeat(32), "a".repeat(32)] }
      }))
    }),
    () => Conflict.resolve(cards, "sibling", SiblingPolicy.merge(Merge.make(Card)))
  )
} satisfies Record<string, Effect.Effect<Operation, unknown, CouchHttp.CouchHttp>>

const admin = { username: "admin", password: Redacted.make("password") }

const traceOf = (prepare: Effect.Effect<Operation, unknown, CouchHttp.CouchHttp>) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ admin })
    const { recorder, replay } = recording(EmbeddedCouch.transport(couch))
    let current = EmbeddedCouch.transport(couch)
    const switching: Transport.Service = {
      ...current,
      keepsDeadlines: true,
      request: (request) => current.request(request),
      stream: (request) => current.stream(request)
    }
    const client = CouchHttp.layer({ url: "http://admin:password@embedded" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, switching))
    )
    return yield* Effect.gen(function*() {
      yield* Database.create("cards")
      yield* Effect.forEach(["a", "b", "c"], (id) => Document.create(cards, id, body))
      const operation = yield* prepare
      current = recorder
      yield* operation()
      current = replay
      const entries: Array<string> = []
      tracer.__entries = entries
      yield* operation()
      tracer.__entries = undefined
      return entries
    }).pipe(Effect.provide(client), Effect.scoped)
  })

const program = Effect.forEach(Object.entries(operations), ([name, prepare]) =>
  Effect.map(traceOf(prepare), (seen) => {
    const steps = seen.filter((file, i) => file !== seen[i - 1])
    console.log(`${name}: ${new Set(seen).size} files, ${Math.max(0, steps.length - 1)} changes of file`)
    if (process.argv[2] === name) console.log(steps.map((file) => `  ${file}`).join("\n"))
  }))

void Effect.runPromise(program as Effect.Effect<unknown>).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
