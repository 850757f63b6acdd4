/** Replays the transcript, and reports the differences between the engine and CouchDB. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as TestContext from "effect/TestContext"
import { complaint, replay, same, sameStatus, strays } from "./replay.js"

const program = Effect.gen(function*() {
  const outcomes = yield* Effect.provide(replay, TestContext.TestContext)
  const all = outcomes.length
  yield* Console.log(
    `status ${outcomes.filter(sameStatus).length}/${all} · body ${outcomes.filter(same).length}/${all}`
  )
  for (const outcome of outcomes) {
    const { actual, difference, expected, index, step } = outcome
    const wrong = complaint(outcome)
    if (wrong === undefined && difference === undefined) continue
    yield* Console.log(`${index} ${step.name}: ${wrong ?? difference?.reason ?? ""}`)
    if (wrong !== undefined) {
      yield* Console.log(`    CouchDB: ${JSON.stringify(expected)}\n    engine:  ${JSON.stringify(actual)}`)
    }
  }
  yield* Effect.forEach(strays, (name) => Console.log(`${name}: no such step`))
  return outcomes.some((outcome) => complaint(outcome) !== undefined) || strays.length > 0
})

process.exitCode = await Effect.runPromise(program) ? 1 : 0
