import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import * as Transport from "../../Transport.js"
import { type Both, readBoth } from "../document/raw.js"
import { documentPath } from "../documentPath.js"
import { notCouch } from "../notCouch.js"
import { unconflicted } from "../unconflicted.js"
import type { WireError } from "./wireError.js"

/** A request whose answer is read; it asks, and may be repeated. */
export const post = (
  database: DatabaseName,
  endpoint: string,
  query: string,
  body: Json.Json
): Effect.Effect<Both & { readonly status: number }, WireError, CouchHttp> => {
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
        (response) =>
          Option.match(readBoth(Transport.text(response)), {
            onNone: () => Effect.fail(notCouch(request, response.status, "the answer is not JSON")),
            onSome: (both) => Effect.succeed({ ...both, status: response.status })
          })
      )
  )
}

export const list = (json: Json.Json | undefined): ReadonlyArray<Json.Json> => Json.isArray(json) ? json : []
