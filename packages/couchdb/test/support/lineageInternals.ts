/** Lineage with its private part, for tests of what its records prove and of what is planned by them. */
export * from "effect-couchdb/Lineage"
export { makeRecord as makeRecord } from "../../src/lineage/journal.js"
export { buildIndex as buildIndex } from "../../src/lineage/lineageIndex.js"
export { signed as signed } from "../../src/lineage/mac.js"
export { mergeRevision } from "../../src/lineage/mergeRevision.js"
export type * from "../../src/lineage/model.js"
export { plan } from "../../src/lineage/plan.js"
export { decodeField, encodeRecord, encodeTombstone as encodeTombstone } from "../../src/lineage/record.js"
