import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Utf8 from "../encoding/utf8.js"
import type { ViewQuery } from "../http/rangeQuery.js"
import type { Checked } from "../http/refusal.js"
import { crashRefs, refuse } from "../http/refusal.js"
import type { Database, Shard } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import type { CompareKeys, Row } from "./rows.js"
import { partitionPoint } from "./rows.js"

type Range = Pick<ViewQuery, "startKey" | "startKeyDocId" | "endKey" | "endKeyDocId" | "inclusiveEnd" | "descending">

/**
 * The number of rows before a bound, or up to it if matching rows are included. `undefined` stands for an id after all
 * ids.
 */
const countBefore = (
  rows: ReadonlyArray<Row>,
  compare: CompareKeys,
  key: Json.Json,
  id: string | undefined,
  withEqual: boolean
): number =>
  partitionPoint(rows, 0, (row) => {
    const order = compare(row.key, key) || (id === undefined ? 0 : Utf8.compare(row.id, id))
    return order < 0 || (order === 0 && withEqual)
  })

/** The indexes of the rows in a range, ascending. */
export const rangeOf = (
  rows: ReadonlyArray<Row>,
  compare: CompareKeys,
  query: Range
): { readonly low: number; readonly high: number } => {
  const { descending, endKey, endKeyDocId, inclusiveEnd, startKey, startKeyDocId } = query
  const [low, lowId, high, highId] = descending
    ? [endKey, endKeyDocId, startKey, startKeyDocId]
    : [startKey, startKeyDocId, endKey, endKeyDocId]
  // An exclusive end excludes all rows with its key, unless an id limits it.
  const lowOut = descending && !inclusiveEnd
  const highOut = !descending && !inclusiveEnd
  return {
    low: low === undefined ? 0 : countBefore(rows, compare, low, lowId, lowOut),
    high: high === undefined ? rows.length : countBefore(rows, compare, high, highId, !highOut)
  }
}

/** Sorts after every id. */
const afterAllIds = "\u{10ffff}"

/** Rejects a range whose end is before its start. */
export const checkRange = (compare: CompareKeys, query: ViewQuery): Checked<void> => {
  const { descending, endKey, startKey } = query
  if (startKey === undefined || endKey === undefined || Json.equals(startKey, endKey)) return Either.void
  const startId = query.startKeyDocId ?? (descending ? afterAllIds : "")
  const endId = query.endKeyDocId ?? (descending ? "" : afterAllIds)
  const ascends = (compare(startKey, endKey) || Utf8.compare(startId, endId)) < 0
  return ascends !== descending
    ? Either.void
    : refuse(
      400,
      "query_parse_error",
      `No rows can match your key range, reverse your start_key and end_key or set descending=${String(!descending)}`,
      { ref: crashRefs.noRowsInRange }
    )
}

/** The rows in reading order, and the number of rows before the first one. */
export interface Selected {
  readonly rows: ReadonlyArray<Row>
  readonly offset: number
}

/** Reverses rows. Rows of one document with the same key keep their order. */
const reverseRows = (rows: ReadonlyArray<Row>, compare: CompareKeys): ReadonlyArray<Row> => {
  const turned: Array<Row> = []
  for (let end = rows.length; end > 0;) {
    const last = rows[end - 1]
    let start = end - 1
    for (; start > 0; start--) {
      const before = rows[start - 1]
      if (last === undefined || before?.id !== last.id || compare(before.key, last.key) !== 0) break
    }
    turned.push(...rows.slice(start, end))
    end = start
  }
  return turned
}

/** The rows in a range. */
export const ofRange = (rows: ReadonlyArray<Row>, compare: CompareKeys, query: ViewQuery): Selected => {
  const { high, low } = rangeOf(rows, compare, query)
  const part = rows.slice(low, Math.max(low, high))
  return {
    rows: query.descending ? reverseRows(part, compare) : part,
    offset: query.descending ? rows.length - high : low
  }
}

/**
 * The rows for these keys. Each shard reads them in the order of the request, and the shards are merged by the last
 * index of each key in the request.
 */
export const ofKeys = (
  database: Database,
  rows: ReadonlyArray<Row>,
  compare: CompareKeys,
  query: ViewQuery,
  keys: ReadonlyArray<Json.Json>
): Selected => {
  const wanted = query.descending ? Array.from(keys).reverse() : keys
  const ranges = wanted.map((key) => ofRange(rows, compare, { ...query, startKey: key, endKey: key }))
  const placeOf = wanted.map((key) =>
    wanted.reduce<number>((last, other, i) => compare(key, other) === 0 ? i : last, 0)
  )
  const streams = new Map<Shard, Array<{ readonly row: Row; readonly place: number }>>()
  for (const shard of database.shards) streams.set(shard, [])
  ranges.forEach((range, i) => {
    for (const row of range.rows) streams.get(shardOf(database, row.id))?.push({ row, place: placeOf[i] ?? 0 })
  })
  return {
    rows: mergeStreams(Array.from(streams.values()), query.descending),
    offset: keysOffset(database, rows, compare, streams, wanted, query.descending)
  }
}

const mergeStreams = (
  streams: ReadonlyArray<ReadonlyArray<{ readonly row: Row; readonly place: number }>>,
  descending: boolean
): ReadonlyArray<Row> => {
  const at = streams.map(() => 0)
  const merged: Array<Row> = []
  for (;;) {
    let best: { readonly row: Row; readonly place: number } | undefined
    let from = 0
    streams.forEach((stream, i) => {
      const head = stream[at[i] ?? 0]
      if (head === undefined) return
      const order = best === undefined
        ? -1
        : head.place - best.place || (descending ? -1 : 1) * Utf8.compare(head.row.id, best.row.id)
      if (order < 0) {
        best = head
        from = i
      }
    })
    if (best === undefined) return merged
    merged.push(best.row)
    at[from] = (at[from] ?? 0) + 1
  }
}

/** Each shard counts the rows before its first match, or before the last key if it has no match. */
const keysOffset = (
  database: Database,
  rows: ReadonlyArray<Row>,
  compare: CompareKeys,
  streams: ReadonlyMap<Shard, ReadonlyArray<{ readonly row: Row }>>,
  wanted: ReadonlyArray<Json.Json>,
  descending: boolean
): number => {
  const last = wanted.at(-1)
  if (last === undefined) return 0
  const firsts = new Map(Array.from(streams, ([shard, [first]]) => [shard, first?.row]))
  const passed = new Set<Shard>()
  const sign = descending ? -1 : 1
  let offset = 0
  for (const row of descending ? Array.from(rows).reverse() : rows) {
    const shard = shardOf(database, row.id)
    if (passed.has(shard)) continue
    const first = firsts.get(shard)
    const found = first === undefined
      ? sign * compare(row.key, last) >= 0
      : row.id === first.id && compare(row.key, first.key) === 0
    if (found) passed.add(shard)
    else offset++
  }
  return offset
}
