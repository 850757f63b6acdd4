import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as Changes from "../../Changes.js"
import type { Collection } from "../../Collection.js"
import type { Resolution, WatchOptions } from "../../Conflict.js"
import type { NotFoundError } from "../../CouchError.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type { Merge } from "../../Merge.js"
import type { SiblingPolicy } from "../../SiblingPolicy.js"
import { isGone, isPassing, patient } from "../changes/retry.js"
import { owns } from "../idRange.js"
import { honourRetryAfter } from "../transient.js"
import { makeGuarded } from "./guard.js"
import { policyOf } from "./policy.js"

const isGoneDatabase = (error: unknown): error is NotFoundError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "NotFoundError" &&
  isGone(error as NotFoundError)

export const watch = <A, I, R, K, E = never, R2 = never, E3 = never, R3 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<A, E, R2> | Merge<A>,
  options: WatchOptions<E3, R3> = {}
): Stream.Stream<Resolution<A, R>, E | E3 | Changes.FeedError, CouchHttp | R | R2 | R3> =>
  Stream.suspend(() => {
    const { guard, ...following } = options
    const resolve = makeGuarded(collection, policyOf<A, E, R2>(policy), guard)
    const outliving = (ids: ReadonlyArray<string>): ReturnType<typeof resolve> =>
      Effect.matchEffect(resolve(ids), {
        onFailure: (error) => isPassing(error) ? Effect.fail(error) : Effect.succeed(Either.left(error)),
        onSuccess: (resolutions) => Effect.succeed(Either.right(resolutions))
      }).pipe(
        Effect.retry(honourRetryAfter(options.retry ?? patient)),
        Effect.flatten,
        // The feed says what became of the database.
        Effect.catchIf(isGoneDatabase, () => Effect.succeed([]))
      )
    // What a burial hides may be all that is left of a document.
    const mayConcern = (
      change: Changes.Change<unknown> | Changes.DatabaseGone
    ): change is Changes.Change<unknown> =>
      (change._tag === "Changed" && change.revisions.length > 1) ||
      (change._tag === "Deleted" && collection.lineage !== undefined)
    const concerned = (change: Changes.Change<unknown> | Changes.DatabaseGone): ReadonlyArray<string> =>
      mayConcern(change) && owns(collection.id, change.id) ? [change.id] : []
    return Changes.follow(collection.database, { ...following, style: "all_docs" }).pipe(
      Stream.chunks,
      Stream.mapEffect((changes) =>
        Effect.map(
          outliving(Array.from(new Set(Chunk.toReadonlyArray(changes).flatMap(concerned)))),
          Chunk.fromIterable
        )
      ),
      Stream.flattenChunks
    )
  })
