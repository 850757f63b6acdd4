import * as DatabaseName from "./DatabaseName.js"
import * as DocumentId from "./DocumentId.js"

/** The path of a database, or of a document in it. */
export const documentPath = (database: DatabaseName.DatabaseName, id?: DocumentId.DocumentId): string =>
  id === undefined ? `/${DatabaseName.toPath(database)}` : `/${DatabaseName.toPath(database)}/${DocumentId.toPath(id)}`

/** The endpoint of a document, as CouchDB's documentation writes it. */
export const documentRoute = (id: string): string =>
  id.startsWith("_design/") ? "/{db}/_design/{ddoc}" : "/{db}/{docid}"
