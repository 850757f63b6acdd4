import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ChangeRow } from "../changes/change.js"
import type { DatabaseOptions, Filter } from "../changes/Changes.js"
import type { Feed } from "../changes/request.js"
import type { DecodeError, InvalidIdError } from "../CouchError.js"
import * as DatabaseName from "../data/DatabaseName.js"
import { functionNameProblem } from "../data/functionName.js"
import * as Json from "../data/Json.js"
import { type Collection, isCollection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import { type IdSpan, owns, spanOf } from "../document/idRange.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import { now } from "./asEither.js"
import { documentIn, toDocument } from "./document.js"
import { exact, member, type Row } from "./row.js"

/**
 * What changes: a collection, whose documents are decoded, or a database as it is.
 *
 * - `concerns`: whether an id is one of its documents
 * - `span`: which ids its documents may have, if it is a collection: all others are left out of what it lists
 * - `document`: the live document in a row, if the feed brings documents; an `Either` where it can be
 * - `body`: what a deleted one still says
 * - `feed`: how another endpoint than `_changes` is asked, and what its rows tell
 */
export interface Source<D, R = never> {
  readonly database: DatabaseName.DatabaseName
  readonly bringsDocuments: boolean
  readonly concerns: (id: string) => boolean
  readonly span?: IdSpan
  readonly document: (row: Row) => Effect.Effect<Option.Option<D>, DecodeError, R>
  readonly body: (row: Row) => Option.Option<Json.JsonObject>
  readonly feed?: {
    readonly request: (feed: Feed, options: DatabaseOptions) => CouchRequest
    readonly parse: (row: Row) => ChangeRow | undefined
  }
}

const documentOf = (row: Row): Option.Option<Json.JsonObject> => {
  if (member(row.json, "doc") === undefined) return Option.none()
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

/** The documents of a collection: those whose ids are its keys. A design document is never one of them. */
export const ofCollection = <A, I, R, K>(collection: Collection<A, I, R, K>): Source<Document<A, R>, R> => ({
  database: collection.database,
  bringsDocuments: true,
  concerns: (id) => owns(collection.id, id),
  span: spanOf(collection.id),
  document: (row) => {
    const read = documentIn(row, inDoc)
    if (Option.isNone(read)) return nothing
    const document = toDocument(collection, read.value)
    const at = now(document)
    return at === undefined ? Effect.asSome(document) : Either.map(at, Option.some)
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

const filterProblem = (filter: Filter | undefined): InvalidIdError | undefined =>
  filter?._tag === "View"
    ? functionNameProblem(filter.design, filter.view)
    : filter?._tag === "Function"
    ? functionNameProblem(filter.design, filter.name)
    : undefined

/** The collection as a source, if the filter may leave the process. */
export const collectionSource = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  { filter }: Pick<DatabaseOptions, "filter">
): Either.Either<Source<Document<A, R>, R>, InvalidIdError> => {
  const problem = filterProblem(filter)
  return problem === undefined ? Either.right(ofCollection(collection)) : Either.left(problem)
}

/** The source that an operation was given. What the types promise of it, its overloads say. */
export const sourceOf = (
  given: Collection<unknown, unknown, unknown, unknown> | string,
  options: Pick<DatabaseOptions, "filter"> = {}
): Effect.Effect<Source<unknown, unknown>, InvalidIdError> => {
  if (isCollection(given)) {
    return collectionSource(given, options) as Effect.Effect<Source<unknown, unknown>, InvalidIdError>
  }
  const problem = filterProblem(options.filter)
  return problem === undefined ? ofDatabase(given) : Effect.fail(problem)
}
