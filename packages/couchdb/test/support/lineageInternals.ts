/** Lineage with its private part, for tests of what its records prove and of what is planned by them. */
export * from "effect-couchdb/Lineage"
export { recordOf } from "../../src/lineage/journal.js"
export { knowledge } from "../../src/lineage/knowledge.js"
export { sealed } from "../../src/lineage/mac.js"
export { mergeRevision } from "../../src/lineage/mergeRevision.js"
export type * from "../../src/lineage/model.js"
export { plan } from "../../src/lineage/plan.js"
export { decodeField, encodeBurial, encodeRecord } from "../../src/lineage/record.js"
