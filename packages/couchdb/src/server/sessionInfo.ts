import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Auth from "../http/Auth.js"
import { setCookie } from "../http/auth/setCookie.js"
import { login as loginRequest } from "../http/auth/sources.js"
import { withAuth } from "../http/client.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { decodeJson } from "../http/decodeResponse.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { hiddenCookie } from "../http/hints/unexpectedResponse.js"
import { unexpectedResponse } from "../http/responseError.js"
import { type Failure, sendOk } from "../http/send.js"
import { serverOf } from "../http/server.js"
import type { Session } from "./Session.js"

const LoginResponse = Schema.Struct({ ok: Schema.Literal(true), roles: Schema.Array(Schema.String) })

export const login = (name: string, password: Redacted.Redacted): Effect.Effect<Session, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const request = loginRequest(name, password)
    const couch = yield* CouchHttp
    const decodeLogin = decodeJson(LoginResponse)
    const { response, roles } = yield* conflictAsBadRequest(
      executeDecoded(
        couch,
        request,
        (response) => Either.map(decodeLogin(response), ({ roles }) => ({ response, roles }))
      )
    )
    const now = yield* Clock.currentTimeMillis
    const cookie = setCookie(response.headers, now)
    if (cookie === undefined || cookie.value === "") {
      return yield* Effect.fail(unexpectedResponse(request, { ...response, ...serverOf(couch) }, hiddenCookie))
    }
    const expires = cookie.lifetime === undefined ? Option.none() : DateTime.make(now + cookie.lifetime)
    return { name, roles, cookie: Redacted.make(cookie.value), expires }
  }).pipe(withAuth(Auth.none))

export const logout: Effect.Effect<void, Failure, CouchHttp> = sendOk({
  method: "DELETE",
  path: "/_session",
  route: "/_session",
  idempotent: true
})
