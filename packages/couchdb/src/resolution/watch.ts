import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Changes from "../changes/Changes.js"
import { makeOutage } from "../changes/outage.js"
import { isGoneDatabase, isRecoverableError, retryForever } from "../changes/retry.js"
import type { Collection } from "../document/Collection.js"
import { owns } from "../document/idRange.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Merge } from "../merge/Merge.js"
import { policyOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { Resolution, WatchOptions } from "./Conflict.js"
import { makeGuardedResolver } from "./loopGuard.js"

export const watch = <A, I, R, K, E = never, R2 = never, E3 = never, R3 = never, E4 = never, R4 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<A, E, R2> | Merge<A>,
  options: WatchOptions<E3, R3, E4, R4> = {}
): Stream.Stream<Resolution<A, R>, E | E3 | E4 | Changes.FeedError, CouchHttp | R | R2 | R3 | R4> =>
  Stream.unwrap(Effect.gen(function*() {
    const { guard, ...following } = options
    const resolve = makeGuardedResolver(collection, policyOf<A, E, R2>(policy), guard)
    const outage = yield* makeOutage<E4, R4>({
      what: "the resolution of siblings",
      annotations: { database: collection.database },
      retry: options.retry ?? retryForever,
      onReconnect: options.onReconnect
    })
    type Retried = Effect.Effect<
      Effect.Effect.Success<ReturnType<typeof resolve>>,
      Effect.Effect.Error<ReturnType<typeof resolve>> | E4,
      Effect.Effect.Context<ReturnType<typeof resolve>> | R4
    >
    const retrying = (ids: ReadonlyArray<string>): Retried =>
      Effect.matchEffect(resolve(ids), {
        onFailure: (error): Retried =>
          isRecoverableError(error)
            ? Effect.zipRight(outage.wait(error), Effect.suspend(() => retrying(ids)))
            // The feed itself reports that the database is gone.
            : isGoneDatabase(error)
            ? Effect.succeed([])
            : Effect.fail(error),
        onSuccess: (resolutions) => outage.isActive() ? Effect.as(outage.end, resolutions) : Effect.succeed(resolutions)
      })
    // With lineage, a tombstone may contain the only remaining version of a document.
    const mayHaveSiblings = (
      change: Changes.Change<unknown> | Changes.DatabaseGone
    ): change is Changes.Change<unknown> =>
      (change._tag === "Changed" && change.revisions.length > 1) ||
      (change._tag === "Deleted" && collection.lineage !== undefined)
    const idsIn = (change: Changes.Change<unknown> | Changes.DatabaseGone): ReadonlyArray<string> =>
      mayHaveSiblings(change) && owns(collection.id, change.id) ? [change.id] : []
    return Changes.follow(collection.database, { ...following, style: "all_docs" }).pipe(
      Stream.chunks,
      Stream.mapEffect((changes) =>
        Effect.map(
          retrying(Array.from(new Set(Chunk.toReadonlyArray(changes).flatMap(idsIn)))),
          Chunk.fromIterable
        )
      ),
      Stream.flattenChunks
    )
  }))
