import * as Either from "effect/Either"
import { forMap } from "../design/documentText.js"
import type { Checked } from "../http/refusal.js"
import type { Position } from "../storage/sequences.js"
import * as Sequences from "../storage/sequences.js"
import type { Database } from "../storage/state.js"
import type { Row } from "./rows.js"
import { merge } from "./rows.js"

/** Maps documents, given as JSON text, to their keys and values. */
export type MapDocuments = (
  documents: ReadonlyArray<{ readonly id: string; readonly text: string }>
) => Checked<ReadonlyArray<ReadonlyArray<Pick<Row, "key" | "value">>>>

/** How to build an index. */
export interface Source {
  readonly signature: string
  readonly compare: (self: Row, that: Row) => number
  readonly includeDesign: boolean
  readonly localSeq: boolean
  readonly map: MapDocuments
}

interface Index {
  readonly rows: ReadonlyArray<Row>
  readonly position: Position
  readonly purgeSeq: number
}

// Indexes belong to one instance of a database, and are rebuilt if they are missing.
const indexes = new WeakMap<Database, Map<string, Index>>()

/** The documents that changed after the position. */
const changedSince = (database: Database, position: Position): ReadonlySet<string> => {
  const changed = new Set<string>()
  database.shards.forEach(({ log }, i) => {
    const since = position[i] ?? 0
    for (let at = log.length - 1; at >= 0; at--) {
      const entry = log[at]
      if (entry === undefined || entry.seq <= since) break
      changed.add(entry.id)
    }
  })
  return changed
}

const update = (database: Database, source: Source, before: Index): Checked<Index> => {
  const position = Sequences.now(database)
  const { purgeSeq } = database
  const changed = changedSince(database, before.position)
  if (changed.size === 0) return Either.right({ ...before, position })
  const documents: Array<{ readonly id: string; readonly text: string }> = []
  for (const id of changed) {
    const record = database.documents.get(id)
    if (record === undefined || (id.startsWith("_design/") && !source.includeDesign)) continue
    const text = forMap(record, source.localSeq)
    if (text !== undefined) documents.push({ id, text })
  }
  return Either.map(source.map(documents), (emitted) => {
    const added = emitted.flatMap((rows, i) =>
      rows.map(({ key, value }): Row => ({ id: documents[i]?.id ?? "", key, value }))
    )
    const kept = before.rows.length === 0 ? [] : before.rows.filter(({ id }) => !changed.has(id))
    return { rows: merge(kept, added, source.compare), position, purgeSeq }
  })
}

/** The current rows of a view, sorted. */
export const rows = (database: Database, source: Source): Checked<ReadonlyArray<Row>> => {
  const known = indexes.get(database) ?? new Map<string, Index>()
  indexes.set(database, known)
  const held = known.get(source.signature)
  const before = held === undefined || held.purgeSeq !== database.purgeSeq
    ? { rows: [], position: Sequences.start(database), purgeSeq: database.purgeSeq }
    : held
  return Either.map(update(database, source, before), (index) => {
    known.set(source.signature, index)
    return index.rows
  })
}

/** Removes the indexes with other signatures, as `_view_cleanup` does. */
export const cleanUp = (database: Database, keep: ReadonlySet<string>): void => {
  const known = indexes.get(database)
  for (const signature of known?.keys() ?? []) if (!keep.has(signature)) known?.delete(signature)
}
