import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import type { BadRequestError, NotFoundError, RequestError } from "../CouchError.js"
import { CouchHttp, type CouchRequest } from "../CouchHttp.js"
import type { Json } from "../Json.js"
import type * as Transport from "../Transport.js"
import { executeDecoded } from "./decoded.js"
import { schemaIssues } from "./schemaIssues.js"
import { unconflicted } from "./unconflicted.js"
import { jsonProblem } from "./verification.js"
import { jsonOf } from "./written.js"

const problem = (issue: ParseResult.ParseIssue): string =>
  `the response is not what CouchDB's endpoint returns: ${
    schemaIssues(issue).map(({ expected, path }) => `${path.map(String).join(".")} ${expected}`).join("; ")
  }`

/** Decodes the JSON of a response by a schema, or says what is wrong with it. */
export const decodeJson = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = ParseResult.decodeUnknownEither(schema)
  return (response: Transport.BufferedResponse): Either.Either<A, string> => {
    const json: Json | undefined = jsonOf(response)
    const strange = jsonProblem(json, response, () => true)
    return strange === undefined ? Either.mapLeft(decode(json), problem) : Either.left(strange)
  }
}

/** One request to an endpoint that has no revisions to conflict about, its response decoded by a schema. */
export const askFor = <A, I>(
  schema: Schema.Schema<A, I>,
  request: CouchRequest
): Effect.Effect<A, NotFoundError | RequestError | BadRequestError, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => unconflicted(executeDecoded(couch, request, decodeJson(schema))))
