import type { DatabaseName } from "./DatabaseName.js"
import type { DocumentId } from "./DocumentId.js"
import { hasLoneSurrogate } from "./Json.js"

export const loneSurrogate = "contains half of a surrogate pair, which UTF-8 cannot encode"

export const removedFromUrls = "is removed from URLs by URL parsers"

/**
 * Why a text cannot be a path segment, or `undefined` if it can. URL parsers remove `.` and `..` even in their escaped
 * forms, so escaping does not help.
 */
export const segmentProblem = (text: string): string | undefined =>
  text === ""
    ? "is empty"
    : text === "." || text === ".."
    ? removedFromUrls
    : hasLoneSurrogate(text)
    ? loneSurrogate
    : undefined

export const designPrefix = "_design/"

/** Encodes a document id as a path below its database. The slash after `_design` is not escaped. */
export const documentIdPath = (id: DocumentId): string =>
  id.startsWith(designPrefix)
    ? designPrefix + encodeURIComponent(id.slice(designPrefix.length))
    : encodeURIComponent(id)

/** The path of a database, or of a document in it. */
export const documentPath = (database: DatabaseName, id?: DocumentId): string =>
  id === undefined ? `/${encodeURIComponent(database)}` : `/${encodeURIComponent(database)}/${documentIdPath(id)}`

/** The endpoint of a document in the notation of CouchDB's documentation. */
export const documentRoute = (id: string): string =>
  id.startsWith(designPrefix) ? "/{db}/_design/{ddoc}" : "/{db}/{docid}"
