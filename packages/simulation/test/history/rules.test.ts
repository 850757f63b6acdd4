import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { every } from "../../../couchdb/test/support/deep.js"
import { isHarmful, rowsByRule, showRules } from "../../src/history/rules.js"

describe("rules of lineage", () => {
  for (const [rule, name, row] of every(5, rowsByRule)) {
    it.effect(`without rule ${rule} (${name}) something goes wrong, and nothing with it`, () =>
      Effect.gen(function*() {
        const told = yield* row
        assert.isTrue(isHarmful(told), showRules([told]))
        // Costs are never zero. All other figures must be.
        if (!told.figure.startsWith("bytes") && !told.figure.startsWith("rounds")) assert.strictEqual(told.with, 0)
      }))
  }
})
