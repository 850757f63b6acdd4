#!/usr/bin/env node
/**
 * The command `effect-couchdb-embedded`, which runs the embedded CouchDB. See `--help`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { main } from "./cli/main.js"

const fiber = Effect.runFork(main(process.argv.slice(2), process.env))

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // A second signal ends the process at once, by default.
  process.once(signal, () => Effect.runFork(Fiber.interrupt(fiber)))
}

fiber.addObserver((exit) => {
  if (Exit.isFailure(exit) && !Exit.isInterrupted(exit)) process.stderr.write(`${String(exit.cause)}\n`)
  process.exitCode = Exit.isSuccess(exit) ? exit.value : Exit.isInterrupted(exit) ? 0 : 1
})
