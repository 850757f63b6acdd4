import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type { InvalidIdError } from "../data/errors.js"
import type { Collection } from "../document/Collection.js"
import { onCollection } from "../document/makeCollection.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Merge } from "../merge/Merge.js"
import { byDocument, makeTombstoneCache, readAllLeaves } from "../siblings/leaves.js"
import { readLiveLeaves } from "../siblings/liveLeaves.js"
import type { Leaf } from "../siblings/model.js"
import { leafOf } from "../siblings/plan.js"
import { policyOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { liveFirst } from "../siblings/structure.js"
import type { Progress, Resolution, Siblings, SweepOptions, Swept } from "./Conflict.js"
import { makeGuardedResolver } from "./loopGuard.js"
import { type Page, pages } from "./pages.js"
import { resolveOne } from "./resolve.js"

export const resolve = dual<
  <K, A, E = never, R2 = never>(
    id: K,
    policy: SiblingPolicy<A, E, R2> | Merge<A>
  ) => <I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Resolution<A, R>, E | InvalidIdError | WireError, CouchHttp | R | R2>,
  <A, I, R, K, E = never, R2 = never>(
    collection: Collection<A, I, R, K>,
    id: K,
    policy: SiblingPolicy<A, E, R2> | Merge<A>
  ) => Effect.Effect<Resolution<A, R>, E | InvalidIdError | WireError, CouchHttp | R | R2>
>(
  onCollection,
  (collection, id, policy) => resolveOne(collection, collection.id.encode(id), policyOf(policy))
)

const defaultPageSize = 200

export const stream = <A, I, R, K>(
  collection: Collection<A, I, R, K>
): Stream.Stream<Siblings<A, R>, WireError, CouchHttp | R> =>
  pages(collection, "0", defaultPageSize).pipe(
    Stream.mapEffect(({ ids }) => siblingsOf(collection, ids)),
    Stream.flattenIterables
  )

const siblingsOf = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Siblings<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    if (ids.length === 0) return []
    const liveLeaves = yield* readLiveLeaves(collection.database, ids)
    const inConflict = liveLeaves.filter(({ live }) => live.length > 1)
    const versions = byDocument(
      yield* readAllLeaves(collection.database, inConflict.map(({ id }) => id), makeTombstoneCache())
    )
    const found: Array<Siblings<A, R>> = []
    for (const { id } of inConflict) {
      const sorted = [...versions.get(id) ?? []].sort(liveFirst)
      const leaves: ReadonlyArray<Leaf<A, R>> = yield* Effect.forEach(
        sorted,
        ({ path, raw }) => leafOf(collection, raw, path)
      )
      const [first, ...rest] = leaves
      if (first !== undefined) found.push({ id, leaves: [first, ...rest] })
    }
    return found
  })

const initialProgress: Progress = {
  since: "0",
  scanned: 0,
  pending: 0,
  resolved: 0,
  partiallyResolved: 0,
  superseded: 0,
  unresolved: 0
}

const count = <A, R>(progress: Progress, page: Page, resolutions: ReadonlyArray<Resolution<A, R>>): Progress => {
  const countOf = (tag: Resolution<A, R>["_tag"]): number => resolutions.filter(({ _tag }) => _tag === tag).length
  return {
    since: page.since,
    scanned: progress.scanned + page.scanned,
    pending: page.pending,
    resolved: progress.resolved + countOf("Resolved"),
    partiallyResolved: progress.partiallyResolved + countOf("PartiallyResolved"),
    superseded: progress.superseded + countOf("Superseded"),
    unresolved: progress.unresolved + countOf("Unresolved")
  }
}

export const sweep = <A, I, R, K, E = never, R2 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<A, E, R2> | Merge<A>,
  options: SweepOptions = {}
): Stream.Stream<Swept<A, R>, E | WireError, CouchHttp | R | R2> =>
  Stream.suspend(() => {
    let progress: Progress = { ...initialProgress, since: options.since ?? "0" }
    const size = Math.max(1, Math.floor(options.pageSize ?? defaultPageSize))
    const resolve = makeGuardedResolver(collection, policyOf<A, E, R2>(policy), options.guard)
    return pages(collection, progress.since, size).pipe(
      Stream.mapEffect((page) =>
        Effect.map(resolve(page.ids), (resolutions) => {
          progress = count(progress, page, resolutions)
          return Chunk.fromIterable<Swept<A, R>>([
            ...resolutions.map((resolution) => ({ _tag: "Outcome" as const, resolution })),
            { _tag: "Progress", ...progress }
          ])
        })
      ),
      Stream.flattenChunks,
      Stream.concat(Stream.sync((): Swept<A, R> => ({ _tag: "Summary", ...progress })))
    )
  })
