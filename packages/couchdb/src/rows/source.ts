import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as DatabaseName from "../data/DatabaseName.js"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { type Collection, isCollection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import { type IdSpan, ownsIn, spanOf } from "../document/idRange.js"
import { documentIn, toDocument } from "./document.js"
import { exact, type Members, type Row } from "./row.js"

/**
 * The source of rows or changes: a collection, whose documents are decoded, or a database, whose documents are raw
 * JSON.
 *
 * - `concerns`: whether an id is the id of one of its documents
 * - `span`: for a collection, the ids that its documents may have; rows with other ids are omitted
 * - `document`: the live document in a row, if the feed includes documents; an `Either` if decoding needs no effect
 * - `body`: the body of a deleted document
 */
export interface Source<D, R = never> {
  readonly database: DatabaseName.DatabaseName
  readonly bringsDocuments: boolean
  readonly concerns: (id: string) => boolean
  readonly span?: IdSpan
  readonly document: (row: Row) => Effect.Effect<Option.Option<D>, DecodeError, R>
  readonly body: (row: Row) => Option.Option<Json.JsonObject>
}

const docOf = (row: Row): unknown => (row.json as Members | null)?.doc

const documentOf = (row: Row): Option.Option<Json.JsonObject> => {
  if (docOf(row) === undefined) return Option.none()
  const whole = exact(row)
  const doc = Json.isObject(whole) ? Json.get(whole, "doc") : undefined
  return Json.isObject(doc) ? Option.some(doc) : Option.none()
}

const bodyOf = (row: Row): Option.Option<Json.JsonObject> =>
  Option.map(
    documentOf(row),
    (doc) => Json.fromEntries(Json.entries(doc).filter(([key]) => !key.startsWith("_")))
  )

const inDoc = ["doc"]

const nothing = Either.right(Option.none())

/** The documents of a collection: those whose ids decode to its keys. A design document is never one of them. */
export const ofCollection = <A, I, R, K>(collection: Collection<A, I, R, K>): Source<Document<A, R>, R> => ({
  database: collection.database,
  bringsDocuments: true,
  concerns: ownsIn(collection.id),
  span: spanOf(collection.id),
  document: (row) => {
    const read = documentIn(row, docOf(row), inDoc)
    if (Option.isNone(read)) return nothing
    const document = toDocument(collection, read.value)
    return Either.isEither(document)
      ? Either.map(document as Either.Either<Document<A, R>, DecodeError>, Option.some)
      : Effect.asSome(document)
  },
  body: bodyOf
})

const ofDatabase = (name: string): Either.Either<Source<Json.JsonObject, never>, InvalidIdError> =>
  Either.map(DatabaseName.decode(name), (database) => ({
    database,
    bringsDocuments: false,
    concerns: () => true,
    document: (row) => Either.right(documentOf(row)),
    body: bodyOf
  }))

/** The source of an operation. The overloads of the operation declare its types. */
export const sourceOf = (
  given: Collection<unknown, unknown, unknown, unknown> | string
): Either.Either<Source<unknown, unknown>, InvalidIdError> =>
  isCollection(given) ? Either.right(ofCollection(given) as Source<unknown, unknown>) : ofDatabase(given)
