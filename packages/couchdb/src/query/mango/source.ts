import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as DatabaseName from "../../data/DatabaseName.js"
import { type InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { type Collection, isCollection } from "../../document/Collection.js"
import type { Document } from "../../document/Document.js"
import { DecodeError } from "../../document/errors.js"
import { owns, spanOf } from "../../document/idRange.js"
import { failWithServer } from "../../http/failWithServer.js"
import { schemaIssues } from "../../http/schemaIssues.js"
import { documentIn, toDocument } from "../../rows/document.js"
import { exact, isObject, member, type Row } from "../../rows/row.js"
import type { Reading } from "../view/rows.js"
import { projection } from "./projection.js"
import type { AnyQuery } from "./request.js"

export type Given = Collection<unknown, unknown, unknown, unknown> | string

const idOf = (row: Row): string => {
  const id = member(row.json, "_id")
  return typeof id === "string" ? id : ""
}

const revOf = (row: Row): string => {
  const rev = member(row.json, "_rev")
  return typeof rev === "string" ? rev : ""
}

const notAnObject = (row: Row): string | undefined =>
  isObject(row.json) ? undefined : "a document that is not an object"

/** Reads the documents of a collection, which are those whose ids decode as its keys. */
const ofCollection = <A, I, R, K>(
  collection: Collection<A, I, R, K>
): Reading<Document<A, R>, R> => ({
  problem: (row) =>
    notAnObject(row) ??
      (Option.isNone(documentIn(row, row.json, [])) ? "a document without id or revision" : undefined),
  concerns: (row) => owns(collection.id, idOf(row)),
  read: (row) => toDocument(collection, Option.getOrThrow(documentIn(row, row.json, [])))
})

/** Whether a selector contains a member of this name at any depth. */
const containsMember = (json: Json.Json, name: string): boolean =>
  Json.isArray(json)
    ? json.some((one) => containsMember(one, name))
    : Json.isObject(json) && Json.entries(json).some(([key, value]) => key === name || containsMember(value, name))

const jsonOf = ({ selector }: AnyQuery): Json.Json => Either.getOrElse(Json.fromUnknown(selector), () => null)

/** Whether the query uses a text index, which cannot filter by id range. */
const isTextQuery = (selector: Json.Json): boolean => containsMember(selector, "$text")

/**
 * The selector, narrowed to the documents of a collection. CouchDB finds an index range in view collation order, and
 * compares each `_id` by its bytes; this range is correct in both orders. The caller's own condition on `_id` may
 * exclude this range in view collation only, so the range is put into an `$or`, which CouchDB does not use to choose an
 * index range.
 */
const withIdRange = (selector: Json.JsonObject, prefix: string): object => {
  const _id = { $gte: prefix, $lte: prefix + "\u{10ffff}".repeat(4) }
  return containsMember(selector, "_id")
    ? { $and: [selector, { $or: [{ _id }] }] }
    : Json.fromEntries([["_id", _id], ...Json.entries(selector)])
}

/** The query as it is sent. It always requests `_id`, which shows whether a document belongs to the collection. */
export const prepareQuery = (given: Given, query: AnyQuery): AnyQuery => {
  if (!isCollection(given)) return query
  const { prefix } = spanOf(given.id)
  const selector = prefix === "" ? null : jsonOf(query)
  return {
    ...query,
    ...(Json.isObject(selector) && !isTextQuery(selector) && { selector: withIdRange(selector, prefix) }),
    ...(query.fields !== undefined && !query.fields.includes("_id") && { fields: ["_id", ...query.fields] })
  }
}

/** Reads only some fields of documents. */
const ofFields = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  fields: ReadonlyArray<string>
): Reading<unknown, never> => {
  const check = projection(collection.schema, fields)
  return {
    problem: notAnObject,
    concerns: (row) => owns(collection.id, idOf(row)),
    read: (row) => {
      const checked = check(row.json)
      return Either.isRight(checked) ? Either.right(checked.right) : failWithServer((from) =>
        new DecodeError({
          ...from,
          database: collection.database,
          id: idOf(row),
          rev: revOf(row),
          issues: schemaIssues(checked.left)
        }, checked.left)
      )
    }
  }
}

const asJson: Reading<Json.JsonObject, never> = {
  problem: notAnObject,
  concerns: () => true,
  read: (row) => {
    const json = exact(row)
    return Effect.succeed(Json.isObject(json) ? json : {})
  }
}

/**
 * The database and decoder of a query. `isExact` says that the server returns only documents of the collection, so its
 * counts are correct.
 */
export interface Source {
  readonly database: DatabaseName.DatabaseName
  readonly reading: Reading<unknown, unknown>
  readonly isExact: boolean
}

/** Mango queries never return design documents. */
const isExact = (given: Collection<unknown, unknown, unknown, unknown>, query: AnyQuery): boolean => {
  const { exact, prefix } = spanOf(given.id)
  return exact && (prefix === "" || !isTextQuery(jsonOf(query)))
}

export const sourceOf = (given: Given, query: AnyQuery): Effect.Effect<Source, InvalidIdError> =>
  isCollection(given)
    ? Effect.succeed({
      database: given.database,
      reading: query.fields === undefined ? ofCollection(given) : ofFields(given, query.fields),
      isExact: isExact(given, query)
    })
    : Either.map(DatabaseName.decode(given), (database) => ({ database, reading: asJson, isExact: true }))
