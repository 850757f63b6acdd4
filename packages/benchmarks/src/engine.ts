/** The embedded engine alone: requests in process, without a client and without a socket. */
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const count = 20_000
const many = 100_000

const body = JSON.stringify({
  name: "Danaus plexippus",
  seen: 1,
  tags: ["orange", "black"],
  note: "x".repeat(160)
})

const client = Effect.map(
  EmbeddedCouch.make(),
  ({ handler }) => (method: string, path: string, body?: string) =>
    handler({ method, path, origin: "http://embedded", headers: { "content-type": "application/json" }, body })
)

const timed = (name: string, times: number, each: (i: number) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const cpu = process.cpuUsage()
    const start = yield* Clock.currentTimeNanos
    yield* Effect.forEach(Array.from({ length: times }, (_, i) => i), each, { concurrency: 32, discard: true })
    const seconds = Number((yield* Clock.currentTimeNanos) - start) / 1e9
    const { system, user } = process.cpuUsage(cpu)
    yield* Console.log(
      `${name.padEnd(36)}${Math.round(times / seconds).toLocaleString("en").padStart(10)} /s${
        Math.round((system + user) / times).toString().padStart(8)
      } µs CPU`
    )
  })

const heap = Effect.sync(() => {
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1024 / 1024
})

/** Measures writes and reads per second, and the memory for many documents. */
export const engine = Effect.gen(function*() {
  const send = yield* client
  yield* send("PUT", "/zoo")
  for (let i = 0; i < count / 4; i++) yield* send("PUT", `/zoo/warm${i}`, body)
  yield* timed("engine alone: PUT", count, (i) => send("PUT", `/zoo/b${i}`, body))
  yield* timed("engine alone: GET", count, (i) => send("GET", `/zoo/b${i}`))
  const full = yield* client
  const before = yield* heap
  yield* full("PUT", "/many")
  for (let i = 0; i < many; i += 1_000) {
    const docs = Array.from({ length: 1_000 }, (_, j) => `{"_id":"b${i + j}",${body.slice(1)}`)
    yield* full("POST", "/many/_bulk_docs", `{"docs":[${docs.join(",")}]}`)
  }
  const used = (yield* heap) - before
  const collected = globalThis.gc === undefined ? ", includes garbage: run node with --expose-gc" : ""
  yield* Console.log(
    `${many.toLocaleString("en")} documents`.padEnd(36) + `${Math.round(used)} MB`.padStart(13) + collected
  )
  // Keeps the engine reachable until the measurement is done.
  yield* full("GET", "/many")
})
