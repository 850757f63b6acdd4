import { hmac } from "@noble/hashes/hmac"
import { sha1 } from "@noble/hashes/legacy"
import { sha256, sha384, sha512 } from "@noble/hashes/sha2"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, refuse } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import { header } from "../http/request.js"
import type { Server } from "../storage/state.js"
import type { UserContext } from "./users.js"

/** The authentication handlers that trust another party. */
export type Handler = "jwt" | "proxy"

const setting = (server: Server, section: string, key: string): string | undefined =>
  server.node.config.get(section)?.get(key)

/** The enabled handlers, in CouchDB's order. */
export const handlers = (server: Server): ReadonlyArray<"cookie" | Handler | "default"> => {
  const listed = setting(server, "chttpd", "authentication_handlers") ?? ""
  const named = (name: Handler) => listed.includes(`${name}_authentication_handler`) ? [name] : []
  return ["cookie", ...named("jwt"), ...named("proxy"), "default"]
}

const member = (value: Json.Json | undefined, name: string): Json.Json | undefined =>
  value !== undefined && Json.isObject(value) ? Json.get(value, name) : undefined

const malformed = badRequest("Malformed token")

const decodePart = (text: string): Checked<Json.Json> =>
  Either.flatMap(
    Either.flatMap(Encoding.decodeBase64Url(text), (bytes) => Json.parse(Utf8.decode(bytes) ?? "")),
    (value) => Json.isObject(value) ? Either.right(value) : Either.left(undefined)
  ).pipe(Either.orElse(() => malformed))

const hashes = { HS256: sha256, HS384: sha384, HS512: sha512 } as const

const isAlgorithm = (name: Json.Json | undefined): name is keyof typeof hashes =>
  typeof name === "string" && name in hashes

const publicKeyAlgorithms = /^(?:RS|ES)(?:256|384|512)$/

/** The key of a signature. The configuration has it in Base64. */
const keyOf = (server: Server, head: Json.Json): Checked<Uint8Array> => {
  const kid = member(head, "kid")
  const key = setting(server, "jwt_keys", `hmac:${typeof kid === "string" ? kid : "_default"}`)
  return Either.orElse(Encoding.decodeBase64(key ?? "-"), () => badRequest("Unknown kid"))
}

const checkClaims = (server: Server, claims: Json.Json, now: number): Checked<void> => {
  const required = (setting(server, "jwt_auth", "required_claims") ?? "exp").match(/\b(?:exp|nbf|iat|iss)\b/g) ?? []
  for (const name of required) {
    const value = member(claims, name)
    if (value === undefined) return badRequest(`Missing ${name} claim`)
    if (name === "exp" && Number(value) <= now / 1000) return refuse(401, "unauthorized", "exp not in future")
    if (name === "nbf" && Number(value) > now / 1000) return refuse(401, "unauthorized", "nbf not in past")
  }
  return Either.void
}

const rolesOf = (claims: Json.Json): Checked<ReadonlyArray<string>> => {
  const roles = member(claims, "_couchdb.roles") ?? []
  if (typeof roles === "string") return Either.right(roles.split(/\s*,\s*/))
  return Json.isArray(roles) && roles.every((role) => typeof role === "string") ? Either.right(roles) : malformed
}

const byToken = (server: Server, token: string, now: number): Checked<UserContext> =>
  Either.gen(function*() {
    const [head = "", payload = "", signature = "", ...more] = token.split(".")
    if (signature === "" || more.length > 0) return yield* malformed
    const given = yield* decodePart(head)
    const algorithm = member(given, "alg")
    if (!isAlgorithm(algorithm)) {
      // The engine supports symmetric keys only.
      return yield* typeof algorithm === "string" && publicKeyAlgorithms.test(algorithm)
        ? badRequest("Unknown kid")
        : badRequest(`${algorithm === undefined ? "Missing" : "Invalid"} alg header parameter`)
    }
    const claims = yield* decodePart(payload)
    yield* checkClaims(server, claims, now)
    const key = yield* keyOf(server, given)
    const expected = Encoding.encodeBase64Url(hmac(hashes[algorithm], key, Utf8.encode(`${head}.${payload}`)))
    if (expected !== signature) return yield* badRequest("Bad HMAC")
    const name = member(claims, "sub")
    if (typeof name !== "string") return yield* refuse(401, "unauthorized", "Token missing sub claim.")
    return { name, roles: yield* rolesOf(claims) }
  })

/** Headers arrive with one byte per character. */
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0) & 255)

const byProxy = (server: Server, request: Request): UserContext | undefined => {
  const username = header(request, "x-auth-couchdb-username")
  if (username === undefined) return undefined
  const name = bytesOf(username)
  const secret = setting(server, "chttpd_auth", "secret")
  if (setting(server, "chttpd_auth", "proxy_use_secret") === "true" && secret !== undefined) {
    const token = header(request, "x-auth-couchdb-token")
    const signed = [sha256, sha1].map((hash) => Encoding.encodeHex(hmac(hash, Utf8.encode(secret), name)))
    if (token === undefined || !signed.includes(token)) return undefined
  }
  const roles = header(request, "x-auth-couchdb-roles")
  return {
    name: Utf8.decode(name) ?? username,
    roles: roles === undefined ? [] : (Utf8.decode(bytesOf(roles)) ?? roles).split(/\s*,\s*/)
  }
}

/** The user of a JWT or of a trusted proxy, if the configuration enables these handlers. */
export const read = (
  server: Server,
  request: Request,
  now: number
): Checked<{ readonly user: UserContext; readonly authenticated: Handler } | undefined> => {
  const named = handlers(server)
  const authorization = header(request, "authorization")
  if (named.includes("jwt") && authorization?.startsWith("Bearer ") === true) {
    return Either.map(byToken(server, authorization.slice(7), now), (user) => ({ user, authenticated: "jwt" }))
  }
  const user = named.includes("proxy") ? byProxy(server, request) : undefined
  return Either.right(user === undefined ? undefined : { user, authenticated: "proxy" })
}
