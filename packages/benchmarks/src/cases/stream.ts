import type { Case } from "../case.js"
import { nanoAt, pouchAt } from "../peers.js"

/** All rows of a database with their documents, as they come. */
export const stream: Case = {
  count: 1_200_000,
  warm: 0,
  firstRow: true,
  clients: {
    // Split and parsed by hand, as somebody would who needs nothing else.
    undici: async ({ count, url }) => {
      const { Pool } = await import("undici")
      const pool = new Pool(url)
      return async (onFirst) => {
        const answer = await pool.request({ method: "GET", path: `/n${count}/_all_docs?include_docs=true` })
        const decoder = new TextDecoder()
        let rest = ""
        for await (const chunk of answer.body) {
          const text = rest + decoder.decode(chunk as Uint8Array, { stream: true })
          let start = 0
          for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
            const line = text.slice(start, end).trimEnd()
            start = end + 1
            if (!line.startsWith("{\"id\"")) continue
            JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line)
            onFirst()
          }
          rest = text.slice(start)
        }
      }
    },
    nano: async ({ count, url }) => {
      const rows = await nanoAt(url, `n${count}`)
      return async (onFirst) => {
        await rows.list({ include_docs: true })
        onFirst()
      }
    },
    pouchdb: async ({ count, url }) => {
      const rows = await pouchAt(url, `n${count}`)
      return async (onFirst) => {
        await rows.allDocs({ include_docs: true })
        onFirst()
      }
    },
    "effect-couchdb": async ({ count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const rows = own.View.stream(own.butterfliesIn(`n${count}`), own.View.allDocs, { includeDocs: true })
      return (onFirst) => runtime.runPromise(own.Stream.runForEachChunk(rows, () => own.Effect.sync(onFirst)))
    }
  }
}
