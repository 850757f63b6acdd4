import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DatabaseName } from "../../data/DatabaseName.js"
import type * as Revision from "../../data/Revision.js"
import { member } from "../answers.js"
import { CouchHttp, type WriteDocument } from "../CouchHttp.js"
import { creationLanded, predict } from "../lostWrites.js"
import { unconflicted } from "../unconflicted.js"
import { isAllDocs } from "../verification.js"
import type { WireError } from "./errors.js"
import { list, post } from "./post.js"
import { readKnown } from "./revsDiff.js"

/** What the history of one document says of its creation. */
const inHistory = (write: WriteDocument): Effect.Effect<Option.Option<Revision.Revision>, WireError, CouchHttp> =>
  Effect.flatMap(
    CouchHttp,
    (couch) => creationLanded(write, (request) => unconflicted(couch.execute(request)), couch.server)
  )

/**
 * Which of the writes are there, each with the revision that it has: one `_revs_diff` for all of them. A creation has its
 * place in the history checked as well, by the winner of its document where that is enough, since an equal one may have
 * been deleted, and since it may have landed on a tombstone.
 */
export const landed = (
  database: DatabaseName,
  writes: ReadonlyArray<WriteDocument>
): Effect.Effect<ReadonlyArray<Revision.Revision | undefined>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const predicted = writes.map((write) => Option.getOrUndefined(predict(write, write.parent)))
    const known = yield* readKnown(
      database,
      writes.flatMap(({ id }, i) => predicted[i] === undefined ? [] : [[id, predicted[i]] as const])
    )
    const there = writes.map(({ id }, i) => {
      const rev = predicted[i]
      return rev !== undefined && known(id, rev) ? rev : undefined
    })
    const creations = writes.flatMap((write, i) => Option.isNone(write.parent) && predicted[i] !== undefined ? [i] : [])
    if (creations.length === 0) return there
    const keys = creations.map((i) => (writes[i] as WriteDocument).id)
    const answer = yield* post(database, "_all_docs", "", { keys }, (answer) => isAllDocs(answer, keys))
    const rows = list(member(answer.exact, "rows"))
    yield* Effect.forEach(creations, (i, n) => {
      const value = member(rows[n], "value")
      const winner = member(value, "rev")
      if (winner === predicted[i] && member(value, "deleted") !== true) return Effect.void
      there[i] = undefined
      return winner === undefined
        ? Effect.void
        : Effect.map(inHistory(writes[i] as WriteDocument), (rev) => {
          there[i] = Option.getOrUndefined(rev)
        })
    }, { concurrency: 4, discard: true })
    return there
  })
