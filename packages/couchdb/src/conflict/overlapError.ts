import * as Data from "effect/Data"
import type { Document } from "../document/Document.js"
import type { ConflictError } from "../document/errors.js"
import { defineNonEnumerable } from "../http/defineNonEnumerable.js"
import { placeOf } from "../http/errorMessage.js"
import type { Overlap } from "../merge/Merge.js"

/**
 * Two edits of a document do not merge. `paths` lists the places, and nothing was written. `conflict` is the refused
 * write, which another policy may settle (`Conflict.orElse`). `overlap` contains the values, which never appear in a
 * message.
 *
 * @since 0.1.0
 * @category conflicts
 */
export class OverlapError<in out A, out R = never, out Done = Document<A, R>>
  extends /*#__PURE__*/ Data.TaggedError("OverlapError")<{
    readonly server?: string | undefined
    readonly database: string
    readonly id: string
    readonly paths: ReadonlyArray<{ readonly path: string; readonly why: string }>
  }>
{
  declare readonly overlap: Overlap
  declare readonly conflict: ConflictError<A, R, Done>

  constructor(conflict: ConflictError<A, R, Done>, overlap: Overlap) {
    super({
      ...(conflict.server !== undefined && { server: conflict.server }),
      database: conflict.database,
      id: conflict.id,
      paths: overlap.clashes.map(({ path, why }) => ({ path: path.map(String).join("."), why }))
    })
    defineNonEnumerable(this, { conflict, overlap })
  }
  override get message(): string {
    const places = this.paths.map(({ path, why }) => `${path === "" ? "the document" : path} (${why})`).join(", ")
    return `${placeOf(this)} was edited on both sides, and the edits do not merge: ${places}. ` +
      "Nothing was written. Give the fields a strategy (Merge.annotate), or add a policy that decides (Conflict.orElse)."
  }
}
