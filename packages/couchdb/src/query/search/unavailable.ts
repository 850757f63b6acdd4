import * as Effect from "effect/Effect"
import { CouchHttp, type CouchRequest } from "../../http/CouchHttp.js"
import { type NotFoundError, type RequestError } from "../../http/errors.js"
import { failAt } from "../../http/failAt.js"
import type { Index } from "../Search.js"
import { SearchUnavailableError } from "./errors.js"

/** Clouseau that is not there says so; Nouveau that was switched off says no more than that something is missing. */
const saysSo = (error: NotFoundError | RequestError): boolean =>
  error._tag === "ServerError" &&
  ((error.status === 503 && error.error === "service unavailable") || error.error === "ou_est_clouseau")

const analysis: CouchRequest = {
  method: "POST",
  path: "/_nouveau_analyze",
  route: "/_nouveau_analyze",
  idempotent: true,
  body: `{"analyzer":"keyword","text":"a"}`
}

/** A server that has Nouveau answers this, whatever it holds. */
const hasNouveau: Effect.Effect<boolean, never, CouchHttp> = Effect.flatMap(
  CouchHttp,
  (couch) =>
    Effect.match(couch.execute(analysis), {
      onFailure: (error) => error._tag !== "NotFoundError",
      onSuccess: () => true
    })
)

/** Distinguishes a missing index from a server without search. */
export const orUnavailable =
  (index: Pick<Index<unknown, unknown>, "_tag">, database: string | undefined) =>
  <A, E extends { readonly _tag: string }, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SearchUnavailableError, R | CouchHttp> =>
    Effect.catchAll(self, (error) => {
      const failure = error as unknown as NotFoundError | RequestError
      const unavailable = (reason: string) =>
        failAt((from) => new SearchUnavailableError({ ...from, engine: index._tag, database, reason }))
      if (saysSo(failure)) return unavailable((failure as { readonly reason: string }).reason)
      const mayBe = index._tag === "Nouveau" && failure._tag === "NotFoundError" && failure.reason === "missing"
      return mayBe
        ? Effect.flatMap(hasNouveau, (has): Effect.Effect<never, E | SearchUnavailableError> =>
          has ? Effect.fail(error) : unavailable("Nouveau is not enabled"))
        : Effect.fail(error)
    })
