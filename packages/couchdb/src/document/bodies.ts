import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ParseIssue } from "effect/ParseResult"
import * as Json from "../data/Json.js"
import { type SchemaIssue } from "../http/errors.js"
import { schemaIssues } from "../http/schemaIssues.js"
import type { Bound } from "./Collection.js"
import { EncodeError } from "./errors.js"

/** The body without its lineage record, which no schema declares. */
const stripLineageField = <A, R>({ lineage }: Bound<A, R>, plain: unknown): unknown => {
  if (
    lineage === undefined || typeof plain !== "object" || plain === null || !Object.hasOwn(plain, lineage.field)
  ) return plain
  const { [lineage.field]: _, ...body } = plain as Record<string, unknown>
  return body
}

/** Decodes the members that are stored. A schema may throw instead of failing. */
export const decodeStored = <A, R>(collection: Bound<A, R>, plain: unknown): Effect.Effect<A, ParseIssue, R> =>
  collection.decode(stripLineageField(collection, plain))

/** Decodes the body from stored members. */
export const bodyIn = <A, R>(collection: Bound<A, R>, raw: Json.JsonObject): Effect.Effect<A, ParseIssue | Thrown, R> =>
  attempt(() => decodeStored(collection, Json.toPlain(raw)))

/** Runs a function of a schema, and fails if it throws instead of returning an effect. */
const attempt = <A, R>(
  make: () => Effect.Effect<A, ParseIssue, R>
): Effect.Effect<A, ParseIssue | Thrown, R> => {
  try {
    return make()
  } catch (error) {
    return Effect.fail(new Thrown(error))
  }
}

/** A value that a schema threw instead of failing. */
export class Thrown {
  constructor(readonly error: unknown) {}
}

export const issuesOf = (failure: ParseIssue | Thrown): ReadonlyArray<SchemaIssue> =>
  failure instanceof Thrown
    ? [{
      path: [],
      expected: failure.error instanceof RangeError
        ? "is nested too deeply, or without end"
        : `the schema threw ${failure.error instanceof Error ? failure.error.name : "a value"}`
    }]
    : schemaIssues(failure)

/** Like `Effect.flatMap`, but continues immediately with an `Either`, which most schemas return. */
export const andThen = <A, E, R, B, E2, R2>(
  effect: Effect.Effect<A, E, R>,
  then: (value: A) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2, R | R2> => {
  if (!Either.isEither(effect)) return Effect.flatMap(effect, then)
  const either = effect as Either.Either<A, E>
  return Either.isRight(either) ? then(either.right) : Either.left(either.left)
}

/** Encodes a body by its schema. */
export const encodeBody = <A, R>(
  collection: Bound<A, R>,
  id: string,
  body: A
): Effect.Effect<Json.JsonObject, EncodeError, R> => {
  const refuse = refusal(collection, id)
  const encoded = attempt(() => collection.encode(body))
  return andThen(
    Either.isEither(encoded)
      ? Either.mapLeft(encoded as Either.Either<unknown, ParseIssue | Thrown>, (failure) => refuse(issuesOf(failure)))
      : Effect.mapError(encoded, (failure) => refuse(issuesOf(failure))),
    (encoded): Either.Either<Json.JsonObject, EncodeError> => {
      const json = Json.fromUnknown(encoded)
      return Either.isLeft(json)
        ? Either.left(refuse([{ path: json.left.path, expected: json.left.problem }]))
        : Json.isObject(json.right)
        ? refuseReserved(json.right, Json.keys(json.right), refuse)
        : Either.left(refuse([{ path: [], expected: "is not a JSON object" }]))
    }
  )
}

export const refusal = <A, R>(collection: Bound<A, R>, id: string) => (issues: EncodeError["issues"]): EncodeError =>
  new EncodeError({ database: collection.database, id, issues })

/** What to use instead of a member that CouchDB reserves: a body contains none of them. */
const replacementOf = (name: string): string => {
  switch (name) {
    case "_id":
      return "the id is not part of a body: Document.create and Document.make take it, and a document has it as `id`"
    case "_rev":
      return "the revision is not part of a body: every write sends it, and a document has it as `rev`"
    case "_attachments":
      return "attachments are not part of a body: use the module Attachment"
    case "_deleted":
      return "a deletion is not part of a body: use Document.delete"
    default:
      return "CouchDB reserves the names that begin with an underscore"
  }
}

/** Explains the issue of a schema that requires a reserved member, which no body contains. */
export const explainReserved = (issue: SchemaIssue): SchemaIssue => {
  const [name, ...rest] = issue.path
  return typeof name === "string" && name.startsWith("_") && rest.length === 0 && issue.expected === "is missing"
    ? { path: issue.path, expected: `is missing: leave it out of the schema, since ${replacementOf(name)}` }
    : issue
}

/** Fails if one of the keys is a member that CouchDB reserves. */
export const refuseReserved = (
  json: Json.JsonObject,
  keys: ReadonlyArray<string>,
  refuse: (issues: EncodeError["issues"]) => EncodeError
): Either.Either<Json.JsonObject, EncodeError> => {
  const reserved = keys.filter((key) => key.startsWith("_"))
  return reserved.length === 0
    ? Either.right(json)
    : Either.left(refuse(reserved.map((key) => ({ path: [key], expected: replacementOf(key) }))))
}
