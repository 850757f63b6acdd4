/** One run of one case with one client, in a process of its own, told on one line. */
import type { ClientName } from "./case.js"
import { cases } from "./cases.js"
import { measured } from "./measure.js"

const [, , name = "", client = "", url = "", count = "0", concurrency = "32", bytes = "220"] = process.argv
const which = cases[name]
const prepare = which?.clients[client as ClientName]
if (which === undefined || prepare === undefined) throw new Error(`${client} has no ${name}`)

const setup = { url, count: Number(count), concurrency: Number(concurrency), bytes: Number(bytes) }
const warm = which.warm ?? Math.min(setup.count, which.onCouch === true ? 2_000 : 20_000)
if (warm > 0) {
  const cleanUp = await (await prepare({ ...setup, count: warm }))(() => undefined)
  await cleanUp?.()
}
const run = await prepare(setup)
globalThis.gc?.()
process.stdout.write(`${JSON.stringify(await measured(setup.count, run))}\n`)
process.exit(0)
