import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ParseIssue } from "effect/ParseResult"
import type { Bound } from "../../Collection.js"
import { DecodeError, EncodeError, type SchemaIssue } from "../../CouchError.js"
import type { Base, Document } from "../../Document.js"
import * as Json from "../../Json.js"
import { overlay } from "../overlay.js"
import { schemaIssues } from "../schemaIssues.js"
import type { RawDocument } from "./raw.js"

/** What the server has, decoded. A schema that throws, or overflows the stack, has not decoded it. */
export const decode = <A, R>(
  collection: Bound<A, R>,
  read: RawDocument
): Effect.Effect<Base<A>, DecodeError, R> => {
  const refuse = (failure: ParseIssue | Thrown): DecodeError =>
    new DecodeError({ database: collection.database, id: read.id, rev: read.rev, issues: issuesOf(failure) }, failure)
  const base = (body: A): Base<A> => ({ rev: read.rev, body, raw: read.raw, stubs: read.stubs })
  try {
    const decoded = collection.decode(read.plain)
    // Most schemas need neither time nor services, and then nothing has to be scheduled.
    return Either.isEither(decoded)
      ? Either.mapBoth(decoded as Either.Either<A, ParseIssue>, { onLeft: refuse, onRight: base })
      : Effect.mapBoth(decoded, { onFailure: refuse, onSuccess: base })
  } catch (error) {
    return Effect.fail(refuse(new Thrown(error)))
  }
}

/** Runs what a schema's functions may throw in, also while its effect is made. */
const attempt = <A, R>(
  make: () => Effect.Effect<A, ParseIssue, R>
): Effect.Effect<A, ParseIssue | Thrown, R> => {
  try {
    return make()
  } catch (error) {
    return Effect.fail(new Thrown(error))
  }
}

/** What a schema threw instead of failing. */
export class Thrown {
  constructor(readonly error: unknown) {}
}

const issuesOf = (failure: ParseIssue | Thrown): ReadonlyArray<SchemaIssue> =>
  failure instanceof Thrown
    ? [{
      path: [],
      expected: failure.error instanceof RangeError
        ? "nested too deeply, or without end"
        : `the schema threw ${failure.error instanceof Error ? failure.error.name : "a value"}`
    }]
    : schemaIssues(failure)

const encodeBody = <A, R>(
  collection: Bound<A, R>,
  id: string,
  body: A
): Effect.Effect<Json.JsonObject, EncodeError, R> => {
  const refuse = refusal(collection, id)
  return attempt(() => collection.encode(body)).pipe(
    Effect.mapError((failure) => refuse(issuesOf(failure))),
    Effect.flatMap((encoded) =>
      Either.match(Json.fromUnknown(encoded), {
        onLeft: ({ path, problem }) => Effect.fail(refuse([{ path, expected: problem }])),
        onRight: (json) =>
          Json.isObject(json)
            ? unreserved(json, refuse)
            : Effect.fail(refuse([{ path: [], expected: "a body is a JSON object" }]))
      })
    )
  )
}

const refusal = <A, R>(collection: Bound<A, R>, id: string) => (issues: EncodeError["issues"]): EncodeError =>
  new EncodeError({ database: collection.database, id, issues })

const unreserved = (
  json: Json.JsonObject,
  refuse: (issues: EncodeError["issues"]) => EncodeError
): Effect.Effect<Json.JsonObject, EncodeError> => {
  const reserved = Json.keys(json).filter((key) => key.startsWith("_"))
  return reserved.length === 0
    ? Effect.succeed(json)
    : Effect.fail(refuse(reserved.map((key) => ({ path: [key], expected: "CouchDB keeps the underscore" }))))
}

/** The members to store: those that the server had, with the change that the edit made. */
export const encode = <A, R>(self: Document<A, R>): Effect.Effect<Json.JsonObject, EncodeError, R> =>
  Option.match(self.base, {
    onNone: () => encodeBody(self.collection, self.id, self.body),
    onSome: ({ body, raw }) =>
      Effect.flatMap(
        Effect.zip(encodeBody(self.collection, self.id, body), encodeBody(self.collection, self.id, self.body)),
        ([before, after]) =>
          Effect.try({
            // Objects in, object out: an overlay keeps the kind that both sides agree on.
            try: () => overlay(raw, before, after, { before: body, after: self.body }) as Json.JsonObject,
            catch: (error) => refusal(self.collection, self.id)(issuesOf(new Thrown(error)))
          }).pipe(Effect.flatMap((json) => unreserved(json, refusal(self.collection, self.id))))
      )
  })
