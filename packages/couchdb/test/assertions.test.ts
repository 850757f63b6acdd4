import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

describe("assert.deepStrictEqual", () => {
  const different: ReadonlyArray<readonly [one: unknown, other: unknown]> = [
    [Option.some(1), Option.none()],
    [Option.none(), Option.some(1)],
    [Option.some(1), Option.some(2)],
    [{ at: [Option.some(1)] }, { at: [Option.none()] }],
    [Either.left(1), Either.right(1)],
    [Either.right(1), 1]
  ]

  it.each(different)("distinguishes %o from %o", (one, other) => {
    assert.throws(() => assert.deepStrictEqual(one, other))
    assert.notDeepEqual(one, other)
  })

  it("takes equal values for equal", () => {
    assert.deepStrictEqual({ at: [Option.some(1), Option.none()] }, { at: [Option.some(1), Option.none()] })
  })
})
