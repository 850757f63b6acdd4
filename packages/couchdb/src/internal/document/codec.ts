import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Bound } from "../../Collection.js"
import { DecodeError, EncodeError } from "../../CouchError.js"
import type { Base, Document } from "../../Document.js"
import * as Json from "../../Json.js"
import { overlay } from "../overlay.js"
import { schemaIssues } from "../schemaIssues.js"
import type { RawDocument } from "./raw.js"

/** What the server has, decoded. */
export const decode = <A, R>(
  collection: Bound<A, R>,
  read: RawDocument
): Effect.Effect<Base<A>, DecodeError, R> =>
  Effect.mapBoth(collection.decode(read.plain), {
    onFailure: (issue) =>
      new DecodeError({
        database: collection.database,
        id: read.id,
        rev: read.rev,
        issues: schemaIssues(issue)
      }, issue),
    onSuccess: (body) => ({ rev: read.rev, body, raw: read.raw, stubs: read.stubs })
  })

const encodeBody = <A, R>(
  collection: Bound<A, R>,
  id: string,
  body: A
): Effect.Effect<Json.JsonObject, EncodeError, R> => {
  const refuse = (issues: EncodeError["issues"]) => new EncodeError({ database: collection.database, id, issues })
  return collection.encode(body).pipe(
    Effect.mapError((issue) => refuse(schemaIssues(issue))),
    Effect.flatMap((encoded) =>
      Either.match(Json.fromUnknown(encoded), {
        onLeft: ({ path, problem }) => Effect.fail(refuse([{ path, expected: problem }])),
        onRight: (json) => {
          if (!Json.isObject(json)) return Effect.fail(refuse([{ path: [], expected: "a body is a JSON object" }]))
          const reserved = Json.keys(json).filter((key) => key.startsWith("_"))
          return reserved.length === 0
            ? Effect.succeed(json)
            : Effect.fail(refuse(reserved.map((key) => ({ path: [key], expected: "CouchDB keeps the underscore" }))))
        }
      })
    )
  )
}

/** The members to store: those that the server had, with the change that the edit made. */
export const encode = <A, R>(self: Document<A, R>): Effect.Effect<Json.JsonObject, EncodeError, R> =>
  Option.match(self.base, {
    onNone: () => encodeBody(self.collection, self.id, self.body),
    onSome: ({ body, raw }) =>
      Effect.zipWith(
        encodeBody(self.collection, self.id, body),
        encodeBody(self.collection, self.id, self.body),
        // Objects in, object out: an overlay keeps the kind that both sides agree on.
        (before, after) => overlay(raw, before, after) as Json.JsonObject
      )
  })
