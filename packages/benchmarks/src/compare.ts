/**
 * Side by side: `npm run compare -- [--json] [--rounds 3] [--case get] …`. Each run is a process of its own, rounds are
 * interleaved, and the figures are medians.
 */
import { build } from "esbuild"
import { execFile, fork } from "node:child_process"
import { mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs, promisify } from "node:util"
import { type CaseName, clients, onCouch } from "./clients.js"
import { type Figures, median } from "./measure.js"

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    case: { type: "string", multiple: true },
    concurrency: { type: "string", default: "32" },
    rows: { type: "string", default: "1200000" }
  }
})

const operations = 20_000
const counts: Readonly<Record<CaseName, number>> = {
  get: operations,
  "get-raw": operations,
  save: operations,
  stream: Number(options.rows),
  "fetch-many": operations / 2,
  "save-many": operations / 2
}
// What needs a real CouchDB is left out without one.
const couch = process.env["COUCHDB_URL"]
const names = ((options.case ?? Object.keys(counts)) as ReadonlyArray<CaseName>)
  .filter((name) => couch !== undefined || !onCouch.has(name))
const everybody = [...Object.keys(clients), "effect-couchdb"]

// Built as a user's bundle is, so that nothing is translated while it runs.
const folder = fileURLToPath(new URL("../node_modules/.bench", import.meta.url))
mkdirSync(folder, { recursive: true })
await build({
  entryPoints: ["worker", "stub"].map((name) => fileURLToPath(new URL(`${name}.ts`, import.meta.url))),
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20",
  conditions: ["effect-couchdb-source"],
  external: ["nano", "pouchdb", "@ibm-cloud/cloudant", "ibm-cloud-sdk-core", "undici"],
  logLevel: "error"
})

const stub = fork(`${folder}/stub.mjs`)
const port = await new Promise<number>((resolve) => stub.once("message", (port) => resolve(Number(port))))

const runs = new Map<string, Array<Figures>>()
const key = (name: string, client: string): string => `${name} ${client}`

const knows = (client: string, name: CaseName): boolean =>
  client === "effect-couchdb" || clients[client]?.[name] !== undefined

for (let round = 0; round < Number(options.rounds); round++) {
  for (const name of names) {
    for (const client of everybody.filter((client) => knows(client, name))) {
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [
          "--expose-gc",
          `${folder}/worker.mjs`,
          name,
          client,
          onCouch.has(name) ? couch ?? "" : `http://127.0.0.1:${port}`,
          String(counts[name]),
          options.concurrency
        ], { timeout: 300_000 })
        const figures = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Figures
        runs.set(key(name, client), [...(runs.get(key(name, client)) ?? []), figures])
      } catch (error) {
        if (!options.json) process.stderr.write(`${name} with ${client} ended: ${String(error).split("\n")[0]}\n`)
      }
    }
  }
}
stub.disconnect()

const table = Object.fromEntries(names.map((name) => [
  name,
  Object.fromEntries(everybody.flatMap((client) => {
    const all = runs.get(key(name, client))
    return all === undefined ? [] : [[client, {
      perSecond: median(all.map(({ perSecond }) => perSecond)),
      cpuMicros: median(all.map(({ cpuMicros }) => cpuMicros)),
      peakMB: median(all.map(({ peakMB }) => peakMB)),
      ...(name === "stream" && { firstRowMs: median(all.map(({ firstRowMs }) => firstRowMs ?? 0)) })
    }]]
  }))
])) as Record<string, Record<string, Figures>>

if (options.json) process.stdout.write(`${JSON.stringify(table, null, 2)}\n`)
else {
  for (const [name, figures] of Object.entries(table)) {
    const { cpuMicros: least = 1 } = figures["undici"] ?? {}
    process.stdout.write(`\n${name}\n`)
    for (const [client, { cpuMicros, firstRowMs, peakMB, perSecond }] of Object.entries(figures)) {
      process.stdout.write(
        `  ${client.padEnd(16)}${perSecond.toLocaleString("en").padStart(10)} /s${cpuMicros.toFixed(1).padStart(9)} µs${
          (cpuMicros / least).toFixed(2).padStart(8)
        } × undici${String(peakMB).padStart(7)} MB${firstRowMs === undefined ? "" : `   first row ${firstRowMs} ms`}\n`
      )
    }
  }
}
