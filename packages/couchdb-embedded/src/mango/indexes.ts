import * as Json from "effect-couchdb/Json"
import { designBody } from "../design/documentText.js"
import * as Utf8 from "../encoding/utf8.js"
import { onlyMember } from "../selector/normalise.js"
import type { Database } from "../storage/state.js"
import * as JsonIndex from "../views/jsonIndex.js"
import type { FieldRange, Range } from "./ranges.js"
import { indexableFields } from "./ranges.js"

/** An index that Mango can use. The index of all documents has no design document. */
export interface Index {
  readonly ddoc: string | undefined
  readonly name: string
  readonly fields: ReadonlyArray<readonly [string, string]>
  readonly definition: Json.Json
  readonly partitioned: boolean
}

const allDocs: Index = {
  ddoc: undefined,
  name: "_all_docs",
  fields: [["_id", "asc"]],
  definition: null,
  partitioned: false
}

const member = (value: Json.Json | undefined, name: string): Json.Json | undefined =>
  Json.isObject(value) ? Json.get(value, name) : undefined

const indexesOf = (database: Database, ddoc: string): ReadonlyArray<Index> => {
  const body = designBody(database, ddoc)
  const views = body === undefined || Json.get(body, "language") !== "query" ? undefined : Json.get(body, "views")
  if (body === undefined || !Json.isObject(views)) return []
  const option = member(Json.get(body, "options"), "partitioned")
  const partitioned = typeof option === "boolean" ? option : database.partitioned
  return Json.entries(views).flatMap(([name, view]) => {
    const definition = member(view, "map")
    return Json.isObject(definition) && Json.isObject(member(view, "options"))
      ? [{ ddoc, name, fields: JsonIndex.fieldsOf(definition), definition, partitioned }]
      : []
  })
}

const compare = (self: Index, that: Index): number =>
  (self.ddoc === undefined ? -1 : 0) - (that.ddoc === undefined ? -1 : 0) ||
  Utf8.compare(self.ddoc ?? "", that.ddoc ?? "") || Utf8.compare(self.name, that.name)

/** All indexes of a database, starting with that of all documents. */
export const list = (database: Database): ReadonlyArray<Index> => {
  const { liveIds } = database
  const designs = liveIds.slice(Utf8.lowerBound(liveIds, "_design/"), Utf8.lowerBound(liveIds, "_design0"))
  return [allDocs, ...designs.flatMap((id) => indexesOf(database, id))].sort(compare)
}

/** Prints an index as CouchDB does. */
export const toJson = (index: Index): Json.JsonObject => {
  const fields = index.fields.map(([name, direction]): Json.Json => Json.fromEntries([[name, direction]]))
  if (index.ddoc === undefined) return { ddoc: null, name: index.name, type: "special", def: { fields } }
  const filter = JsonIndex.partialFilterOf(index.definition)
  return {
    ddoc: index.ddoc,
    name: index.name,
    type: "json",
    partitioned: index.partitioned,
    def: filter === undefined ? { fields } : { fields, partial_filter_selector: filter }
  }
}

const columns = ({ fields }: Index): ReadonlyArray<string> => fields.map(([name]) => name)

/** The fields that the selector does not require to exist. */
const fieldsNotRequired = (
  selector: ReadonlyArray<Json.Json>,
  required: ReadonlyArray<string>
): ReadonlyArray<string> => {
  let rest = required
  for (const part of selector) {
    const found = onlyMember(part)
    if (found === undefined || rest.length === 0) return rest
    const [name, argument] = found
    const outer = rest
    if (name === "$and" && Json.isArray(argument)) rest = fieldsNotRequired(argument, rest)
    else if (name === "$or" && Json.isArray(argument)) {
      rest = Array.from(new Set(argument.flatMap((each) => fieldsNotRequired([each], outer))))
    } else if (onlyMember(argument)?.[0] !== "$exists" || onlyMember(argument)?.[1] !== false) {
      rest = rest.filter((field) => field !== name)
    }
  }
  return rest
}

const isConstant = (selector: Json.Json, field: string): boolean => {
  const found = onlyMember(selector)
  if (found === undefined) return false
  const [name, argument] = found
  if (name === "$and" && Json.isArray(argument)) return argument.some((part) => isConstant(part, field))
  return name === field && onlyMember(argument)?.[0] === "$eq"
}

const canSort = (fields: ReadonlyArray<string>, sort: ReadonlyArray<string>, selector: Json.Json): boolean => {
  if (sort.length === 0) return true
  const [first, ...rest] = fields
  if (first === undefined) return false
  if (first === sort[0]) return sort.every((field, i) => fields[i] === field)
  return isConstant(selector, first) && canSort(rest, sort, selector)
}

const isTextSearch = (selector: Json.Json): boolean => {
  const found = onlyMember(selector)
  if (found === undefined) return false
  const [name, argument] = found
  return name === "$default" || (Json.isArray(argument) ? argument.some(isTextSearch) : isTextSearch(argument))
}

/** CouchDB also searches values for text operators, and fails on values that do not look like selectors. */
export const crashesOn = (selector: Json.Json): boolean => {
  if (!Json.isObject(selector)) return selector === null || Json.isArray(selector)
  const [member, ...more] = Json.entries(selector)
  if (member === undefined) return false
  const [name, argument] = member
  if (more.length > 0) return true
  if (name === "$default") return false
  return Json.isArray(argument) ? argument.some(crashesOn) : Json.isObject(argument) && crashesOn(argument)
}

/** Why an index cannot serve a query. Empty if it can. */
export const reasonsAgainst = (
  index: Index,
  selector: Json.JsonObject,
  sort: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const reasons: Array<string> = []
  const own = columns(index)
  if (index.ddoc === undefined) {
    if (sort.length === 0) return []
    if (!indexableFields(selector).includes("_id")) reasons.push("field_mismatch")
    if (!sort.every((field, i) => own[i] === field)) reasons.push("sort_order_mismatch")
    return reasons
  }
  if (isTextSearch(selector)) reasons.push("needs_text_search")
  const required = own.filter((field) => !sort.includes(field) && field !== "_id" && field !== "_rev")
  const missing = Json.keys(selector).length === 0 ? required : fieldsNotRequired([selector], required)
  if (missing.length > 0) reasons.push("field_mismatch")
  if (!canSort(own, sort, selector)) reasons.push("sort_order_mismatch")
  return reasons
}

/** An index with the ranges of its leading fields, and the number of ranges of the selector that it does not use. */
export interface Ranked {
  readonly index: Index
  readonly ranges: ReadonlyArray<Range>
  readonly distance: number
}

/** Sorts indexes: those that narrow down most, then those with the fewest fields, then by name. */
export const rank = (
  indexes: ReadonlyArray<Index>,
  fieldRanges: ReadonlyArray<FieldRange>
): ReadonlyArray<Ranked> =>
  indexes.map((index): Ranked => {
    const ranges: Array<Range> = []
    for (const column of columns(index)) {
      const found = fieldRanges.find(([field]) => field === column)
      if (found === undefined) break
      ranges.push(found[1])
    }
    return { index, ranges, distance: fieldRanges.length - ranges.length }
  }).sort((self, that) =>
    self.distance - that.distance || self.index.fields.length - that.index.fields.length ||
    compare(self.index, that.index)
  )

/** Whether the index has all requested fields. */
export const covers = (index: Index, fields: ReadonlyArray<string> | undefined): boolean =>
  index.ddoc !== undefined && fields !== undefined &&
  fields.every((field) => field === "_id" || columns(index).includes(field))
