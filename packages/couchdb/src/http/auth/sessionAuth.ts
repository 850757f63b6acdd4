import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AuthenticatorFactory, Exchange } from "./exchange.js"
import { cookieHeader } from "./fixedHeaders.js"
import { type AuthResponse, isRefusal } from "./rejected.js"
import { type ActiveCredential, CredentialRenewal } from "./renewal.js"
import { setCookie } from "./setCookie.js"
import { sessionSource, tokenSource } from "./sources.js"

const withoutCookies = <Response extends AuthResponse>(response: Response): Response => {
  if (response.headers["set-cookie"] === undefined) return response
  const { "set-cookie": _, ...headers } = response.headers
  return { ...response, headers }
}

/** Whether the login response shows no cookie: a browser hides it, or does not store it. */
const isHidden = ({ headers }: ActiveCredential): boolean => headers["cookie"] === undefined

const withHiddenCookie = <Response extends AuthResponse>(response: Response): Response => ({
  ...response,
  cookie: "hidden"
})

/** Sends with credentials that are renewed. A cookie in a response extends a session. */
const renewingExchange = (credentials: CredentialRenewal, cookies: boolean): Exchange => (body, send) => {
  const observe = (used: ActiveCredential, response: AuthResponse, now: number): void => {
    if (isRefusal(response, !cookies)) return
    const { headers } = response
    credentials.markAccepted(used)
    const cookie = cookies ? setCookie(headers, now) : undefined
    if (cookie === undefined) return
    if (cookie.value === "") credentials.discard(used)
    else credentials.extend(used, { headers: cookieHeader(cookie.value), lifetime: cookie.lifetime }, now)
  }

  const once = (used: ActiveCredential) =>
    Effect.zipWith(send(used.headers), Clock.currentTimeMillis, (attempt, now) => {
      observe(used, attempt.response, now)
      return attempt
    })

  return Effect.gen(function*() {
    const used = yield* (body.streams ? credentials.confirmed : credentials.current)
    const order = credentials.nextNumber()
    const first = yield* once(used)
    if (!isRefusal(first.response, !cookies) || body.read()) return withoutCookies(first.response)
    // Obtaining other credentials may need the connection.
    const refusal = yield* first.buffered
    const replacement = Option.fromNullable(yield* credentials.replacementFor(used, order))
    if (Option.isNone(replacement)) {
      return withoutCookies(
        cookies && isHidden(used) && used.confirmedUpTo < order ? withHiddenCookie(refusal) : refusal
      )
    }
    const second = yield* once(replacement.value)
    if (!cookies || !isHidden(replacement.value) || !isRefusal(second.response, false)) {
      return withoutCookies(second.response)
    }
    // A browser that stored the cookie also sends it with this check.
    const buffered = yield* second.buffered
    return withoutCookies((yield* credentials.check(replacement.value)) ? buffered : withHiddenCookie(buffered))
  })
}

export const session = (...credentials: Parameters<typeof sessionSource>): AuthenticatorFactory => (send) => ({
  _tag: "Renewing",
  exchange: renewingExchange(new CredentialRenewal(sessionSource(...credentials)(send)), true)
})

export const tokens = (token: Parameters<typeof tokenSource>[0]): AuthenticatorFactory => (send) => ({
  _tag: "Renewing",
  exchange: renewingExchange(new CredentialRenewal(tokenSource(token)(send)), false)
})
