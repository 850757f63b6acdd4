import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"

/** Runs what serves many on behalf of one of them, with what that one brought; it begins at once. */
export const runFrom = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Runtime.runFork(Runtime.make({
    context: fiber.currentContext,
    fiberRefs: fiber.getFiberRefs(),
    runtimeFlags: RuntimeFlags.make(RuntimeFlags.Interruption, RuntimeFlags.CooperativeYielding)
  }))

export type Run = ReturnType<typeof runFrom>
