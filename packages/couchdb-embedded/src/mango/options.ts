import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { erlangPretty, erlangTerm } from "../encoding/termText.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import type { Selector } from "../selector/normalise.js"
import { normalise } from "../selector/normalise.js"

/** Parses the value of a key, or reports what is wrong with it. */
type Read<A> = (value: Json.Json) => Checked<A>

const bad = (error: string, reason: string): Checked<never> => refuse(400, error, reason)

/** An error that crashes CouchDB. */
const crash = (problem: string, value: Json.Json): Checked<never> =>
  refuse(500, "unknown_error", `Unknown Error: mango_opts :: {${problem},${erlangTerm(value)}}`, { ref: true })

const isWhole = (value: Json.Json): value is number => typeof value === "number" && Number.isInteger(value)

const nonNegative: Read<number> = (value) =>
  isWhole(value) && value >= 0
    ? Either.right(value)
    : bad("invalid_non_neg_integer", `${erlangTerm(value)} is not an integer greater than or equal to zero`)

const positive: Read<number> = (value) =>
  isWhole(value) && value > 0
    ? Either.right(value)
    : bad("invalid_pos_integer", `${erlangTerm(value)} is not an integer greater than zero`)

const boolean: Read<boolean> = (value) =>
  typeof value === "boolean"
    ? Either.right(value)
    : bad("invalid_boolean", `Invalid boolean value: ${erlangTerm(value)}`)

const string: Read<string> = (value) =>
  typeof value === "string" ? Either.right(value) : bad("invalid_string", `Invalid string: ${erlangTerm(value)}`)

const name: Read<string> = (value) =>
  value === "" ? bad("invalid_empty_string", "Index name or ddoc cannot be empty string") : string(value)

const stale: Read<boolean> = (value) =>
  value === "ok" || value === "false" || value === false
    ? Either.right(value === "ok")
    : crash("invalid_ok_or_false_value", value)

/** A selector in its normal form. */
const selector: Read<Selector> = (value) =>
  Json.isObject(value)
    ? normalise(value)
    : bad("invalid_selector_json", `Selector must be a JSON object, not: ${erlangTerm(value)}`)

const useIndex: Read<ReadonlyArray<string>> = (value) => {
  const refused = bad("invalid_index_name", `Invalid index name: ${erlangTerm(value)}`)
  if (value === null) return Either.right([])
  if (typeof value === "string") {
    const parts = value.split("/")
    const named = parts[0] === "_design" && parts.length > 1 ? parts.slice(1) : parts
    return named.length <= 2 ? Either.right(named) : refused
  }
  const names = Json.isArray(value) ? value.filter((part) => typeof part === "string") : []
  return Json.isArray(value) && names.length === value.length && names.length <= 2 ? Either.right(names) : refused
}

const bookmark: Read<string | undefined> = (value) =>
  value === null || value === ""
    ? Either.right(undefined)
    : typeof value === "string"
    ? Either.right(value)
    : crash("invalid_bookmark", value)

/** Fields with directions, which must all be the same. */
export type Sort = ReadonlyArray<readonly [field: string, direction: "asc" | "desc"]>

const sortField = (value: Json.Json): Checked<Sort[number]> => {
  if (typeof value === "string" && value !== "") return Either.right([value, "asc"])
  const [member, ...more] = Json.isObject(value) ? Json.entries(value) : []
  return member !== undefined && more.length === 0 && (member[1] === "asc" || member[1] === "desc")
    ? Either.right([member[0], member[1]])
    : bad("invalid_sort_field", `Invalid sort field: ${erlangPretty(value)}`)
}

const sort: Read<Sort> = (value) =>
  Json.isArray(value)
    ? Either.flatMap(Either.all(value.map(sortField)), (fields) =>
      new Set(fields.map(([, direction]) =>
          direction
        )).size > 1
        ? bad("unsupported_mixed_sort", "Sorts currently only support a single direction for all fields.")
        : Either.right(fields))
    : bad("invalid_sort_json", `Sort must be an array of sort specs, not: ${erlangPretty(value)}`)

const fields: Read<ReadonlyArray<string> | undefined> = (value) => {
  if (!Json.isArray(value)) {
    return bad("invalid_fields", `Fields must be an array of strings, not: ${erlangTerm(value)}`)
  }
  const wrong = value.find((field) => typeof field !== "string")
  if (wrong !== undefined) return bad("invalid_field", `Invalid JSON for field spec: ${erlangTerm(wrong)}`)
  return Either.right(value.length === 0 ? undefined : value.filter((field) => typeof field === "string"))
}

const partition: Read<string> = (value) =>
  typeof value !== "string"
    ? bad("illegal_partition", "Partition must be a string")
    : value.startsWith("_")
    ? bad("illegal_partition", "Partition must not start with an underscore")
    : Either.right(value)

const document: Read<Json.Json> = Either.right

const partitioned: Read<boolean | undefined> = (value) =>
  typeof value === "boolean"
    ? Either.right(value)
    : crash("invalid_partitioned_value", value)

const docIds: Read<ReadonlyArray<string>> = (value) => {
  if (!Json.isArray(value)) {
    return bad("invalid_bulk_docs", `Bulk Delete requires an array of non-null docids. Docids: ${erlangTerm(value)}`)
  }
  return Either.map(
    Either.all(value.map(useIndex)),
    () => value.filter((id) => typeof id === "string")
  )
}

class Members {
  private readonly rest: Map<string, Json.Json>
  constructor(object: Json.JsonObject) {
    this.rest = new Map(Json.entries(object))
  }
  required<A>(key: string, read: Read<A>): Checked<A> {
    const value = this.rest.get(key)
    this.rest.delete(key)
    return value === undefined ? bad("missing_required_key", `Missing required key: ${key}`) : read(value)
  }
  optional<A>(key: string, read: Read<A>, fallback: A): Checked<A> {
    const value = this.rest.get(key)
    this.rest.delete(key)
    return value === undefined ? Either.right(fallback) : read(value)
  }
  end(): Checked<void> {
    const [unknown] = this.rest.keys()
    return unknown === undefined ? Either.void : bad("invalid_key", `Invalid key ${unknown} for this request.`)
  }
}

/** The options of `_find`. */
export interface FindOptions {
  readonly selector: Selector
  readonly useIndex: ReadonlyArray<string>
  /** The bookmark. CouchDB prints a missing one as `nil`, but does not accept that. */
  readonly bookmark: string | undefined
  readonly limit: number
  readonly skip: number
  readonly sort: Sort
  readonly fields: ReadonlyArray<string> | undefined
  readonly partition: string
  readonly r: number
  readonly conflicts: boolean
  readonly stale: boolean
  readonly update: boolean
  readonly stable: boolean
  readonly executionStats: boolean
  readonly allowFallback: boolean
}

export const readFind = (body: Json.JsonObject): Checked<FindOptions> =>
  Either.gen(function*() {
    const members = new Members(body)
    const options = {
      selector: yield* members.required("selector", selector),
      useIndex: yield* members.optional("use_index", useIndex, []),
      bookmark: yield* members.optional("bookmark", bookmark, undefined),
      limit: yield* members.optional("limit", nonNegative, 25),
      skip: yield* members.optional("skip", nonNegative, 0),
      sort: yield* members.optional("sort", sort, []),
      fields: yield* members.optional("fields", fields, undefined),
      partition: yield* members.optional("partition", partition, ""),
      r: yield* members.optional("r", positive, 1),
      conflicts: yield* members.optional("conflicts", boolean, false),
      stale: yield* members.optional("stale", stale, false),
      update: yield* members.optional("update", boolean, true),
      stable: yield* members.optional("stable", boolean, false),
      executionStats: yield* members.optional("execution_stats", boolean, false),
      allowFallback: yield* members.optional("allow_fallback", boolean, true)
    }
    yield* members.end()
    return options
  })

/** The options of `_index`. */
export interface IndexOptions {
  readonly definition: Json.Json
  readonly type: string
  readonly name: string | undefined
  readonly ddoc: string | undefined
  readonly w: number
  readonly partitioned: boolean | undefined
}

export const readIndex = (body: Json.JsonObject): Checked<IndexOptions> =>
  Either.gen(function*() {
    const members = new Members(body)
    const options = {
      definition: yield* members.required("index", document),
      type: yield* members.optional("type", string, "json"),
      name: yield* members.optional<string | undefined>("name", name, undefined),
      ddoc: yield* members.optional<string | undefined>("ddoc", name, undefined),
      w: yield* members.optional("w", positive, 2),
      partitioned: yield* members.optional<boolean | undefined>("partitioned", partitioned, undefined)
    }
    yield* members.end()
    return options
  })

/** The fields of a new index, and its partial filter. */
export const readDefinition = (
  value: Json.Json
): Checked<{ readonly fields: Sort; readonly partialFilter: Selector }> =>
  Either.gen(function*() {
    if (!Json.isObject(value)) {
      return yield* bad("invalid_index", `JSON indexes must be an object, not: ${erlangTerm(value)}`)
    }
    const members = new Members(value)
    const definition = {
      fields: yield* members.required("fields", sort),
      partialFilter: yield* members.optional("partial_filter_selector", selector, {})
    }
    yield* members.end()
    return definition
  })

export const readBulkDelete = (body: Json.JsonObject): Checked<ReadonlyArray<string>> =>
  Either.gen(function*() {
    const members = new Members(body)
    const ids = yield* members.required("docids", docIds)
    yield* members.optional("w", positive, 2)
    yield* members.end()
    return ids
  })
