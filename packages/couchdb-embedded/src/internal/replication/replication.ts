import { md5 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Filter } from "../changesFilters.js"
import * as Filters from "../changesFilters.js"
import type { Context, DatabaseContext } from "../context.js"
import { print } from "../print.js"
import type { Checked } from "../refusal.js"
import { badRequest, notImplemented, refuse } from "../refusal.js"
import * as Utf8 from "../utf8.js"
import type { Place } from "./place.js"
import * as Places from "./place.js"

/** A replication that was asked for. */
export interface Replication {
  /** What checkpoints are kept under. */
  readonly id: string
  /** The id, and what makes it a job of its own. */
  readonly job: string
  readonly source: Place
  readonly target: Place
  readonly createTarget: boolean
  readonly continuous: boolean
  readonly cancel: boolean
  /** Whether it was told by name what to replicate, which CouchDB answers in an older way. */
  readonly byId: boolean
  readonly filter: (source: DatabaseContext) => Checked<Filter>
}

const idOf = (parts: Json.Json): string => Encoding.encodeHex(md5(Utf8.encode(print(parts))))

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

const named = (name: string, query: Params, source: Place, design: string): Replication["filter"] => (context) =>
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

const select = (body: Json.JsonObject, source: Place): Checked<Selection> =>
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
      const sorted = Array.from(new Set(ids)).sort((a, b) => Utf8.compare(String(a), String(b)))
      return { key: [sorted], filter: (context) => Filters.make(context, "_doc_ids", { doc_ids: sorted }) }
    }
    if (selector !== undefined) {
      return { key: [selector], filter: (context) => Filters.make(context, "_selector", { selector }) }
    }
    if (typeof filter !== "string") {
      return { key: [], filter: (context) => Filters.make(context, undefined, undefined) }
    }
    const [design = "", name] = filter.split("/")
    if (filter !== "_view" && name === undefined) {
      return yield* refuse(500, "error", "Invalid filter. Must match `ddocname/filtername`.")
    }
    return { key: [filter, Json.fromEntries(query)], filter: named(filter, query, source, design) }
  })

/** Reads the body of a request. */
export const parse = (context: Context, body: Json.JsonObject): Checked<Replication> =>
  Either.gen(function*() {
    const is = (name: string): boolean => Json.get(body, name) === true
    // An option that changes what is copied is refused rather than passed over.
    const unknown = ["winning_revs_only", "since_seq", "create_target_params"].find((name) => Json.has(body, name))
    if (unknown !== undefined) return yield* notImplemented(`the replication option ${unknown}`)
    const source = yield* Places.parse(context, Json.get(body, "source"))
    const target = yield* Places.parse(context, Json.get(body, "target"))
    const { filter, key } = yield* select(body, source)
    const id = idOf([context.server.uuid, source.key, target.key, ...key])
    const told = Json.get(body, "id")
    const suffix = (is("continuous") ? "+continuous" : "") + (is("create_target") ? "+create_target" : "")
    return {
      id,
      job: typeof told === "string" && is("cancel") ? told : id + suffix,
      source,
      target,
      createTarget: is("create_target"),
      continuous: is("continuous"),
      cancel: is("cancel"),
      byId: Json.has(body, "doc_ids"),
      filter
    }
  })
