/** Runs one case with one client in its own process, and prints the figures on one line. */
import type { ClientName } from "./case.js"
import { cases } from "./cases.js"
import { measured } from "./measure.js"

const [, , name = "", client = "", url = "", count = "0", concurrency = "32", bytes = "220", fibers] = process.argv
const which = cases[name]
const prepare = which?.clients[client as ClientName]
if (which === undefined || prepare === undefined) throw new Error(`${client} has no ${name}`)

const setup = {
  url,
  count: Number(count),
  concurrency: Number(concurrency),
  bytes: Number(bytes),
  fibers: fibers === undefined ? undefined : Number(fibers)
}
// Before the measurement, the code is compiled and the sockets are open.
const warm = async (count: number): Promise<void> => {
  const cleanUp = await (await prepare({ ...setup, count }))(() => undefined)
  await cleanUp?.()
}
if (which.onCouch === true) {
  for (let left = Math.min(setup.count * 4, which.warm ?? 2_000); left > 0; left -= setup.count) {
    await warm(Math.min(setup.count, left))
  }
}
const run = await prepare(setup)
if (which.onCouch !== true && which.warm !== 0) await run(() => undefined)
process.stdout.write(`${JSON.stringify(await measured(setup.count, run))}\n`)
process.exit(0)
