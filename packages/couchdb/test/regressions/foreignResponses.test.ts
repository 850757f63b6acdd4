import { afterAll, assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { every, isDeep } from "../support/deep.js"
import { foreign } from "../support/impostor.js"
import { operations } from "../support/operations.js"
import { plansOf } from "../support/plans.js"
import { add, judge, makeTally, nothingFound, printTally, trial } from "../support/trial.js"
import { places } from "../support/worlds.js"

const ways = [
  { times: 1, carriesOut: false },
  { times: 1, carriesOut: true },
  { times: Infinity, carriesOut: false },
  { times: Infinity, carriesOut: true }
]

for (const place of places) {
  describe(`a response of something other than CouchDB, ${place.name}`, () => {
    const tally = makeTally()
    if (isDeep) afterAll(() => printTally(`foreign responses, ${place.name}`, tally))

    for (const [index, operation] of every(3, [...operations.filter(place.has).entries()])) {
      place.it(`is not taken for CouchDB's word by ${operation.name}`, () =>
        Effect.gen(function*() {
          const world = yield* place.make()
          const faulty = yield* world.client(world.auth)
          const found = nothingFound()
          const reference = yield* trial(world, faulty, operation, undefined)
          assert.strictEqual(
            Exit.isFailure(reference.exit) ? Cause.pretty(reference.exit.cause) : "success",
            "success"
          )
          const plans = plansOf(foreign, ways, reference.requests, index).filter(({ carriesOut, response }) =>
            !(place.overFetch && carriesOut && response.status === 421)
          )
          for (const plan of plans) {
            judge(found, plan.name, reference, yield* trial(world, faulty, operation, plan), operation, plan)
          }
          add(tally, found, plans.length)
          assert.deepStrictEqual(found, nothingFound(), JSON.stringify(found, null, 1))
        }))
    }
  })
}
