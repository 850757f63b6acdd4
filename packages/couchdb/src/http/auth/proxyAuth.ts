import { hmac } from "@noble/hashes/hmac"
import { sha1 } from "@noble/hashes/legacy"
import { sha256 } from "@noble/hashes/sha2"
import * as Redacted from "effect/Redacted"
import { encodeUtf8, hex, latin1 } from "../../data/bytes.js"
import type { ProxyAlgorithm } from "../Auth.js"
import type { AuthenticatorFactory } from "./exchange.js"
import { fixedHeaders } from "./fixedHeaders.js"

const signature = (algorithm: ProxyAlgorithm, secret: string, username: string): string =>
  hex(hmac(algorithm === "sha" ? sha1 : sha256, encodeUtf8(secret), encodeUtf8(username)))

export interface ProxyUser {
  readonly username: string
  readonly roles: ReadonlyArray<string>
  readonly secret: Redacted.Redacted | undefined
  readonly algorithm: ProxyAlgorithm
}

/** Credentials of a user whom a trusted proxy authenticates. */
export const proxyAuth = ({ algorithm, roles, secret, username }: ProxyUser): AuthenticatorFactory =>
  fixedHeaders(() => ({
    "x-auth-couchdb-username": latin1(username),
    "x-auth-couchdb-roles": latin1(roles.join(",")),
    ...(secret !== undefined && {
      "x-auth-couchdb-token": signature(algorithm, Redacted.value(secret), username)
    })
  }))
