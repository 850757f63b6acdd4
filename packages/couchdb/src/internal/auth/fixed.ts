import { hmac } from "@noble/hashes/hmac"
import { sha1 } from "@noble/hashes/legacy"
import { sha256 } from "@noble/hashes/sha2"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { Auth, ProxyAlgorithm } from "../../Auth.js"

export type Headers = Readonly<Record<string, string>>

const encoder = new TextEncoder()

/** A header is bytes: those of the text in UTF-8, one a character, as transports send them. */
const utf8 = (text: string): string => String.fromCharCode(...encoder.encode(text))

const signature = (algorithm: ProxyAlgorithm, secret: string, username: string): string =>
  Encoding.encodeHex(
    hmac(algorithm === "sha" ? sha1 : sha256, encoder.encode(secret), encoder.encode(username))
  )

export const ofCookie = (cookie: string): Headers => ({ cookie: `AuthSession=${cookie}` })

export const ofToken = (token: string): Headers => ({ authorization: `Bearer ${token}` })

/** The headers of credentials that stay as they are. */
export const headersOf = (auth: Exclude<Auth, { readonly _tag: "Session" | "Tokens" }>): Headers => {
  switch (auth._tag) {
    case "None":
      return {}
    case "Basic":
      return {
        authorization: `Basic ${Encoding.encodeBase64(`${auth.username}:${Redacted.value(auth.password)}`)}`
      }
    case "Cookie":
      return ofCookie(Redacted.value(auth.cookie))
    case "Token":
      return ofToken(Redacted.value(auth.token))
    case "Proxy":
      return {
        "x-auth-couchdb-username": utf8(auth.username),
        "x-auth-couchdb-roles": utf8(auth.roles.join(",")),
        ...(auth.secret !== undefined && {
          "x-auth-couchdb-token": signature(auth.algorithm, Redacted.value(auth.secret), auth.username)
        })
      }
  }
}
