import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

/** Lets the test's time pass until the fiber is done. */
export const adjustUntilDone = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, step: Duration.DurationInput = "1 second") =>
  Effect.gen(function*() {
    for (let i = 0; i < 2_000 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust(step)
    if (fiber.unsafePoll() === null) {
      yield* Fiber.interrupt(fiber)
      return assert.fail("it did not come to an end")
    }
    return yield* Fiber.join(fiber)
  })

/** Lets the test's time pass until this holds. */
export const adjustUntil = (holds: () => boolean, step: Duration.DurationInput = "1 second") =>
  Effect.gen(function*() {
    for (let i = 0; i < 2_000 && !holds(); i++) yield* TestClock.adjust(step)
    assert.isTrue(holds(), "it never came to hold")
  })
