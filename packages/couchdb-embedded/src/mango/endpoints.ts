import { sha1 } from "@noble/hashes/legacy"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { CheckedReply, DatabaseContext } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { designBody } from "../design/documentText.js"
import * as Writes from "../documents/writes.js"
import * as Term from "../encoding/externalTerm.js"
import { erlangTerm } from "../encoding/termText.js"
import {
  badRequest,
  type Checked,
  crashRefs,
  internalError,
  missing,
  type Refusal,
  refusal,
  refuse
} from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import { checkId } from "../storage/incoming.js"
import * as RevisionTree from "../storage/revisionTree.js"
import { explain } from "./explain.js"
import { find } from "./find.js"
import type { Index } from "./indexes.js"
import * as Indexes from "./indexes.js"
import type { FindOptions, IndexOptions } from "./options.js"
import { readBulkDelete, readDefinition, readFind, readIndex } from "./options.js"

const bodyOf = (context: DatabaseContext): Checked<Json.JsonObject> =>
  Either.gen(function*() {
    yield* Req.requireJson(context.request)
    const body = yield* Req.json(context.request)
    return Json.isObject(body) ? body : yield* badRequest("Request body must be a JSON object")
  })

/** Parses a query, which may be limited to a partition. */
const queryOf = (context: DatabaseContext): Checked<FindOptions> =>
  Either.gen(function*() {
    const body = yield* bodyOf(context)
    const named = Req.param(context.request, "partition")
    const other = Json.get(body, "partition")
    if (named !== undefined && other !== undefined && other !== named) {
      return yield* internalError(`Unknown Error: mango_httpd :: {bad_partition,${erlangTerm(other)}}`)
    }
    return yield* readFind(
      named === undefined ? body : Json.fromEntries([["partition", named], ...Json.entries(body)])
    )
  })

/** `/db/_find` */
export const handleFind = (context: DatabaseContext): CheckedReply =>
  byMethod(context, {
    POST: () =>
      Either.map(
        Either.flatMap(queryOf(context), (options) => find(context, options)),
        (text) => Response.text(200, text)
      )
  }, "POST")

/** `/db/_explain` */
export const handleExplain = (context: DatabaseContext): CheckedReply =>
  byMethod(context, {
    POST: () =>
      Either.map(
        Either.flatMap(queryOf(context), (options) => explain(context.database, options)),
        (body) => Response.json(200, body)
      )
  }, "POST")

/** The generated name of an index: a hash of its options. */
const generatedName = ({ ddoc, definition, name, partitioned, type, w }: IndexOptions): string => {
  const named = (value: string | undefined) => value === undefined ? Term.atom("auto_name") : Term.json(value)
  const options = [
    Term.tuple(Term.atom("ddoc"), named(ddoc)),
    Term.tuple(Term.atom("def"), Term.json(definition)),
    Term.tuple(Term.atom("name"), named(name)),
    Term.tuple(
      Term.atom("partitioned"),
      partitioned === undefined ? Term.atom("db_default") : Term.json(partitioned)
    ),
    Term.tuple(Term.atom("type"), Term.json(type)),
    Term.tuple(Term.atom("w"), Term.json(w))
  ]
  return Encoding.encodeHex(sha1(Term.encode(Term.tuple(Term.json(definition), Term.list(options)))))
}

const checkType = (type: string): Checked<void> => {
  if (type === "json") return Either.void
  return type === "text" || type === "nouveau"
    ? refuse(503, "required index service unavailable", type)
    : refuse(400, "invalid_index", `Invalid type for index: ${type}`)
}

const viewsOf = (body: Json.JsonObject): Json.JsonObject => {
  const views = Json.get(body, "views")
  return Json.isObject(views) ? views : {}
}

const withMember = (object: Json.JsonObject, name: string, value: Json.Json): Json.JsonObject =>
  Json.fromEntries(new Map<string, Json.Json>(Json.entries(object)).set(name, value))

/** Stores a design document over its current revision. */
const store = (context: DatabaseContext, id: string, body: Json.JsonObject, deleted: boolean): Checked<void> => {
  const { database, server, user } = context
  const record = database.documents.get(id)
  const winner = record === undefined ? undefined : RevisionTree.winner(record.tree)
  const live = winner?.version?.deleted === false ? winner : undefined
  return Either.flatMap(
    Writes.edit(server, database, user, [{
      id,
      generation: live?.generation ?? 0,
      hashes: live === undefined ? [] : [live.hash],
      deleted,
      body,
      attachments: []
    }]),
    ([outcome]) =>
      outcome === undefined
        ? Either.left(missing)
        : Either.map(outcome, () => undefined)
  )
}

/** As in CouchDB, the response hides why a write was rejected, even if the user has no permission. */
const notSaved = ({ error }: Refusal): Refusal =>
  refusal(
    500,
    "error_saving_ddoc",
    error === "conflict"
      ? "Encountered a conflict while saving the design document."
      : `Unknown error while saving the design document: ${error}`,
    { ref: crashRefs.indexNotSaved }
  )

const partitionedOption = (body: Json.JsonObject): Json.Json | undefined => {
  const options = Json.get(body, "options")
  return Json.isObject(options) ? Json.get(options, "partitioned") : undefined
}

const create = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const options = yield* Either.flatMap(bodyOf(context), readIndex)
    yield* checkType(options.type)
    const definition = yield* readDefinition(options.definition)
    const generated = generatedName(options)
    const name = options.name ?? generated
    const ddoc = options.ddoc ?? generated
    const id = yield* checkId(ddoc.startsWith("_design/") ? ddoc : `_design/${ddoc}`)
    const before = designBody(context.database, id)
    if (before !== undefined && Json.get(before, "language") !== "query") {
      const language = Json.get(before, "language")
      return yield* refuse(
        400,
        "invalid_ddoc_lang",
        `Existing design doc has an invalid language: ${
          typeof language === "string" ? `{<<108,97,110,103,117,97,103,101>>,${language}}` : "false"
        }`
      )
    }
    const body = before ?? { language: "query" }
    if (before !== undefined && options.partitioned !== partitionedOption(before)) {
      return yield* refuse(
        400,
        "invalid_partitioned_option",
        `Requested partitioned option does not match existing value on design document ${id}`
      )
    }
    const view: Json.Json = {
      map: { fields: Json.fromEntries(definition.fields), partial_filter_selector: definition.partialFilter },
      reduce: "_count",
      options: { def: options.definition }
    }
    const withView = withMember(body, "views", withMember(viewsOf(body), name, view))
    const after = options.partitioned === undefined || before !== undefined
      ? withView
      : withMember(withView, "options", { partitioned: options.partitioned })
    const exists = before !== undefined && Json.equals(before, after)
    if (!exists) yield* Either.mapLeft(store(context, id, after, false), notSaved)
    return Response.json(200, { result: exists ? "exists" : "created", id, name })
  })

const badList = refuse(500, "invalid_list_index_params", "Index parameter ranges: limit > 1, skip > 0", { ref: true })

const bound = (context: DatabaseContext, name: string, fallback: number, least: number): Checked<number> => {
  const text = Req.param(context.request, name)
  if (text === undefined) return Either.right(fallback)
  return /^[+-]?\d+$/.test(text) && Number(text) >= least ? Either.right(Number(text)) : badList
}

const listAll = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const indexes = Indexes.list(context.database)
    const limit = yield* bound(context, "limit", indexes.length, 1)
    const skip = yield* bound(context, "skip", 0, 0)
    return Response.json(200, {
      total_rows: indexes.length,
      indexes: indexes.slice(skip, skip + limit).map(Indexes.toJson)
    })
  })

const designId = (name: string): string => name.startsWith("_design/") ? name : `_design/${name}`

/** Removes the only matching index, and its design document if nothing else is in it. */
const remove = (context: DatabaseContext, fits: (index: Index) => boolean): Checked<boolean> =>
  Either.gen(function*() {
    const [index, ...more] = Indexes.list(context.database).filter(fits)
    const id = index?.ddoc
    const body = id === undefined ? undefined : designBody(context.database, id)
    if (index === undefined || id === undefined || body === undefined) return false
    if (more.length > 0) return yield* internalError("case_clause")
    const views = Json.entries(viewsOf(body)).filter(([name]) => name !== index.name)
    const rest = Json.entries(body).filter(([name]) => name !== "views")
    const after = views.length === 0
      ? Json.fromEntries(rest)
      : withMember(body, "views", Json.fromEntries(views))
    const isEmpty = Json.equals(after, { language: "query" })
    // CouchDB ignores the result of this write, so a user without permission gets the same response.
    const stored = store(context, id, isEmpty ? {} : after, isEmpty)
    if (Either.isLeft(stored) && stored.left.error !== "forbidden") yield* stored
    return true
  })

const bulkDelete = (context: DatabaseContext): CheckedReply =>
  Either.gen(function*() {
    const ids = yield* Either.flatMap(bodyOf(context), readBulkDelete)
    const success: Array<Json.Json> = []
    const fail: Array<Json.Json> = []
    for (const id of ids.map(designId)) {
      const removed = yield* remove(context, ({ ddoc }) => ddoc === id)
      if (removed) success.unshift({ id, ok: true })
      else fail.unshift({ id, error: "not_found" })
    }
    return Response.json(200, { success, fail })
  })

const removeOne = (context: DatabaseContext, ddoc: string, type: string, name: string): CheckedReply =>
  Either.flatMap(
    remove(context, (index) => index.ddoc === designId(ddoc) && type === "json" && index.name === name),
    (removed) => removed ? Either.right(Response.json(200, { ok: true })) : Either.left(missing)
  )

/** `/db/_index` and its sub-paths. */
export const handleIndex = (context: DatabaseContext): CheckedReply => {
  const parts = context.request.segments.slice(2)
  const [first] = parts
  if (first === undefined) {
    return byMethod(context, { GET: () => listAll(context), POST: () => create(context) }, "GET,POST")
  }
  if (first === "_bulk_delete" && parts.length === 1) {
    return byMethod(context, { POST: () => bulkDelete(context) }, "POST")
  }
  const [ddoc, type, name, ...more] = first === "_design" ? parts.slice(1) : parts
  return ddoc === undefined || type === undefined || name === undefined || more.length > 0
    ? Either.left(missing)
    : byMethod(context, { DELETE: () => removeOne(context, ddoc, type, name) }, "DELETE")
}
