import type { HttpError } from "../http/errors.js"
import type { Version } from "./version.js"

/** What became of a version: one that is gone was compacted away while it was on its way. */
export type Outcome =
  | { readonly _tag: "Written"; readonly version: Version }
  | { readonly _tag: "Refused"; readonly version: Version; readonly error: HttpError }
  | { readonly _tag: "Gone"; readonly version: Version }
