import * as Effect from "effect/Effect"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { WireError } from "../http/bulk/errors.js"
import { post } from "../http/bulk/post.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { isAllDocs } from "../http/verification.js"

/** The leaf revisions of a document that are not deleted, the winner first. */
export interface LiveLeaves {
  readonly id: string
  readonly exists: boolean
  readonly live: ReadonlyArray<Revision.Revision>
}

/** Reads the live leaves of each document: `POST /{db}/_all_docs?include_docs=true&conflicts=true`. */
export const readLiveLeaves = (
  database: DatabaseName,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<LiveLeaves>, WireError, CouchHttp> =>
  Effect.map(
    post(database, "_all_docs", "?include_docs=true&conflicts=true", { keys: ids }, (json) => isAllDocs(json, ids)),
    ({ exact }) =>
      Json.elements(Json.get(exact, "rows")).map((row, i): LiveLeaves => {
        const doc = Json.get(row, "doc")
        const rev = Json.get(doc, "_rev")
        const conflicts = Json.elements(Json.get(doc, "_conflicts")).filter(Revision.isRevision)
        return {
          id: ids[i] ?? "",
          exists: Json.get(row, "error") === undefined,
          live: Revision.isRevision(rev) ? [rev, ...conflicts] : []
        }
      })
  )
