import { afterAll, assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { every, isDeep } from "../support/deep.js"
import { foreign } from "../support/impostor.js"
import { operations } from "../support/operations.js"
import { plansOf } from "../support/plans.js"
import { addFindings, compareRuns, makeTally, nothingFound, printTally, runWithFaults } from "../support/trial.js"
import { environments } from "../support/worlds.js"

const ways = [
  { times: 1, carriesOut: false },
  { times: 1, carriesOut: true },
  { times: Infinity, carriesOut: false },
  { times: Infinity, carriesOut: true }
]

for (const environment of environments) {
  describe(`a response of something other than CouchDB, ${environment.name}`, () => {
    const tally = makeTally()
    if (isDeep) afterAll(() => printTally(`foreign responses, ${environment.name}`, tally))

    for (const [index, operation] of every(3, [...operations.filter(environment.has).entries()])) {
      environment.it(`is not taken for CouchDB's word by ${operation.name}`, () =>
        Effect.gen(function*() {
          const server = yield* environment.make()
          const faulty = yield* server.client(server.auth)
          const found = nothingFound()
          const reference = yield* runWithFaults(server, faulty, operation, undefined)
          assert.strictEqual(
            Exit.isFailure(reference.exit) ? Cause.pretty(reference.exit.cause) : "success",
            "success"
          )
          const plans = plansOf(foreign, ways, reference.requests, index).filter(({ carriesOut, response }) =>
            !(environment.overFetch && carriesOut && response.status === 421)
          )
          for (const plan of plans) {
            compareRuns(
              found,
              plan.name,
              reference,
              yield* runWithFaults(server, faulty, operation, plan),
              operation,
              plan
            )
          }
          addFindings(tally, found, plans.length)
          assert.deepStrictEqual(found, nothingFound(), JSON.stringify(found, null, 1))
        }))
    }
  })
}
