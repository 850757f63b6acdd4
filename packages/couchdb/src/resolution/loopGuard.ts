import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Bound } from "../document/Collection.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { makeTombstoneCache } from "../siblings/leaves.js"
import { readLiveLeaves } from "../siblings/liveLeaves.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { looping } from "../siblings/unresolved.js"
import type { GuardOptions, Resolution } from "./Conflict.js"
import { resolveAll } from "./resolve.js"

/** Records when each document was recently resolved. */
const makeResolutionLog = (within: number) => {
  const recent = new Map<string, ReadonlyArray<number>>()
  let prunedAt = Number.NEGATIVE_INFINITY
  const recentTimes = (id: string, now: number): ReadonlyArray<number> => {
    const unexpired = (recent.get(id) ?? []).filter((at) => at > now - within)
    if (unexpired.length === 0) recent.delete(id)
    else recent.set(id, unexpired)
    return unexpired
  }
  return {
    count: (id: string, now: number): number => recentTimes(id, now).length,
    add: (id: string, now: number): void => {
      // Prunes expired entries from time to time, which limits memory use.
      if (now - prunedAt > within) {
        prunedAt = now
        for (const each of recent.keys()) recentTimes(each, now)
      }
      recent.set(id, [...recentTimes(id, now), now])
    }
  }
}

/**
 * Makes a resolver for documents that are passed repeatedly. It returns the outcomes of those with siblings. A document
 * that is in conflict again after each resolution is skipped after a while, because another resolver probably
 * disagrees.
 */
export const makeGuardedResolver = <A, R, E, R2>(
  collection: Bound<A, R>,
  policy: SiblingPolicy<A, E, R2>,
  { times = 5, within = "1 minute" }: Partial<GuardOptions> = {}
) => {
  const log = makeResolutionLog(Duration.toMillis(within))
  const cache = makeTombstoneCache()

  return (
    ids: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<Resolution<A, R>>, E | WireError, CouchHttp | R | R2> =>
    Effect.gen(function*() {
      if (ids.length === 0) return []
      const now = yield* Clock.currentTimeMillis
      const exceeding = ids.filter((id) => log.count(id, now) >= times)
      // A resolution itself changes the document, so most of these documents have no siblings left.
      const stopped = exceeding.length === 0
        ? []
        : (yield* readLiveLeaves(collection.database, exceeding)).filter(({ live }) => live.length > 1)
          .map(({ id }): Resolution<A, R> => ({
            _tag: "Unresolved",
            id,
            reason: looping(log.count(id, now)),
            versions: []
          }))
      const allowed = ids.filter((id) => !exceeding.includes(id))
      const resolutions = allowed.length === 0 ? [] : yield* resolveAll(collection, allowed, policy, cache)
      const reported = resolutions.flatMap((each) =>
        each._tag === "Absent" || each._tag === "NothingToDo" ? [] : [each]
      )
      for (const { _tag, id } of reported) if (_tag !== "Unresolved") log.add(id, now)
      return [...stopped, ...reported]
    })
}
