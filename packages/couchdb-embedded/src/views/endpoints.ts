import { md5 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import { parseJson } from "../http/parseJson.js"
import type { ViewQuery } from "../http/rangeQuery.js"
import { defaults, parse } from "../http/rangeQuery.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, crashRefs, internalError, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { printResult, runQuery } from "./answer.js"
import type { Definition } from "./definition.js"
import * as Definitions from "./definition.js"
import * as Index from "./index.js"

/** A design document in the path of a request. */
export interface Design {
  readonly name: string
  readonly body: Json.JsonObject
}

/** The view of a design document, or CouchDB's error. */
export const findView = ({ body, name }: Design, view: string): Checked<Definition> => {
  const definition = Definitions.find(name, body, view)
  return definition === undefined ? refuse(404, "not_found", "missing_named_view") : Either.right(definition)
}

const fetchAll = (context: DatabaseContext, definition: Definition, query: ViewQuery): Checked<string> =>
  Either.flatMap(runQuery(context, definition, query), (result) => printResult(context, query, result))

/** Parses the parameters of a request. */
export const queryOf = (context: DatabaseContext, body: Json.JsonObject | undefined): Checked<ViewQuery> =>
  Either.gen(function*() {
    const { request } = context
    const keys = body === undefined ? undefined : Json.get(body, "keys")
    if (keys !== undefined && !Json.isArray(keys)) return yield* badRequest("`keys` member must be an array.")
    const listed = Req.param(request, "keys")
    if (listed !== undefined && !Json.isArray(yield* parseJson(listed))) {
      return yield* refuse(400, "query_parse_error", "`keys` must be an array of strings.")
    }
    const fromBody = body === undefined ? defaults : yield* parse(defaults, Json.entries(body), true)
    return yield* parse(fromBody, request.query, false)
  })

const bodyOf = (context: DatabaseContext, place: number): Checked<Json.JsonObject> =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    const body = yield* Req.json(context.request, Req.dataError(place))
    return Json.isObject(body) ? body : yield* badRequest("Request body must be a JSON object")
  })

const get = (context: DatabaseContext, design: Design, view: string): CheckedReply =>
  Either.gen(function*() {
    const query = yield* queryOf(context, undefined)
    return Response.text(200, yield* fetchAll(context, yield* findView(design, view), query))
  })

const post = (context: DatabaseContext, design: Design, view: string): CheckedReply =>
  Either.gen(function*() {
    const body = yield* bodyOf(context, crashRefs.viewBody)
    if (Json.get(body, "queries") !== undefined) {
      return yield* badRequest("The `queries` parameter is no longer supported at this endpoint")
    }
    const query = yield* queryOf(context, body)
    return Response.text(200, yield* fetchAll(context, yield* findView(design, view), query))
  })

const queries = (context: DatabaseContext, design: Design, view: string): CheckedReply =>
  Either.gen(function*() {
    const wanted = Json.get(yield* bodyOf(context, crashRefs.queriesBody), "queries")
    if (wanted === undefined) return yield* badRequest("POST body must include `queries` parameter.")
    if (!Json.isArray(wanted)) return yield* badRequest("`queries` member must be an array.")
    const common = yield* parse(defaults, context.request.query, false)
    const definition = yield* findView(design, view)
    const results: Array<string> = []
    for (const each of wanted) {
      if (!Json.isObject(each)) return yield* internalError("function_clause")
      const query = yield* parse(common, Json.entries(each), true)
      results.push(yield* fetchAll(context, definition, query))
    }
    return Response.text(200, `{"results":[${results.map((text) => `\r\n${text}`).join(",")}\r\n]}`)
  })

/** `/db/_design/name/_view/…` */
export const view = (context: DatabaseContext, design: Design): CheckedReply => {
  const [name, more, ...rest] = context.request.segments.slice(4)
  if (name === undefined || (more !== undefined && more !== "queries") || rest.length > 0) {
    return byMethod(context, {}, "GET,POST,HEAD")
  }
  return more === "queries"
    ? byMethod(context, { POST: () => queries(context, design, name) }, "POST")
    : byMethod(context, {
      GET: () => get(context, design, name),
      POST: () => post(context, design, name)
    }, "GET,POST,HEAD")
}

const viewsOf = (body: Json.JsonObject): Json.JsonObject => {
  const views = Json.get(body, "views")
  return Json.isObject(views) ? views : {}
}

/** `/db/_design/name/_info`. In memory, nothing waits and sizes have no meaning. */
export const info = (context: DatabaseContext, { body, name }: Design): CheckedReply =>
  byMethod(context, {
    GET: () => {
      const language = Json.get(body, "language")
      const signature = Encoding.encodeHex(md5(Utf8.encode(print([viewsOf(body), language ?? null]))))
      return Either.right(Response.json(200, {
        name,
        view_index: {
          updates_pending: { minimum: 0, preferred: 0, total: 0 },
          waiting_commit: false,
          waiting_clients: 0,
          updater_running: false,
          update_seq: context.database.shards.reduce((sum, { seq }) => sum + seq, 0),
          sizes: { file: 0, external: 0, active: 0 },
          signature,
          purge_seq: context.database.purgeSeq,
          language: typeof language === "string" ? language : "javascript",
          compact_running: false,
          collator_versions: ["153.120"]
        }
      }))
    }
  }, "GET")

/** Removes the indexes that no design document defines. */
export const cleanUp = (context: DatabaseContext, designs: Iterable<Design>): void => {
  const keep = new Set<string>()
  for (const { body, name } of designs) {
    for (const view of Json.keys(viewsOf(body))) {
      const definition = Definitions.find(name, body, view)
      if (definition !== undefined) keep.add(Definitions.signature(definition))
    }
  }
  Index.cleanUp(context.database, keep)
}
