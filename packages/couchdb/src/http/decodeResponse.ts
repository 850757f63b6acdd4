import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import * as Json from "../data/Json.js"
import { conflictAsBadRequest } from "./conflictMapping.js"
import { CouchHttp, type CouchRequest } from "./CouchHttp.js"
import type { BadRequestError, NotFoundError, RequestError } from "./errors.js"
import { executeDecoded } from "./executeDecoded.js"
import { schemaIssues } from "./schemaIssues.js"
import * as Transport from "./Transport.js"
import { jsonOf } from "./verification.js"
import { jsonProblem } from "./verification.js"

const problem = (issue: ParseResult.ParseIssue): string =>
  `the response is not what CouchDB's endpoint returns: ${
    schemaIssues(issue).map(({ expected, path }) => `${path.map(String).join(".")} ${expected}`).join("; ")
  }`

/** The JSON of a response with exact numbers and key order. */
const exactJsonOf = (response: Transport.BufferedResponse): Json.Json | undefined =>
  Option.getOrUndefined(Either.getRight(Json.parse(Transport.text(response))))

/**
 * Decodes the JSON of a response by a schema, or reports what is wrong with it. `from` converts the exact JSON to the
 * input of the schema, for responses that are written back.
 */
export const decodeJson = <A, I>(schema: Schema.Schema<A, I>, from?: (exact: Json.Json) => unknown) => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (response: Transport.BufferedResponse): Either.Either<A, string> => {
    const json = from === undefined ? jsonOf(response) : exactJsonOf(response)
    const unexpected = jsonProblem(json, response, () => true)
    return unexpected === undefined
      ? Either.mapLeft(decode(from === undefined || json === undefined ? json : from(json)), problem)
      : Either.left(unexpected)
  }
}

/** Sends a request to an endpoint without revisions, and decodes its response by a schema. */
export const sendDecoded = <A, I>(
  schema: Schema.Schema<A, I>,
  request: CouchRequest,
  from?: (exact: Json.Json) => unknown
): Effect.Effect<A, NotFoundError | RequestError | BadRequestError, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => conflictAsBadRequest(executeDecoded(couch, request, decodeJson(schema, from))))
