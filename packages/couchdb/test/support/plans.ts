import { numRuns, sample } from "./deep.js"
import type { Foreign } from "./impostor.js"
import type { Plan } from "./trial.js"

/** How many responses each request of an operation meets in each way. To try all of them takes hours. */
const samples = numRuns ?? 1

export type Way = Pick<Plan, "times" | "carriesOut">

/**
 * The plans for one operation: each of its requests in turn meets a response, in each way. Each plan takes another response
 * of the list.
 */
export const plansOf = (
  responses: ReadonlyArray<Foreign>,
  ways: ReadonlyArray<Way>,
  requests: number,
  index: number
): ReadonlyArray<Plan & { readonly name: string }> => {
  const plans: Array<Plan & { readonly name: string }> = []
  let next = index
  for (let from = 0; from < requests; from++) {
    for (const { carriesOut, times } of ways) {
      for (let n = 0; n < samples; n++) {
        const { name, response } = responses[next++ * 7 % responses.length]!
        plans.push({
          name: `${name}, request ${from}, ${times === 1 ? "once" : "for good"}${carriesOut ? ", carried out" : ""}`,
          from,
          times,
          carriesOut,
          response
        })
      }
    }
  }
  if (numRuns !== undefined) return plans
  // The step has no factor in common with the ways, so that each of them is among a few.
  const step = 2 * Math.floor(plans.length / sample(2, 6)) + 1
  return plans.filter((_, i) => (i + index) % step === 0)
}
