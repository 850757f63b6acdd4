import { chai } from "vitest"

const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined

/** Chai compares an `Option` by what it yields as an iterable, so that to it every `Some` equals `None`. */
chai.config.deepEqual = (expected, actual) =>
  chai.util.eql(expected, actual, {
    comparator: (left, right) => tagOf(left) === tagOf(right) ? null : false
  })
