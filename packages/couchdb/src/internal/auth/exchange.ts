import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Auth } from "../../Auth.js"
import type { HttpError } from "../../CouchError.js"
import { type Headers, headersOf, ofCookie } from "./fixed.js"
import { type Answered, isRefusal } from "./refusal.js"
import { type Held, type Renewing, renewing } from "./renewing.js"
import { setCookie } from "./setCookie.js"
import { type Ask, bySession, byToken } from "./sources.js"

/** Credentials at work: headers that stay, or such as are renewed. */
export type Authenticator =
  | { readonly _tag: "Fixed"; readonly headers: Headers }
  | { readonly _tag: "Renewing"; readonly credentials: Renewing; readonly cookies: boolean }

const make = (auth: Auth, ask: Ask): Authenticator => {
  switch (auth._tag) {
    case "Session":
      return {
        _tag: "Renewing",
        credentials: renewing(bySession(ask, auth.username, auth.password)),
        cookies: true
      }
    case "Tokens":
      return { _tag: "Renewing", credentials: renewing(byToken(ask, auth.token)), cookies: false }
    default:
      return { _tag: "Fixed", headers: headersOf(auth) }
  }
}

/** What each `Auth` remembers at one server, for as long as somebody holds the `Auth`. */
export const makeAuthenticators = (ask: Ask): (auth: Auth) => Authenticator => {
  const all = new WeakMap<Auth, Authenticator>()
  return (auth) => {
    const known = all.get(auth)
    if (known !== undefined) return known
    const made = make(auth, ask)
    all.set(auth, made)
    return made
  }
}

/** One way to the server. `discard` gives an answer up whose body nobody reads. */
export interface Attempt<Response> {
  readonly response: Response
  readonly discard: Effect.Effect<void>
}

const withoutCookies = <Response extends Answered>(response: Response): Response => {
  if (response.headers["set-cookie"] === undefined) return response
  const { "set-cookie": _, ...headers } = response.headers
  return { ...response, headers }
}

/**
 * Sends with credentials, and once more with others where the server does not know these any more. `body` says whether the
 * request has a stream for a body, and whether anybody has read of it: then it cannot be sent again.
 */
export const exchange = <Response extends Answered, R>(
  authenticator: Authenticator,
  body: { readonly streams: boolean; readonly read: () => boolean },
  send: (headers: Headers) => Effect.Effect<Attempt<Response>, HttpError, R>
): Effect.Effect<Response, HttpError, R> => {
  if (authenticator._tag === "Fixed") return Effect.map(send(authenticator.headers), ({ response }) => response)
  const { cookies, credentials } = authenticator

  const heard = (used: Held, response: Response, now: number): void => {
    if (isRefusal(response, !cookies)) return
    const { headers } = response
    credentials.prove(used)
    const cookie = cookies ? setCookie(headers, now) : undefined
    if (cookie === undefined) return
    if (cookie.value === "") credentials.forget(used)
    else credentials.prolonged(used, { headers: ofCookie(cookie.value), lasts: cookie.lasts }, now)
  }

  const once = (used: Held) =>
    Effect.zipWith(send(used.headers), Clock.currentTimeMillis, (attempt, now) => {
      heard(used, attempt.response, now)
      return attempt
    })

  return Effect.gen(function*() {
    const used = yield* (body.streams ? credentials.assured : credentials.current)
    const order = credentials.next()
    const first = yield* once(used)
    if (!isRefusal(first.response, !cookies) || body.read()) return withoutCookies(first.response)
    const others = Option.fromNullable(yield* credentials.instead(used, order))
    if (Option.isNone(others)) return withoutCookies(first.response)
    yield* first.discard
    return withoutCookies((yield* once(others.value)).response)
  })
}
