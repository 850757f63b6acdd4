import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import { parseJson } from "../http/parseJson.js"
import type { ViewQuery } from "../http/rangeQuery.js"
import { defaults, parse, validate } from "../http/rangeQuery.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, internalError, missing, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { checkReadPartition } from "../storage/incoming.js"
import { printLocal, printNode, printWinner } from "../storage/printDocument.js"
import * as Revs from "../storage/revision.js"
import * as RevisionTree from "../storage/revisionTree.js"
import * as Sequences from "../storage/sequences.js"
import type { DocumentRecord, LocalDocument } from "../storage/state.js"
import { shardOf } from "../storage/state.js"

const noFlags: ReadonlySet<string> = new Set()

const docOf = (record: DocumentRecord, query: ViewQuery): string => {
  const node = RevisionTree.winner(record.tree)
  if (node?.version === undefined || node.version.deleted) return "null"
  const flags = new Set<string>()
  if (query.conflicts === true) flags.add("conflicts")
  if (query.attachments) flags.add("attachments")
  return flags.size === 0
    ? printNode(record, node, node.version, noFlags, Infinity)
    : printWinner(record, node, node.version, flags, Infinity).text
}

const row = (record: DocumentRecord, query: ViewQuery): string => {
  const node = RevisionTree.winner(record.tree)
  const rev = node === undefined ? "" : Revs.format(node)
  const gone = node?.version?.deleted === true ? ",\"deleted\":true" : ""
  const id = print(record.id)
  const doc = query.includeDocs ? `,"doc":${docOf(record, query)}` : ""
  return `{"id":${id},"key":${id},"value":{"rev":${print(rev)}${gone}}${doc}}`
}

interface Listing {
  readonly total: number | null
  readonly offset: number | null
  readonly rows: ReadonlyArray<string>
}

const printListing = (context: DatabaseContext, query: ViewQuery, { offset, rows, total }: Listing): string => {
  const seq = query.keys !== undefined || total === null
    ? null
    : Sequences.encode(context.database, Sequences.now(context.database))
  const updateSeq = query.updateSeq ? `,"update_seq":${print(seq)}` : ""
  return `{"total_rows":${print(total)},"offset":${print(offset)}${updateSeq},"rows":[\r\n${rows.join(",\r\n")}\r\n]}`
}

// Ids are strings, and Erlang sorts strings after all other types.
const stringKey = (key: Json.Json | undefined): string | undefined => typeof key === "string" ? key : undefined

const upperBound = (ids: ReadonlyArray<string>, id: string): number => {
  const at = Utf8.lowerBound(ids, id)
  return ids[at] === id ? at + 1 : at
}

/** The ids in a range in reading order, the size of the range, and the number of ids before it. */
const select = (
  ids: ReadonlyArray<string>,
  query: ViewQuery
): { readonly offset: number; readonly covered: number; readonly ids: ReadonlyArray<string> } => {
  const start = stringKey(query.startKey)
  const end = stringKey(query.endKey)
  if (query.descending) {
    const high = query.startKey === undefined ? ids.length : start === undefined ? 0 : upperBound(ids, start)
    const low = query.endKey === undefined || end === undefined
      ? 0
      : query.inclusiveEnd
      ? Utf8.lowerBound(ids, end)
      : upperBound(ids, end)
    const offset = ids.length - high
    const to = high - query.skip
    const from = Math.max(low, to - query.limit)
    return { offset, covered: Math.max(0, high - low), ids: to > from ? ids.slice(from, to).reverse() : [] }
  }
  const low = start === undefined ? 0 : Utf8.lowerBound(ids, start)
  const high = query.endKey === undefined
    ? ids.length
    : end === undefined
    ? 0
    : query.inclusiveEnd
    ? upperBound(ids, end)
    : Utf8.lowerBound(ids, end)
  const from = low + query.skip
  return {
    offset: low,
    covered: Math.max(0, high - low),
    ids: ids.slice(from, Math.max(from, Math.min(high, from + query.limit)))
  }
}

type Namespace = "_all_docs" | "_design_docs" | "_local_docs"

const prefixes: Readonly<Record<Namespace, string>> = {
  _all_docs: "",
  _design_docs: "_design/",
  _local_docs: "_local/"
}

const localRow = (local: LocalDocument, query: ViewQuery): string => {
  const id = print(local.id)
  const doc = query.includeDocs ? `,"doc":${printLocal(local, noFlags)}` : ""
  return `{"id":${id},"key":${id},"value":{"rev":${print(`0-${local.rev}`)}}${doc}}`
}

const rowOf = ({ database }: DatabaseContext, id: string, query: ViewQuery): string | undefined => {
  const local = database.locals.get(id)
  if (local !== undefined) return localRow(local, query)
  const record = database.documents.get(id)
  return record === undefined ? undefined : row(record, query)
}

/** The rows for these keys, in their order, without those outside the namespace. */
const byKeys = (
  context: DatabaseContext,
  namespace: Namespace,
  keys: ReadonlyArray<Json.Json>,
  query: ViewQuery
): ReadonlyArray<string> => {
  const ordered = query.descending ? Array.from(keys).reverse() : keys
  return ordered.slice(query.skip, query.skip + query.limit)
    .filter((key) => prefixes[namespace] === "" || (typeof key === "string" && key.startsWith(prefixes[namespace])))
    .map((key) =>
      (typeof key === "string" ? rowOf(context, key, query) : undefined) ??
        `{"key":${print(key)},"error":"not_found"}`
    )
}

const firstDesignId = "_design/"
const endOfDesignIds = "_design0"

/** Limits a range of ids to the given bounds. */
const clipRange = (query: ViewQuery, low: string, high: string): ViewQuery => {
  const clip = (key: Json.Json | undefined, limit: string, sign: number): Json.Json =>
    key === undefined || sign * (typeof key === "string" ? Utf8.compare(key, limit) : -1) < 0 ? limit : key
  return query.descending
    ? { ...query, startKey: clip(query.startKey, high, -1), endKey: clip(query.endKey, low, 1) }
    : { ...query, startKey: clip(query.startKey, low, 1), endKey: clip(query.endKey, high, -1) }
}

/** The documents of a partition. The total is that of its shard. */
const listPartition = (context: DatabaseContext, partition: string, query: ViewQuery): Listing => {
  const { database } = context
  const shard = shardOf(database, `${partition}:`)
  const ids = database.liveIds.filter((id) => shardOf(database, id) === shard)
  const selected = select(ids, clipRange(query, `${partition}:`, `${partition};`))
  return {
    total: ids.length,
    // Skipping stops at the end of the range.
    offset: selected.offset + Math.min(query.skip, selected.covered),
    rows: selected.ids.flatMap((id) => rowOf(context, id, query) ?? [])
  }
}

const list = (context: DatabaseContext, namespace: Namespace, query: ViewQuery): Listing => {
  const { liveIds, locals } = context.database
  const total = namespace === "_local_docs"
    ? null
    : namespace === "_all_docs"
    ? liveIds.length
    : Utf8.lowerBound(liveIds, endOfDesignIds) - Utf8.lowerBound(liveIds, firstDesignId)
  if (query.keys !== undefined) {
    return { total, offset: null, rows: byKeys(context, namespace, query.keys, query) }
  }
  if (query.partition !== undefined) return listPartition(context, query.partition, query)
  const selected = total === null
    ? select(Array.from(locals.keys()).sort(Utf8.compare), query)
    : select(liveIds, namespace === "_design_docs" ? clipRange(query, firstDesignId, endOfDesignIds) : query)
  const rows = selected.ids.flatMap((id) => rowOf(context, id, query) ?? [])
  // The offset counts documents of every kind, but never exceeds the total.
  return { total, offset: total === null ? null : Math.min(total, selected.offset + query.skip), rows }
}

const check = (context: DatabaseContext) => (query: ViewQuery): Checked<ViewQuery> =>
  query.partition !== undefined && !context.database.partitioned
    ? refuse(400, "query_parse_error", "`partition` parameter is not supported on this db")
    : Either.map(validate(query, false), () => query)

const respond = (context: DatabaseContext, namespace: Namespace, body: Json.JsonObject | undefined): CheckedReply =>
  Either.gen(function*() {
    const fromBody = body === undefined
      ? defaults
      : yield* parse(defaults, Json.entries(body).filter(([name]) => name !== "keys"), true)
    const query = yield* parse(fromBody, context.request.query.filter(([name]) => name !== "keys"), false)
    const listed = body === undefined ? Req.param(context.request, "keys") : undefined
    const keys = body === undefined
      ? listed === undefined ? undefined : yield* parseJson(listed)
      : Json.get(body, "keys")
    if (keys !== undefined && !Json.isArray(keys)) {
      return yield* badRequest(
        body === undefined ? "`keys` parameter must be an array." : "`keys` body member must be an array."
      )
    }
    for (const key of namespace === "_all_docs" ? keys ?? [] : []) {
      if (typeof key === "string") yield* checkReadPartition(context.database, key)
    }
    const full = yield* check(context)(keys === undefined ? query : { ...query, keys })
    return Response.text(200, printListing(context, full, list(context, namespace, full)))
  })

const get = (context: DatabaseContext, namespace: Namespace): CheckedReply => respond(context, namespace, undefined)

const post = (context: DatabaseContext, namespace: Namespace): CheckedReply =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    const body = yield* Req.json(context.request)
    if (!Json.isObject(body)) return yield* badRequest("Request body must be a JSON object")
    return yield* respond(context, namespace, body)
  })

const queries = (context: DatabaseContext, namespace: Namespace): CheckedReply =>
  Either.gen(function*() {
    const body = yield* Req.json(context.request)
    const wanted = Json.isObject(body) ? Json.get(body, "queries") : undefined
    if (wanted === undefined) return yield* badRequest("POST body must include `queries` parameter.")
    if (!Json.isArray(wanted)) return yield* badRequest("`queries` member must be an array.")
    const common = yield* parse(defaults, context.request.query, false)
    const parts: Array<string> = []
    for (const each of wanted) {
      if (!Json.isObject(each)) return yield* internalError("function_clause")
      const query = yield* Either.flatMap(parse(common, Json.entries(each), true), check(context))
      parts.push(printListing(context, query, list(context, namespace, query)))
    }
    return Response.text(200, `{"results":[${parts.map((part) => `\r\n${part}`).join(",")}\r\n]}`)
  })

const endpoint = (namespace: Namespace) => (context: DatabaseContext): CheckedReply =>
  context.request.segments.length > 2 && context.request.segments[2] !== "queries"
    ? Either.left(missing)
    : context.request.segments.length > 2
    ? byMethod(context, { POST: () => queries(context, namespace) }, "POST")
    : byMethod(context, {
      GET: () => get(context, namespace),
      POST: () => post(context, namespace)
    }, "GET,HEAD,POST")

/** `/db/_all_docs`, `/db/_design_docs` and `/db/_local_docs` */
export const endpoints: Readonly<Record<string, (context: DatabaseContext) => CheckedReply>> = {
  _all_docs: endpoint("_all_docs"),
  _design_docs: endpoint("_design_docs"),
  _local_docs: endpoint("_local_docs")
}
