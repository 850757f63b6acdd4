/** What this library does for each case. */
import { Batching, Collection, Document, View } from "effect-couchdb"
import { NodeCouchHttp } from "effect-couchdb-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Client, seeded, type Setup } from "./clients.js"

const Butterfly = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number,
  tags: Schema.Array(Schema.String),
  note: Schema.String
})
const butterflies = Collection.make("zoo", Butterfly)
const anything = Collection.make("zoo", Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const prepared = ({ url }: Setup) => ManagedRuntime.make(NodeCouchHttp.layer({ url }))

const each = <A, E, R>({ concurrency, count }: Setup, operation: (i: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(Array.from({ length: count }, (_, i) => i), operation, { concurrency })

/** Ten thousand fibers that each want one document, over the layer that sends them together. */
const batched = ({ url }: Setup) =>
  ManagedRuntime.make(Batching.layer().pipe(Layer.provide(NodeCouchHttp.layer({ url }))))

export const own: Client = {
  "fetch-many": async (setup) => {
    const { drop, name } = await seeded(setup.url, setup.count)
    const many = Collection.make(name, Butterfly)
    const runtime = batched(setup)
    return async () => {
      await runtime.runPromise(
        Effect.forEach(Array.from({ length: setup.count }, (_, i) => i), (i) => Document.fetch(many, `b${i}`), {
          concurrency: "unbounded",
          discard: true
        })
      )
      return drop
    }
  },
  "save-many": async (setup) => {
    const { drop, name } = await seeded(setup.url, setup.count)
    const many = Collection.make(name, Butterfly)
    const runtime = batched(setup)
    const read = await runtime.runPromise(
      Effect.forEach(Array.from({ length: setup.count }, (_, i) => i), (i) => Document.fetch(many, `b${i}`), {
        concurrency: "unbounded"
      })
    )
    const edited = read.map((doc) => Document.modify(doc, (b) => ({ ...b, seen: -1 })))
    return async () => {
      await runtime.runPromise(Effect.forEach(edited, Document.save, { concurrency: "unbounded", discard: true }))
      return drop
    }
  },
  get: async (setup) => {
    const runtime = prepared(setup)
    return () => runtime.runPromise(each(setup, (i) => Document.fetch(butterflies, `b${i}`)))
  },
  "get-raw": async (setup) => {
    const runtime = prepared(setup)
    return () => runtime.runPromise(each(setup, (i) => Document.fetch(anything, `b${i}`)))
  },
  save: async (setup) => {
    const runtime = prepared(setup)
    const read = await runtime.runPromise(each(setup, (i) => Document.fetch(butterflies, `b${i}`)))
    const edited = read.map((doc, i) => Document.modify(doc, (b) => ({ ...b, seen: i + 2 })))
    return () =>
      runtime.runPromise(Effect.forEach(edited, Document.save, { concurrency: setup.concurrency, discard: true }))
  },
  stream: async (setup) => {
    const runtime = prepared(setup)
    const rows = View.stream(Collection.make(`n${setup.count}`, Butterfly), View.allDocs, { includeDocs: true })
    return (onFirst) => runtime.runPromise(Stream.runForEachChunk(rows, () => Effect.sync(onFirst)))
  }
}
