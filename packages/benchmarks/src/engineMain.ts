import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Serve from "effect-couchdb-embedded/Serve"
import { NodeTransport } from "effect-couchdb-node"
import * as Collection from "effect-couchdb/Collection"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Database from "effect-couchdb/Database"
import * as Document from "effect-couchdb/Document"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { engine } from "./engine.js"

const Butterfly = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number,
  tags: Schema.Array(Schema.String),
  note: Schema.String
})
const butterflies = Collection.make("zoo", Butterfly)
const body = { name: "Danaus plexippus", seen: 1, tags: ["orange", "black"], note: "x".repeat(160) }

const count = 20_000
const concurrency = 32

/** Measures operations per second at a concurrency of 32, after a warm-up with a tenth of the operations. */
const measure = <E, R>(name: string, operation: (i: number) => Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const run = (from: number, times: number) =>
      Effect.forEach(Array.from({ length: times }, (_, i) => from + i), operation, { concurrency, discard: true })
    yield* run(0, count / 10)
    const cpu = process.cpuUsage()
    const start = yield* Clock.currentTimeNanos
    yield* run(count / 10, count)
    const seconds = Number((yield* Clock.currentTimeNanos) - start) / 1e9
    const { system, user } = process.cpuUsage(cpu)
    yield* Console.log(
      `${name.padEnd(36)}${Math.round(count / seconds).toLocaleString("en").padStart(10)} /s${
        Math.round((system + user) / count).toString().padStart(8)
      } µs CPU`
    )
  })

const cases = (where: string) =>
  Effect.gen(function*() {
    yield* Database.create("zoo")
    yield* measure(`${where}: Document.create`, (i) => Document.create(butterflies, `b${i}`, body))
    yield* measure(`${where}: Document.fetch`, (i) => Document.fetch(butterflies, `b${i % count}`))
  })

const inProcess = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))

const overHttp = Layer.unwrapScoped(Effect.map(
  Serve.serve({ quiet: true }),
  ({ url }) => CouchHttp.layer({ url }).pipe(Layer.provide(NodeTransport.layer()))
))

const program = Effect.gen(function*() {
  yield* Console.log(`${count} documents of ${JSON.stringify(body).length} bytes, ${concurrency} at a time\n`)
  yield* engine
  yield* cases("engine in process").pipe(Effect.provide(inProcess))
  // Client and server share this process, so the figures include both.
  yield* cases("engine over loopback HTTP").pipe(Effect.provide(overHttp))
})

await Effect.runPromise(program)
