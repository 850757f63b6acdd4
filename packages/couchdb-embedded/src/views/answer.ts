import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "../access/context.js"
import { liveWinner } from "../design/documentText.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Grouping, ViewQuery } from "../http/rangeQuery.js"
import { validate } from "../http/rangeQuery.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import { printNode, printWinner } from "../storage/printDocument.js"
import * as Revs from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import * as Sequences from "../storage/sequences.js"
import type { Database } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import type { Definition } from "./definition.js"
import * as Index from "./index.js"
import type { ReduceGroups } from "./reduce.js"
import { reduceOf } from "./reduce.js"
import type { CompareKeys, Row } from "./rows.js"
import { compareKeys } from "./rows.js"
import { checkRange, ofKeys, ofRange, rangeOf } from "./select.js"
import { sourceOf } from "./source.js"

/** The result of a view query, before it is printed. */
export type ViewResult =
  | { readonly _tag: "Rows"; readonly total: number; readonly offset: number; readonly rows: ReadonlyArray<Row> }
  | { readonly _tag: "Groups"; readonly rows: ReadonlyArray<Pick<Row, "key" | "value">> }

/** All sorted rows of a view, and the order of their keys. */
const load = (context: DatabaseContext, definition: Definition) =>
  Either.map(
    Index.rows(context.database, sourceOf(context.server.functions, definition)),
    (rows) => ({ rows, compare: compareKeys(definition.raw) })
  )

const groupKey = (key: Json.Json, grouping: Grouping): Json.Json =>
  grouping === 0 ? null : grouping === "exact" || !Json.isArray(key) ? key : key.slice(0, grouping)

const groupsOf = (rows: ReadonlyArray<Row>, grouping: Grouping, compare: CompareKeys): Array<Array<Row>> => {
  const groups: Array<Array<Row>> = []
  let current: Json.Json | undefined
  for (const row of rows) {
    const key = groupKey(row.key, grouping)
    const group = groups.at(-1)
    if (group !== undefined && current !== undefined && compare(current, key) === 0) group.push(row)
    else {
      groups.push([row])
      current = key
    }
  }
  return groups
}

const reduced = (
  rows: ReadonlyArray<Row>,
  compare: CompareKeys,
  query: ViewQuery,
  grouping: Grouping,
  reduce: ReduceGroups
): Checked<ViewResult> => {
  const wanted = query.descending && query.keys !== undefined ? Array.from(query.keys).reverse() : query.keys
  const ranges = wanted === undefined
    ? [rangeOf(rows, compare, query)]
    : wanted.map((key) => rangeOf(rows, compare, { ...query, startKey: key, endKey: key }))
  const groups = ranges.flatMap(({ high, low }) => {
    const found = groupsOf(rows.slice(low, Math.max(low, high)), grouping, compare)
    return query.descending ? found.reverse() : found
  }).slice(query.skip, query.skip + query.limit)
  return Either.map(reduce(groups), (values) => ({
    _tag: "Groups",
    rows: groups.map((group, i) => {
      const first = query.descending ? group.at(-1) : group[0]
      return { key: groupKey(first?.key ?? null, grouping), value: values[i] ?? null }
    })
  }))
}

interface Scope {
  readonly rows: ReadonlyArray<Row>
  /** The number of rows, and of rows before and after the selected ones. */
  readonly total: number
  readonly before: number
  readonly after: number
}

/** The rows of the view, or of one partition. Partitioned views are sorted by partition. */
const scopeOf = (database: Database, all: ReadonlyArray<Row>, partition: string | undefined): Scope => {
  if (partition === undefined) return { rows: all, total: all.length, before: 0, after: 0 }
  const shard = shardOf(database, `${partition}:`)
  const rows: Array<Row> = []
  let total = 0
  let before = 0
  for (const row of all) {
    if (shardOf(database, row.id) !== shard) continue
    total++
    const own = row.id.slice(0, row.id.indexOf(":"))
    if (own === partition) rows.push(row)
    else if (Utf8.compare(own, partition) < 0) before++
  }
  return { rows, total, before, after: total - before - rows.length }
}

const parseError = (reason: string) => refuse(400, "query_parse_error", reason)

const checkPartition = (definition: Definition, query: ViewQuery, database: Database): Checked<void> => {
  const partitioned = definition.partitioned ||
    (database.partitioned && Json.get(definition.body, "options") === undefined)
  if (partitioned && query.partition === undefined) {
    return parseError("`partition` parameter is mandatory for queries to this view.")
  }
  return !partitioned && query.partition !== undefined
    ? parseError("`partition` parameter is not supported in this design doc")
    : Either.void
}

/** Unsorted rows: each shard sends its own in order, without waiting for the others. */
const interleaveShards = ({ database, server }: DatabaseContext, rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const queues = database.shards.map((shard) => rows.filter(({ id }) => shardOf(database, id) === shard))
  const at = queues.map(() => 0)
  return rows.flatMap(() => {
    const shard = server.node.arrival(queues.flatMap(({ length }, i) => (at[i] ?? 0) < length ? [i] : []))
    const row = queues[shard]?.[at[shard] ?? 0]
    at[shard] = (at[shard] ?? 0) + 1
    return row === undefined ? [] : [row]
  })
}

/** Runs a view query. */
export const runQuery = (context: DatabaseContext, definition: Definition, query: ViewQuery): Checked<ViewResult> =>
  Either.gen(function*() {
    const reduces = definition.reduce !== undefined && query.reduce !== false
    const grouping = yield* validate(query, reduces)
    yield* checkPartition(definition, query, context.database)
    const { compare, rows: all } = yield* load(context, definition)
    const { after, before, rows, total } = scopeOf(context.database, all, query.partition)
    yield* checkRange(compare, query)
    if (reduces) {
      return yield* reduced(
        rows,
        compare,
        query,
        grouping,
        reduceOf(context.server.functions, context.database, definition)
      )
    }
    const selected = query.keys === undefined
      ? ofRange(rows, compare, query)
      : ofKeys(context.database, rows, compare, query, query.keys)
    return {
      _tag: "Rows",
      total,
      offset: Math.min(total, (query.descending ? after : before) + selected.offset + query.skip),
      rows: (query.sorted ? selected.rows : interleaveShards(context, selected.rows))
        .slice(query.skip, query.skip + query.limit)
    }
  })

const none: ReadonlySet<string> = new Set()

/** The document of a row, or the linked document that its value names. */
const docOf = (database: Database, { id, value }: Row, query: ViewQuery): Checked<string> => {
  const linked = Json.isObject(value) ? Json.get(value, "_id") : undefined
  if (linked === null) return Either.right("null")
  if (linked !== undefined && typeof linked !== "string") return Either.right("null")
  const record = database.documents.get(linked ?? id)
  const live = record === undefined ? undefined : liveWinner(record)
  if (linked !== undefined && Json.isObject(value) && record !== undefined) {
    const named = Json.get(value, "_rev")
    if (named !== undefined) {
      return Either.map(Revs.parse(named), (rev) => {
        const node = RevisionTree.get(record.tree, rev)
        return node?.version === undefined ? "null" : printNode(record, node, node.version, none, Infinity)
      })
    }
  }
  if (record === undefined || live === undefined) return Either.right("null")
  const flags = new Set(query.attachments && linked === undefined ? ["attachments"] : [])
  if (query.conflicts === true && linked === undefined) flags.add("conflicts")
  return Either.right(printWinner(record, live.node, live.version, flags, Infinity).text)
}

const printRow = (database: Database, row: Row, query: ViewQuery): Checked<string> => {
  const text = `{"id":${print(row.id)},"key":${print(row.key)},"value":${print(row.value)}`
  return query.includeDocs
    ? Either.map(docOf(database, row, query), (doc) => `${text},"doc":${doc}}`)
    : Either.right(`${text}}`)
}

/** Prints the rows of a result. */
export const printRows = (
  { database }: DatabaseContext,
  query: ViewQuery,
  result: ViewResult
): Checked<ReadonlyArray<string>> =>
  result._tag === "Groups"
    ? Either.right(result.rows.map(({ key, value }) => `{"key":${print(key)},"value":${print(value)}}`))
    : Either.all(result.rows.map((row) => printRow(database, row, query)))

/** Prints a result in CouchDB's layout. */
export const printResult = (context: DatabaseContext, query: ViewQuery, result: ViewResult): Checked<string> =>
  Either.map(printRows(context, query, result), (rows) => {
    const seq = query.updateSeq
      ? [`"update_seq":${print(Sequences.encode(context.database, Sequences.now(context.database)))}`]
      : []
    // Unsorted rows are sent before they are counted.
    const counts = result._tag === "Rows" && (query.sorted || rows.length === 0)
      ? [`"total_rows":${result.total}`, `"offset":${result.offset}`]
      : []
    return `{${[...counts, ...seq, "\"rows\":["].join(",")}\r\n${rows.join(",\r\n")}\r\n]}`
  })
