import * as Metric from "effect/Metric"

/** How many documents were skipped because they are not what their schema says. */
export const skipped = Metric.counter("couchdb_skipped_documents", {
  description: "documents that a stream skipped, since they are not what their schema says",
  incremental: true
})
