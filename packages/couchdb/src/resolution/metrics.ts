import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type { Resolution } from "./Conflict.js"

const resolved = Metric.counter("couchdb_resolutions", {
  description: "documents whose siblings a policy was handed, by policy and outcome",
  incremental: true
})

/** Counts each resolution, and adds an event to its span. A document without siblings is not counted. */
export const resolutionSeen = <A, R>(
  policy: string,
  resolution: Resolution<A, R>,
  attempts: number
): Effect.Effect<void> =>
  resolution._tag === "NothingToDo" ? Effect.void : Effect.gen(function*() {
    const outcome = resolution._tag
    yield* Metric.update(resolved.pipe(Metric.tagged("policy", policy), Metric.tagged("outcome", outcome)), 1)
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
