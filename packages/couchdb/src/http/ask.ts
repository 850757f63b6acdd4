import * as Effect from "effect/Effect"
import { conflictAsBadRequest } from "./conflictMapping.js"
import { CouchHttp, type CouchRequest } from "./CouchHttp.js"
import type { NotFoundError, RequestError } from "./errors.js"
import type { BufferedResponse } from "./Transport.js"
import { type Verify, verifyOk } from "./verification.js"

export { askFor } from "./decodeAnswer.js"

/** What a request that is about no document can fail with. */
export type Failure = NotFoundError | RequestError

/** One request to an endpoint that has no revisions to conflict about. */
export const ask = (
  request: CouchRequest & { readonly verify: Verify }
): Effect.Effect<BufferedResponse, Failure, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => conflictAsBadRequest(couch.execute(request)))

/** One request to an endpoint that answers `{"ok":true}`. */
export const askForOk = (request: CouchRequest): Effect.Effect<void, Failure, CouchHttp> =>
  Effect.asVoid(ask({ ...request, verify: verifyOk }))

/** A query of the parameters that have a value. */
export const query = (parameters: Readonly<Record<string, string | number | boolean | undefined>>): string => {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`]
  )
  return parts.length === 0 ? "" : `?${parts.join("&")}`
}
