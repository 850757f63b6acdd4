import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Exchange, Works } from "./exchange.js"
import { ofCookie } from "./fixedHeaders.js"
import { type Answered, isRefusal } from "./rejected.js"
import { type Held, type Renewing, renewing } from "./renewal.js"
import { setCookie } from "./setCookie.js"
import { bySession, byToken } from "./sources.js"

const withoutCookies = <Response extends Answered>(response: Response): Response => {
  if (response.headers["set-cookie"] === undefined) return response
  const { "set-cookie": _, ...headers } = response.headers
  return { ...response, headers }
}

/** Whether the response that began the session shows no cookie: a browser keeps it to itself, or does not keep it. */
const isHidden = ({ headers }: Held): boolean => headers["cookie"] === undefined

const withHiddenCookie = <Response extends Answered>(response: Response): Response => ({
  ...response,
  cookie: "hidden"
})

/** Sends with credentials that are renewed; a cookie in an answer prolongs them, where they are cookies. */
const exchanged = (credentials: Renewing, cookies: boolean): Exchange => (body, send) => {
  const heard = (used: Held, response: Answered, now: number): void => {
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
    // What is asked for others may need the connection.
    const refusal = yield* first.buffered
    const others = Option.fromNullable(yield* credentials.instead(used, order))
    if (Option.isNone(others)) {
      return withoutCookies(cookies && isHidden(used) && used.knownBehind < order ? withHiddenCookie(refusal) : refusal)
    }
    const second = yield* once(others.value)
    if (!cookies || !isHidden(others.value) || !isRefusal(second.response, false)) {
      return withoutCookies(second.response)
    }
    // A browser that keeps the cookie sends it with this question too.
    const answer = yield* second.buffered
    return withoutCookies((yield* credentials.known(others.value)) ? answer : withHiddenCookie(answer))
  })
}

export const session = (...who: Parameters<typeof bySession>): Works => (ask) => ({
  _tag: "Renewing",
  exchange: exchanged(renewing(bySession(...who)(ask)), true)
})

export const tokens = (token: Parameters<typeof byToken>[0]): Works => (ask) => ({
  _tag: "Renewing",
  exchange: exchanged(renewing(byToken(token)(ask)), false)
})
