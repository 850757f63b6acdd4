import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DecodeError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { RowBatch } from "../rows/batch.js"
import type { RowsError } from "../rows/stream.js"
import { databaseGone } from "./change.js"
import type { Change, DatabaseGone, FollowOptions, OnInvalid } from "./Changes.js"
import { follow } from "./follow.js"
import type { Source } from "./source.js"

/** Passes each batch to the function before pulling the next, which acknowledges it. */
export const process = <D, R, E2, R2, E3, R3, E4, R4, E5, R5>(
  source: Source<D, R>,
  f: (changes: ReadonlyArray<Change<D>>) => Effect.Effect<unknown, E3, R3>,
  options: FollowOptions<E2, R2, E5, R5> & OnInvalid<E4, R4>
): Effect.Effect<DatabaseGone, RowsError | DecodeError | E2 | E3 | E4 | E5, CouchHttp | R | R2 | R3 | R4 | R5> => {
  const onInvalid = (error: DecodeError): Effect.Effect<unknown, DecodeError | E4, R4> =>
    options.onInvalid?.(error) ?? Effect.fail(error)
  const handle = (batches: Chunk.Chunk<RowBatch<Change<D> | DatabaseGone>>) => {
    const changes: Array<Change<D>> = []
    const invalid: Array<DecodeError> = []
    for (const { all } of batches) {
      for (const one of all) {
        if (one._tag === "DecodeError") invalid.push(one)
        else if (one._tag !== "DatabaseGone") changes.push(one)
      }
    }
    return Effect.zipRight(
      changes.length === 0 ? Effect.void : f(changes),
      Effect.forEach(invalid, onInvalid, { discard: true })
    )
  }
  return Effect.as(Stream.runForEachChunk(follow(source, options), handle), databaseGone())
}
