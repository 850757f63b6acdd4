import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createHmac } from "node:crypto"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { admin, basic, client } from "../client.js"

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const token = (
  claims: object,
  { head = { alg: "HS256" }, key = "signing-key" }: { head?: object; key?: string } = {}
) => {
  const text = `${base64(head)}.${base64(claims)}`
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`
}

const configured = Effect.gen(function*() {
  const send = client(yield* EmbeddedCouch.make({ admin }))
  const values: ReadonlyArray<readonly [string, string]> = [
    [
      "chttpd/authentication_handlers",
      "{chttpd_auth, jwt_authentication_handler}, {chttpd_auth, proxy_authentication_handler}"
    ],
    ["jwt_keys/hmac:_default", Buffer.from("signing-key").toString("base64")],
    ["jwt_keys/hmac:other", Buffer.from("another").toString("base64")],
    ["chttpd_auth/secret", "the_proxy_secret"],
    ["chttpd_auth/proxy_use_secret", "true"]
  ]
  for (const [path, value] of values) {
    const headers = { ...basic("admin", "password"), "content-type": "application/json" }
    yield* send("PUT", `/_node/_local/_config/${path}`, { headers, body: JSON.stringify(value) })
  }
  return send
})

describe("tokens", () => {
  // The clock of a test starts at the epoch.
  const exp = 60
  const good = { sub: "ada", exp, "_couchdb.roles": ["keepers"] }
  const answers: ReadonlyArray<readonly [name: string, token: string, status: number, reason: string | undefined]> = [
    ["with roles", token(good), 200, undefined],
    [
      "of another key by its name",
      token(good, { key: "another", head: { alg: "HS256", kid: "other" } }),
      200,
      undefined
    ],
    ["of a wrong key", token(good, { key: "another" }), 400, "Bad HMAC"],
    ["that are over", token({ ...good, exp: -1 }), 401, "exp not in future"],
    ["without an end", token({ sub: "ada" }), 400, "Missing exp claim"],
    ["of nobody", token({ exp }), 401, "Token missing sub claim."],
    ["of three invalid parts", "a.b.c", 400, "Malformed token"],
    ["of one part", "abc", 400, "Malformed token"],
    ["of an algorithm with public keys", token(good, { head: { alg: "RS256" } }), 400, "Unknown kid"],
    ["of no algorithm", token(good, { head: { alg: "none" } }), 400, "Invalid alg header parameter"],
    ["without an algorithm", token(good, { head: {} }), 400, "Missing alg header parameter"],
    ["of a key that nobody knows", token(good, { head: { alg: "HS256", kid: "nope" } }), 400, "Unknown kid"]
  ]
  for (const [name, text, status, reason] of answers) {
    it.effect(`${name}: ${reason ?? "are accepted"}`, () =>
      Effect.gen(function*() {
        const send = yield* configured
        const reply = yield* send("GET", "/_session", { headers: { authorization: `Bearer ${text}` } })
        expect(reply.status).toBe(status)
        expect(reply.json).toMatchObject(
          reason === undefined
            ? {
              userCtx: { name: "ada", roles: ["keepers"] },
              info: { authentication_handlers: ["cookie", "jwt", "proxy", "default"], authenticated: "jwt" }
            }
            : { reason }
        )
      }))
  }

  it.effect("are ignored if they are not configured", () =>
    Effect.gen(function*() {
      const send = client(yield* EmbeddedCouch.make({ admin }))
      const reply = yield* send("GET", "/_session", { headers: { authorization: `Bearer ${token(good)}` } })
      expect(reply.json).toMatchObject({ userCtx: { name: null } })
    }))
})

describe("proxied users", () => {
  const signed = (hash: string, name: string) => createHmac(hash, "the_proxy_secret").update(name).digest("hex")
  const answers: ReadonlyArray<readonly [token: string | undefined, name: string | null]> = [
    [signed("sha256", "foo"), "foo"],
    [signed("sha1", "foo"), "foo"],
    [signed("sha256", "bar"), null],
    [undefined, null]
  ]
  it.effect("are accepted if the secret signs their name", () =>
    Effect.gen(function*() {
      const send = yield* configured
      for (const [token, name] of answers) {
        const headers = {
          "x-auth-couchdb-username": "foo",
          "x-auth-couchdb-roles": "users, b",
          ...(token !== undefined && { "x-auth-couchdb-token": token })
        }
        expect((yield* send("GET", "/_session", { headers })).json).toMatchObject({
          userCtx: { name, roles: name === null ? [] : ["users", "b"] }
        })
      }
    }))
})
