/**
 * @since 0.1.0
 */
export * as CouchError from "./CouchError.js"
export * as Json from "./Json.js"
export * as Revision from "./Revision.js"
export * as Transport from "./Transport.js"
