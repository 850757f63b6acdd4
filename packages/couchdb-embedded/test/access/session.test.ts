import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import type { Reply } from "../client.js"
import { admin, basic, client } from "../client.js"

const withJan = Effect.gen(function*() {
  const send = client(yield* EmbeddedCouch.make({ admin }))
  yield* send("PUT", "/_users/org.couchdb.user:jan", {
    headers: basic("admin", "password"),
    body: { name: "jan", type: "user", roles: ["crew"], password: "apple" }
  })
  return send
})

const cookieOf = ({ headers }: Reply): string => headers["set-cookie"]?.split(";")[0] ?? ""

const jan = { name: "jan", password: "apple" }
const form = { "content-type": "application/x-www-form-urlencoded" }

describe("sessions", () => {
  it.effect("start with a name and a password, as JSON or as a form", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      for (
        const call of [
          { body: jan },
          { body: { username: "jan", password: "apple" } },
          { headers: form, body: "name=jan&password=apple&name=other" }
        ]
      ) {
        const reply = yield* send("POST", "/_session", call)
        expect([reply.status, reply.json]).toEqual([200, { ok: true, name: "jan", roles: ["crew"] }])
        expect(reply.headers["set-cookie"]).toMatch(
          /^AuthSession=[\w-]+; Version=1; Expires=Thu, 01-Jan-1970 00:10:00 GMT; Max-Age=600; Path=\/; HttpOnly$/
        )
        const known = yield* send("GET", "/_session", { headers: { cookie: `a=b; ${cookieOf(reply)}` } })
        expect(known.json).toMatchObject({
          userCtx: { name: "jan", roles: ["crew"] },
          info: { authentication_handlers: ["cookie", "default"], authenticated: "cookie" }
        })
        expect(known.headers["set-cookie"]).toBeUndefined()
      }
    }))

  it.effect("work for administrators on every endpoint, and precede basic credentials", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const cookie = cookieOf(yield* send("POST", "/_session", { body: { name: "admin", password: "password" } }))
      expect((yield* send("PUT", "/db", { headers: { cookie } })).status).toBe(201)
      expect((yield* send("PUT", "/db/x", { headers: { cookie, ...basic("jan", "wrong") }, body: {} })).status).toBe(
        201
      )
      expect((yield* send("GET", "/db/x")).status).toBe(401)
    }))

  it.effect("redirect the client on request", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const on = yield* send("POST", "/_session?next=/db", { body: jan })
      expect([on.status, on.headers["location"], cookieOf(on).length > 20]).toEqual([302, "http://embedded/db", true])
      const off = yield* send("POST", "/_session?fail=/login", { body: { ...jan, password: "wrong" } })
      expect([off.status, off.headers["location"], cookieOf(off)])
        .toEqual([302, "http://embedded/login", "AuthSession="])
      expect((yield* send("POST", "/_session?next=http://x.org/", { body: jan })).json)
        .toEqual({ error: "bad_request", reason: "path must begin with a /." })
    }))

  it.effect("are rejected as CouchDB rejects them", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      for (const body of [{ name: "jan", password: "wrong" }, { name: "nobody", password: "apple" }, { name: "jan" }]) {
        const reply = yield* send("POST", "/_session", { body })
        expect([reply.status, reply.json, cookieOf(reply)])
          .toEqual([401, { error: "unauthorized", reason: "Name or password is incorrect." }, "AuthSession="])
      }
      const refusals: ReadonlyArray<readonly [Readonly<Record<string, string>>, unknown, number, string]> = [
        [{}, { password: "x" }, 400, "request body must contain a username"],
        [form, "username=a&name=b", 400, "request body contains different usernames"],
        [{}, "{", 400, "invalid UTF-8 JSON"],
        [{}, { name: 1 }, 500, "badarg"],
        [
          { "content-type": "text/plain" },
          "{}",
          415,
          "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"
        ]
      ]
      for (const [headers, body, status, reason] of refusals) {
        const reply = yield* send("POST", "/_session", { headers, body })
        expect(reply).toMatchObject({ status, json: { reason } })
      }
      expect((yield* send("GET", "/_session?basic=true")).json)
        .toEqual({ error: "unauthorized", reason: "Please login." })
    }))

  it.effect("are renewed after a tenth of their lifetime, and expire", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const cookie = cookieOf(yield* send("POST", "/_session", { body: jan }))
      const ask = (cookie: string, path = "/_session") => send("GET", path, { headers: { cookie } })
      yield* TestClock.adjust("60 seconds")
      expect((yield* ask(cookie)).headers["set-cookie"]).toBeUndefined()
      yield* TestClock.adjust("1 second")
      const renewed = yield* ask(cookie, "/nothing")
      expect([renewed.status, cookieOf(renewed)]).toEqual([404, expect.stringMatching(/^AuthSession=[\w-]{20,}$/)])
      yield* TestClock.adjust("539 seconds")
      expect((yield* ask(cookie)).json).toMatchObject({ userCtx: { name: null } })
      expect((yield* ask(cookieOf(renewed))).json).toMatchObject({ userCtx: { name: "jan" } })
    }))

  it.effect("end on logout, or when the password changes", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const cookie = cookieOf(yield* send("POST", "/_session", { body: jan }))
      const out = yield* send("DELETE", "/_session", { headers: { cookie } })
      expect([out.status, out.json, cookieOf(out)]).toEqual([200, { ok: true }, "AuthSession="])
      const root = { headers: basic("admin", "password") }
      const { headers } = yield* send("GET", "/_users/org.couchdb.user:jan", root)
      yield* send("PUT", `/_users/org.couchdb.user:jan?rev=${headers["etag"]?.replaceAll("\"", "")}`, {
        ...root,
        body: { name: "jan", type: "user", roles: [], password: "pear" }
      })
      expect((yield* send("GET", "/_session", { headers: { cookie } })).json).toMatchObject({ userCtx: { name: null } })
    }))

  it.effect("accept cookies of this server only", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const ask = (cookie: string) => send("GET", "/_session", { headers: { cookie: `AuthSession=${cookie}` } })
      for (const cookie of ["bm9wZQ", "!!!"]) {
        const reply = yield* ask(cookie)
        expect([reply.status, reply.json]).toEqual([400, {
          error: "bad_request",
          reason: "Malformed AuthSession cookie. Please clear your cookies."
        }])
      }
      const other = client(yield* EmbeddedCouch.make({ admin, seed: 2 }))
      const login = { body: { name: "admin", password: "password" } }
      const foreign = cookieOf(yield* other("POST", "/_session", login))
      const own = cookieOf(yield* send("POST", "/_session", login))
      expect(own).toBe(cookieOf(yield* client(yield* EmbeddedCouch.make({ admin }))("POST", "/_session", login)))
      for (const cookie of ["", "bm9wZTp4Onk", foreign.slice("AuthSession=".length)]) {
        expect((yield* ask(cookie)).json).toMatchObject({ userCtx: { name: null } })
      }
    }))
})
