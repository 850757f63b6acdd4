import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Json from "../../data/Json.js"
import type { CouchRequest } from "../CouchHttp.js"
import { CredentialsError, type HttpError } from "../errors.js"
import { isSendable } from "../headerCheck.js"
import { unexpectedResponse } from "../responseError.js"
import { jsonOf } from "../verification.js"
import { verifyJson } from "../verification.js"
import type { Ask } from "./exchange.js"
import { type Headers, ofCookie, ofToken } from "./fixedHeaders.js"
import type { Credential, Source } from "./renewal.js"
import { setCookie } from "./setCookie.js"

const target = { path: "/_session", route: "/_session" }

const isOk = verifyJson((json) => Json.get(json, "ok") === true)

/** The request that begins a session. */
export const login = (username: string, password: Redacted.Redacted): CouchRequest => ({
  method: "POST",
  ...target,
  body: Json.stringify({ name: username, password: Redacted.value(password) }),
  idempotent: true,
  verify: isOk
})

/** Whether the server knows who this is. Where it does not say, it does not know. */
const alive = (ask: Ask) => (headers: Headers): Effect.Effect<boolean> =>
  Effect.match(ask({ method: "GET", ...target }, headers), {
    onFailure: () => false,
    onSuccess: (response) => typeof Json.get(Json.get(jsonOf(response), "userCtx"), "name") === "string"
  })

/** Sessions, by name and password. Where the answer shows no cookie, a browser keeps it. */
export const bySession = (username: string, password: Redacted.Redacted) => (ask: Ask): Source => ({
  obtain: Effect.suspend(() => {
    const request = login(username, password)
    return Effect.zipWith(ask(request, {}), Clock.currentTimeMillis, (response, now) => ({ now, request, response }))
  }).pipe(Effect.flatMap(({ now, request, response }): Effect.Effect<Credential, HttpError> => {
    if (Json.get(jsonOf(response), "ok") !== true) {
      return Effect.fail(unexpectedResponse(request, response, "the response begins no session"))
    }
    const cookie = setCookie(response.headers, now)
    return Effect.succeed(
      cookie === undefined || cookie.value === ""
        ? { headers: {}, lasts: undefined }
        : { headers: ofCookie(cookie.value), lasts: cookie.lasts }
    )
  })),
  alive: alive(ask)
})

const decoder = new TextDecoder()

/** When a token is over, in milliseconds, if it says so. */
const expiry = (token: string): number | undefined => {
  const payload = Encoding.decodeBase64Url(token.split(".")[1] ?? "")
  const claims = Either.flatMap(payload, (bytes) => Json.parse(decoder.decode(bytes)))
  const exp = Either.isRight(claims) ? Json.get(claims.right, "exp") : undefined
  return typeof exp === "number" ? exp * 1000 : undefined
}

/** Tokens that an effect gives. */
export const byToken = (token: Effect.Effect<Redacted.Redacted, unknown>) => (ask: Ask): Source => ({
  obtain: Effect.mapError(token, (failure) => new CredentialsError({ kind: "JSON Web Token" }, failure)).pipe(
    // One that cannot be sent is never refused, so that it would be kept for good.
    Effect.filterOrFail(
      (token) => isSendable(Redacted.value(token).trim()),
      () => new CredentialsError({ kind: "JSON Web Token" }, new Error("it gave what cannot be sent in a header"))
    ),
    Effect.zipWith(Clock.currentTimeMillis, (token, now): Credential => {
      const text = Redacted.value(token)
      const lasts = (expiry(text) ?? Infinity) - now
      // One that is over already by this clock may not be by the server's, which says 401 if it is.
      return { headers: ofToken(text), lasts: Number.isFinite(lasts) && lasts > 0 ? lasts : undefined }
    })
  ),
  alive: alive(ask)
})
