import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Emit } from "../../DesignFunctions.js"
import type { Functions } from "../design/functions.js"
import { interpret, toJson } from "../design/program.js"
import * as MangoIndex from "../mango/jsonIndex.js"
import type { Definition } from "./definition.js"
import { signature } from "./definition.js"
import type { MapDocuments, Source } from "./index.js"
import type { Row } from "./rows.js"
import { compareKeys, compareRows } from "./rows.js"

type Emitted = Array<Pick<Row, "key" | "value">>

const given = (map: (doc: { readonly _id: string }, emit: Emit) => void): MapDocuments => (documents) =>
  Either.right(documents.map(({ text }) => {
    const emitted: Emitted = []
    try {
      map(JSON.parse(text), (key, value) => emitted.push({ key: toJson(key), value: toJson(value) }))
      return emitted
    } catch {
      return []
    }
  }))

const pairsOf = (answer: Json.Json | undefined): Emitted =>
  Json.isArray(answer)
    ? answer.map((pair) => Json.isArray(pair) ? { key: pair[0] ?? null, value: pair[1] ?? null } : nothing)
    : []

const nothing = { key: null, value: null }

const interpreted = (functions: Functions, definition: Definition): MapDocuments => (documents) =>
  documents.length === 0 ? Either.right([]) : Either.map(
    interpret(
      functions,
      `_design/${definition.design}/_view/${definition.view}`,
      "map",
      definition.map,
      definition.body,
      `[${documents.map(({ text }) => text).join(",")}]`
    ),
    (answer) => documents.map((_, i) => pairsOf(Json.isArray(answer) ? answer[i] : undefined))
  )

/** Where the rows of a view come from: a Mango index, a function that was given, or the view's own text. */
export const sourceOf = (functions: Functions, definition: Definition): Source => {
  const { body, design, includeDesign, localSeq, map, raw, view } = definition
  const functionOf = functions.given[design]?.views?.[view]?.map
  return {
    signature: signature(definition),
    compare: compareRows(compareKeys(raw)),
    includeDesign,
    localSeq,
    map: Json.get(body, "language") === "query"
      ? MangoIndex.mapOf(map)
      : functionOf === undefined
      ? interpreted(functions, definition)
      : given(functionOf)
  }
}
