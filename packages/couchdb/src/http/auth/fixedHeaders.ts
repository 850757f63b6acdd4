import * as Redacted from "effect/Redacted"
import { latin1 } from "../../data/bytes.js"
import type { AuthenticatorFactory } from "./exchange.js"

export type Headers = Readonly<Record<string, string>>

export const cookieHeader = (cookie: string): Headers => ({ cookie: `AuthSession=${cookie}` })

// A token that was read from a file often ends with a line break.
export const bearerHeader = (token: string): Headers => ({ authorization: `Bearer ${token.trim()}` })

/** Credentials with constant headers. */
export const fixedHeaders = (headers: () => Headers): AuthenticatorFactory => () => ({
  _tag: "Fixed",
  headers: headers()
})

export const basic = (username: string, password: Redacted.Redacted): AuthenticatorFactory =>
  fixedHeaders(() => ({ authorization: `Basic ${btoa(latin1(`${username}:${Redacted.value(password)}`))}` }))
