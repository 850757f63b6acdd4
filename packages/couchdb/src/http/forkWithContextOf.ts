import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"

/** Forks effects with the context and the fiber refs of one fiber, for work that serves several fibers. They start at once. */
export const forkWithContextOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Runtime.runFork(Runtime.make({
    context: fiber.currentContext,
    fiberRefs: fiber.getFiberRefs(),
    runtimeFlags: RuntimeFlags.make(RuntimeFlags.Interruption, RuntimeFlags.CooperativeYielding)
  }))

export type Fork = ReturnType<typeof forkWithContextOf>
