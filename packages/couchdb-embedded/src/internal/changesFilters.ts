import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "./context.js"
import type { Checked } from "./refusal.js"
import { badRequest, missing, notImplemented, refuse } from "./refusal.js"
import * as Req from "./request.js"
import type { Node } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { DocumentRecord, Version } from "./state.js"

/**
 * Which changes a feed tells.
 *
 * - `byId`: whether the name of the document decides. Such filters count what they hold back as still to come
 * - `pass`: those of the revisions that the feed would tell which it may tell
 */
export interface Filter {
  readonly byId: boolean
  readonly pass: (record: DocumentRecord, leaves: ReadonlyArray<Node<Version>>) => ReadonlyArray<Node<Version>>
}

const byId = (wanted: (id: string) => boolean): Filter => ({
  byId: true,
  pass: ({ id }, leaves) => wanted(id) ? leaves : []
})

/** A filter that looks at each revision. */
export const byDocument = (wanted: (record: DocumentRecord, leaf: Node<Version>) => boolean): Filter => ({
  byId: false,
  pass: (record, leaves) => leaves.filter((leaf) => wanted(record, leaf))
})

const docIds = (list: Json.Json | undefined): Checked<Filter> => {
  if (!Json.isArray(list) || !list.every((id) => typeof id === "string")) {
    return badRequest("`doc_ids` filter parameter is not a list of doc ids.")
  }
  const ids = new Set<Json.Json>(list)
  return Either.right(byId((id) => ids.has(id)))
}

const selector = (body: Json.JsonObject | undefined): Checked<Filter> => {
  if (body === undefined) return badRequest("Selector must be specified in POST payload")
  return Json.isObject(Json.get(body, "selector"))
    ? notImplemented("the changes filter _selector")
    : badRequest("Selector error: expected a JSON object")
}

const parts = (name: string): ReadonlyArray<string> =>
  name.split("/").filter((part) => part !== "").map((part) => Req.unquote(part) ?? part)

/** Refuses functions that the design document does not have. */
const member = ({ database }: DatabaseContext, design: string, group: string, name: string): Checked<void> => {
  const record = database.documents.get(`_design/${design}`)
  const version = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
  if (version === undefined) return Either.left(missing)
  if (version.deleted) return refuse(404, "not_found", "deleted")
  const functions = Json.get(version.body, group)
  if (!Json.isObject(functions)) return refuse(404, "not_found", `missing json key: ${group}`)
  return Json.has(functions, name) ? Either.void : refuse(404, "not_found", `missing json key: ${name}`)
}

const viewFilter = (context: DatabaseContext): Checked<Filter> => {
  const view = Req.param(context.request, "view") ?? ""
  if (view === "") return badRequest("`view` filter parameter is not provided.")
  const [design, name] = parts(view)
  if (design === undefined || name === undefined) return badRequest("`view` must be of the form `designname/viewname`")
  return Either.flatMap(
    member(context, design, "views", name),
    () => notImplemented("the changes filter _view")
  )
}

const designFilter = (context: DatabaseContext, filter: string): Checked<Filter> => {
  const [design, name, ...more] = parts(filter)
  if (design === undefined || name === undefined || more.length > 0) {
    return badRequest("`filter` must be of the form `designname/filtername`")
  }
  return Either.flatMap(
    member(context, design, "filters", name),
    () => notImplemented("changes filters of design documents")
  )
}

/** The filter of that name; `body` is that of a `POST`. */
export const make = (
  context: DatabaseContext,
  name: string | undefined,
  body: Json.JsonObject | undefined
): Checked<Filter> => {
  if (name === undefined || name === "") return Either.right(byId(() => true))
  switch (name) {
    case "_doc_ids": {
      if (body !== undefined) return docIds(Json.get(body, "doc_ids"))
      const text = Req.param(context.request, "doc_ids")
      return text === undefined ? docIds(undefined) : Either.flatMap(Req.parseValue(text), docIds)
    }
    case "_design":
      return Either.right(byId((id) => id.startsWith("_design")))
    case "_selector":
      return selector(body)
    case "_view":
      return viewFilter(context)
    default:
      return name.startsWith("_") ? badRequest("unknown builtin filter name") : designFilter(context, name)
  }
}
