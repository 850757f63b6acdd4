import * as Effect from "effect/Effect"
import type { DatabaseName } from "../../data/DatabaseName.js"
import type * as Revision from "../../data/Revision.js"
import type { CouchHttp } from "../CouchHttp.js"
import { isRevsDiff, missingIn, revsDiffBody } from "../verification.js"
import type { WireError } from "./errors.js"
import { post } from "./post.js"

/** Determines which revisions the server has: `POST /{db}/_revs_diff`. */
export const readKnown = (
  database: DatabaseName,
  revisions: ReadonlyArray<readonly [id: string, rev: Revision.Revision]>
): Effect.Effect<(id: string, rev: Revision.Revision) => boolean, WireError, CouchHttp> => {
  if (revisions.length === 0) return Effect.succeed(() => true)
  const byId = new Map<string, Array<Revision.Revision>>()
  for (const [id, rev] of revisions) byId.set(id, [...(byId.get(id) ?? []), rev])
  return Effect.map(
    post(database, "_revs_diff", "", revsDiffBody(byId), (json) => isRevsDiff(json, byId)),
    ({ exact }) => (id, rev) => !missingIn(exact, id).includes(rev)
  )
}
