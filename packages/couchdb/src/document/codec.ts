import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ParseIssue } from "effect/ParseResult"
import * as Json from "../data/Json.js"
import { failWithServer } from "../http/failWithServer.js"
import type { RawDocument } from "../http/rawDocument.js"
import { make, rawOf, type Source, type State, stateOf, type Stored } from "./base.js"
import {
  andThen,
  bodyIn,
  decodeStored,
  encodeBody,
  explainReserved,
  issuesOf,
  refusal,
  refuseReserved,
  Thrown
} from "./bodies.js"
import type { Bound } from "./Collection.js"
import type { Base, Document } from "./Document.js"
import { DecodeError, type EncodeError } from "./errors.js"
import { overlay } from "./patch/overlay.js"

/** Decodes a stored document. A schema that throws or overflows the stack fails with a `DecodeError`. */
export const decode = <A, R>(
  collection: Bound<A, R>,
  read: RawDocument,
  source: Source = { raw: read.raw, stubs: read.stubs, isPlain: read.plain === read.raw }
): Effect.Effect<Stored<A>, DecodeError, R> => {
  const refuse = (failure: ParseIssue | Thrown): Effect.Effect<never, DecodeError> =>
    failWithServer((from) =>
      new DecodeError(
        {
          ...from,
          database: collection.database,
          id: read.id,
          rev: read.rev,
          issues: issuesOf(failure).map(explainReserved)
        },
        failure
      )
    )
  const base = (body: A): Stored<A> => make(collection, read.rev, body, source)
  try {
    const decoded = decodeStored(collection, source.isPlain === true ? source.raw : read.plain)
    // Most schemas need neither time nor services, and then nothing has to be scheduled.
    if (!Either.isEither(decoded)) {
      return Effect.matchEffect(decoded, { onFailure: refuse, onSuccess: (body) => Effect.succeed(base(body)) })
    }
    const either = decoded as Either.Either<A, ParseIssue>
    return Either.isRight(either) ? Either.right(base(either.right)) : refuse(either.left)
  } catch (error) {
    return refuse(new Thrown(error))
  }
}

/**
 * The members to store: the stored ones with the changes of the edit, in place or not. `known` is the state of the
 * base, if the caller has computed it already.
 */
export const encode = <A, R>(
  self: Document<A, R>,
  known: State<A> | undefined = Option.getOrUndefined(Option.map(self.base, stateOf))
): Effect.Effect<Json.JsonObject, EncodeError, R> => {
  const { base, collection, id } = self
  if (Option.isNone(base) || known === undefined) return encodeBody(collection, id, self.body)
  const raw = rawOf(base.value)
  return andThen(
    encodedBefore(self, base.value, known),
    (before) =>
      andThen(encodeBody(collection, id, self.body), (after): Either.Either<Json.JsonObject, EncodeError> => {
        try {
          // After an edit in place, the elements of both bodies are the same objects at other indices.
          const decoded = known.edited ? undefined : { before: known.body, after: self.body }
          // The overlay of an object is an object, since both sides are objects.
          const json = overlay(raw, before, after, decoded) as Json.JsonObject
          return refuseReserved(json, Json.keys(json), refusal(collection, id))
        } catch (error) {
          return Either.left(refusal(collection, id)(issuesOf(new Thrown(error))))
        }
      })
  )
}

/** The original body, encoded by the schema. */
const encodedBefore = <A, R>(
  { collection, id }: Document<A, R>,
  base: Base<A>,
  { body, encoded, unsure }: State<A>
): Effect.Effect<Json.JsonObject, EncodeError, R> =>
  encoded !== undefined
    ? Either.right(encoded)
    : !unsure
    ? encodeBody(collection, id, body)
    : Effect.flatMap(
      Effect.orElseSucceed(bodyIn(collection, rawOf(base)), () => body),
      (again) => encodeBody(collection, id, again)
    )
