import * as Effect from "effect/Effect"
import { conflictAsBadRequest } from "./conflictMapping.js"
import { CouchHttp, type CouchRequest } from "./CouchHttp.js"
import type { NotFoundError, RequestError } from "./errors.js"
import type { BufferedResponse } from "./Transport.js"
import { type Verify, verifyOk } from "./verification.js"

export { sendDecoded } from "./decodeResponse.js"

/** The errors of a request that is not about a document. */
export type Failure = NotFoundError | RequestError

/** Sends a request to an endpoint without revisions, whose 409 is not a conflict. */
export const send = (
  request: CouchRequest & { readonly verify: Verify }
): Effect.Effect<BufferedResponse, Failure, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => conflictAsBadRequest(couch.execute(request)))

/** Sends a request to an endpoint that returns `{"ok":true}`. */
export const sendOk = (request: CouchRequest): Effect.Effect<void, Failure, CouchHttp> =>
  Effect.asVoid(send({ ...request, verify: verifyOk }))

/** Encodes the parameters that have a value as a query string. */
export const query = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`]
  )
  return parts.length === 0 ? "" : `?${parts.join("&")}`
}
