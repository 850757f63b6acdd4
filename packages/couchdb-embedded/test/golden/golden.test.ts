import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { complaint, replay, same, sameStatus, strays } from "./replay.js"

describe("the transcript of CouchDB 3.5.0", () => {
  it("is set up and excused by step names only", () => {
    expect(strays).toEqual([])
  })

  it.effect("gets CouchDB's responses, except for the listed differences", () =>
    Effect.gen(function*() {
      const outcomes = yield* replay
      const complaints = outcomes.flatMap((outcome) => {
        const wrong = complaint(outcome)
        const { actual, expected, step } = outcome
        return wrong === undefined ? [] : [{ step: step.name, wrong, expected, actual }]
      })
      expect(complaints).toEqual([])
      expect(outcomes.filter(sameStatus).length).toBe(378)
      expect(outcomes.filter(same).length).toBeGreaterThanOrEqual(372)
    }))
})
