import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Auth from "../../Auth.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type { Session } from "../../Session.js"
import { decodeAnswer } from "../answer.js"
import { setCookie } from "../auth/setCookie.js"
import { login as loginRequest } from "../auth/sources.js"
import { withAuth } from "../couchHttp.js"
import { notCouch } from "../notCouch.js"
import { ask, type Failure } from "../server/ask.js"

const Begun = Schema.Struct({ ok: Schema.Literal(true), roles: Schema.Array(Schema.String) })

export const login = (name: string, password: Redacted.Redacted): Effect.Effect<Session, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const request = loginRequest(name, password)
    const response = yield* ask(request)
    const now = yield* Clock.currentTimeMillis
    const { roles } = yield* decodeAnswer(Begun, request, response)
    const cookie = setCookie(response.headers, now)
    if (cookie === undefined || cookie.value === "") {
      return yield* Effect.fail(notCouch(request, response.status, "the answer has no cookie that can be read here"))
    }
    const expires = cookie.lasts === undefined ? Option.none() : DateTime.make(now + cookie.lasts)
    return { name, roles, cookie: Redacted.make(cookie.value), expires }
  }).pipe(withAuth(Auth.none))

export const logout: Effect.Effect<void, Failure, CouchHttp> = Effect.asVoid(
  ask({ method: "DELETE", path: "/_session", route: "/_session" })
)
