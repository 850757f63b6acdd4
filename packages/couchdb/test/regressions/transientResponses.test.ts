import { afterAll, assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { every, isDeep } from "../support/deep.js"
import { transient } from "../support/impostor.js"
import { operations } from "../support/operations.js"
import { plansOf } from "../support/plans.js"
import { add, foreignErrors, judge, makeTally, nothingFound, printTally, trial } from "../support/trial.js"
import { places } from "../support/worlds.js"

const ways = [
  { times: 1, carriesOut: false },
  { times: 1, carriesOut: true }
]

const errors = new Set([...foreignErrors, "ServerError"])

for (const place of places) {
  describe(`a server or a proxy that is in trouble for a moment, ${place.name}`, () => {
    const tally = makeTally()
    if (isDeep) afterAll(() => printTally(`transient responses, ${place.name}`, tally))

    for (const [index, operation] of every(3, [...operations.filter(place.has).entries()], 1)) {
      place.it(`${operation.once ? "is reported by" : "does not end"} ${operation.name}`, () =>
        Effect.gen(function*() {
          const world = yield* place.make()
          const faulty = yield* world.client(world.auth)
          const found = nothingFound()
          const reference = yield* trial(world, faulty, operation, undefined)
          const plans = plansOf(transient, ways, reference.requests, index)
          for (const plan of plans) {
            const seen = yield* trial(world, faulty, operation, plan)
            judge(found, plan.name, reference, seen, operation, plan, errors)
            if (Exit.isFailure(seen.exit) && !operation.once) {
              found.word.push(`${plan.name}: ${Cause.pretty(seen.exit.cause).slice(0, 300)}`)
            }
          }
          add(tally, found, plans.length)
          assert.deepStrictEqual(found, nothingFound(), JSON.stringify(found, null, 1))
        }))
    }
  })
}
