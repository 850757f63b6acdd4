import { type Path } from "../data/revisionPath.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Clash } from "../merge/Merge.js"

/**
 * One end of a document's history. `path` is its revision and its ancestors, the newest first, as far as the server
 * remembers.
 *
 * - `Live`: a version that stands; the winner and its siblings
 * - `Unreadable`: one that stands, but is not what the schema says
 * - `Deleted`: a tombstone
 *
 * @since 0.1.0
 * @category siblings
 */
export type Leaf<A, R = never> =
  | { readonly _tag: "Live"; readonly path: Path; readonly document: Document<A, R> }
  | { readonly _tag: "Unreadable"; readonly path: Path; readonly error: DecodeError }
  | { readonly _tag: "Deleted"; readonly path: Path }

/**
 * Why siblings are left as they are.
 *
 * - `Overlap`: edits of one place that no stage of the policy decided; `paths` says where, `clashes` has the values and is
 *   shown by no log
 * - `Unknown`: something is missing here that another replica may have
 * - `Unreadable`: a version is not what the schema says
 * - `Refused`: the server did not take the merge, such as a validation function that forbids it
 * - `Looping`: it was resolved again and again in a short while, so that some other resolver must disagree
 *
 * @since 0.1.0
 * @category siblings
 */
export type UnresolvedReason =
  | {
    readonly _tag: "Overlap" | "Unknown"
    readonly why: string
    readonly paths: ReadonlyArray<{ readonly path: string; readonly why: string }>
    readonly clashes: ReadonlyArray<Clash>
  }
  | { readonly _tag: "Unreadable"; readonly why: string; readonly error: DecodeError }
  | { readonly _tag: "Refused"; readonly why: string; readonly error: NotFoundError | RequestError }
  | { readonly _tag: "Looping"; readonly why: string; readonly times: number }
