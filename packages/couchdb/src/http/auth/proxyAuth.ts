import { hmac } from "@noble/hashes/hmac"
import { sha1 } from "@noble/hashes/legacy"
import { sha256 } from "@noble/hashes/sha2"
import * as Redacted from "effect/Redacted"
import { hex, latin1, encodeUtf8 } from "../../data/bytes.js"
import type { ProxyAlgorithm } from "../Auth.js"
import type { Works } from "./exchange.js"
import { fixed } from "./fixedHeaders.js"

const signature = (algorithm: ProxyAlgorithm, secret: string, username: string): string =>
  hex(hmac(algorithm === "sha" ? sha1 : sha256, encodeUtf8(secret), encodeUtf8(username)))

export interface Proxied {
  readonly username: string
  readonly roles: ReadonlyArray<string>
  readonly secret: Redacted.Redacted | undefined
  readonly algorithm: ProxyAlgorithm
}

/** A user for whom a proxy vouches. */
export const proxied = ({ algorithm, roles, secret, username }: Proxied): Works =>
  fixed(() => ({
    "x-auth-couchdb-username": latin1(username),
    "x-auth-couchdb-roles": latin1(roles.join(",")),
    ...(secret !== undefined && {
      "x-auth-couchdb-token": signature(algorithm, Redacted.value(secret), username)
    })
  }))
