import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Collection, isCollection } from "../../Collection.js"
import { DecodeError, type InvalidIdError } from "../../CouchError.js"
import * as DatabaseName from "../../DatabaseName.js"
import type { Document } from "../../Document.js"
import * as Json from "../../Json.js"
import { failAt } from "../failAt.js"
import { documentIn, toDocument } from "../rows/document.js"
import { exact, isObject, member, type Row } from "../rows/row.js"
import { schemaIssues } from "../schemaIssues.js"
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
    noObject(row) ?? (Option.isNone(documentIn(row, [])) ? "a document without id or revision" : undefined),
  concerns: (row) => !idOf(row).startsWith("_design/") && Option.isSome(collection.id.decode(idOf(row))),
  read: (row) => toDocument(collection, Option.getOrThrow(documentIn(row, [])))
})

/** A query as it goes out: without their ids, nobody could tell whose documents these fields are. */
export const sent = (given: Given, query: AnyQuery): AnyQuery =>
  query.fields === undefined || query.fields.includes("_id") || !isCollection(given)
    ? query
    : { ...query, fields: ["_id", ...query.fields] }

/** Some fields of documents. */
const ofFields = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  fields: ReadonlyArray<string>
): Reading<unknown, never> => {
  const check = projection(collection.schema, fields)
  return {
    problem: noObject,
    concerns: (row) => Option.isSome(collection.id.decode(idOf(row))),
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

export interface Source {
  readonly database: DatabaseName.DatabaseName
  readonly reading: Reading<unknown, unknown>
}

export const sourceOf = (
  given: Given,
  fields: ReadonlyArray<string> | undefined
): Effect.Effect<Source, InvalidIdError> =>
  isCollection(given)
    ? Effect.succeed({
      database: given.database,
      reading: fields === undefined ? ofCollection(given) : ofFields(given, fields)
    })
    : Either.map(DatabaseName.decode(given), (database) => ({ database, reading: asJson }))
