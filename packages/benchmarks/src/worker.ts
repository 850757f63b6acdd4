/** One run of one case with one client, in a process of its own, told on one line. */
import { type CaseName, clients, onCouch } from "./clients.js"
import { measured } from "./measure.js"

const [, , name = "", client = "", url = "", count = "0", concurrency = "32"] = process.argv
const all = client === "effect-couchdb" ? (await import("./own.js")).own : clients[client]
const prepare = all?.[name as CaseName]
if (prepare === undefined) throw new Error(`${client} has no ${name}`)

const setup = { url, count: Number(count), concurrency: Number(concurrency) }
if (name !== "stream" && !onCouch.has(name as CaseName)) {
  // What is measured has been compiled.
  const warm = await prepare({ ...setup, count: 2_000 })
  await warm(() => undefined)
}
const run = await prepare(setup)
globalThis.gc?.()
const { firstRowMs, ...figures } = await measured(setup.count, run)
process.stdout.write(`${JSON.stringify(name === "stream" ? { ...figures, firstRowMs } : figures)}\n`)
process.exit(0)
