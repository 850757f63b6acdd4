import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import { documentPath } from "../data/path.js"
import type { Bound } from "../document/Collection.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { NotFoundError } from "../http/errors.js"
import { failAt } from "../http/failAt.js"
import { makeTombstoneCache, type TombstoneCache } from "../siblings/leaves.js"
import { readLiveLeaves } from "../siblings/liveLeaves.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { Resolution } from "./Conflict.js"
import { resolutionSeen } from "./metrics.js"
import {
  type Absent,
  finished,
  type Open,
  partly,
  type Round,
  superseded,
  unresolved,
  type WritePlan
} from "./model.js"
import { planAll, readsDeletions, type ToPlan } from "./planning.js"
import { writeAll } from "./writing.js"

/** A document that other clients write at the same time is read at most this many times. */
const maxRounds = 5

interface Ended<A, R> {
  readonly resolution: Resolution<A, R> | Absent
  readonly attempts: number
}

/**
 * Resolves the siblings of documents, in as few requests as for one document: the live leaves, the versions, their
 * ancestors, the merges, the live leaves again, the tombstones. Each write has no effect when it is repeated, and losers
 * are deleted only when their merge is known to be stored. So the resolution may stop between any two requests and be
 * started again.
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
      if (resolution._tag !== "Absent") yield* resolutionSeen(policy.name, resolution, attempts)
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
    const maxAlone = readsDeletions(collection, policy) ? 0 : 1
    const steps = new Map<string, Round<A, R>>()
    const going: Array<ToPlan<A, R>> = []
    open.forEach((each, i) => {
      const found = leaves[i]
      if (found === undefined || !found.exists) {
        steps.set(each.id, { _tag: "Closed", resolution: { _tag: "Absent", id: each.id } })
      } else if (
        found.live.length <= maxAlone && collection.lineage === undefined && !(each.deep && found.live.length > 0)
      ) {
        steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      } else going.push({ ...each, leaves: found })
    })
    const plans = yield* planAll(collection, going, policy, cache)
    const writing: Array<{ readonly open: Open<A, R>; readonly plan: WritePlan<A, R> }> = []
    for (const each of going) {
      const made = plans.get(each.id) ?? { _tag: "Nothing" }
      if (made._tag === "Nothing") steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      else if (made._tag === "Unresolved") {
        // An earlier round may have written something that was not reported yet.
        const resolution = Option.match(each.done, {
          onNone: (): Resolution<A, R> => unresolved(each.id, made.reason, made.versions),
          onSome: (done): Resolution<A, R> => partly(each.id, done, made.remaining)
        })
        steps.set(each.id, { _tag: "Closed", resolution })
      } else writing.push({ open: each, plan: made })
    }
    for (const step of yield* writeAll(collection, writing)) {
      steps.set(step._tag === "Closed" ? step.resolution.id : step.open.id, step)
    }
    return open.flatMap(({ id }) => Option.toArray(Option.fromNullable(steps.get(id))))
  })

/** The siblings of one document. */
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
          ? failAt((from) =>
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
