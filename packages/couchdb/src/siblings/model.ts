import { type Path } from "../data/revisionPath.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Clash } from "../merge/Merge.js"

/**
 * A leaf revision of a document. `path` is the revision and those ancestors that the server still knows, the newest
 * first.
 *
 * - `Live`: a version that is not deleted: the winner or a sibling
 * - `Unreadable`: a version that is not deleted and does not match the schema
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
 * Why siblings are unresolved.
 *
 * - `Overlap`: both sides edited the same places, and no stage of the policy decided. `paths` lists the places.
 *   `clashes` also contains the values, and logs do not show it
 * - `Unknown`: information is missing that another replica may have
 * - `Unreadable`: a version does not match the schema
 * - `Refused`: the server refused the merge, for example by a validation function
 * - `Looping`: the document was resolved many times within a short period, so another resolver probably decides
 *   differently
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
