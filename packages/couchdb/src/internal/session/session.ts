import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Auth from "../../Auth.js"
import { CouchHttp } from "../../CouchHttp.js"
import type { Session } from "../../Session.js"
import { decodeJson } from "../answer.js"
import { setCookie } from "../auth/setCookie.js"
import { login as loginRequest } from "../auth/sources.js"
import { withAuth } from "../couchHttp.js"
import { executeDecoded } from "../decoded.js"
import { hiddenCookie } from "../hints.js"
import { unexpectedResponse } from "../responseError.js"
import { askForOk, type Failure } from "../server/ask.js"
import { unconflicted } from "../unconflicted.js"

const Begun = Schema.Struct({ ok: Schema.Literal(true), roles: Schema.Array(Schema.String) })

export const login = (name: string, password: Redacted.Redacted): Effect.Effect<Session, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const request = loginRequest(name, password)
    const couch = yield* CouchHttp
    const begun = decodeJson(Begun)
    const { response, roles } = yield* unconflicted(
      executeDecoded(couch, request, (response) => Either.map(begun(response), ({ roles }) => ({ response, roles })))
    )
    const now = yield* Clock.currentTimeMillis
    const cookie = setCookie(response.headers, now)
    if (cookie === undefined || cookie.value === "") {
      return yield* Effect.fail(unexpectedResponse(request, response, hiddenCookie))
    }
    const expires = cookie.lasts === undefined ? Option.none() : DateTime.make(now + cookie.lasts)
    return { name, roles, cookie: Redacted.make(cookie.value), expires }
  }).pipe(withAuth(Auth.none))

export const logout: Effect.Effect<void, Failure, CouchHttp> = askForOk({
  method: "DELETE",
  path: "/_session",
  route: "/_session",
  safe: true
})
