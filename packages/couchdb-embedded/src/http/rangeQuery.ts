import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { parseJson } from "./parseJson.js"
import type { Checked } from "./refusal.js"
import { refuse } from "./refusal.js"

/** What a query of `_all_docs` or a view may say. */
export interface ViewQuery {
  readonly startKey?: Json.Json
  readonly startKeyDocId?: string
  readonly endKey?: Json.Json
  readonly endKeyDocId?: string
  readonly keys?: ReadonlyArray<Json.Json>
  readonly reduce?: boolean
  readonly group?: boolean
  readonly groupLevel?: number
  readonly partition?: string
  readonly limit: number
  readonly skip: number
  readonly descending: boolean
  readonly inclusiveEnd: boolean
  readonly includeDocs: boolean
  readonly attachments: boolean
  readonly conflicts?: boolean
  readonly updateSeq: boolean
  readonly sorted: boolean
}

export const defaults: ViewQuery = {
  limit: Infinity,
  skip: 0,
  descending: false,
  inclusiveEnd: true,
  includeDocs: false,
  attachments: false,
  updateSeq: false,
  sorted: true
}

const parseError = (reason: string) => refuse(400, "query_parse_error", reason)

// Erlang prints a text from a query string as a string, one from JSON as a binary.
const shown = (value: Json.Json, decoded: boolean): string =>
  typeof value === "string" ? (decoded ? `<<"${value}">>` : `"${value}"`) : Json.stringify(value)

const boolean = (value: Json.Json): Checked<boolean> => {
  if (typeof value === "boolean") return Either.right(value)
  const text = typeof value === "string" ? value.toLowerCase() : undefined
  if (text === "true" || text === "false") return Either.right(text === "true")
  return parseError(`Invalid boolean parameter: ${shown(value, false)}`)
}

const count = (value: Json.Json, decoded: boolean): Checked<number> => {
  const number = typeof value === "number"
    ? value
    : typeof value === "string" && !decoded && /^[+-]?\d+$/.test(value)
    ? Number(value)
    : NaN
  if (!Number.isInteger(number)) return parseError(`Invalid value for integer: ${shown(value, decoded)}`)
  return number < 0
    ? parseError(`Invalid value for positive integer: ${shown(value, decoded)}`)
    : Either.right(number)
}

const key = (value: Json.Json, decoded: boolean): Checked<Json.Json> =>
  decoded || typeof value !== "string" ? Either.right(value) : parseJson(value)

const choices: Readonly<Record<string, ReadonlyArray<string>>> = {
  stale: ["ok", "update_after"],
  stable: ["true", "false"],
  update: ["true", "false", "lazy"]
}

const textOf = (value: Json.Json): string => typeof value === "string" ? value : Json.stringify(value)

const apply = (
  query: ViewQuery,
  name: string,
  value: Json.Json,
  decoded: boolean
): Checked<ViewQuery> => {
  switch (name) {
    case "key":
      return Either.map(key(value, decoded), (only) => ({ ...query, startKey: only, endKey: only }))
    case "keys":
      return Either.map(key(value, decoded), (list) => {
        if (!Json.isArray(list)) return query
        const [only, ...others] = list
        return only !== undefined && others.length === 0
          ? { ...query, startKey: only, endKey: only }
          : { ...query, keys: list }
      })
    case "startkey":
    case "start_key":
      return Either.map(key(value, decoded), (startKey) => ({ ...query, startKey }))
    case "endkey":
    case "end_key":
      return Either.map(key(value, decoded), (endKey) => ({ ...query, endKey }))
    case "limit":
      return Either.map(count(value, decoded), (limit) => ({ ...query, limit }))
    case "skip":
      return Either.map(count(value, decoded), (skip) => ({ ...query, skip }))
    case "descending":
      return Either.map(boolean(value), (descending) => ({ ...query, descending }))
    case "inclusive_end":
      return Either.map(boolean(value), (inclusiveEnd) => ({ ...query, inclusiveEnd }))
    case "include_docs":
      return Either.map(boolean(value), (includeDocs) => ({ ...query, includeDocs }))
    case "attachments":
      return Either.map(boolean(value), (attachments) => ({ ...query, attachments }))
    case "conflicts":
      return Either.map(boolean(value), (conflicts) => ({ ...query, conflicts }))
    case "update_seq":
      return Either.map(boolean(value), (updateSeq) => ({ ...query, updateSeq }))
    case "sorted":
      return Either.map(boolean(value), (sorted) => ({ ...query, sorted }))
    case "att_encoding_info":
      return Either.map(boolean(value), () => query)
    case "startkey_docid":
    case "start_key_doc_id":
      return Either.right({ ...query, startKeyDocId: textOf(value) })
    case "endkey_docid":
    case "end_key_doc_id":
      return Either.right({ ...query, endKeyDocId: textOf(value) })
    case "reduce":
      return Either.map(boolean(value), (reduce) => ({ ...query, reduce }))
    case "group":
      return Either.map(boolean(value), (group) => ({ ...query, group }))
    case "group_level":
      return Either.map(count(value, decoded), (groupLevel) => ({ ...query, groupLevel }))
    case "partition":
      return Either.right({ ...query, partition: textOf(value) })
    case "stale":
    case "stable":
    case "update":
      return choices[name]?.includes(String(value)) === true
        ? Either.right(query)
        : parseError(`Invalid value for \`${name}\`.`)
    default:
      return Either.right(query)
  }
}

/** Reads parameters one after the other over what is there; `decoded` ones come from JSON, others from the URL. */
export const parse = (
  query: ViewQuery,
  parameters: Iterable<readonly [string, Json.Json]>,
  decoded: boolean
): Checked<ViewQuery> => {
  let result: Checked<ViewQuery> = Either.right(query)
  for (const [name, value] of parameters) {
    result = Either.flatMap(result, (query) => apply(query, name, value, decoded))
  }
  return result
}

/** How rows are grouped: not at all, by so many parts of their keys, or by whole keys. */
export type Grouping = number | "exact"

const groupingOf = ({ group, groupLevel }: ViewQuery): Checked<Grouping> =>
  group === false && groupLevel !== undefined && groupLevel > 0
    ? parseError("Can't specify group=false and group_level>0 at the same time")
    : Either.right(groupLevel ?? (group === true ? "exact" : 0))

const problemOf = (query: ViewQuery, reduces: boolean, grouping: Grouping): string | undefined => {
  if (!reduces && query.reduce === true) return "Reduce is invalid for map-only views."
  if (reduces && grouping !== "exact" && query.keys !== undefined) {
    return "Multi-key fetches for reduce views must use `group=true`"
  }
  if (
    query.keys !== undefined && query.keys.length > 0 && (query.startKey !== undefined || query.endKey !== undefined)
  ) return "`keys` is incompatible with `key`, `start_key` and `end_key`"
  if (!reduces && grouping !== 0) return "Invalid use of grouping on a map view."
  if (reduces && query.includeDocs) return "`include_docs` is invalid for reduce"
  return reduces && query.conflicts !== undefined ? "`conflicts` is invalid for reduce views." : undefined
}

/** How the query groups rows, or why it cannot be asked of a view of this kind. */
export const validate = (query: ViewQuery, reduces: boolean): Checked<Grouping> =>
  Either.flatMap(groupingOf(query), (grouping) => {
    const problem = problemOf(query, reduces, grouping)
    return problem === undefined ? Either.right(grouping) : parseError(problem)
  })
