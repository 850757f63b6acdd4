import { afterAll, assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { every, isDeep } from "../support/deep.js"
import { transient } from "../support/impostor.js"
import { operations } from "../support/operations.js"
import { plansOf } from "../support/plans.js"
import {
  addFindings,
  compareRuns,
  foreignErrors,
  makeTally,
  nothingFound,
  printTally,
  runWithFaults
} from "../support/trial.js"
import { environments } from "../support/worlds.js"

const ways = [
  { times: 1, carriesOut: false },
  { times: 1, carriesOut: true }
]

const errors = new Set([...foreignErrors, "ServerError"])

for (const environment of environments) {
  describe(`a server or a proxy that is in trouble for a moment, ${environment.name}`, () => {
    const tally = makeTally()
    if (isDeep) afterAll(() => printTally(`transient responses, ${environment.name}`, tally))

    for (const [index, operation] of every(3, [...operations.filter(environment.has).entries()], 1)) {
      environment.it(
        `${operation.once ? "is reported by" : "does not end"} ${operation.name}`,
        () =>
          Effect.gen(function*() {
            const server = yield* environment.make()
            const faulty = yield* server.client(server.auth)
            const found = nothingFound()
            const reference = yield* runWithFaults(server, faulty, operation, undefined)
            const plans = plansOf(transient, ways, reference.requests, index)
            for (const plan of plans) {
              const seen = yield* runWithFaults(server, faulty, operation, plan)
              compareRuns(found, plan.name, reference, seen, operation, plan, errors)
              if (Exit.isFailure(seen.exit) && !operation.once) {
                found.wrongErrors.push(`${plan.name}: ${Cause.pretty(seen.exit.cause).slice(0, 300)}`)
              }
            }
            addFindings(tally, found, plans.length)
            assert.deepStrictEqual(found, nothingFound(), JSON.stringify(found, null, 1))
          })
      )
    }
  })
}
