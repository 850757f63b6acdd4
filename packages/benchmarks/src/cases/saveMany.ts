import type { Case } from "../case.js"
import { bodyOf, seeded } from "../documents.js"
import { atOnce } from "../measure.js"
import { nanoAt } from "../peers.js"
import { byHand } from "./fetchMany.js"

/** Ten thousand edited documents: single puts with nano, requests of 200 by hand, and the batching layer. */
export const saveMany: Case = {
  count: 10_000,
  onCouch: true,
  warm: 10_000,
  clients: {
    undici: async (setup) => {
      const { drop, name, revs, send } = await seeded(setup)
      const body = bodyOf(setup.bytes)
      return async () => {
        for (let i = 0; i < setup.count; i += byHand) {
          await send("POST", `/${name}/_bulk_docs`, {
            docs: revs.slice(i, i + byHand).map((_rev, j) => ({ ...body, seen: -1, _id: `b${i + j}`, _rev }))
          })
        }
        return drop
      }
    },
    nano: async (setup) => {
      const { drop, name, revs } = await seeded(setup)
      const many = await nanoAt(setup.url, name)
      const body = bodyOf(setup.bytes)
      const edited = (i: number): object => ({ ...body, seen: -1, _id: `b${i}`, _rev: revs[i] })
      return async () => {
        await atOnce(setup.concurrency, setup.count, (i) => many.insert(edited(i)))
        return drop
      }
    },
    "effect-couchdb": async (setup) => {
      const own = await import("../own.js")
      const { drop, name } = await seeded(setup)
      const many = own.butterfliesIn(name)
      const runtime = own.batched(setup.url)
      const read = await runtime.runPromise(
        own.Effect.forEach(
          Array.from({ length: setup.count }, (_, i) => i),
          (i) => own.Document.fetch(many, `b${i}`),
          { concurrency: "unbounded" }
        )
      )
      const edited = read.map((doc) => own.Document.modify(doc, (b) => ({ ...b, seen: -1 })))
      return async () => {
        const each = (i: number) => own.Document.save(edited[i] as (typeof edited)[number])
        await runtime.runPromise(
          setup.fibers === undefined ? own.everyOne(setup.count, each) : own.atOnce(setup.fibers, setup.count, each)
        )
        return drop
      }
    }
  }
}
