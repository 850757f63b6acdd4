import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { parseJson } from "./parseJson.js"
import type { Checked } from "./refusal.js"
import { refuse } from "./refusal.js"

/** The parameters of `_all_docs` and views. */
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

// Erlang prints text from a query string as a string, and text from JSON as a binary.
const printErlang = (value: Json.Json, fromJson: boolean): string =>
  typeof value === "string" ? (fromJson ? `<<"${value}">>` : `"${value}"`) : Json.stringify(value)

const boolean = (value: Json.Json): Checked<boolean> => {
  if (typeof value === "boolean") return Either.right(value)
  const text = typeof value === "string" ? value.toLowerCase() : undefined
  if (text === "true" || text === "false") return Either.right(text === "true")
  return parseError(`Invalid boolean parameter: ${printErlang(value, false)}`)
}

const count = (value: Json.Json, fromJson: boolean): Checked<number> => {
  const parsed = typeof value === "number"
    ? value
    : typeof value === "string" && !fromJson && /^[+-]?\d+$/.test(value)
    ? Number(value)
    : NaN
  if (!Number.isInteger(parsed)) return parseError(`Invalid value for integer: ${printErlang(value, fromJson)}`)
  return parsed < 0
    ? parseError(`Invalid value for positive integer: ${printErlang(value, fromJson)}`)
    : Either.right(parsed)
}

const key = (value: Json.Json, fromJson: boolean): Checked<Json.Json> =>
  fromJson || typeof value !== "string" ? Either.right(value) : parseJson(value)

const textOf = (value: Json.Json): string => typeof value === "string" ? value : Json.stringify(value)

type Apply = (query: ViewQuery, value: Json.Json, fromJson: boolean) => Checked<ViewQuery>

const flag = (
  name:
    | "conflicts"
    | "descending"
    | "group"
    | "inclusiveEnd"
    | "includeDocs"
    | "reduce"
    | "sorted"
    | "updateSeq"
    | "attachments"
): Apply =>
(query, value) => Either.map(boolean(value), (on) => ({ ...query, [name]: on }))

const number = (name: "limit" | "skip" | "groupLevel"): Apply => (query, value, fromJson) =>
  Either.map(count(value, fromJson), (number) => ({ ...query, [name]: number }))

const bound = (name: "startKey" | "endKey"): Apply => (query, value, fromJson) =>
  Either.map(key(value, fromJson), (key) => ({ ...query, [name]: key }))

const text = (name: "startKeyDocId" | "endKeyDocId" | "partition"): Apply => (query, value) =>
  Either.right({ ...query, [name]: textOf(value) })

const oneOf = (name: string, ...choices: ReadonlyArray<string>): Apply => (query, value) =>
  choices.includes(String(value)) ? Either.right(query) : parseError(`Invalid value for \`${name}\`.`)

const parameters: Readonly<Record<string, Apply>> = {
  key: (query, value, fromJson) =>
    Either.map(key(value, fromJson), (only) => ({ ...query, startKey: only, endKey: only })),
  keys: (query, value, fromJson) =>
    Either.map(key(value, fromJson), (list) => {
      if (!Json.isArray(list)) return query
      const [only, ...others] = list
      return only !== undefined && others.length === 0
        ? { ...query, startKey: only, endKey: only }
        : { ...query, keys: list }
    }),
  startkey: bound("startKey"),
  start_key: bound("startKey"),
  endkey: bound("endKey"),
  end_key: bound("endKey"),
  limit: number("limit"),
  skip: number("skip"),
  group_level: number("groupLevel"),
  descending: flag("descending"),
  inclusive_end: flag("inclusiveEnd"),
  include_docs: flag("includeDocs"),
  attachments: flag("attachments"),
  conflicts: flag("conflicts"),
  update_seq: flag("updateSeq"),
  sorted: flag("sorted"),
  reduce: flag("reduce"),
  group: flag("group"),
  att_encoding_info: (query, value) => Either.map(boolean(value), () => query),
  startkey_docid: text("startKeyDocId"),
  start_key_doc_id: text("startKeyDocId"),
  endkey_docid: text("endKeyDocId"),
  end_key_doc_id: text("endKeyDocId"),
  partition: text("partition"),
  stale: oneOf("stale", "ok", "update_after"),
  stable: oneOf("stable", "true", "false"),
  update: oneOf("update", "true", "false", "lazy")
}

/**
 * Adds parameters to a query, in their order. Unknown ones are ignored. `fromJson` says that the values were in a JSON
 * body, and not in the URL.
 */
export const parse = (
  query: ViewQuery,
  given: Iterable<readonly [string, Json.Json]>,
  fromJson: boolean
): Checked<ViewQuery> => {
  let result: Checked<ViewQuery> = Either.right(query)
  for (const [name, value] of given) {
    const apply = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (apply !== undefined) result = Either.flatMap(result, (query) => apply(query, value, fromJson))
  }
  return result
}

/** How rows are grouped: not at all, by the first elements of their keys, or by whole keys. */
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

/** The grouping of a query, or why a view of this kind rejects the query. */
export const validate = (query: ViewQuery, reduces: boolean): Checked<Grouping> =>
  Either.flatMap(groupingOf(query), (grouping) => {
    const problem = problemOf(query, reduces, grouping)
    return problem === undefined ? Either.right(grouping) : parseError(problem)
  })
