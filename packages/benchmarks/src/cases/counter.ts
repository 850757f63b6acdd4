import type { Case, Found, Prepare } from "../case.js"
import { seeded } from "../documents.js"
import { pouchAt } from "../peers.js"

const writers = 64

const stats = "/_node/_local/_stats/couchdb/httpd/requests"

/**
 * Many writers of one document, each with the client's own update function. The number of requests is the server's count,
 * without the request for that count.
 */
const counting = (
  increments: (url: string, database: string, each: number) => Promise<() => Promise<unknown>>
): Prepare =>
async (setup) => {
  const { drop, name, send } = await seeded({ ...setup, count: 1 })
  const readRequestCount = async (): Promise<number> => (await send("GET", stats) as { readonly value: number }).value
  const each = setup.count / writers
  const start = (await send("GET", `/${name}/b0`) as { readonly seen: number }).seen
  const run = await increments(setup.url, name, each)
  let before = 0
  return async () => {
    before = await readRequestCount()
    await run()
    return async (): Promise<Found> => {
      const requests = await readRequestCount() - before - 1
      const { seen } = await send("GET", `/${name}/b0`) as { readonly seen: number }
      await drop()
      return { counted: seen - start, requestsPerEdit: Math.round(1000 * requests / setup.count) / 1000 }
    }
  }
}

/** 64 writers, 50 increments each, of one document. */
export const counter: Case = {
  count: writers * 50,
  onCouch: true,
  warm: 0,
  rounds: 1,
  clients: {
    // As the `upsert` plugin of PouchDB: read, edit, put, and repeat after a 409.
    pouchdb: counting(async (url, database, each) => {
      const remote = await pouchAt(url, database)
      const increment = async (): Promise<unknown> => {
        for (;;) {
          const doc = await remote.get("b0")
          try {
            return await remote.put({ ...doc, seen: Number(doc["seen"]) + 1 })
          } catch (error) {
            if ((error as { readonly status?: number }).status !== 409) throw error
          }
        }
      }
      return () =>
        Promise.all(Array.from({ length: writers }, async () => {
          for (let i = 0; i < each; i++) await increment()
        }))
    }),
    "effect-couchdb": counting(async (url, database, each) => {
      const own = await import("../own.js")
      const butterflies = own.butterfliesIn(database)
      const increment = own.Document.update(butterflies, "b0", (b) => ({ ...b, seen: b.seen + 1 }))
      const runtime = own.single(url)
      await runtime.runPromise(own.Effect.void)
      return () => runtime.runPromise(own.atOnce(writers, writers * each, () => increment))
    }),
    "effect-couchdb, batching": counting(async (url, database, each) => {
      const own = await import("../own.js")
      const butterflies = own.butterfliesIn(database)
      const increment = own.Document.update(butterflies, "b0", (b) => ({ ...b, seen: b.seen + 1 }))
      const runtime = own.batched(url)
      await runtime.runPromise(own.Effect.void)
      return () => runtime.runPromise(own.atOnce(writers, writers * each, () => increment))
    })
  }
}
