import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { admin, basic, client } from "../client.js"

const root = basic("admin", "password")
const jan = basic("jan", "apple")

const withJan = Effect.gen(function*() {
  const send = client(yield* EmbeddedCouch.make({ admin }))
  yield* send("PUT", "/db", { headers: root })
  yield* send("PUT", "/_users/org.couchdb.user:jan", {
    headers: root,
    body: { name: "jan", type: "user", roles: ["crew"], password: "apple" }
  })
  return send
})

describe("access", () => {
  it.effect("lets everybody do everything without an administrator", () =>
    Effect.gen(function*() {
      const send = client(yield* EmbeddedCouch.make())
      expect((yield* send("PUT", "/db")).status).toBe(201)
      expect((yield* send("GET", "/_session")).json).toMatchObject({ userCtx: { name: null, roles: ["_admin"] } })
      expect((yield* send("GET", "/_all_dbs")).json).toEqual(["db"])
    }))

  it.effect("is limited to the administrator by default", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const noMember = { error: "unauthorized", reason: "You are not authorized to access this db." }
      expect((yield* send("GET", "/db/x")).json).toEqual(noMember)
      expect((yield* send("PUT", "/db/x", { body: {} })).json).toEqual(noMember)
      expect((yield* send("GET", "/_all_dbs")).json)
        .toEqual({ error: "unauthorized", reason: "You are not a server admin." })
      expect((yield* send("PUT", "/other", { headers: jan })).status).toBe(401)
      expect((yield* send("GET", "/db", { headers: jan })).json)
        .toEqual({ error: "forbidden", reason: "You are not allowed to access this db." })
      expect((yield* send("GET", "/", { headers: basic("admin", "wrong") })).json)
        .toEqual({ error: "unauthorized", reason: "Name or password is incorrect." })
      expect((yield* send("GET", "/nothing")).status).toBe(404)
    }))

  it.effect("lets members, by name or by role, write documents but no design documents", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      for (const members of [{ names: ["jan"], roles: [] }, { names: [], roles: ["crew"] }]) {
        yield* send("PUT", "/db/_security", { headers: root, body: { admins: {}, members } })
        expect((yield* send("GET", "/db", { headers: jan })).status).toBe(200)
        expect((yield* send("GET", "/db")).status).toBe(401)
      }
      expect((yield* send("PUT", "/db/_design/x", { headers: jan, body: {} })).json)
        .toEqual({ error: "forbidden", reason: "You are not a db or server admin." })
      expect((yield* send("POST", "/db/_compact", { headers: jan })).status).toBe(401)
      yield* send("PUT", "/db/_security", { headers: root, body: { admins: { names: ["jan"], roles: [] } } })
      expect((yield* send("PUT", "/db/_design/x", { headers: jan, body: {} })).status).toBe(201)
    }))

  it.effect("hides passwords", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const { text } = yield* send("GET", "/_users/org.couchdb.user:jan", { headers: root })
      expect(text).not.toContain("apple")
      expect(text).toContain("\"password_scheme\":\"pbkdf2\",\"pbkdf2_prf\":\"sha256\",\"salt\":")
      expect((yield* send("GET", "/_session", { headers: jan })).json)
        .toMatchObject({ userCtx: { name: "jan", roles: ["crew"] }, info: { authenticated: "default" } })
    }))

  it.effect("rejects invalid users as CouchDB does", () =>
    Effect.gen(function*() {
      const send = yield* withJan
      const reasons: ReadonlyArray<readonly [string, object, string]> = [
        ["x", {}, "doc.type must be user"],
        ["x", { type: "user" }, "doc.name is required"],
        ["x", { type: "user", name: "x" }, "doc.roles must exist"],
        ["x", { type: "user", name: "x", roles: "y" }, "doc.roles must be an array"],
        ["x", { type: "user", name: "x", roles: [1] }, "doc.roles can only contain strings"],
        ["x", { type: "user", name: "y", roles: [] }, "Doc ID must be of the form org.couchdb.user:name"],
        ["x", { type: "user", name: "x", roles: ["_y"] }, "No system roles (starting with underscore) in users db."],
        ["_x", { type: "user", name: "_x", roles: [] }, "Username may not start with underscore."],
        ["x:y", { type: "user", name: "x:y", roles: [] }, "Character `:` is not allowed in usernames."]
      ]
      for (const [name, body, reason] of reasons) {
        const reply = yield* send("PUT", `/_users/org.couchdb.user:${name}`, { headers: root, body })
        expect([reply.status, reply.json]).toEqual([403, { error: "forbidden", reason }])
      }
    }))
})
