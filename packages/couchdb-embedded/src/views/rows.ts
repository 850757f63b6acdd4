import type * as Json from "effect-couchdb/Json"
import * as Collation from "../encoding/collation.js"
import * as ErlangOrder from "../encoding/termOrder.js"
import * as Utf8 from "../encoding/utf8.js"

/** A row of a view. */
export interface Row {
  readonly key: Json.Json
  readonly id: string
  readonly value: Json.Json
}

/** The order of the keys of a view. */
export type CompareKeys = (self: Json.Json, that: Json.Json) => number

export const compareKeys = (raw: boolean): CompareKeys => raw ? ErlangOrder.compare : Collation.compare

/** Compares rows by key, then by id, then by value. */
export const compareRows = (keys: CompareKeys) => (self: Row, that: Row): number =>
  keys(self.key, that.key) || Utf8.compare(self.id, that.id) || ErlangOrder.compare(self.value, that.value)

/** Merges new rows into sorted ones. */
export const merge = (
  sorted: ReadonlyArray<Row>,
  added: ReadonlyArray<Row>,
  compare: (self: Row, that: Row) => number
): ReadonlyArray<Row> => {
  const fresh = Array.from(added).sort(compare)
  if (sorted.length === 0) return fresh
  const merged: Array<Row> = []
  let at = 0
  for (const row of fresh) {
    const end = partitionPoint(sorted, at, (other) => compare(other, row) <= 0)
    for (; at < end; at++) {
      const kept = sorted[at]
      if (kept !== undefined) merged.push(kept)
    }
    merged.push(row)
  }
  for (; at < sorted.length; at++) {
    const kept = sorted[at]
    if (kept !== undefined) merged.push(kept)
  }
  return merged
}

/** Binary search for the first row, from index `from` on, for which `before` is false. */
export const partitionPoint = (rows: ReadonlyArray<Row>, from: number, before: (row: Row) => boolean): number => {
  let low = from
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const row = rows[middle]
    if (row !== undefined && before(row)) low = middle + 1
    else high = middle
  }
  return low
}
