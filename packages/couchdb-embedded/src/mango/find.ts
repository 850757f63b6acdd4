import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "../access/context.js"
import { liveWinner } from "../design/documentText.js"
import * as Collation from "../encoding/collation.js"
import { print } from "../encoding/printJson.js"
import * as ErlangOrder from "../encoding/termOrder.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import type { Matcher } from "../selector/match.js"
import { compile } from "../selector/match.js"
import { fields as fieldsOfSelector } from "../selector/normalise.js"
import type { Path } from "../selector/path.js"
import * as Paths from "../selector/path.js"
import { printWinner } from "../storage/printDocument.js"
import type { Shard } from "../storage/state.js"
import { shardOf } from "../storage/state.js"
import * as ViewIndex from "../views/index.js"
import * as JsonIndex from "../views/jsonIndex.js"
import type { Row } from "../views/rows.js"
import { compareRows } from "../views/rows.js"
import * as Bookmarks from "./bookmark.js"
import type { Cursor } from "./cursor.js"
import * as Cursors from "./cursor.js"
import type { Index } from "./indexes.js"
import * as Indexes from "./indexes.js"
import type { FindOptions } from "./options.js"

type Entry = Pick<Row, "key" | "id">

const rowsInRanges =
  "The number of documents examined is high in proportion to the number of results returned. Consider adding a more " +
  "specific index to improve this."

/** The rows of an index within its ranges, in reading order. */
const rowsOf = ({ database }: DatabaseContext, index: Index, cursor: Cursor): Checked<ReadonlyArray<Entry>> => {
  const start = Cursors.startOf(cursor.ranges)
  const end = Cursors.endOf(cursor.ranges)
  if (index.ddoc === undefined) {
    const [resumeIndex] = start
    const [to] = end
    return Either.right(
      database.liveIds
        .filter((id) =>
          (resumeIndex === undefined || ErlangOrder.compare(id, resumeIndex) >= 0) &&
          (to === undefined || ErlangOrder.compare(id, to) <= 0)
        )
        .map((id) => ({ key: id, id }))
    )
  }
  const source: ViewIndex.Source = {
    signature: `mango ${index.ddoc} ${index.name} ${Json.stringify(index.definition)}`,
    compare: compareRows(Collation.compare),
    includeDesign: false,
    localSeq: false,
    map: JsonIndex.mapOf(index.definition)
  }
  return Either.map(
    ViewIndex.rows(database, source),
    (rows) =>
      rows.filter(({ key }) =>
        Collation.compare(key, start) >= 0 &&
        Collation.compare(Json.isArray(key) ? key.slice(0, end.length) : key, end) <= 0
      )
  )
}

/** The position after a bookmark. If the bookmarked row still exists, reading starts with it. */
const from = (
  rows: ReadonlyArray<Entry>,
  index: Index,
  bookmark: Bookmarks.Bookmark,
  descending: boolean
): ReadonlyArray<Entry> => {
  const compare = index.ddoc === undefined ? ErlangOrder.compare : Collation.compare
  const sign = descending ? -1 : 1
  return rows.filter(({ id, key }) =>
    sign * (compare(key, bookmark.key) || (index.ddoc === undefined ? 0 : Utf8.compare(id, bookmark.id))) >= 0
  )
}

const project = (text: string, document: Json.Json, paths: ReadonlyArray<Path> | undefined): string => {
  if (paths === undefined) return text
  let picked: Json.Json = {}
  for (const path of paths) {
    const value = Paths.get(document, path)
    if (value !== undefined) picked = Paths.set(picked, path, value)
  }
  return print(picked)
}

/** The results of a query, and the number of documents and keys it examined. */
interface Found {
  readonly documents: ReadonlyArray<string>
  readonly last: Entry | undefined
  readonly examined: number
}

interface Document {
  readonly text: string
  readonly json: Json.Json
}

const none: ReadonlySet<string> = new Set()
const withConflicts: ReadonlySet<string> = new Set(["conflicts"])

const documentOf = ({ database }: DatabaseContext, id: string, conflicts: boolean): Document | undefined => {
  const record = database.documents.get(id)
  const live = record === undefined ? undefined : liveWinner(record)
  if (record === undefined || live === undefined) return undefined
  const { text } = printWinner(record, live.node, live.version, conflicts ? withConflicts : none, Infinity)
  return { text, json: Either.getOrElse(Json.parse(text), () => null) }
}

/**
 * Reads rows until the response is full. Each shard reports what it examined with every document that it finds, so rows
 * count only if a document follows them, and one document beyond the limit is examined. How much further a shard of
 * CouchDB gets before it stops is random. The engine stops at once.
 */
const scan = (
  context: DatabaseContext,
  rows: ReadonlyArray<Entry>,
  options: FindOptions,
  resumes: boolean,
  matches: Matcher,
  paths: ReadonlyArray<Path> | undefined
): Found => {
  const unreported = new Map<Shard, number>()
  const documents: Array<string> = []
  let last: Entry | undefined
  let examined = 0
  let toDrop = resumes ? 1 : 0
  let toSkip = options.skip
  for (const row of rows) {
    const document = documentOf(context, row.id, options.conflicts)
    if (document === undefined) continue
    const shard = shardOf(context.database, row.id)
    const count = (unreported.get(shard) ?? 0) + 1
    unreported.set(shard, count)
    if (!matches(document.json)) continue
    unreported.set(shard, 0)
    if (toDrop > 0) {
      toDrop--
      continue
    }
    if (row.id.startsWith("_design/")) continue
    examined += count
    const full = documents.length >= options.limit
    if (!full) last = row
    if (toSkip > 0) toSkip--
    else if (full) return { documents, last, examined }
    else documents.push(project(document.text, document.json, paths))
  }
  for (const count of unreported.values()) examined += count
  return { documents, last, examined }
}

const printResults = (
  documents: ReadonlyArray<string>,
  members: ReadonlyArray<readonly [string, Json.Json]>
): string => {
  const more = members.map(([name, value]) => `,\r\n${print(name)}: ${print(value)}`).join("")
  return `{"docs":[${documents.map((text) => `\r\n${text}`).join(",")}\r\n]${more}}\r\n`
}

/** The response of `_find`. */
export const find = (context: DatabaseContext, options: FindOptions): Checked<string> =>
  Either.gen(function*() {
    const matches = yield* compile(options.selector)
    const cursor = yield* Cursors.create(context.database, options, false)
    const { index } = cursor
    if (index === undefined || cursor.ranges.includes("empty")) return printResults([], [])
    if (options.partition !== "" && !context.database.partitioned) {
      return yield* refuse(400, "query_parse_error", "`partition` parameter is not supported on this db")
    }
    const paths = options.fields === undefined
      ? undefined
      : yield* Either.all(options.fields.map(Paths.parse))
    const descending = options.sort[0]?.[1] === "desc"
    const bookmark = options.bookmark === undefined ? undefined : yield* Bookmarks.decode(options.bookmark)
    const found = yield* rowsOf(context, index, cursor)
    const inScope = options.partition === ""
      ? found
      : found.filter(({ id }) => id.startsWith(`${options.partition}:`))
    const ordered = descending ? Array.from(inScope).reverse() : inScope
    const rows = bookmark === undefined ? ordered : from(ordered, index, bookmark, descending)
    const { documents, examined, last } = scan(context, rows, options, bookmark !== undefined, matches, paths)
    const covered = Indexes.covers(
      index,
      options.fields === undefined ? undefined : [...options.fields, ...fieldsOfSelector(options.selector)]
    )
    const examinedDocuments = covered ? 0 : examined
    const warnings = [
      ...Cursors.warningsOf(index, options.useIndex),
      ...(examinedDocuments / Math.max(1, documents.length) > 10 ? [rowsInRanges] : [])
    ]
    const members: Array<readonly [string, Json.Json]> = [
      ["bookmark", last === undefined ? options.bookmark ?? "nil" : Bookmarks.encode(last)]
    ]
    if (options.executionStats) {
      members.push(["execution_stats", {
        total_keys_examined: examined,
        total_docs_examined: options.r === 1 ? examinedDocuments : 0,
        total_quorum_docs_examined: options.r === 1 ? 0 : examinedDocuments,
        results_returned: documents.length,
        execution_time_ms: new Json.RawNumber("0.0")
      }])
    }
    if (warnings.length > 0) members.push(["warning", warnings.join("\n")])
    return printResults(documents, members)
  })
