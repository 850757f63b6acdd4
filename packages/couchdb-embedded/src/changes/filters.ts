import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { DatabaseContext } from "../access/context.js"
import * as Calls from "../design/functionCalls.js"
import { requestObject } from "../design/request.js"
import { parseJson } from "../http/parseJson.js"
import type { Checked, Refusal } from "../http/refusal.js"
import { badRequest, internalError, missing, refusal, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import { matcherOf } from "../selector/match.js"
import { printNode } from "../storage/printDocument.js"
import type { Node } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { DocumentRecord, Version } from "../storage/state.js"

/**
 * Which changes a feed sends.
 *
 * - `occurrences`: how often the change of a document is sent, for filters by document id. Such a filter looks documents up
 *   instead of skipping changes, so changes that it excludes count as pending
 * - `pass`: the revisions that the filter accepts, or the error of its function
 */
export interface Filter {
  readonly occurrences: ((id: string) => number) | undefined
  readonly pass: (
    record: DocumentRecord,
    leaves: ReadonlyArray<Node<Version>>
  ) => Checked<ReadonlyArray<Node<Version>>>
}

const byId = (times: Filter["occurrences"]): Filter => ({
  occurrences: times,
  pass: (_, leaves) => Either.right(leaves)
})

const noFilter = byId(undefined)

/** A filter that tests each revision. */
const byDocument = (wanted: (record: DocumentRecord, leaf: Node<Version>) => boolean): Filter => ({
  occurrences: undefined,
  pass: (record, leaves) => Either.right(leaves.filter((leaf) => wanted(record, leaf)))
})

// A longer list is compared with every change, and not looked up.
const maxLookups = 100

const docIds = (list: Json.Json | undefined): Checked<Filter> => {
  if (!Json.isArray(list) || !list.every((id) => typeof id === "string")) {
    return badRequest("`doc_ids` filter parameter is not a list of doc ids.")
  }
  const times = new Map<Json.Json, number>()
  for (const id of list) times.set(id, (times.get(id) ?? 0) + 1)
  return Either.right(
    list.length > maxLookups ? byDocument(({ id }) => times.has(id)) : byId((id) => times.get(id) ?? 0)
  )
}

const selector = (body: Json.JsonObject | undefined): Checked<Filter> => {
  if (body === undefined) return badRequest("Selector must be specified in POST payload")
  const wanted = Json.get(body, "selector")
  if (!Json.isObject(wanted)) return badRequest("Selector error: expected a JSON object")
  return Either.mapBoth(matcherOf(wanted), {
    onLeft: (refused) => ({ ...refused, error: "bad_request" }),
    onRight: (matches) =>
      byDocument((record, leaf) =>
        matches(Either.getOrElse(Json.parse(leafText(record, leaf, none) ?? "null"), () => null))
      )
  })
}

const none: ReadonlySet<string> = new Set()
const revs: ReadonlySet<string> = new Set(["revs"])

const leafText = (record: DocumentRecord, leaf: Node<Version>, flags: ReadonlySet<string>): string | undefined =>
  leaf.version === undefined ? undefined : printNode(record, leaf, leaf.version, flags, 20)

const parts = (name: string): ReadonlyArray<string> =>
  name.split("/").filter((part) => part !== "").map((part) => Req.percentDecode(part) ?? part)

interface Found {
  readonly place: Calls.DesignDocument
  readonly text: Json.Json
}

/** The text of a function, or CouchDB's error if the design document has none. */
const findFunction = ({ database }: DatabaseContext, design: string, group: string, name: string): Checked<Found> => {
  const record = database.documents.get(`_design/${design}`)
  const version = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
  if (version === undefined) return Either.left(missing)
  if (version.deleted) return refuse(404, "not_found", "deleted")
  const place = { name: design, body: version.body }
  return Either.map(Calls.source(place, group, name), (text) => ({ place, text }))
}

/** CouchDB crashes if a filter function fails. A function that the engine cannot run keeps its own error. */
const asCrash = (refused: Refusal): Refusal =>
  refused.status === 501
    ? refused
    : refusal(500, "error", `{${erlangBinary(refused.error)},${erlangBinary(Json.stringify(refused.reason))},[]}`)

const erlangBinary = (text: string): string => `<<${JSON.stringify(text)}>>`

const byFunction = (passes: (doc: string) => Checked<boolean>): Filter => ({
  occurrences: undefined,
  pass: (record, leaves) =>
    Either.gen(function*() {
      const passed: Array<Node<Version>> = []
      for (const leaf of leaves) {
        const text = leafText(record, leaf, revs)
        if (text !== undefined && (yield* Either.mapLeft(passes(text), asCrash))) passed.push(leaf)
      }
      return passed
    })
})

const viewFilter = (context: DatabaseContext): Checked<Filter> => {
  const view = Req.param(context.request, "view") ?? ""
  if (view === "") return badRequest("`view` filter parameter is not provided.")
  const path = parts(view)
  const [design, name] = path
  if (design === undefined) return internalError(view, "case_clause")
  if (name === undefined || path.length > 2) return internalError(path.join(""), "case_clause")
  return Either.flatMap(
    findFunction(context, design, "views", name),
    ({ place, text }) => {
      const { functions } = context.server
      const map = Json.isObject(text) ? Json.get(text, "map") ?? null : null
      return Either.map(
        Either.mapLeft(Calls.checkRunnable(functions, place, "views", name, map), asCrash),
        () => byFunction((doc) => Calls.viewFilter(functions, place, name, map, doc))
      )
    }
  )
}

const designFilter = (context: DatabaseContext, filter: string): Checked<Filter> => {
  const [design, name, ...more] = parts(filter)
  if (design === undefined) return Either.right(noFilter)
  if (name === undefined || more.length > 0) {
    return badRequest("`filter` must be of the form `designname/filtername`")
  }
  return Either.flatMap(
    findFunction(context, design, "filters", name),
    ({ place, text }) => {
      const { functions } = context.server
      const request = Json.stringify(requestObject(context, null, {}))
      return Either.map(
        Either.mapLeft(Calls.checkRunnable(functions, place, "filters", name, text), asCrash),
        () => byFunction((doc) => Calls.filter(functions, place, name, text, doc, request))
      )
    }
  )
}

/** The filter with this name. `body` is the body of a `POST` request. */
export const make = (
  context: DatabaseContext,
  name: string | undefined,
  body: Json.JsonObject | undefined
): Checked<Filter> => {
  if (name === undefined || name === "") return Either.right(noFilter)
  switch (name) {
    case "_doc_ids": {
      if (body !== undefined) return docIds(Json.get(body, "doc_ids"))
      const text = Req.param(context.request, "doc_ids")
      return text === undefined ? docIds(undefined) : Either.flatMap(parseJson(text), docIds)
    }
    case "_design":
      return Either.right(byId((id) => id.startsWith("_design/") ? 1 : 0))
    case "_selector":
      return selector(body)
    case "_view":
      return viewFilter(context)
    default:
      return name.startsWith("_") ? badRequest("unknown builtin filter name") : designFilter(context, name)
  }
}
