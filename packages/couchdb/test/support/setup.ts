import { it, makeMethods } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { afterEach, chai } from "vitest"
import { numRuns, seed } from "./deep.js"

const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined

/** Chai compares an `Option` by what it yields as an iterable, so that to it every `Some` equals `None`. */
chai.config.deepEqual = (expected, actual) =>
  chai.util.eql(expected, actual, {
    comparator: (left, right) => tagOf(left) === tagOf(right) ? null : false
  })

// `layer` of @effect/vitest replaces `it.effect` for every file that runs afterwards in the same process.
makeMethods(it)

FastCheck.configureGlobal({ ...(seed !== undefined && { seed }), ...(numRuns !== undefined && { numRuns }) })

// Tests of effects may use microtasks only. The reporter waits for a macrotask, and gives up after a minute without one.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))
