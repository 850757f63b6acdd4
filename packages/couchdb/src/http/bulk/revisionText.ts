import * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"

/** A document as `_bulk_docs` takes it under a revision of its own, which stands first in the path. */
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
