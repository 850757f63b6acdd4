import * as Effect from "effect/Effect"
import { CouchHttp, type CouchRequest, type ReadJson } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import * as Transport from "../../Transport.js"
import { readJson } from "../document/raw.js"
import { documentPath } from "../documentPath.js"
import { notCouch } from "../notCouch.js"
import { unconflicted } from "../unconflicted.js"
import type { WireError } from "./wireError.js"

/**
 * A request whose answer is read; it asks, and may be repeated. JSON that is not `expected` here is none of a CouchDB.
 */
export const post = (
  database: DatabaseName,
  endpoint: string,
  query: string,
  body: Json.Json,
  expected: (answer: Json.Json) => boolean = () => true
): Effect.Effect<ReadJson & { readonly status: number }, WireError, CouchHttp> => {
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(database)}/${endpoint}${query}`,
    route: `/{db}/${endpoint}`,
    database,
    body: Json.stringify(body),
    safe: true
  }
  return Effect.flatMap(
    CouchHttp,
    (couch) =>
      Effect.flatMap(
        unconflicted(couch.execute(request)),
        (response) => {
          const json = readJson(Transport.text(response))
          return json === undefined
            ? Effect.fail(notCouch(request, response.status, "the answer is not JSON"))
            : !expected(json.exact)
            ? Effect.fail(notCouch(request, response.status, `the answer is not one to ${endpoint}`))
            : Effect.succeed({ ...json, status: response.status })
        }
      )
  )
}

export const list = (json: Json.Json | undefined): ReadonlyArray<Json.Json> => Json.isArray(json) ? json : []
