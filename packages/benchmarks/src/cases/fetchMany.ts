import type { Case } from "../case.js"
import { seeded } from "../documents.js"
import { atOnce } from "../measure.js"
import { nanoAt } from "../peers.js"

/** The number of documents in one request of a program without a library. */
export const byHand = 200

/** Ten thousand reads of one document each: single requests with nano, requests of 200 by hand, and the batching layer. */
export const fetchMany: Case = {
  count: 10_000,
  onCouch: true,
  warm: 40_000,
  clients: {
    undici: async (setup) => {
      const { drop, name, send } = await seeded(setup)
      const { count } = setup
      return async () => {
        for (let i = 0; i < count; i += byHand) {
          await send("POST", `/${name}/_bulk_get`, {
            docs: Array.from({ length: Math.min(byHand, count - i) }, (_, j) => ({ id: `b${i + j}` }))
          })
        }
        return drop
      }
    },
    nano: async (setup) => {
      const { drop, name } = await seeded(setup)
      const many = await nanoAt(setup.url, name)
      return async () => {
        await atOnce(setup.concurrency, setup.count, (i) => many.get(`b${i}`))
        return drop
      }
    },
    "effect-couchdb": async (setup) => {
      const own = await import("../own.js")
      const { drop, name } = await seeded(setup)
      const many = own.butterfliesIn(name)
      const runtime = own.batched(setup.url)
      return async () => {
        await runtime.runPromise(own.everyOne(setup.count, (i) => own.Document.fetch(many, `b${i}`)))
        return drop
      }
    }
  }
}
