import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"

/** Forks a fiber at once, with the context and the fiber refs of another one on whose behalf it runs. */
export const forkWithContextOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Runtime.runFork(Runtime.make({
    context: fiber.currentContext,
    fiberRefs: fiber.getFiberRefs(),
    runtimeFlags: RuntimeFlags.make(RuntimeFlags.Interruption, RuntimeFlags.CooperativeYielding)
  }))

export type Run = ReturnType<typeof forkWithContextOf>
