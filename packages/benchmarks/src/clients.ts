/** The clients that a Node user could pick, each with what it does for a case. */
import { atOnce } from "./measure.js"

export interface Setup {
  readonly url: string
  readonly count: number
  readonly concurrency: number
}

/** Gets ready, and gives what is measured; it says when the first row is there. */
export type Prepare = (setup: Setup) => Promise<(onFirst: () => void) => Promise<unknown>>

export type CaseName = "get" | "get-raw" | "save" | "stream"
export type Client = Partial<Record<CaseName, Prepare>>

export const body = { name: "Danaus plexippus", seen: 1, tags: ["orange", "black"], note: "x".repeat(140) }
const rev = "1-967a00dff5e02add41819138abb3284d"

const undiciGet: Prepare = async ({ concurrency, count, url }) => {
  const { Pool } = await import("undici")
  const pool = new Pool(url, { connections: 64 })
  return () =>
    atOnce(concurrency, count, async (i) => {
      const answer = await pool.request({ method: "GET", path: `/zoo/b${i}`, headers: { accept: "application/json" } })
      JSON.parse(await answer.body.text())
    })
}

const undici: Client = {
  get: undiciGet,
  "get-raw": undiciGet,
  save: async ({ concurrency, count, url }) => {
    const { Pool } = await import("undici")
    const pool = new Pool(url, { connections: 64 })
    return () =>
      atOnce(concurrency, count, async (i) => {
        const answer = await pool.request({
          method: "PUT",
          path: `/zoo/b${i}?rev=${rev}`,
          headers: { "content-type": "application/json", accept: "application/json" },
          body: JSON.stringify({ ...body, seen: i })
        })
        JSON.parse(await answer.body.text())
      })
  },
  // Split and parsed by hand, as somebody would who needs nothing else.
  stream: async ({ count, url }) => {
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
  }
}

const nanoGet: Prepare = async ({ concurrency, count, url }) => {
  const { default: nano } = await import("nano")
  const zoo = nano(url).use("zoo")
  return () => atOnce(concurrency, count, (i) => zoo.get(`b${i}`))
}

const nano: Client = {
  get: nanoGet,
  "get-raw": nanoGet,
  save: async ({ concurrency, count, url }) => {
    const { default: nano } = await import("nano")
    const zoo = nano(url).use<object>("zoo")
    const edited = (i: number): object => ({ ...body, seen: i, _id: `b${i}`, _rev: rev })
    return () => atOnce(concurrency, count, (i) => zoo.insert(edited(i)))
  },
  stream: async ({ count, url }) => {
    const { default: nano } = await import("nano")
    const rows = nano(url).use(`n${count}`)
    return async (onFirst) => {
      await rows.list({ include_docs: true })
      onFirst()
    }
  }
}

interface Pouch {
  readonly get: (id: string) => Promise<unknown>
  readonly put: (doc: object) => Promise<unknown>
  readonly allDocs: (options: object) => Promise<unknown>
}

const pouchAt = async (url: string, database: string): Promise<Pouch> => {
  const { default: PouchDB } = await import("pouchdb")
  const Remote = PouchDB as unknown as new(url: string, options: object) => Pouch
  return new Remote(`${url}/${database}`, { skip_setup: true })
}

const pouchdb: Client = {
  get: async ({ concurrency, count, url }) => {
    const zoo = await pouchAt(url, "zoo")
    return () => atOnce(concurrency, count, (i) => zoo.get(`b${i}`))
  },
  save: async ({ concurrency, count, url }) => {
    const zoo = await pouchAt(url, "zoo")
    return () => atOnce(concurrency, count, (i) => zoo.put({ ...body, seen: i, _id: `b${i}`, _rev: rev }))
  },
  stream: async ({ count, url }) => {
    const rows = await pouchAt(url, `n${count}`)
    return async (onFirst) => {
      await rows.allDocs({ include_docs: true })
      onFirst()
    }
  }
}

const cloudantAt = async (url: string) => {
  const { CloudantV1 } = await import("@ibm-cloud/cloudant")
  const { NoAuthAuthenticator } = await import("ibm-cloud-sdk-core")
  return new CloudantV1({ authenticator: new NoAuthAuthenticator(), serviceUrl: url })
}

const cloudant: Client = {
  get: async ({ concurrency, count, url }) => {
    const service = await cloudantAt(url)
    return () => atOnce(concurrency, count, (i) => service.getDocument({ db: "zoo", docId: `b${i}` }))
  },
  save: async ({ concurrency, count, url }) => {
    const service = await cloudantAt(url)
    return () =>
      atOnce(
        concurrency,
        count,
        (i) => service.putDocument({ db: "zoo", docId: `b${i}`, rev, document: { ...body, seen: i } })
      )
  }
}

/** In the order of the table; the library stands last, by a module of its own. */
export const clients: Readonly<Record<string, Client>> = { undici, nano, pouchdb, cloudant }
