import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import type * as Revision from "../../data/Revision.js"
import { conflictAsBadRequest } from "../conflictMapping.js"
import { CouchHttp, type WriteDocument } from "../CouchHttp.js"
import { findCreation, predict } from "../storedWrites.js"
import { isAllDocs } from "../verification.js"
import type { WireError } from "./errors.js"
import { post } from "./post.js"
import { readKnown } from "./revsDiff.js"

/** Finds the creation of one document in its history. */
const findInHistory = (write: WriteDocument): Effect.Effect<Option.Option<Revision.Revision>, WireError, CouchHttp> =>
  Effect.flatMap(
    CouchHttp,
    (couch) => findCreation(write, (request) => conflictAsBadRequest(couch.execute(request)), couch.server)
  )

/**
 * Finds which writes are stored, by their predicted revisions: `POST /{db}/_revs_diff` for all of them. A creation must
 * also be the latest one of its document, since an equal one may have been deleted, and since it may extend a
 * tombstone: `POST /{db}/_all_docs` returns the winners, and the history of the document is read only if that is not
 * enough.
 */
export const storedRevisions = (
  database: DatabaseName,
  writes: ReadonlyArray<WriteDocument>
): Effect.Effect<ReadonlyArray<Revision.Revision | undefined>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const predicted = writes.map((write) => Option.getOrUndefined(predict(write, write.parent)))
    const known = yield* readKnown(
      database,
      writes.flatMap(({ id }, i) => predicted[i] === undefined ? [] : [[id, predicted[i]] as const])
    )
    const stored = writes.map(({ id }, i) => {
      const rev = predicted[i]
      return rev !== undefined && known(id, rev) ? rev : undefined
    })
    const creations = writes.flatMap((write, i) => Option.isNone(write.parent) && predicted[i] !== undefined ? [i] : [])
    if (creations.length === 0) return stored
    const keys = creations.map((i) => (writes[i] as WriteDocument).id)
    const response = yield* post(database, "_all_docs", "", { keys }, (response) => isAllDocs(response, keys))
    const rows = Json.elements(Json.get(response.exact, "rows"))
    yield* Effect.forEach(creations, (i, n) => {
      const value = Json.get(rows[n], "value")
      const winner = Json.get(value, "rev")
      if (winner === predicted[i] && Json.get(value, "deleted") !== true) return Effect.void
      stored[i] = undefined
      return winner === undefined
        ? Effect.void
        : Effect.map(findInHistory(writes[i] as WriteDocument), (rev) => {
          stored[i] = Option.getOrUndefined(rev)
        })
    }, { concurrency: 4, discard: true })
    return stored
  })
