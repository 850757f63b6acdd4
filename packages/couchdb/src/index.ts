/**
 * @since 0.1.0
 */
export * as Attachment from "./Attachment.js"
export * as Auth from "./Auth.js"
export * as Collection from "./Collection.js"
export * as Conflict from "./Conflict.js"
export * as CouchError from "./CouchError.js"
export * as CouchHttp from "./CouchHttp.js"
export * as Database from "./Database.js"
export * as DatabaseName from "./DatabaseName.js"
export * as Document from "./Document.js"
export * as DocumentId from "./DocumentId.js"
export * as Edit from "./Edit.js"
export * as Json from "./Json.js"
export * as LocalDocument from "./LocalDocument.js"
export * as Merge from "./Merge.js"
export * as Revision from "./Revision.js"
export * as Transport from "./Transport.js"
