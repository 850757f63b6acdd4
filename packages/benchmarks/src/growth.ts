/**
 * Measures how cost grows: `npm run growth`. Runs `get` against the stub and `save-many` against the CouchDB of `COUCHDB_URL`,
 * with 1 to 512 concurrent operations and bodies of 100 B to 1 MB. Writes `growth.json` and the plots of `plot.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import type { ClientName } from "./case.js"
import type { Figures } from "./measure.js"
import { docs, draw } from "./plot.js"
import { open } from "./run.js"

const clients: ReadonlyArray<ClientName> = ["undici", "nano", "effect-couchdb"]
const concurrencies = [1, 8, 64, 512]
const sizes = [100, 10_000, 1_000_000]

export interface Point extends Figures {
  readonly name: string
  readonly client: string
  readonly by: "concurrency" | "bytes"
  readonly at: number
}

const couch = process.env["COUCHDB_URL"]
const names = couch === undefined ? ["get"] : ["get", "save-many"]
const bench = await open(couch)
const points: Array<Point> = []

const countOf = (name: string, concurrency: number, bytes: number): number =>
  name === "get"
    ? bytes >= 1_000_000 ? 200 : bytes >= 10_000 ? 4_000 : concurrency === 1 ? 4_000 : 20_000
    : bytes >= 1_000_000
    ? 40
    : concurrency === 1
    ? 200
    : 2_000

const run = async (name: string, by: Point["by"], at: number): Promise<void> => {
  const concurrency = by === "concurrency" ? at : 32
  const bytes = by === "bytes" ? at : 220
  const fibers = by === "concurrency" ? at : undefined
  for (const client of clients) {
    const count = countOf(name, concurrency, bytes)
    points.push({ name, client, by, at, ...await bench.run({ name, client, concurrency, bytes, count, fibers }) })
  }
}

for (const name of names) {
  for (const at of concurrencies) await run(name, "concurrency", at)
  for (const at of sizes) await run(name, "bytes", at)
}
bench.close()

mkdirSync(docs, { recursive: true })
writeFileSync(`${docs}/growth.json`, `${JSON.stringify(points, null, 1)}\n`)
draw(points)
