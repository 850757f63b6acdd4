import type { Case } from "../case.js"
import { bodyOf, rev } from "../documents.js"
import { atOnce } from "../measure.js"
import { cloudantAt, nanoAt, pouchAt } from "../peers.js"

/** Single saves of documents that are already read. */
export const save: Case = {
  count: 20_000,
  clients: {
    undici: async ({ bytes, concurrency, count, url }) => {
      const { Pool } = await import("undici")
      const pool = new Pool(url, { connections: 64 })
      const body = bodyOf(bytes)
      return () =>
        atOnce(concurrency, count, async (i) => {
          const response = await pool.request({
            method: "PUT",
            path: `/zoo/b${i}?rev=${rev}`,
            headers: { "content-type": "application/json", accept: "application/json" },
            body: JSON.stringify({ ...body, seen: i })
          })
          JSON.parse(await response.body.text())
        })
    },
    nano: async ({ bytes, concurrency, count, url }) => {
      const zoo = await nanoAt(url, "zoo")
      const body = bodyOf(bytes)
      const edited = (i: number): object => ({ ...body, seen: i, _id: `b${i}`, _rev: rev })
      return () => atOnce(concurrency, count, (i) => zoo.insert(edited(i)))
    },
    pouchdb: async ({ bytes, concurrency, count, url }) => {
      const zoo = await pouchAt(url, "zoo")
      const body = bodyOf(bytes)
      return () => atOnce(concurrency, count, (i) => zoo.put({ ...body, seen: i, _id: `b${i}`, _rev: rev }))
    },
    cloudant: async ({ bytes, concurrency, count, url }) => {
      const service = await cloudantAt(url)
      const body = bodyOf(bytes)
      return () =>
        atOnce(
          concurrency,
          count,
          (i) => service.putDocument({ db: "zoo", docId: `b${i}`, rev, document: { ...body, seen: i } })
        )
    },
    "effect-couchdb": async ({ concurrency, count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const butterflies = own.butterfliesIn("zoo")
      const read = await runtime.runPromise(
        own.Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          (i) => own.Document.fetch(butterflies, `b${i}`),
          { concurrency }
        )
      )
      const edited = read.map((doc, i) => own.Document.modify(doc, (b) => ({ ...b, seen: i + 2 })))
      return () =>
        runtime.runPromise(
          own.atOnce(concurrency, count, (i) => own.Document.save(edited[i] as (typeof edited)[number]))
        )
    }
  }
}
