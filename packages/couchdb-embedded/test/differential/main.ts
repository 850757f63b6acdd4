/** Compares the engine with a CouchDB server, on random requests. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { parseArgs } from "node:util"
import * as RandomSource from "../../src/encoding/random.js"
import type { Found } from "./compare.js"
import { make, shrink } from "./compare.js"
import type { Target } from "./side.js"
import type { Step } from "./steps.js"
import { closing, kinds, stepOf } from "./steps.js"

const usage = "npm run differential -- --url http://user:password@127.0.0.1:5984 [--steps 1000] [--seed 1]"

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host)

const targetOf = (text: string | undefined): Target | string => {
  if (text === undefined || !URL.canParse(text)) return usage
  const origin = new URL(text)
  if (origin.protocol !== "http:" || !isLoopback(origin.hostname)) {
    return `${origin.host} is not a loopback address: it makes and removes databases, and sends random requests, so it ` +
      "goes only to a server on this machine, over http."
  }
  const username = decodeURIComponent(origin.username)
  const password = decodeURIComponent(origin.password)
  return { origin, admin: username === "" ? undefined : { username, password } }
}

const show = ({ body, headers, method, path, root }: Step): string =>
  `${method} ${root === true ? "" : "/{db}"}${path}${headers === undefined ? "" : ` ${JSON.stringify(headers)}`}${
    body === undefined ? "" : ` ${body}`
  }`

const report = ({ engine, history, server }: Found): string =>
  [
    ...history.map(show),
    `    server: ${server.status} ${JSON.stringify(server.text)}`,
    `    engine: ${engine.status} ${JSON.stringify(engine.text)}`
  ].join("\n")

// A server compacts a busy database at any time, and then older revisions are missing.
const perDatabase = 250

// A replication takes seconds on a server.
const replicateEvery = 5 * perDatabase

/** Whether there was no difference. */
const program = (target: Target, steps: number, seed: number) =>
  Effect.gen(function*() {
    const random = RandomSource.make(seed)
    const compare = make(target, seed)
    for (let sent = 0; sent < steps; sent += perDatabase) {
      const length = Math.min(perDatabase, steps - sent)
      // Every fourth database is partitioned.
      const { ids, query } = kinds[random.below(4) === 0 ? 1 : 0]
      const history = Array.from({ length }, () => stepOf(random, ids))
      const found = yield* compare(sent % replicateEvery === 0 ? [...history, ...closing(ids)] : history, query)
      if (found === undefined) continue
      yield* Console.log(`step ${sent + found.history.length} of seed ${seed} has different responses:`)
      yield* Console.log(report({ ...found, history: found.history.slice(-1) }))
      const short = yield* shrink(compare, found, query, 20_000)
      yield* Console.log(`\na minimal history with the difference (${short.history.length} steps):\n${report(short)}`)
      return false
    }
    yield* Console.log(`${steps} steps, no difference`)
    return true
  })

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    steps: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" }
  }
})
const target = targetOf(values.url)
const [steps, seed] = [Number(values.steps), Number(values.seed)]

if (typeof target === "string" || !Number.isSafeInteger(steps) || !Number.isSafeInteger(seed)) {
  await Effect.runPromise(Console.error(typeof target === "string" ? target : usage))
  process.exitCode = 2
} else {
  const fiber = Effect.runFork(program(target, steps, seed))
  // The database is also deleted on interruption.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => Effect.runFork(Fiber.interrupt(fiber)))
  }
  const exit = await Effect.runPromise(Fiber.await(fiber))
  if (Exit.isFailure(exit)) await Effect.runPromise(Console.error(String(exit.cause)))
  process.exit(Exit.isSuccess(exit) && exit.value ? 0 : 1)
}
