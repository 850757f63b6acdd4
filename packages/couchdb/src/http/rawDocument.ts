import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type * as Revision from "../data/Revision.js"
import type { ReadJson } from "./CouchHttp.js"

/**
 * A document as received: CouchDB's own members are separate, and the body has two forms. `raw` is exact, and `plain`
 * is the input of a schema.
 */
export interface RawDocument {
  readonly id: string
  readonly rev: Revision.Revision
  readonly deleted: boolean
  readonly stubs: Option.Option<Json.JsonObject>
  readonly raw: Json.JsonObject
  readonly plain: unknown
  /** `_conflicts`, `_revs_info` and the like. */
  readonly special: (name: string) => Json.Json | undefined
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isPlainObject = (value: unknown): value is Record<string, Json.Json> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const split = (
  members: ReadonlyArray<readonly [string, Json.Json]>
): readonly [
  special: ReadonlyMap<string, Json.Json>,
  own: ReadonlyArray<readonly [string, Json.Json]>
] => {
  const special = new Map<string, Json.Json>()
  const own: Array<readonly [string, Json.Json]> = []
  for (const member of members) {
    if (member[0].startsWith("_")) special.set(member[0], member[1])
    else own.push(member)
  }
  return [special, own]
}

/** The body as parsed by `JSON.parse`. */
const plainBody = (document: Record<string, Json.Json>): unknown =>
  Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith("_")))

/** Reads a document; `None` if the text is not a CouchDB document. */
export const readDocument = (text: string): Option.Option<RawDocument> => {
  const json = readJson(text)
  return json === undefined ? Option.none() : documentOf(json)
}

/** Reads JSON; `undefined` if the text is not JSON. */
export const readJson = (text: string): ReadJson | undefined => {
  const plain = parse(text)
  return plain === undefined ? undefined : { plain, exact: exactJson(text, plain) }
}

const exactJson = (text: string, plain: unknown): Json.Json =>
  (Json.mayBeInexact(text) ? Option.getOrUndefined(Either.getRight(Json.parse(text))) : undefined) ??
    (plain as Json.Json)

const underscore = 95

/** A document that `JSON.parse` represents exactly. */
const asParsed = (parsed: Record<string, Json.Json>): Option.Option<RawDocument> => {
  const { _attachments: stubs, _deleted: deleted, _id: id, _rev: rev } = parsed
  if (typeof id !== "string" || typeof rev !== "string") return Option.none()
  const raw: Record<string, Json.Json> = {}
  for (const key of Object.keys(parsed)) {
    if (key.charCodeAt(0) !== underscore) raw[key] = parsed[key] as Json.Json
  }
  return Option.some({
    id,
    rev: rev as Revision.Revision,
    deleted: deleted === true,
    stubs: isPlainObject(stubs) ? Option.some(stubs) : Option.none(),
    raw,
    plain: raw,
    special: (name) => Object.hasOwn(parsed, name) ? parsed[name] : undefined
  })
}

/** Splits a document into its parts; `None` if the JSON is not a CouchDB document. */
export const documentOf = ({ exact, plain }: ReadJson): Option.Option<RawDocument> => {
  if (!isPlainObject(plain)) return Option.none()
  if (exact === plain) return asParsed(plain)
  if (!Json.isObject(exact)) return Option.none()
  const [special, own] = split(Json.entries(exact))
  const id = special.get("_id")
  const rev = special.get("_rev")
  if (typeof id !== "string" || typeof rev !== "string") return Option.none()
  const stubs = special.get("_attachments")
  const raw = Json.fromEntries(own)
  return Option.some({
    id,
    rev: rev as Revision.Revision,
    deleted: special.get("_deleted") === true,
    stubs: Json.isObject(stubs) ? Option.some(stubs) : Option.none(),
    raw,
    plain: plainBody(plain),
    special: (name) => special.get(name)
  })
}
