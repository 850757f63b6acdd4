import type { Case } from "../case.js"
import { nanoAt, pouchAt } from "../peers.js"
import { rowsByHand } from "./byHand.js"

const path = (count: number): string => `/n${count}/_all_docs?include_docs=true`

/** Streams all rows of a database with their documents, as JSON without a schema. */
export const stream: Case = {
  count: 1_200_000,
  warm: 0,
  firstRow: true,
  clients: {
    undici: async ({ count, url }) => (onFirst) => rowsByHand(url, path(count), "{\"id\"", count, onFirst),
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
      const rows = own.View.stream(`n${count}`, own.View.allDocs, { includeDocs: true })
      return (onFirst) => runtime.runPromise(own.counted(rows, count, onFirst))
    }
  }
}

/** The same with a schema in both clients. The library returns document values, which can be edited and saved. */
export const streamSchema: Case = {
  count: 1_200_000,
  warm: 0,
  firstRow: true,
  clients: {
    undici: async ({ count, url }) => {
      const { decodeByHand: decode } = await import("../butterfly.js")
      return (onFirst) =>
        rowsByHand(url, path(count), "{\"id\"", count, ({ doc }) => {
          decode(doc)
          onFirst()
        })
    },
    "effect-couchdb": async ({ count, url }) => {
      const own = await import("../own.js")
      const runtime = own.single(url)
      const rows = own.View.stream(own.butterfliesIn(`n${count}`), own.View.allDocs, { includeDocs: true })
      return (onFirst) => runtime.runPromise(own.counted(rows, count, onFirst))
    }
  }
}
