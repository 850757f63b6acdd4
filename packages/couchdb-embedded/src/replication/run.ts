import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "../access/context.js"
import type { Filter } from "../changes/filters.js"
import * as Writes from "../documents/writes.js"
import type { Checked } from "../http/refusal.js"
import { refusal } from "../http/refusal.js"
import * as Databases from "../server/database.js"
import type { Incoming } from "../storage/incoming.js"
import { checkPartition } from "../storage/incoming.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Position } from "../storage/sequences.js"
import * as Sequences from "../storage/sequences.js"
import type { DocumentRecord, Version } from "../storage/state.js"
import * as Checkpoints from "./checkpoints.js"
import * as Places from "./place.js"
import type { Replication } from "./replication.js"

interface Counts {
  missing_checked: number
  missing_found: number
  docs_read: number
  docs_written: number
  doc_write_failures: number
  bulk_get_docs: number
  bulk_get_attempts: number
}

/** CouchDB continues the counts of the previous session. */
const countsOf = (entry: Json.Json | undefined): Counts => {
  const count = (name: string): number => {
    const value = entry !== undefined && Json.isObject(entry) ? Json.get(entry, name) : undefined
    return typeof value === "number" ? value : 0
  }
  return {
    missing_checked: count("missing_checked"),
    missing_found: count("missing_found"),
    docs_read: count("docs_read"),
    docs_written: count("docs_written"),
    doc_write_failures: count("doc_write_failures"),
    bulk_get_docs: count("bulk_get_docs"),
    bulk_get_attempts: count("bulk_get_attempts")
  }
}

const changedRecords = ({ database }: DatabaseContext, since: Position): ReadonlyArray<DocumentRecord> =>
  database.shards.flatMap(({ log }, i) =>
    log.flatMap(({ id, seq }) => {
      const record = seq > (since[i] ?? 0) ? database.documents.get(id) : undefined
      return record?.seq === seq ? [record] : []
    })
  )

/** A leaf with its history, as replication writes it. */
const toIncoming = (
  { id, tree }: DocumentRecord,
  node: RevisionTree.Node<Version>,
  version: Version,
  limit: number
): Incoming => ({
  id,
  generation: node.generation,
  hashes: RevisionTree.ancestry(tree, node).slice(0, limit).map(({ hash }) => hash),
  deleted: version.deleted,
  body: version.body,
  attachments: version.attachments.map((attachment) => ({ _tag: "Stored", name: attachment.name, attachment }))
})

/** Writes the leaves that the target does not have, and updates the counts. */
const transfer = (
  source: DatabaseContext,
  target: DatabaseContext,
  since: Position,
  filter: Filter,
  counts: Counts,
  winnersOnly: boolean
): Checked<void> => {
  const documents: Array<Incoming> = []
  for (const record of changedRecords(source, since)) {
    const known = target.database.documents.get(record.id)?.tree ?? RevisionTree.empty
    if (filter.occurrences?.(record.id) === 0) continue
    const leaves = RevisionTree.leafNodes(record.tree)
    const passed = filter.pass(record, winnersOnly ? leaves.slice(0, 1) : leaves)
    if (Either.isLeft(passed)) return Either.left(passed.left)
    for (const leaf of passed.right) {
      counts.missing_checked++
      if (RevisionTree.get(known, leaf) !== undefined || leaf.version === undefined) continue
      counts.missing_found++
      documents.push(toIncoming(record, leaf, leaf.version, source.database.revsLimit))
    }
  }
  const fitting = documents.filter(({ id }) => Either.isRight(checkPartition(target.database, id)))
  return Either.map(Writes.replicate(target.server, target.database, target.user, fitting), (refused) => {
    const failures = refused.length + documents.length - fitting.length
    counts.docs_read += documents.length
    // CouchDB reads design documents one by one, and reads documents with attachments again.
    const together = documents.filter(({ id }) => !id.startsWith("_design/"))
    counts.bulk_get_attempts += together.length
    counts.bulk_get_docs += together.filter(({ attachments }) => attachments.length === 0).length
    counts.docs_written += documents.length - failures
    counts.doc_write_failures += failures
  })
}

const createTargetIfMissing = ({ createTarget, target, targetParams }: Replication): void => {
  const { context, name } = target
  if (!createTarget || context.server.databases.has(name)) return
  // A failure is ignored, because opening the target then fails too, and CouchDB reports that.
  Databases.create({ ...context, request: { ...context.request, query: targetParams } }, name)
}

/** Replicates all current changes once. */
export const run = (replication: Replication, now: number): Checked<Json.JsonObject> =>
  Either.gen(function*() {
    const { byId, id, useCheckpoints, winnersOnly } = replication
    const source = yield* Places.open(replication.source)
    createTargetIfMissing(replication)
    const target = yield* Places.open(replication.target)
    const filter = yield* replication.filter(source)
    const checkpoint = Checkpoints.read(source, target, id)
    const begin = typeof replication.since === "string" || typeof replication.since === "number"
      ? replication.since
      : checkpoint.since ?? 0
    const since = yield* Either.mapLeft(
      Sequences.decode(source.database, String(begin)),
      ({ status }) => refusal(500, "error", `{changes_req_failed,${status}}`)
    )
    const through = Sequences.now(source.database)
    if (through.every((seq, i) => seq <= (since[i] ?? 0))) {
      return { ok: true, no_changes: true, ...Checkpoints.last(source, id) }
    }
    const counts = countsOf(checkpoint.history[0])
    yield* transfer(source, target, since, filter, counts, winnersOnly)
    if (!useCheckpoints) return { ok: true, use_checkpoints: false }
    const seq = Sequences.encode(source.database, through)
    const session = source.server.random.hex(32)
    const time = new Date(now).toUTCString()
    const { doc_write_failures, docs_read, docs_written } = counts
    const body: Json.JsonObject = {
      session_id: session,
      source_last_seq: seq,
      replication_id_version: 4,
      ...(byId ? { start_time: time, end_time: time, docs_read, docs_written, doc_write_failures } : undefined),
      history: [
        {
          session_id: session,
          start_time: time,
          end_time: time,
          start_last_seq: begin,
          end_last_seq: seq,
          recorded_seq: seq,
          ...counts
        },
        ...checkpoint.history
      ].slice(0, 50)
    }
    Checkpoints.write([source, target], id, body)
    return { ok: true, ...body }
  })
