/** The clients that a Node user could pick, each with what it does for a case. */
import { randomUUID } from "node:crypto"
import { atOnce } from "./measure.js"

export interface Setup {
  readonly url: string
  readonly count: number
  readonly concurrency: number
}

/** Gets ready, and gives what is measured; it says when the first row is there. What it gives in turn cleans up. */
export type Prepare = (setup: Setup) => Promise<(onFirst: () => void) => Promise<unknown>>

export type CaseName = "get" | "get-raw" | "save" | "stream" | "fetch-many" | "save-many"

/** What needs a CouchDB that answers as one. */
export const onCouch: ReadonlySet<CaseName> = new Set<CaseName>(["fetch-many", "save-many"])
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

/** A database of its own with as many documents, and their revisions. */
const seeded = async (url: string, count: number) => {
  const { Pool } = await import("undici")
  const { origin, password, username } = new URL(url)
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    ...(username !== "" && { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` })
  }
  const pool = new Pool(origin, { connections: 64 })
  const send = async (method: "PUT" | "POST" | "DELETE", path: string, json?: object): Promise<unknown> => {
    const answer = await pool.request({ method, path, headers, body: json === undefined ? null : JSON.stringify(json) })
    return JSON.parse(await answer.body.text()) as unknown
  }
  const name = `bench-${randomUUID()}`
  await send("PUT", `/${name}`)
  const revs: Array<string> = []
  for (let i = 0; i < count; i += 500) {
    const docs = Array.from(
      { length: Math.min(500, count - i) },
      (_, j) => ({ ...body, seen: i + j, _id: `b${i + j}` })
    )
    const rows = await send("POST", `/${name}/_bulk_docs`, { docs }) as ReadonlyArray<{ readonly rev: string }>
    revs.push(...rows.map(({ rev }) => rev))
  }
  return { name, revs, send, drop: () => send("DELETE", `/${name}`) }
}

export { seeded }

/** So many documents in one request, as somebody would write it by hand. */
const byHand = 200

const undici: Client = {
  "fetch-many": async ({ count, url }) => {
    const { drop, name, send } = await seeded(url, count)
    return async () => {
      for (let i = 0; i < count; i += byHand) {
        await send("POST", `/${name}/_bulk_get`, {
          docs: Array.from({ length: Math.min(byHand, count - i) }, (_, j) => ({ id: `b${i + j}` }))
        })
      }
      return drop
    }
  },
  "save-many": async ({ count, url }) => {
    const { drop, name, revs, send } = await seeded(url, count)
    return async () => {
      for (let i = 0; i < count; i += byHand) {
        await send("POST", `/${name}/_bulk_docs`, {
          docs: revs.slice(i, i + byHand).map((_rev, j) => ({ ...body, seen: -1, _id: `b${i + j}`, _rev }))
        })
      }
      return drop
    }
  },
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
  "fetch-many": async ({ concurrency, count, url }) => {
    const { default: nano } = await import("nano")
    const { drop, name } = await seeded(url, count)
    const many = nano(url).use(name)
    return async () => {
      await atOnce(concurrency, count, (i) => many.get(`b${i}`))
      return drop
    }
  },
  "save-many": async ({ concurrency, count, url }) => {
    const { default: nano } = await import("nano")
    const { drop, name, revs } = await seeded(url, count)
    const many = nano(url).use<object>(name)
    const edited = (i: number): object => ({ ...body, seen: -1, _id: `b${i}`, _rev: revs[i] })
    return async () => {
      await atOnce(concurrency, count, (i) => many.insert(edited(i)))
      return drop
    }
  },
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
