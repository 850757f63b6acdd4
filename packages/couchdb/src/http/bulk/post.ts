import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import { conflictAsBadRequest } from "../conflictMapping.js"
import { CouchHttp, type CouchRequest, type FromServer, type ReadJson } from "../CouchHttp.js"
import { executeDecoded } from "../executeDecoded.js"
import { readJson } from "../rawDocument.js"
import * as Transport from "../Transport.js"
import { jsonProblem } from "../verification.js"
import type { WireError } from "./errors.js"

/** Sends a request that only reads, so it may be repeated. JSON that is not `expected` does not come from CouchDB. */
export const post = (
  database: DatabaseName,
  endpoint: string,
  query: string,
  body: Json.Json,
  expected: (json: Json.Json) => boolean
): Effect.Effect<ReadJson & { readonly response: Transport.BufferedResponse & FromServer }, WireError, CouchHttp> => {
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(database)}/${endpoint}${query}`,
    route: `/{db}/${endpoint}`,
    database,
    body: Json.stringify(body),
    idempotent: true
  }
  return Effect.flatMap(
    CouchHttp,
    (couch) =>
      conflictAsBadRequest(executeDecoded(couch, request, (response, server) => {
        const json = readJson(Transport.text(response))
        const problem = jsonProblem(json?.exact, response, expected)
        return json === undefined || problem !== undefined
          ? Either.left(problem ?? "the response is not JSON")
          : Either.right({ ...json, response: { ...response, server } })
      }))
  )
}
