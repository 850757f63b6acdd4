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
import { failAt } from "../../http/failAt.js"
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

const noObject = (row: Row): string | undefined => isObject(row.json) ? undefined : "a document that is not an object"

/** The documents of a collection: those whose ids are its keys. */
const ofCollection = <A, I, R, K>(
  collection: Collection<A, I, R, K>
): Reading<Document<A, R>, R> => ({
  problem: (row) =>
    noObject(row) ?? (Option.isNone(documentIn(row, row.json, [])) ? "a document without id or revision" : undefined),
  concerns: (row) => owns(collection.id, idOf(row)),
  read: (row) => toDocument(collection, Option.getOrThrow(documentIn(row, row.json, [])))
})

/** Whether a selector speaks of a member, however deep. */
const mentions = (json: Json.Json, name: string): boolean =>
  Json.isArray(json)
    ? json.some((one) => mentions(one, name))
    : Json.isObject(json) && Json.entries(json).some(([key, value]) => key === name || mentions(value, name))

const jsonOf = ({ selector }: AnyQuery): Json.Json => Either.getOrElse(Json.fromUnknown(selector), () => null)

/** Whether a text index is used, which does not return ids. */
const isText = (selector: Json.Json): boolean => mentions(selector, "$text")

/**
 * The selector of the documents of a collection. The server finds the range of ids in the order of views, and compares each
 * id by its bytes: this range is right in both. A range of the caller's own may contradict it in the order of views alone,
 * so it is kept apart, in an `$or`, which no index sees into.
 */
const narrowed = (selector: Json.JsonObject, prefix: string): object => {
  const _id = { $gte: prefix, $lte: prefix + "\u{10ffff}".repeat(4) }
  return mentions(selector, "_id")
    ? { $and: [selector, { $or: [{ _id }] }] }
    : Json.fromEntries([["_id", _id], ...Json.entries(selector)])
}

/** The query that is sent: without the ids, the documents of the fields would be unknown. */
export const sent = (given: Given, query: AnyQuery): AnyQuery => {
  if (!isCollection(given)) return query
  const { prefix } = spanOf(given.id)
  const selector = prefix === "" ? null : jsonOf(query)
  return {
    ...query,
    ...(Json.isObject(selector) && !isText(selector) && { selector: narrowed(selector, prefix) }),
    ...(query.fields !== undefined && !query.fields.includes("_id") && { fields: ["_id", ...query.fields] })
  }
}

/** Some fields of documents. */
const ofFields = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  fields: ReadonlyArray<string>
): Reading<unknown, never> => {
  const check = projection(collection.schema, fields)
  return {
    problem: noObject,
    concerns: (row) => owns(collection.id, idOf(row)),
    read: (row) => {
      const checked = check(row.json)
      return Either.isRight(checked) ? Either.right(checked.right) : failAt((from) =>
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
  problem: noObject,
  concerns: () => true,
  read: (row) => {
    const json = exact(row)
    return Effect.succeed(Json.isObject(json) ? json : {})
  }
}

/** `isExact` says whether the server finds the collection's documents alone, so that it counts right. */
export interface Source {
  readonly database: DatabaseName.DatabaseName
  readonly reading: Reading<unknown, unknown>
  readonly isExact: boolean
}

/** No query finds design documents. */
const isExact = (given: Collection<unknown, unknown, unknown, unknown>, query: AnyQuery): boolean => {
  const { exact, prefix } = spanOf(given.id)
  return exact && (prefix === "" || !isText(jsonOf(query)))
}

export const sourceOf = (given: Given, query: AnyQuery): Effect.Effect<Source, InvalidIdError> =>
  isCollection(given)
    ? Effect.succeed({
      database: given.database,
      reading: query.fields === undefined ? ofCollection(given) : ofFields(given, query.fields),
      isExact: isExact(given, query)
    })
    : Either.map(DatabaseName.decode(given), (database) => ({ database, reading: asJson, isExact: true }))
