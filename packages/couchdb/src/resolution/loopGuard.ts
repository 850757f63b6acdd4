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

/** When each document was resolved lately. */
const makeMemory = (within: number) => {
  const recent = new Map<string, ReadonlyArray<number>>()
  let looked = Number.NEGATIVE_INFINITY
  const of = (id: string, now: number): ReadonlyArray<number> => {
    const kept = (recent.get(id) ?? []).filter((at) => at > now - within)
    if (kept.length === 0) recent.delete(id)
    else recent.set(id, kept)
    return kept
  }
  return {
    count: (id: string, now: number): number => of(id, now).length,
    add: (id: string, now: number): void => {
      // What was not seen for so long counts no more; looking at all of it now and then keeps the memory small.
      if (now - looked > within) {
        looked = now
        for (const each of recent.keys()) of(each, now)
      }
      recent.set(id, [...of(id, now), now])
    }
  }
}

/**
 * Resolves documents that change repeatedly, and returns the outcomes of those with siblings. A document that is in conflict
 * again after each resolution is left unresolved after a while, since another resolver must disagree.
 */
export const makeGuarded = <A, R, E, R2>(
  collection: Bound<A, R>,
  policy: SiblingPolicy<A, E, R2>,
  { times = 5, within = "1 minute" }: Partial<GuardOptions> = {}
) => {
  const memory = makeMemory(Duration.toMillis(within))
  const seen = makeTombstoneCache()

  return (
    ids: ReadonlyArray<string>
  ): Effect.Effect<ReadonlyArray<Resolution<A, R>>, E | WireError, CouchHttp | R | R2> =>
    Effect.gen(function*() {
      if (ids.length === 0) return []
      const now = yield* Clock.currentTimeMillis
      const often = ids.filter((id) => memory.count(id, now) >= times)
      // The resolution itself changes a document, which then has no outcome.
      const stopped = often.length === 0
        ? []
        : (yield* readLiveLeaves(collection.database, often)).filter(({ live }) => live.length > 1)
          .map(({ id }): Resolution<A, R> => ({
            _tag: "Unresolved",
            id,
            reason: looping(memory.count(id, now)),
            versions: []
          }))
      const going = ids.filter((id) => !often.includes(id))
      const resolutions = going.length === 0 ? [] : yield* resolveAll(collection, going, policy, seen)
      const told = resolutions.flatMap((each) => each._tag === "Absent" || each._tag === "NothingToDo" ? [] : [each])
      for (const { _tag, id } of told) if (_tag !== "Unresolved") memory.add(id, now)
      return [...stopped, ...told]
    })
}
