import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { decode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import type { Base, Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import type { RawDocument } from "../http/rawDocument.js"
import { exact, type Members, type Row } from "./row.js"

/** The path of a document in its row: `["doc"]` in a view, `[]` in the response of `_find`. */
export type Path = ReadonlyArray<string | number>

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

/** The body of a document: all members except those that CouchDB reserves. */
const ownMembers = (document: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const own: Record<string, unknown> = {}
  // The check also removes `__proto__`.
  for (const key in document) if (key.charCodeAt(0) !== underscore) own[key] = document[key]
  return own
}

const underscore = 95

/**
 * If `JSON.parse` lost information, the exact JSON is parsed on first use. Only a save needs it, so streaming rows does
 * not pay for it.
 */
class DocumentInRow implements RawDocument {
  readonly deleted: boolean
  private whole: Json.JsonObject | undefined
  private own: Json.JsonObject | undefined

  constructor(
    readonly id: string,
    readonly rev: Revision.Revision,
    private readonly json: Readonly<Record<string, unknown>>,
    private readonly row: Row,
    private readonly path: Path
  ) {
    this.deleted = (json as Members)._deleted === true
  }
  get plain(): unknown {
    return this.row.text === undefined ? this.raw : ownMembers(this.json)
  }
  private get exactly(): Json.JsonObject {
    if (this.whole === undefined) {
      const found = this.row.text === undefined ? this.json as Json.JsonObject : exactAt(exact(this.row), this.path)
      this.whole = Json.isObject(found) ? found : {}
    }
    return this.whole
  }
  get raw(): Json.JsonObject {
    return this.own ??= this.row.text === undefined
      ? ownMembers(this.json) as Json.JsonObject
      : Json.fromEntries(Json.entries(this.exactly).filter(([key]) => !key.startsWith("_")))
  }
  get isPlain(): boolean {
    return this.row.text === undefined
  }
  get stubs(): Option.Option<Json.JsonObject> {
    if ((this.json as Members)._attachments === undefined) return Option.none()
    const stubs = this.special("_attachments")
    return Json.isObject(stubs) ? Option.some(stubs) : Option.none()
  }
  special(name: string): Json.Json | undefined {
    return name.startsWith("_") && Object.hasOwn(this.json, name) ? Json.get(this.exactly, name) : undefined
  }
}

/** The document in a row, if there is one. `json` is the document as parsed by `JSON.parse`, and `path` leads to it. */
export const documentIn = (row: Row, json: unknown, path: Path): Option.Option<RawDocument> => {
  if (typeof json !== "object" || json === null) return Option.none()
  const { _id: id, _rev: rev } = json as Members
  return typeof id === "string" && Revision.isRevision(rev)
    ? Option.some(new DocumentInRow(id, rev, json as Readonly<Record<string, unknown>>, row, path))
    : Option.none()
}

/**
 * The document value for a document in a row: clean, with its base, as if it had been fetched. An `Either` if decoding
 * needs no effect.
 */
export const toDocument = <A, R>(
  collection: Bound<A, R>,
  read: RawDocument
): Effect.Effect<Document<A, R>, DecodeError, R> => {
  // The exact JSON is parsed on first use.
  const based = decode(collection, read, read instanceof DocumentInRow && !read.isPlain ? read : undefined)
  const documentOf = (base: Base<A>): Document<A, R> => value.clean(collection, read.id, "quorum", base)
  return Either.isEither(based)
    ? Either.map(based as Either.Either<Base<A>, DecodeError>, documentOf)
    : Effect.map(based, documentOf)
}
