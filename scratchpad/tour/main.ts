/**
 * The tour of effect-couchdb: `npm start`. It loads real data with errors into a CouchDB, edits it, and runs many writers on
 * one document.
 *
 * Without COUCHDB_URL it starts the embedded server. It deletes its database at the end, even if it is interrupted.
 */
import { Cause, Console, Effect, Exit } from "effect"
import { complaint, database, live, welcome } from "./server.js"
import { conflict } from "./story/conflict.js"
import { copyAndDelete, edit } from "./story/edit.js"
import { fight } from "./story/fight.js"
import { explain, load } from "./story/load.js"
import * as Terminal from "./terminal.js"

const story = Effect.gen(function*() {
  const server = yield* welcome
  const name = yield* database
  yield* Console.log(Terminal.bold("effect-couchdb: the tour"))
  yield* Terminal.say(`Server: ${server}`)
  yield* Terminal.say(`Database: ${name}, which is deleted at the end`)
  yield* Terminal.say("Data: movies.json of the npm package vega-datasets, unchanged")

  const rejected = yield* load(name)
  yield* explain(name, rejected)
  const moon = yield* edit(name)
  yield* copyAndDelete(name, moon)
  yield* conflict(name)
  yield* fight(name)

  yield* Terminal.section(7, "Next steps")
  yield* Terminal.row("README.md               an overview, and how to begin")
  yield* Terminal.row("scratchpad/first.ts     a first program")
  yield* Terminal.row("scratchpad/conflict.ts  a conflict, and the ways to handle it")
  yield* Terminal.row("scratchpad/tour         the source of this tour")
  yield* Console.log("")
})

const tour = Effect.scoped(story).pipe(
  Effect.timed,
  Effect.tap(([took]) => Terminal.say(`The tour took ${Terminal.time(took)}.`)),
  Effect.provide(live),
  // Prints a message and a hint instead of a stack trace.
  Effect.tapError((error) => Effect.flatMap(complaint(error), Effect.forEach(Terminal.complain))),
  Effect.onInterrupt(() => Terminal.complain("The tour was interrupted."))
)

const fiber = Effect.runFork(tour)

// An interrupted tour still deletes its database. A second Ctrl-C does not wait for that.
const interrupt = () => fiber.unsafeInterruptAsFork(fiber.id())
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, interrupt)
// The reader closed the pipe, as in `npm start | head`.
process.stdout.on("error", interrupt)

fiber.addObserver((exit) => {
  process.exitCode = Exit.match(exit, {
    onSuccess: () => 0,
    onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
  })
  // A defect is a bug, so the whole cause is printed.
  if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) console.error(Cause.pretty(exit.cause))
})
