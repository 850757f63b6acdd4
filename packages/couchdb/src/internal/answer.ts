import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import type { ServerError } from "../CouchError.js"
import type { CouchRequest } from "../CouchHttp.js"
import type * as Transport from "../Transport.js"
import { notCouch } from "./notCouch.js"
import { schemaIssues } from "./schemaIssues.js"
import { jsonOf } from "./written.js"

/** An answer of the server's own, read through a schema; one that is not CouchDB's is the server's failure. */
export const decodeAnswer = <A, I>(
  schema: Schema.Schema<A, I>,
  request: CouchRequest,
  response: Transport.BufferedResponse
): Effect.Effect<A, ServerError> =>
  Effect.mapError(
    ParseResult.decodeUnknown(schema)(jsonOf(response)),
    (issue) =>
      notCouch(
        request,
        response.status,
        `the answer is not what CouchDB says here: ${
          schemaIssues(issue).map(({ expected, path }) => `${path.map(String).join(".")} ${expected}`).join("; ")
        }`
      )
  )
