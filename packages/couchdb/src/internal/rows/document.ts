import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Bound } from "../../Collection.js"
import type { DecodeError } from "../../CouchError.js"
import type { Document } from "../../Document.js"
import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import { decode } from "../document/codec.js"
import type { RawDocument } from "../document/raw.js"
import * as value from "../document/value.js"
import { exact, isObject, member, type Row } from "./row.js"

/** Where in its row a document stands: `["doc"]` in a view, nothing in the answer of `_find`. */
export type Path = ReadonlyArray<string | number>

const at = (json: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, step) => typeof step === "number" ? (Array.isArray(inner) ? inner[step] : undefined) : member(inner, step),
    json
  )

const exactAt = (json: Json.Json | undefined, path: Path): Json.Json | undefined =>
  path.reduce<Json.Json | undefined>(
    (inner, step) =>
      typeof step === "number"
        ? (Json.isArray(inner) ? inner[step] : undefined)
        : Json.isObject(inner)
        ? Json.get(inner, step)
        : undefined,
    json
  )

/** The members that are the program's own. */
const ownMembers = (document: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith("_")))

/**
 * The document in a row, as `readDocument` would take it out of a text of its own; `None` where there is none. What is
 * exact to the digit is read when somebody asks for it, which only a save does: a stream of rows asks for nothing.
 */
export const documentIn = (row: Row, path: Path): Option.Option<RawDocument> => {
  const json = at(row.json, path)
  if (!isObject(json)) return Option.none()
  const id = member(json, "_id")
  const rev = member(json, "_rev")
  if (typeof id !== "string" || !Revision.isRevision(rev)) return Option.none()
  let whole: Json.JsonObject | undefined
  const exactly = (): Json.JsonObject => {
    if (whole === undefined) {
      const found = exactAt(exact(row), path)
      whole = Json.isObject(found) ? found : {}
    }
    return whole
  }
  let raw: Json.JsonObject | undefined
  return Option.some({
    id,
    rev,
    deleted: member(json, "_deleted") === true,
    plain: ownMembers(json),
    get raw() {
      return raw ??= Json.fromEntries(Json.entries(exactly()).filter(([key]) => !key.startsWith("_")))
    },
    get stubs() {
      if (member(json, "_attachments") === undefined) return Option.none()
      const stubs = Json.get(exactly(), "_attachments")
      return Json.isObject(stubs) ? Option.some(stubs) : Option.none()
    },
    special: (name) => name.startsWith("_") ? Json.get(exactly(), name) : undefined
  })
}

/** The document value of what a row has: clean, with its base, as if it had been fetched. */
export const toDocument = <A, R>(
  collection: Bound<A, R>,
  read: RawDocument
): Effect.Effect<Document<A, R>, DecodeError, R> =>
  Effect.map(
    decode(collection, bare(read)),
    ({ body, rev }) =>
      value.clean(collection, read.id, "quorum", {
        rev,
        body,
        get raw() {
          return read.raw
        },
        get stubs() {
          return read.stubs
        }
      })
  )

/** Enough to decode the body, without reading what is exact. */
const bare = (read: RawDocument): RawDocument => ({
  id: read.id,
  rev: read.rev,
  deleted: read.deleted,
  plain: read.plain,
  special: read.special,
  raw: {},
  stubs: Option.none()
})
