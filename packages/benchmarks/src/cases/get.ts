import type { Case, Prepare } from "../case.js"
import { atOnce } from "../measure.js"
import { cloudantAt, nanoAt, pouchAt } from "../peers.js"

export const byUndici: Prepare = async ({ concurrency, count, url }) => {
  const { Pool } = await import("undici")
  const pool = new Pool(url, { connections: 64 })
  return () =>
    atOnce(concurrency, count, async (i) => {
      const response = await pool.request({
        method: "GET",
        path: `/zoo/b${i}`,
        headers: { accept: "application/json" }
      })
      JSON.parse(await response.body.text())
    })
}

export const byNano: Prepare = async ({ concurrency, count, url }) => {
  const zoo = await nanoAt(url, "zoo")
  return () => atOnce(concurrency, count, (i) => zoo.get(`b${i}`))
}

/** Single fetches, decoded with a schema if the client supports schemas. */
export const get: Case = {
  count: 20_000,
  clients: {
    undici: byUndici,
    nano: byNano,
    pouchdb: async ({ concurrency, count, url }) => {
      const zoo = await pouchAt(url, "zoo")
      return () => atOnce(concurrency, count, (i) => zoo.get(`b${i}`))
    },
    cloudant: async ({ concurrency, count, url }) => {
      const service = await cloudantAt(url)
      return () => atOnce(concurrency, count, (i) => service.getDocument({ db: "zoo", docId: `b${i}` }))
    },
    "effect-couchdb": async ({ concurrency, count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const butterflies = own.butterfliesIn("zoo")
      return () => runtime.runPromise(own.atOnce(concurrency, count, (i) => own.Document.fetch(butterflies, `b${i}`)))
    }
  }
}
