import * as Either from "effect/Either"
import { print } from "../encoding/printJson.js"
import type { Checked } from "../http/refusal.js"
import type { Node } from "../storage/nodeInfo.js"
import { printWinner } from "../storage/printDocument.js"
import * as Revs from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Position } from "../storage/sequences.js"
import * as Sequences from "../storage/sequences.js"
import type { Database, DocumentRecord, Shard, Version } from "../storage/state.js"
import type { Query } from "./query.js"

type Log = Shard["log"]

/** The first index in the log after the sequence `since`. */
const after = (log: Log, since: number): number => {
  let low = 0
  let high = log.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((log[middle]?.seq ?? 0) <= since) low = middle + 1
    else high = middle
  }
  return low
}

/** The changes of each shard, in ascending or descending order of their sequence. */
const updatesOf = (database: Database, query: Query, from: Position): ReadonlyArray<Log> =>
  database.shards.map(({ log }, i) => {
    const later = query.descending ? log : log.slice(after(log, from[i] ?? 0))
    const current = later.filter(({ id, seq }) => database.documents.get(id)?.seq === seq)
    return query.descending ? current.reverse() : current
  })

const row = (
  record: DocumentRecord,
  revs: ReadonlyArray<RevisionTree.Node<Version>>,
  seq: string | null,
  query: Query
): string => {
  const node = RevisionTree.winner(record.tree)
  const gone = node?.version?.deleted === true ? ",\"deleted\":true" : ""
  const doc = query.includeDocs && node?.version !== undefined
    ? `,"doc":${printWinner(record, node, node.version, query.flags, Infinity).text}`
    : ""
  return `{"seq":${print(seq)},"id":${print(record.id)},"changes":${
    print(revs.map((rev) => ({ rev: Revs.format(rev) })))
  }${gone}${doc}}`
}

/** A printed change and its sequence. */
export interface Row {
  readonly text: string
  readonly seq: string | null
}

/** The result of a read. */
export interface Batch {
  readonly rows: ReadonlyArray<Row>
  readonly position: Position
  readonly pending: number
  /** Whether no change is left. */
  readonly done: boolean
}

/**
 * Reads changes after `from`, up to a number of rows or to a filter that fails. The shards are interleaved at random,
 * as responses over a network would be.
 */
export const read = (
  database: Database,
  arrival: Node["arrival"],
  query: Query,
  from: Position,
  limit: number,
  maxRows: number
): Checked<Batch> => {
  const updates = updatesOf(database, query, from)
  const { occurrences: times } = query.filter
  const queues = times === undefined
    ? updates
    : updates.map((log) => log.flatMap((update) => Array.from({ length: times(update.id) }, () => update)))
  const at = queues.map(() => 0)
  const position = Array.from(query.descending ? Sequences.now(database) : from)
  const rows: Array<Row> = []
  let held = 0
  for (;;) {
    const open = queues.flatMap((queue, i) => (at[i] ?? 0) < queue.length ? [i] : [])
    if (rows.length >= Math.min(limit, maxRows) || open.length === 0) {
      const pending = updates.reduce((sum, { length }) => sum + length, 0) - rows.length - held
      if (open.length === 0 && !query.descending) Sequences.now(database).forEach((seq, i) => position[i] = seq)
      return Either.right({ rows, position, pending, done: open.length === 0 })
    }
    const shard = arrival(open)
    const update = queues[shard]?.[at[shard] ?? 0]
    at[shard] = (at[shard] ?? 0) + 1
    const record = update === undefined ? undefined : database.documents.get(update.id)
    if (update === undefined || record === undefined) continue
    position[shard] = update.seq
    const leaves = RevisionTree.leafNodes(record.tree)
    const passed = query.filter.pass(record, query.allLeaves ? leaves : leaves.slice(0, 1))
    if (Either.isLeft(passed)) return Either.left(passed.left)
    const revs = passed.right
    if (revs.length === 0) {
      held++
      continue
    }
    const hasSequence = query.interval === 1 || (limit - rows.length) % query.interval === 0
    const seq = hasSequence ? Sequences.encode(database, position) : null
    rows.push({ text: row(record, revs, seq, query), seq })
  }
}
