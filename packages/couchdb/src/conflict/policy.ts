import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import { Prototype } from "effect/Pipeable"
import type { AnyConflict } from "../document/conflictError.js"
import type { Policy } from "./model.js"

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an effect that settles any document
export type Settling = Effect.Effect<any, any, any>

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export type AnyPolicy = Policy<any, any, any>

const settled = Metric.counter("couchdb_conflicts", {
  description: "conflicts that a policy was handed, by policy and outcome",
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

/** Each settlement is an event of the span that it happens in, and counted. */
const seen = (name: string, conflict: AnyConflict, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const outcome = outcomeOf(exit)
    yield* Metric.update(settled.pipe(Metric.tagged("policy", name), Metric.tagged("outcome", outcome)), 1)
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

/** A function becomes a policy: pipeable, generic in what it is called with, and seen where it acts. */
export const policy = <P extends AnyPolicy>(name: string, settle: (conflict: AnyConflict) => Settling): P =>
  plain((conflict) => Effect.onExit(settle(conflict), (exit) => seen(name, conflict, exit)))

/** A policy made of others, which are seen themselves. */
export const plain = <P extends AnyPolicy>(settle: (conflict: AnyConflict) => Settling): P =>
  Object.assign((conflict: AnyConflict) => settle(conflict), Prototype) as unknown as P
