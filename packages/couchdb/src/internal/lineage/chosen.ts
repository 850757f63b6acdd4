import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import { hashOf } from "./canonical.js"

/** A merge as it will be stored: `body` with the field, files in their order. */
export interface Merge {
  /** `null` for a first revision. */
  readonly parent: Revision.Revision | null
  readonly heads: ReadonlyArray<Revision.Revision>
  readonly deleted: boolean
  readonly body: Json.JsonObject
  readonly files: Json.JsonObject
}

/** The text as it is stored is hashed, and no canonical form of it: `1` and `1.0` are two contents. */
export const mergeRevision = ({ body, deleted, files, heads, parent }: Merge): Revision.Revision =>
  Revision.make(
    `${(parent === null ? 0 : Revision.generation(parent)) + 1}-${
      hashOf(Json.stringify([
        "effect-couchdb lineage 1",
        [...heads].sort(),
        deleted,
        body,
        Json.entries(files).map(([name, stub]) => [name, ...(Json.isObject(stub) ? described(stub) : [stub])])
      ]))
    }`
  )

const described = (stub: Json.JsonObject): ReadonlyArray<Json.Json> =>
  ["content_type", "digest", "length"].map((key) => Json.get(stub, key) ?? null)
