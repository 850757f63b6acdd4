import { md5 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Context, DatabaseContext } from "../access/context.js"
import type { Filter } from "../changes/filters.js"
import * as Filters from "../changes/filters.js"
import { encode, json, list, type Term } from "../encoding/externalTerm.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, crashRefs, internalError, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import type { Endpoint } from "./place.js"
import * as Places from "./place.js"

/** A replication request. */
export interface Replication {
  /** The id of the checkpoints. */
  readonly id: string
  /** The id of the job: the checkpoint id with a suffix for its options. */
  readonly job: string
  readonly source: Endpoint
  readonly target: Endpoint
  readonly createTarget: boolean
  readonly continuous: boolean
  readonly cancel: boolean
  /** Whether it has `doc_ids`. CouchDB then responds in an older format. */
  readonly byId: boolean
  readonly filter: (source: DatabaseContext) => Checked<Filter>
  /** Whether to replicate winning revisions only. */
  readonly winnersOnly: boolean
  /** The sequence to start after, regardless of checkpoints. */
  readonly since: Json.Json | undefined
  readonly useCheckpoints: boolean
  readonly checkpointInterval: number
  /** The query parameters for creating the target. */
  readonly targetParams: Params
}

const idOf = (parts: ReadonlyArray<Term>): string => Encoding.encodeHex(md5(encode(list(parts))))

type Params = ReadonlyArray<readonly [string, string]>

const paramsOf = (body: Json.JsonObject): Checked<Params> => {
  const params = Json.get(body, "query_params")
  if (params === undefined || !Json.isObject(params)) return Either.right([])
  return Either.all(
    Json.entries(params).map(([name, value]) =>
      typeof value === "string" ? Either.right([name, value] as const) : badRequest(`${name} value must be a string.`)
    )
  )
}

interface Selection {
  readonly filter: Replication["filter"]
  readonly key: ReadonlyArray<Json.Json>
}

const named = (name: string, query: Params, source: Endpoint, design: string): Replication["filter"] => (context) =>
  Either.mapLeft(
    Filters.make(
      { ...context, request: { ...context.request, method: "GET", query, body: undefined } },
      name,
      undefined
    ),
    (refused) =>
      refused.status !== 404 ? refused : {
        ...refused,
        reason: `Couldn't open document \`_design/${design}\` from source database \`${source.url}\`: ` +
          "{error,<<\"not_found\">>}"
      }
  )

const select = (body: Json.JsonObject, source: Endpoint): Checked<Selection> =>
  Either.gen(function*() {
    const [ids, selector, filter] = ["doc_ids", "selector", "filter"].map((name) => Json.get(body, name))
    const query = yield* paramsOf(body)
    if (ids !== undefined && !Json.isArray(ids)) return yield* badRequest("parameter `doc_ids` must be an array")
    if (selector !== undefined && !Json.isObject(selector)) {
      return yield* badRequest("parameter `selector` must be a JSON object")
    }
    if ([ids, selector, filter].filter((value) => value !== undefined).length > 1) {
      return yield* badRequest("`doc_ids`,`filter`,`selector` are mutually exclusive")
    }
    if (ids !== undefined) {
      // Ids may be percent-encoded.
      const plain = ids.map((id) => typeof id === "string" ? Req.percentDecode(id) ?? id : id)
      const sorted = Array.from(new Set(plain)).sort((a, b) => Utf8.compare(String(a), String(b)))
      return { key: [sorted], filter: (context) => Filters.make(context, "_doc_ids", { doc_ids: sorted }) }
    }
    if (selector !== undefined) {
      return { key: [selector], filter: (context) => Filters.make(context, "_selector", { selector }) }
    }
    if (typeof filter !== "string") {
      return { key: [], filter: (context) => Filters.make(context, undefined, undefined) }
    }
    const [design = "", name] = filter.split("/")
    if (!filter.startsWith("_") && name === undefined) {
      return yield* refuse(500, "error", "Invalid filter. Must match `ddocname/filtername`.")
    }
    return { key: [filter, Json.fromEntries(query)], filter: named(filter, query, source, design) }
  })

const booleans = ["cancel", "continuous", "create_target", "winning_revs_only"]

const integers = [
  "worker_processes",
  "worker_batch_size",
  "http_connections",
  "connection_timeout",
  "retries_per_request",
  "checkpoint_interval"
]

const isInteger = (value: Json.Json): boolean =>
  typeof value === "number" ? Number.isInteger(value) : typeof value === "string" && /^[+-]?\d+$/.test(value)

const checkOptions = (body: Json.JsonObject): Checked<void> => {
  for (const [name, value] of Json.entries(body)) {
    if (booleans.includes(name) && typeof value !== "boolean") {
      return badRequest(`parameter \`${name}\` must be a boolean`)
    }
    if (integers.includes(name) && !isInteger(value)) {
      return internalError("badarg", undefined, crashRefs.replicationOption)
    }
    if (name === "create_target_params" && !Json.isObject(value)) {
      return badRequest("parameter `create_target_params` must be a JSON object")
    }
  }
  return Either.void
}

const targetParamsOf = (body: Json.JsonObject): Params => {
  const params = Json.get(body, "create_target_params")
  return params === undefined || !Json.isObject(params)
    ? []
    : Json.entries(params).map(([name, value]) => [name, typeof value === "string" ? value : print(value)])
}

/** Parses the body of a request. */
export const parse = (context: Context, body: Json.JsonObject): Checked<Replication> =>
  Either.gen(function*() {
    const is = (name: string): boolean => Json.get(body, name) === true
    const source = yield* Places.parse(context, Json.get(body, "source"))
    const target = yield* Places.parse(context, Json.get(body, "target"))
    yield* checkOptions(body)
    const { filter, key } = yield* select(body, source)
    const winnersOnly = is("winning_revs_only")
    const id = idOf([
      json(context.server.uuid),
      source.key,
      target.key,
      ...key.map(json),
      ...(winnersOnly ? [json("winning_revs_only")] : [])
    ])
    const suffix = (is("continuous") ? "+continuous" : "") + (is("create_target") ? "+create_target" : "")
    return {
      id,
      job: id + suffix,
      source,
      target,
      createTarget: is("create_target"),
      continuous: is("continuous"),
      cancel: is("cancel"),
      byId: Json.has(body, "doc_ids"),
      filter,
      winnersOnly,
      since: Json.get(body, "since_seq"),
      useCheckpoints: Json.get(body, "use_checkpoints") !== false,
      checkpointInterval: Number(Json.get(body, "checkpoint_interval") ?? 30_000),
      targetParams: targetParamsOf(body)
    }
  })
