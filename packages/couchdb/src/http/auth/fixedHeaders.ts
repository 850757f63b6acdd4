import * as Redacted from "effect/Redacted"
import { latin1 } from "../../data/bytes.js"
import type { Works } from "./exchange.js"

export type Headers = Readonly<Record<string, string>>

export const ofCookie = (cookie: string): Headers => ({ cookie: `AuthSession=${cookie}` })

// A token that was read from a file often has a line break behind it.
export const ofToken = (token: string): Headers => ({ authorization: `Bearer ${token.trim()}` })

/** Credentials whose headers stay as they are. */
export const fixed = (headers: () => Headers): Works => () => ({ _tag: "Fixed", headers: headers() })

export const basic = (username: string, password: Redacted.Redacted): Works =>
  fixed(() => ({ authorization: `Basic ${btoa(latin1(`${username}:${Redacted.value(password)}`))}` }))
