import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { NotFoundError, RequestError } from "../../CouchError.js"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import type { BufferedResponse } from "../../Transport.js"
import { decodeAnswer } from "../answer.js"
import { unconflicted } from "../unconflicted.js"

/** What a request that is about no document can fail with. */
export type Failure = NotFoundError | RequestError

/** One request to an endpoint that has no revisions to conflict about. */
export const ask = (request: CouchRequest): Effect.Effect<BufferedResponse, Failure, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => unconflicted(couch.execute(request)))

/** The same, its answer read through a schema. */
export const askFor = <A, I>(
  schema: Schema.Schema<A, I>,
  request: CouchRequest
): Effect.Effect<A, Failure, CouchHttp> =>
  Effect.flatMap(ask(request), (response) => decodeAnswer(schema, request, response))

/** A query from what is there of it. */
export const query = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`]
  )
  return parts.length === 0 ? "" : `?${parts.join("&")}`
}
