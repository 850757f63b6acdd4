import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import { documentPath } from "../data/path.js"
import type { Bound } from "../document/Collection.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { NotFoundError } from "../http/errors.js"
import { failWithServer } from "../http/failWithServer.js"
import { makeTombstoneCache, type TombstoneCache } from "../siblings/leaves.js"
import { readLiveLeaves } from "../siblings/liveLeaves.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { Resolution } from "./Conflict.js"
import { recordResolution } from "./metrics.js"
import {
  type Absent,
  finished,
  type Open,
  partiallyResolved,
  type Round,
  superseded,
  unresolved,
  type WritePlan
} from "./model.js"
import { planAll, readsDeletions, type ToPlan } from "./planning.js"
import { writeAll } from "./writing.js"

/** The maximum number of rounds for a document that other clients write at the same time. */
const maxRounds = 5

interface Ended<A, R> {
  readonly resolution: Resolution<A, R> | Absent
  readonly attempts: number
}

/**
 * Resolves the siblings of several documents with as many requests as for one: the live leaves, the versions, their
 * ancestors, the merges, the live leaves again, and the tombstones. Each write is idempotent, and losers are deleted
 * only after their merge is known to be stored. The resolution may therefore stop between any two requests and be run
 * again.
 */
export const resolveAll = <A, R, E, R2>(
  collection: Bound<A, R>,
  ids: ReadonlyArray<string>,
  policy: SiblingPolicy<A, E, R2>,
  cache: TombstoneCache = makeTombstoneCache()
): Effect.Effect<ReadonlyArray<Resolution<A, R> | Absent>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const closed = new Map<string, Ended<A, R>>()
    let open: ReadonlyArray<Open<A, R>> = ids.map((id) => ({
      id,
      deep: readsDeletions(collection, policy),
      done: Option.none()
    }))
    for (let round = 1; open.length > 0; round++) {
      const results: ReadonlyArray<Round<A, R>> = yield* runRound(collection, open, policy, cache)
      open = []
      for (const step of results) {
        if (step._tag === "Closed") closed.set(step.resolution.id, { resolution: step.resolution, attempts: round })
        else if (round < maxRounds) open = [...open, step.open]
        else closed.set(step.open.id, { resolution: superseded(step.open), attempts: round })
      }
    }
    const ended = ids.flatMap((id) => Option.toArray(Option.fromNullable(closed.get(id))))
    for (const { attempts, resolution } of ended) {
      if (resolution._tag !== "Absent") yield* recordResolution(policy.name, resolution, attempts)
    }
    return ended.map(({ resolution }) => resolution)
  })

const runRound = <A, R, E, R2>(
  collection: Bound<A, R>,
  open: ReadonlyArray<Open<A, R>>,
  policy: SiblingPolicy<A, E, R2>,
  cache: TombstoneCache
): Effect.Effect<ReadonlyArray<Round<A, R>>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const leaves = yield* readLiveLeaves(collection.database, open.map(({ id }) => id))
    const maxLive = readsDeletions(collection, policy) ? 0 : 1
    const steps = new Map<string, Round<A, R>>()
    const toPlan: Array<ToPlan<A, R>> = []
    open.forEach((each, i) => {
      const found = leaves[i]
      if (found === undefined || !found.exists) {
        steps.set(each.id, { _tag: "Closed", resolution: { _tag: "Absent", id: each.id } })
      } else if (
        found.live.length <= maxLive && collection.lineage === undefined && !(each.deep && found.live.length > 0)
      ) {
        steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      } else toPlan.push({ ...each, leaves: found })
    })
    const plans = yield* planAll(collection, toPlan, policy, cache)
    const writing: Array<{ readonly open: Open<A, R>; readonly plan: WritePlan<A, R> }> = []
    for (const each of toPlan) {
      const planned = plans.get(each.id) ?? { _tag: "Nothing" }
      if (planned._tag === "Nothing") steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      else if (planned._tag === "Unresolved") {
        // An earlier round may have written a merge that was not reported yet.
        const resolution = Option.match(each.done, {
          onNone: (): Resolution<A, R> => unresolved(each.id, planned.reason, planned.versions),
          onSome: (done): Resolution<A, R> => partiallyResolved(each.id, done, planned.remaining)
        })
        steps.set(each.id, { _tag: "Closed", resolution })
      } else writing.push({ open: each, plan: planned })
    }
    for (const step of yield* writeAll(collection, writing)) {
      steps.set(step._tag === "Closed" ? step.resolution.id : step.open.id, step)
    }
    return open.flatMap(({ id }) => Option.toArray(Option.fromNullable(steps.get(id))))
  })

/** Resolves the siblings of one document. */
export const resolveOne = <A, R, E, R2>(
  collection: Bound<A, R>,
  id: string,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Resolution<A, R>, E | InvalidIdError | WireError, CouchHttp | R | R2> =>
  Effect.flatMap(DocumentId.decode(id), (id) =>
    Effect.flatMap(
      resolveAll(collection, [id], policy),
      ([resolution]): Effect.Effect<Resolution<A, R>, NotFoundError> =>
        resolution === undefined || resolution._tag === "Absent"
          ? failWithServer((from) =>
            new NotFoundError({
              ...from,
              method: "POST",
              path: `${documentPath(collection.database)}/_all_docs`,
              status: 200,
              error: "not_found",
              reason: "missing",
              database: collection.database,
              id
            })
          )
          : Effect.succeed(resolution)
    ))
