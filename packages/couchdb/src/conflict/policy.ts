import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import { Prototype } from "effect/Pipeable"
import type { AnyConflict } from "../document/conflictError.js"
import type { Policy } from "./model.js"

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an effect that settles any document
export type Settlement = Effect.Effect<any, any, any>

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export type AnyPolicy = Policy<any, any, any>

const conflictCounter = Metric.counter("couchdb_conflicts", {
  description: "conflicts handled by a policy, by policy and outcome",
  incremental: true
})

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "settled"
  const failure = Option.getOrUndefined(
    Exit.causeOption(exit).pipe(
      Option.flatMap((cause) => cause._tag === "Fail" ? Option.some(cause.error) : Option.none())
    )
  )
  return typeof failure === "object" && failure !== null && "_tag" in failure ? String(failure._tag) : "interrupted"
}

/** Records a settlement as an event of the current span, and in a metric. */
const recordSettlement = (
  name: string,
  conflict: AnyConflict,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const outcome = outcomeOf(exit)
    yield* Metric.update(conflictCounter.pipe(Metric.tagged("policy", name), Metric.tagged("outcome", outcome)), 1)
    const span = yield* Effect.option(Effect.currentSpan)
    if (Option.isSome(span)) {
      span.value.event("couchdb.conflict", yield* Clock.currentTimeNanos, {
        "couchdb.conflict.policy": name,
        "couchdb.conflict.operation": conflict.operation,
        "couchdb.conflict.attempts": conflict.attempts,
        "couchdb.conflict.outcome": outcome
      })
    }
  })

/** Makes a pipeable, generic policy from a function, and records its settlements. */
export const policy = <P extends AnyPolicy>(name: string, settle: (conflict: AnyConflict) => Settlement): P =>
  compositePolicy((conflict) => Effect.onExit(settle(conflict), (exit) => recordSettlement(name, conflict, exit)))

/** Makes a policy from other policies, which record their own settlements. */
export const compositePolicy = <P extends AnyPolicy>(settle: (conflict: AnyConflict) => Settlement): P =>
  Object.assign((conflict: AnyConflict) => settle(conflict), Prototype) as unknown as P
