/**
 * @since 0.1.0
 */
export * as NodeCouchHttp from "./NodeCouchHttp.js"
export * as NodeTransport from "./NodeTransport.js"
