import * as Effect from "effect/Effect"
import { CouchHttp, type CouchRequest } from "../../http/CouchHttp.js"
import { type NotFoundError, type RequestError } from "../../http/errors.js"
import { failWithServer } from "../../http/failWithServer.js"
import type { Index } from "../Search.js"
import { SearchUnavailableError } from "./errors.js"

/** Without Clouseau, the server returns a specific error. With Nouveau disabled, it only returns a general 404. */
const isReported = (error: NotFoundError | RequestError): boolean =>
  error._tag === "ServerError" &&
  ((error.status === 503 && error.error === "service unavailable") || error.error === "ou_est_clouseau")

const analysis: CouchRequest = {
  method: "POST",
  path: "/_nouveau_analyze",
  route: "/_nouveau_analyze",
  idempotent: true,
  body: `{"analyzer":"keyword","text":"a"}`
}

/** The request succeeds on every server with Nouveau, whatever databases it has. */
const hasNouveau: Effect.Effect<boolean, never, CouchHttp> = Effect.flatMap(
  CouchHttp,
  (couch) =>
    Effect.match(couch.execute(analysis), {
      onFailure: (error) => error._tag !== "NotFoundError",
      onSuccess: () => true
    })
)

/** Distinguishes an index that does not exist from a server without search. */
export const orUnavailable =
  (index: Pick<Index<unknown, unknown>, "_tag">, database: string | undefined) =>
  <A, E extends { readonly _tag: string }, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SearchUnavailableError, R | CouchHttp> =>
    Effect.catchAll(self, (error) => {
      const failure = error as unknown as NotFoundError | RequestError
      const unavailable = (reason: string) =>
        failWithServer((from) => new SearchUnavailableError({ ...from, engine: index._tag, database, reason }))
      if (isReported(failure)) return unavailable((failure as { readonly reason: string }).reason)
      const mayBeDisabled = index._tag === "Nouveau" && failure._tag === "NotFoundError" && failure.reason === "missing"
      return mayBeDisabled
        ? Effect.flatMap(hasNouveau, (isEnabled): Effect.Effect<never, E | SearchUnavailableError> =>
          isEnabled ? Effect.fail(error) : unavailable("Nouveau is not enabled"))
        : Effect.fail(error)
    })
