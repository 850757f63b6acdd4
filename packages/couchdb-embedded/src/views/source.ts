import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { interpret, toJson } from "../design/program.js"
import type { Emit } from "../functions/DesignFunctions.js"
import type { Functions } from "../functions/sources.js"
import type { Definition } from "./definition.js"
import { signature } from "./definition.js"
import type { MapDocuments, Source } from "./index.js"
import * as MangoIndex from "./jsonIndex.js"
import type { Row } from "./rows.js"
import { compareKeys, compareRows } from "./rows.js"

type Emitted = Array<Pick<Row, "key" | "value">>

const fromFunction = (map: (doc: { readonly _id: string }, emit: Emit) => void): MapDocuments => (documents) =>
  Either.right(documents.map(({ text }) => {
    const emitted: Emitted = []
    try {
      map(JSON.parse(text), (key, value) => emitted.push({ key: toJson(key), value: toJson(value) }))
      return emitted
    } catch {
      return []
    }
  }))

const pairsOf = (output: Json.Json | undefined): Emitted =>
  Json.isArray(output)
    ? output.map((pair) => Json.isArray(pair) ? { key: pair[0] ?? null, value: pair[1] ?? null } : nothing)
    : []

const nothing = { key: null, value: null }

/** How many documents one call maps, so that the time limit applies to few documents. */
const batchSize = 200

const fromText = (functions: Functions, definition: Definition): MapDocuments => (documents) =>
  Either.gen(function*() {
    const emitted: Array<Emitted> = []
    for (let from = 0; from < documents.length; from += batchSize) {
      const some = documents.slice(from, from + batchSize)
      const output = yield* interpret(
        functions,
        `_design/${definition.design}/_view/${definition.view}`,
        "map",
        definition.map,
        definition.body,
        `[${some.map(({ text }) => text).join(",")}]`
      )
      some.forEach((_, i) => emitted.push(pairsOf(Json.isArray(output) ? output[i] : undefined)))
    }
    return emitted
  })

/** The source of a view's rows: a Mango index, a TypeScript function, or the text of the view. */
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
      ? fromText(functions, definition)
      : fromFunction(functionOf)
  }
}
