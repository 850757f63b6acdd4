/**
 * Compares the clients: `npm run bench -- [--json] [--rounds 3] [--case get] …`. Each run has its own process, rounds are
 * interleaved, and the figures are medians.
 */
import { parseArgs } from "node:util"
import { bundle } from "./bundle.js"
import { clientNames } from "./case.js"
import { cases } from "./cases.js"
import { type Figures, median } from "./measure.js"
import { open } from "./run.js"
import { printed } from "./table.js"

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    case: { type: "string", multiple: true },
    concurrency: { type: "string", default: "32" },
    rows: { type: "string" }
  }
})

// Cases that need a real CouchDB are skipped without one.
const couch = process.env["COUCHDB_URL"]
const names = Object.entries(cases)
  .filter(([name, { onCouch }]) => options.case?.includes(name) !== false && (couch !== undefined || onCouch !== true))
  .map(([name]) => name)
if (couch === undefined) process.stderr.write("COUCHDB_URL is not set: cases that need a real CouchDB are skipped\n")

const bench = await open(couch)
const runs = new Map<string, Array<Figures>>()
const key = (name: string, client: string): string => `${name} ${client}`

for (let round = 0; round < Number(options.rounds); round++) {
  for (const name of names.filter((name) => round < (cases[name]?.rounds ?? Infinity))) {
    for (const client of clientNames.filter((client) => cases[name]?.clients[client] !== undefined)) {
      try {
        const figures = await bench.run({
          name,
          client,
          concurrency: Number(options.concurrency),
          ...(name === "stream" && options.rows !== undefined && { count: Number(options.rows) })
        })
        runs.set(key(name, client), [...(runs.get(key(name, client)) ?? []), figures])
      } catch (error) {
        process.stderr.write(`${name} with ${client} failed: ${String(error).split("\n")[0]}\n`)
      }
    }
  }
}
bench.close()

/** The median of each figure that the runs have. */
const medians = (all: ReadonlyArray<Figures>): Figures =>
  Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => [name, median(all.map((figures) => figures[name as keyof Figures] ?? 0))])
  ) as unknown as Figures

const table = Object.fromEntries(names.map((name) => [
  name,
  Object.fromEntries(clientNames.flatMap((client) => {
    const all = runs.get(key(name, client))
    return all === undefined ? [] : [[client, medians(all)]]
  }))
]))

const sizes = options.case?.includes("bundle") !== false ? { bundle: await bundle() } : {}

process.stdout.write(
  options.json ? `${JSON.stringify({ ...table, ...sizes }, null, 2)}\n` : printed({ ...table, ...sizes })
)
