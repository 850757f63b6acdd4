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
import type { Send } from "./exchange.js"
import { bearerHeader, cookieHeader, type Headers } from "./fixedHeaders.js"
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

/** Whether the server recognizes a user. An unclear response counts as no. */
const isAuthenticated = (send: Send) => (headers: Headers): Effect.Effect<boolean> =>
  Effect.match(send({ method: "GET", ...target }, headers), {
    onFailure: () => false,
    onSuccess: (response) => typeof Json.get(Json.get(jsonOf(response), "userCtx"), "name") === "string"
  })

/** Sessions by name and password. If the response shows no cookie, a browser keeps it. */
export const sessionSource = (username: string, password: Redacted.Redacted) => (send: Send): Source => ({
  obtain: Effect.suspend(() => {
    const request = login(username, password)
    return Effect.zipWith(send(request, {}), Clock.currentTimeMillis, (response, now) => ({ now, request, response }))
  }).pipe(Effect.flatMap(({ now, request, response }): Effect.Effect<Credential, HttpError> => {
    if (Json.get(jsonOf(response), "ok") !== true) {
      return Effect.fail(unexpectedResponse(request, response, "the response does not begin a session"))
    }
    const cookie = setCookie(response.headers, now)
    return Effect.succeed(
      cookie === undefined || cookie.value === ""
        ? { headers: {}, lifetime: undefined }
        : { headers: cookieHeader(cookie.value), lifetime: cookie.lifetime }
    )
  })),
  isAccepted: isAuthenticated(send)
})

const decoder = new TextDecoder()

/** The expiry of a token in milliseconds, if it contains one. */
const expiry = (token: string): number | undefined => {
  const payload = Encoding.decodeBase64Url(token.split(".")[1] ?? "")
  const claims = Either.flatMap(payload, (bytes) => Json.parse(decoder.decode(bytes)))
  const exp = Either.isRight(claims) ? Json.get(claims.right, "exp") : undefined
  return typeof exp === "number" ? exp * 1000 : undefined
}

/** Tokens that an effect provides. */
export const tokenSource = (token: Effect.Effect<Redacted.Redacted, unknown>) => (send: Send): Source => ({
  obtain: Effect.mapError(token, (failure) => new CredentialsError({ kind: "JSON Web Token" }, failure)).pipe(
    // The server never refuses a token that cannot be sent, so it would be kept forever.
    Effect.filterOrFail(
      (token) => isSendable(Redacted.value(token).trim()),
      () =>
        new CredentialsError(
          { kind: "JSON Web Token" },
          new Error("its token contains characters that a header cannot contain")
        )
    ),
    Effect.zipWith(Clock.currentTimeMillis, (token, now): Credential => {
      const text = Redacted.value(token)
      const lifetime = (expiry(text) ?? Infinity) - now
      // A token that has expired by this clock may be valid by the server's, which responds with 401 if it is not.
      return { headers: bearerHeader(text), lifetime: Number.isFinite(lifetime) && lifetime > 0 ? lifetime : undefined }
    })
  ),
  isAccepted: isAuthenticated(send)
})
