/*
 * Resolves, in a process of its own, and kills itself with a signal when the answer to the request with that number is
 * there and nobody has read it yet.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Collection, Conflict, CouchHttp, Merge, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const [url = "", database = "", operation = "", request = "0"] = process.argv.slice(2)

const Card = Schema.Struct({
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
const cards = Collection.make(database, Card)
const fatal = Number(request)

const die = Effect.zipRight(Effect.sync(() => process.kill(process.pid, "SIGKILL")), Effect.never)

let sent = 0
const deadly = (transport: Transport.Service): Transport.Service => ({
  ...transport,
  request: (request) =>
    Effect.suspend(() => {
      const answer = transport.request(request)
      return ++sent === fatal ? Effect.zipRight(answer, die) : answer
    })
})

const program = operation === "sweep"
  ? Stream.runDrain(Conflict.sweep(cards, Merge.make(Card), { pageSize: 3 }))
  : Conflict.resolve(cards, "card-0", Merge.make(Card))

const live = CouchHttp.layer({ url, transformTransport: deadly }).pipe(
  Layer.provide(Transport.layerHttpClient()),
  Layer.provide(FetchHttpClient.layer)
)

await Effect.runPromise(
  program.pipe(
    Effect.zipRight(Effect.sync(() => process.stdout.write(`finished after ${sent} requests\n`))),
    Effect.provide(live)
  )
)
