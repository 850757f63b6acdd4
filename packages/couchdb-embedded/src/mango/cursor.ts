import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Checked } from "../http/refusal.js"
import { internalError, refuse } from "../http/refusal.js"
import type { Database } from "../storage/state.js"
import { partialFilterOf } from "../views/jsonIndex.js"
import type { Index, Ranked } from "./indexes.js"
import * as Indexes from "./indexes.js"
import type { FindOptions } from "./options.js"
import type { Range } from "./ranges.js"
import { allIds, fieldRanges } from "./ranges.js"

/** The chosen index with the ranges of its leading fields, and the trace of the choice. */
export interface Cursor {
  readonly index: Index | undefined
  readonly ranges: ReadonlyArray<Range>
  readonly trace: Trace
}

/** The indexes that passed each test. */
export interface Trace {
  readonly all: ReadonlyArray<Index>
  readonly global: ReadonlyArray<Index>
  readonly inScope: ReadonlyArray<Index>
  readonly usable: ReadonlyArray<Index>
  readonly filtered: ReadonlyArray<Index>
  readonly ofType: ReadonlyArray<Index>
  readonly ranked: ReadonlyArray<Ranked>
}

const designId = (name: string): string => name.startsWith("_design/") ? name : `_design/${name}`

const designName = (name: string): string => name.startsWith("_design/") ? name.slice("_design/".length) : name

/** Whether the query names this index. */
const isNamed = (index: Index, [ddoc, name]: ReadonlyArray<string>): boolean =>
  ddoc !== undefined && index.ddoc === designId(ddoc) && (name === undefined || index.name === name)

const noSort = (database: Database, partition: string): Checked<never> => {
  const kind = database.partitioned ? (partition === "" ? "global index" : "partitioned index") : "index"
  return refuse(400, "no_usable_index", `No ${kind} exists for this sort, try indexing by the sort fields.`)
}

const noNamed = ([ddoc, name]: ReadonlyArray<string>): Checked<never> =>
  refuse(
    400,
    "invalid_index",
    ddoc === undefined
      ? "You must specify an index with the `use_index` parameter."
      : `_design/${designName(ddoc)}${
        name === undefined ? "" : `, ${name}`
      } specified by \`use_index\` could not be found or it is not suitable.`
  )

// Operators without alternatives match nothing, so CouchDB reads no rows.
const matchesNothing = (selector: Json.JsonObject): boolean =>
  Json.entries(selector).some(([name, argument]) =>
    ["$all", "$and", "$or", "$in"].includes(name) && Json.isArray(argument) && argument.length === 0
  )

/** Chooses the index for a query as CouchDB does, because the index determines the order of the results. */
export const create = (database: Database, options: FindOptions, explains: boolean): Checked<Cursor> =>
  Either.gen(function*() {
    const { partition, selector, useIndex } = options
    const sort = options.sort.map(([field]) => field)
    const all = Indexes.list(database)
    const global = all.filter((index) => partialFilterOf(index.definition) === undefined)
    const considered = all.filter((index) => global.includes(index) || isNamed(index, useIndex))
    const inScope = considered.filter((index) => index.ddoc === undefined || index.partitioned === (partition !== ""))
    if (inScope.some(({ ddoc }) => ddoc !== undefined) && Indexes.crashesOn(selector)) {
      return yield* internalError("function_clause")
    }
    const usable = inScope.filter((index) => Indexes.reasonsAgainst(index, selector, sort).length === 0)
    const trace = { all, global, inScope, usable, filtered: [], ofType: [], ranked: [] }
    if (usable.length === 0 && !explains) return yield* noSort(database, partition)
    const named = usable.filter((index) => isNamed(index, useIndex))
    if (named.length === 0 && !options.allowFallback && !(useIndex.length === 0 && usable.length > 1)) {
      return yield* noNamed(useIndex)
    }
    const filtered = named.length === 0 ? usable : named
    if (filtered.length === 0) return { index: undefined, ranges: [], trace }
    const defined = filtered.filter(({ ddoc }) => ddoc !== undefined)
    const ofType = defined.length > 0 ? defined : filtered
    const ranked = Indexes.rank(
      ofType,
      defined.length > 0 ? fieldRanges(selector) : [...fieldRanges(selector), ["_id", allIds]]
    )
    const best = ranked[0]
    return {
      index: best?.index,
      ranges: matchesNothing(selector) ? ["empty"] : best?.ranges ?? [],
      trace: { ...trace, filtered, ofType, ranked }
    }
  })

/** The lower bounds of the leading fields. */
export const startOf = (ranges: ReadonlyArray<Range>): ReadonlyArray<Json.Json> => {
  const values: Array<Json.Json> = []
  for (const range of ranges) {
    if (range === "empty" || range.low.value === undefined) return values
    values.push(range.low.value)
  }
  return values
}

/** The upper bounds of the leading fields. */
export const endOf = (ranges: ReadonlyArray<Range>): ReadonlyArray<Json.Json> => {
  const values: Array<Json.Json> = []
  for (const range of ranges) {
    if (range === "empty" || range.high.value === undefined) return values
    values.push(range.high.value)
  }
  return values
}

/** CouchDB's warning about an index that it did not use or did not find. */
export const warningsOf = (index: Index | undefined, useIndex: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [ddoc, name] = useIndex
  const warnings: Array<string> = []
  if (ddoc !== undefined && (index === undefined || !isNamed(index, useIndex))) {
    warnings.push(
      name === undefined
        ? `_design/${designName(ddoc)} was not used because it does not contain a valid index for this query.`
        : `_design/${designName(ddoc)}, ${name} was not used because it is not a valid index for this query.`
    )
  }
  if (index !== undefined && index.ddoc === undefined) {
    warnings.push("No matching index found, create an index to optimize query time.")
  }
  return warnings
}
