/** The documents that every client reads and writes. */
import { randomUUID } from "node:crypto"

export const rev = "1-967a00dff5e02add41819138abb3284d"

/** A body of about this number of bytes. */
export const bodyOf = (bytes: number) => ({
  name: "Danaus plexippus",
  seen: 1,
  tags: ["orange", "black"],
  note: "x".repeat(Math.max(0, bytes - 80))
})

/** Creates a database with `count` documents, and returns their revisions. */
export const seeded = async ({ bytes, count, url }: { bytes: number; count: number; url: string }) => {
  const { Pool } = await import("undici")
  const { origin, password, username } = new URL(url)
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    ...(username !== "" && { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` })
  }
  const pool = new Pool(origin, { connections: 64 })
  const send = async (method: "GET" | "PUT" | "POST" | "DELETE", path: string, json?: object): Promise<unknown> => {
    const response = await pool.request({
      method,
      path,
      headers,
      body: json === undefined ? null : JSON.stringify(json)
    })
    return JSON.parse(await response.body.text()) as unknown
  }
  const name = `bench-${randomUUID()}`
  await send("PUT", `/${name}`)
  const body = bodyOf(bytes)
  const revs: Array<string> = []
  const atOnce = Math.max(1, Math.min(500, Math.floor(4_000_000 / bytes)))
  for (let i = 0; i < count; i += atOnce) {
    const docs = Array.from(
      { length: Math.min(atOnce, count - i) },
      (_, j) => ({ ...body, seen: i + j, _id: `b${i + j}` })
    )
    const rows = await send("POST", `/${name}/_bulk_docs`, { docs }) as ReadonlyArray<{ readonly rev: string }>
    revs.push(...rows.map(({ rev }) => rev))
  }
  const drop = async (): Promise<void> => {
    await send("DELETE", `/${name}`)
  }
  return { name, revs, send, drop }
}
