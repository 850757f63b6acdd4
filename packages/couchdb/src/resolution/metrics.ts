import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type { Resolution } from "./Conflict.js"

const resolutionCounter = Metric.counter("couchdb_resolutions", {
  description: "documents whose siblings a policy resolved or left, by policy and outcome",
  incremental: true
})

/** Records a resolution in a metric and as an event of the current span, unless there were no siblings. */
export const recordResolution = <A, R>(
  policy: string,
  resolution: Resolution<A, R>,
  attempts: number
): Effect.Effect<void> =>
  resolution._tag === "NothingToDo" ? Effect.void : Effect.gen(function*() {
    const outcome = resolution._tag
    yield* Metric.update(resolutionCounter.pipe(Metric.tagged("policy", policy), Metric.tagged("outcome", outcome)), 1)
    const span = yield* Effect.option(Effect.currentSpan)
    if (Option.isSome(span)) {
      span.value.event("couchdb.resolution", yield* Clock.currentTimeNanos, {
        "couchdb.resolution.policy": policy,
        "couchdb.resolution.outcome": outcome,
        "couchdb.resolution.attempts": attempts,
        "couchdb.resolution.id": resolution.id
      })
    }
  })
