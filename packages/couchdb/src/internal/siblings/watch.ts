import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Changes from "../../Changes.js"
import type { Collection } from "../../Collection.js"
import type { Resolution, WatchOptions } from "../../Conflict.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type { Merge } from "../../Merge.js"
import type { SiblingPolicy } from "../../SiblingPolicy.js"
import { looping } from "./outcome.js"
import { policyOf } from "./policy.js"
import { resolveAll } from "./resolve.js"

/** Documents that are resolved again and again, as when two resolvers disagree. */
interface Guard {
  /** How often the document was resolved within the time, if that is too often. */
  readonly loops: (id: string, now: number) => number | undefined
  readonly resolved: (id: string, now: number) => void
}

const makeGuard = ({ times, within }: { readonly times: number; readonly within: number }): Guard => {
  const recent = new Map<string, Array<number>>()
  const of = (id: string, now: number): Array<number> => {
    const kept = (recent.get(id) ?? []).filter((at) => at > now - within)
    if (kept.length === 0) recent.delete(id)
    else recent.set(id, kept)
    return kept
  }
  return {
    loops: (id, now) => {
      const { length } = of(id, now)
      return length >= times ? length : undefined
    },
    resolved: (id, now) => {
      // What was not seen for so long counts no more; looking at all of it now and then keeps the memory small.
      if (recent.size > 1_000) { for (const each of recent.keys()) of(each, now) }
      recent.set(id, [...of(id, now), now])
    }
  }
}

export const watch = <A, I, R, K, E = never, R2 = never, E3 = never, R3 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<A, E, R2> | Merge<A>,
  options: WatchOptions<E3, R3> = {}
): Stream.Stream<Resolution<A, R>, E | E3 | Changes.FeedError, CouchHttp | R | R2 | R3> =>
  Stream.suspend(() => {
    const { guard: limits, ...following } = options
    const guard = makeGuard({
      times: limits?.times ?? 5,
      within: Duration.toMillis(limits?.within ?? "1 minute")
    })
    const resolver = policyOf<A, E, R2>(policy)

    const settle = (
      changes: Chunk.Chunk<Changes.Change<unknown> | Changes.DatabaseGone>
    ): Effect.Effect<
      Chunk.Chunk<Resolution<A, R>>,
      E | Changes.FeedError,
      CouchHttp | R | R2
    > =>
      Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        const ids = new Set(
          Chunk.toReadonlyArray(changes).flatMap((change) =>
            change._tag === "Changed" && change.revisions.length > 1 && !change.id.startsWith("_design/") &&
              Option.isSome(collection.id.decode(change.id))
              ? [change.id]
              : []
          )
        )
        const stopped: Array<Resolution<A, R>> = []
        const going = Array.from(ids).filter((id) => {
          const times = guard.loops(id, now)
          if (times === undefined) return true
          stopped.push({ _tag: "Deferred", id, reason: looping(times), versions: [] })
          return false
        })
        const resolutions = going.length === 0 ? [] : yield* resolveAll(collection, going, resolver)
        const told = resolutions.flatMap((each) => each._tag === "Absent" || each._tag === "NothingToDo" ? [] : [each])
        for (const { _tag, id } of told) if (_tag !== "Deferred") guard.resolved(id, now)
        return Chunk.fromIterable([...stopped, ...told])
      })

    return Changes.follow(collection.database, { ...following, style: "all_docs" }).pipe(
      Stream.chunks,
      Stream.mapEffect(settle),
      Stream.flattenChunks
    )
  })
