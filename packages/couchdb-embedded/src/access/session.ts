import { hmac } from "@noble/hashes/hmac"
import { sha256 } from "@noble/hashes/sha2"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { concat } from "../encoding/bytes.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import { header } from "../http/request.js"
import type { Server } from "../storage/state.js"
import type { UserContext } from "./users.js"
import { account } from "./users.js"

/** The lifetime of a session, in seconds. */
const lifetimeSeconds = 600

const toSeconds = (now: number): number => Math.floor(now / 1000)

// Cookies have their own date format.
const expiryDate = (now: number): string =>
  new Date(now + lifetimeSeconds * 1000).toUTCString().replace(/(\d\d) (\w{3}) (\d{4})/, "$1-$2-$3")

const setCookie = (value: string, now: number): string =>
  `AuthSession=${value}; Version=1; Expires=${expiryDate(now)}; Max-Age=${lifetimeSeconds}; Path=/; HttpOnly`

const sign = (server: Server, salt: string, data: string): Uint8Array =>
  hmac(sha256, server.secret + salt, Utf8.encode(data))

/** The cookie of a new session. It is signed with the salt of the password, so a changed password ends the session. */
export const create = (server: Server, name: string, salt: string, now: number): string => {
  const data = `${name}:${toSeconds(now).toString(16).toUpperCase()}`
  const value = concat([Utf8.encode(`${data}:`), sign(server, salt, data)])
  return setCookie(Encoding.encodeBase64Url(value), now)
}

/** The cookie that ends a session. As in CouchDB, it expires no earlier than other cookies. */
export const clear = (now: number): string => setCookie("", now)

/** The user of a cookie, and a new cookie once a tenth of its lifetime is over. */
export interface Session {
  readonly user: UserContext
  readonly renewal: string | undefined
}

const cookieOf = (request: Request): string | undefined => {
  for (const part of (header(request, "cookie") ?? "").split(/[;,]/)) {
    const equals = part.indexOf("=")
    if (equals >= 0 && part.slice(0, equals).trim() === "AuthSession") {
      return part.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1")
    }
  }
  return undefined
}

const malformed = badRequest("Malformed AuthSession cookie. Please clear your cookies.")

interface Parts {
  readonly name: string | undefined
  readonly time: string | undefined
  readonly signature: Uint8Array
}

/** Splits a cookie into user, time and signature. The signature may contain colons. */
const parseCookie = (value: string): Checked<Parts> => {
  const bytes = Encoding.decodeBase64Url(value.replace(/=+$/, ""))
  if (Either.isLeft(bytes)) return malformed
  const first = bytes.right.indexOf(0x3a)
  const second = first < 0 ? -1 : bytes.right.indexOf(0x3a, first + 1)
  return second < 0 ? malformed : Either.right({
    name: Utf8.decode(bytes.right.subarray(0, first)),
    time: Utf8.decode(bytes.right.subarray(first + 1, second)),
    signature: bytes.right.subarray(second + 1)
  })
}

/** The session of a request. `undefined` if its cookie has expired, is forged, or names an unknown user. */
export const read = (server: Server, request: Request, now: number): Checked<Session | undefined> => {
  const value = cookieOf(request)
  if (value === undefined || value === "") return Either.right(undefined)
  return Either.map(parseCookie(value), ({ name, signature, time }) => {
    if (name === undefined || time === undefined || !/^[+-]?[0-9a-f]{1,12}$/i.test(time)) return undefined
    const known = account(server, name)
    const left = parseInt(time, 16) + lifetimeSeconds - toSeconds(now)
    if (known === undefined || left <= 0) return undefined
    const expected = sign(server, known.salt, `${name}:${time}`)
    if (expected.length !== signature.length || expected.some((byte, i) => byte !== signature[i])) return undefined
    return {
      user: known.user,
      renewal: left < lifetimeSeconds * 0.9 ? create(server, name, known.salt, now) : undefined
    }
  })
}
