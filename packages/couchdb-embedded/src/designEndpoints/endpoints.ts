import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { designBody, forFunctions, liveWinner } from "../design/documentText.js"
import type { DesignDocument } from "../design/functionCalls.js"
import * as Calls from "../design/functionCalls.js"
import { interpret } from "../design/program.js"
import { requestObject } from "../design/request.js"
import { writeOne } from "../documents/document.js"
import type { Checked } from "../http/refusal.js"
import { internalError, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { checkId, checkPartition, fromJson } from "../storage/incoming.js"
import * as Revs from "../storage/revision.js"
import { printRows, runQuery } from "../views/answer.js"
import * as Views from "../views/endpoints.js"
import { respond } from "./respond.js"

const invalidPath = (error: string): CheckedReply => refuse(404, error, "Invalid path.")

/** The document in the path, as JSON for a function. */
const subject = ({ database }: DatabaseContext, id: string | undefined): string => {
  const record = id === undefined ? undefined : database.documents.get(id)
  return record !== undefined && liveWinner(record) !== undefined ? forFunctions(record) ?? "null" : "null"
}

const idOf = (context: DatabaseContext): string | undefined => {
  const parts = context.request.segments.slice(5)
  return parts.length === 0 ? undefined : parts.map((part) => part ?? "").join("/")
}

const requestText = (context: DatabaseContext, id: string | undefined, info: Json.JsonObject): string =>
  Json.stringify(requestObject(context, id ?? null, info))

type Action = (context: DatabaseContext, place: DesignDocument, info: Json.JsonObject) => CheckedReply

const update: Action = (context, place, info) =>
  Either.gen(function*() {
    const name = context.request.segments[4]
    if (name === undefined) return yield* invalidPath("update_error")
    const text = yield* Calls.source(place, "updates", name)
    const id = idOf(context)
    const [made, response] = yield* Calls.update(
      context.server.functions,
      place,
      name,
      text,
      subject(context, id),
      requestText(context, id, info)
    )
    if (!Json.isObject(made)) return yield* respond(response, 200, {})
    const document = yield* fromJson(made, 0)
    yield* checkId(document.id)
    yield* checkPartition(context.database, document.id)
    const rev = yield* writeOne(context, document, true)
    return yield* respond(response, 201, {
      "x-couch-id": Req.percentEncode(document.id),
      "x-couch-update-newrev": Revs.format(rev)
    })
  })

const show: Action = (context, place, info) =>
  Either.gen(function*() {
    const name = context.request.segments[4]
    if (name === undefined) return yield* invalidPath("show_error")
    const text = yield* Calls.source(place, "shows", name)
    const id = idOf(context)
    const doc = subject(context, id)
    const etag = Response.etagOf([
      Json.stringify(place.body),
      doc,
      Req.header(context.request, "accept") ?? "",
      ...context.user.roles
    ].join(" "))
    const made = yield* interpret(
      context.server.functions,
      `_design/${place.name}/_show/${name}`,
      "show",
      text,
      place.body,
      `[${doc},${requestText(context, id, info)}]`
    )
    const response = yield* respond(made, 200, { etag, vary: "Accept" })
    return Response.unlessMatched(context.request, etag, () => response)
  })

/** The view of a list function: one of the same design document, or of another one in the path. */
const printList = (
  context: DatabaseContext,
  place: DesignDocument,
  parts: ReadonlyArray<string>
): Checked<[DesignDocument, string]> => {
  const [first = "", second] = parts
  if (second === undefined) return Either.right([place, first])
  const body = designBody(context.database, `_design/${first}`)
  return body === undefined
    ? internalError("{not_found,missing}", "badmatch")
    : Either.right([{ name: first, body }, second])
}

const rowsOf = (
  context: DatabaseContext,
  design: DesignDocument,
  view: string
): Checked<{ head: Json.Json; rows: string }> =>
  Either.gen(function*() {
    const body = context.request.method === "POST" ? yield* Req.json(context.request) : undefined
    const query = yield* Views.queryOf(context, Json.isObject(body) ? body : undefined)
    const result = yield* runQuery(context, yield* Views.findView(design, view), query)
    const rows = yield* printRows(context, query, result)
    const head = result._tag === "Rows" ? { total_rows: result.total, offset: result.offset } : {}
    return { head, rows: `[${rows.join(",")}]` }
  })

const list: Action = (context, place, info) =>
  Either.gen(function*() {
    const [name, ...parts] = context.request.segments.slice(4).map((part) => part ?? "")
    if (name === undefined || parts.length === 0 || parts.length > 2) return yield* invalidPath("list_error")
    const text = yield* Calls.source(place, "lists", name)
    const [design, view] = yield* printList(context, place, parts)
    const { head, rows } = yield* rowsOf(context, design, view)
    const made = yield* interpret(
      context.server.functions,
      `_design/${place.name}/_list/${name}`,
      "list",
      text,
      place.body,
      `[${Json.stringify(head)},${requestText(context, undefined, info)},${rows}]`
    )
    const [start, body] = Json.isArray(made) ? made : [{}, ""]
    const members = Json.isObject(start) ? Json.entries(start).filter(([key]) => key !== "body") : []
    const response = yield* respond(Json.fromEntries(members), 200, {})
    return { ...response, body: typeof body === "string" ? body : "" }
  })

const actions: Readonly<Record<string, Action>> = {
  _info: (context, place) => Views.info(context, place),
  _view: (context, place) => Views.view(context, place),
  _update: update,
  _show: show,
  _list: (context, place, info) =>
    byMethod(context, {
      GET: () => list(context, place, info),
      POST: () => Either.flatMap(Req.requireJson(context.request), () => list(context, place, info))
    }, "GET,POST,HEAD"),
  _rewrite: (_context, { body }) =>
    Json.has(body, "rewrites")
      ? refuse(501, "not_implemented", "The embedded CouchDB does not have rewrites.")
      : invalidPath("rewrite_error"),
  _search: () => refuse(503, "service unavailable", "Search is not available"),
  _search_info: () => refuse(503, "service unavailable", "Search is not available"),
  _nouveau: () => refuse(404, "not_found", "missing")
}

/** Whether a design document has an endpoint with this name. */
export const isAction = (name: string): boolean => Object.hasOwn(actions, name)

/** `/db/_design/name/_action…`. `info` is the response of `GET /db`. */
export const handle = (
  context: DatabaseContext,
  action: string,
  place: DesignDocument,
  info: Json.JsonObject
): CheckedReply => actions[action]?.(context, place, info) ?? refuse(404, "not_found", "missing")
