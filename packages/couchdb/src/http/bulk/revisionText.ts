import * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"

/** The text of a document for `_bulk_docs` without new edits. The first revision of the path is its own. */
export const revisionText = (
  id: string,
  path: readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>],
  deleted: boolean,
  members: Json.JsonObject
): string =>
  Json.stringify(Json.fromEntries([
    ["_id", id] as const,
    ["_rev", path[0]] as const,
    ...(deleted ? [["_deleted", true] as const] : []),
    ["_revisions", {
      start: Revision.generation(path[0]),
      ids: path.map((rev) => Revision.parts(rev).hash)
    }] as const,
    ...Json.entries(members)
  ]))
