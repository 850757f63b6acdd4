import * as Json from "../data/Json.js"
import { hashOf } from "../data/json/canonical.js"
import * as Revision from "../data/Revision.js"
import type { StoredMerge } from "./model.js"

/**
 * The revision of a merge. The hash covers the stored text and not its canonical form, since `1` and `1.0` are
 * different contents.
 */
export const mergeRevision = ({ body, deleted, files, heads, parent }: StoredMerge): Revision.Revision =>
  Revision.make(
    `${(parent === null ? 0 : Revision.generation(parent)) + 1}-${
      hashOf(Json.stringify([
        "effect-couchdb lineage 1",
        [...heads].sort(),
        deleted,
        body,
        Json.entries(files).map(([name, stub]) => [name, ...(Json.isObject(stub) ? describeStub(stub) : [stub])])
      ]))
    }`
  )

const describeStub = (stub: Json.JsonObject): ReadonlyArray<Json.Json> =>
  ["content_type", "digest", "length"].map((key) => Json.get(stub, key) ?? null)
