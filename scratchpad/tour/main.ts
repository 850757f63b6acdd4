/**
 * The tour of effect-couchdb: `npm start`. It loads real, dirty data into a CouchDB, edits it, and lets writers fight.
 *
 * Without COUCHDB_URL it starts the embedded server. It deletes what it creates, even if it is interrupted.
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
  yield* Terminal.say("Data: movies.json of the npm package vega-datasets, as it is")

  const rejected = yield* load(name)
  yield* explain(name, rejected)
  const moon = yield* edit(name)
  yield* copyAndDelete(name, moon)
  yield* conflict(name)
  yield* fight(name)

  yield* Terminal.section(7, "Where to go from here")
  yield* Terminal.row("README.md               what there is, and how to begin")
  yield* Terminal.row("scratchpad/first.ts     a first program")
  yield* Terminal.row("scratchpad/conflict.ts  a conflict, and what can be done about it")
  yield* Terminal.row("scratchpad/tour         this tour, a chapter a file")
  yield* Console.log("")
})

const tour = Effect.scoped(story).pipe(
  Effect.timed,
  Effect.tap(([took]) => Terminal.say(`The tour took ${Terminal.time(took)}.`)),
  Effect.provide(live),
  // For somebody who wants to get on, and not to read a stack.
  Effect.tapError((error) => Effect.flatMap(complaint(error), Effect.forEach(Terminal.complain))),
  Effect.onInterrupt(() => Terminal.complain("The tour was interrupted."))
)

const fiber = Effect.runFork(tour)

// An interrupted tour still deletes its database. A second Ctrl-C does not wait for that.
const interrupt = () => fiber.unsafeInterruptAsFork(fiber.id())
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, interrupt)
// Nobody reads on, as in `npm start | head`.
process.stdout.on("error", interrupt)

fiber.addObserver((exit) => {
  process.exitCode = Exit.match(exit, {
    onSuccess: () => 0,
    onFailure: (cause) => Cause.isInterruptedOnly(cause) ? 130 : 1
  })
  // A defect is a bug, and whoever looks for it wants all that is known.
  if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) console.error(Cause.pretty(exit.cause))
})
