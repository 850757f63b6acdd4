import * as Metric from "effect/Metric"

/** The number of documents that were skipped because they do not match their schema. */
export const skipped = Metric.counter("couchdb_skipped_documents", {
  description: "documents that a stream skipped because they do not match their schema",
  incremental: true
})
