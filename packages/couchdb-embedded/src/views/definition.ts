import * as Json from "effect-couchdb/Json"

/** A view as its design document defines it. */
export interface Definition {
  /** The name of the design document, without `_design/`. */
  readonly design: string
  readonly body: Json.JsonObject
  readonly view: string
  /** JavaScript text, or the fields of a Mango index. */
  readonly map: Json.Json
  readonly reduce: string | undefined
  readonly raw: boolean
  readonly includeDesign: boolean
  readonly localSeq: boolean
  readonly partitioned: boolean
}

const member = (value: Json.Json | undefined, name: string): Json.Json | undefined =>
  Json.isObject(value) ? Json.get(value, name) : undefined

/** The view with this name, if the design document has it. */
export const find = (design: string, body: Json.JsonObject, view: string): Definition | undefined => {
  const definition = member(Json.get(body, "views"), view)
  const map = member(definition, "map")
  if (map === undefined) return undefined
  const reduce = member(definition, "reduce")
  const options = Json.get(body, "options")
  return {
    design,
    body,
    view,
    map,
    reduce: typeof reduce === "string" ? reduce : undefined,
    raw: member(member(definition, "options"), "collation") === "raw",
    includeDesign: member(options, "include_design") === true,
    localSeq: member(options, "local_seq") === true,
    partitioned: member(options, "partitioned") === true
  }
}

/** Identifies what the rows depend on besides the documents. */
export const signature = ({ body, design, includeDesign, localSeq, map, raw, view }: Definition): string =>
  Json.stringify([
    design,
    view,
    map,
    raw,
    includeDesign,
    localSeq,
    member(Json.get(body, "views"), "lib") ?? null,
    Json.get(body, "language") ?? null
  ])
