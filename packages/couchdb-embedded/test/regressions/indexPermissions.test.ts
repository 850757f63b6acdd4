import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { admin, basic, client } from "../client.js"

const root = basic("admin", "password")
const jan = basic("jan", "apple")

it.effect("a member who creates or deletes an index gets CouchDB's responses, and changes nothing", () =>
  Effect.gen(function*() {
    const send = client(yield* EmbeddedCouch.make({ admin }))
    yield* send("PUT", "/db", { headers: root })
    yield* send("PUT", "/_users/org.couchdb.user:jan", {
      headers: root,
      body: { name: "jan", type: "user", roles: [], password: "apple" }
    })
    yield* send("PUT", "/db/_security", {
      headers: root,
      body: { admins: { names: [], roles: [] }, members: { names: ["jan"], roles: [] } }
    })
    const index = { index: { fields: ["a"] }, ddoc: "x", name: "y" }
    const refused = yield* send("POST", "/db/_index", { headers: jan, body: index })
    expect([refused.status, refused.json]).toEqual([500, {
      error: "error_saving_ddoc",
      reason: "Unknown error while saving the design document: forbidden",
      ref: 3269388020
    }])
    expect((yield* send("POST", "/db/_index", { headers: root, body: index })).json).toMatchObject({
      result: "created"
    })
    const deleted = yield* send("DELETE", "/db/_index/_design/x/json/y", { headers: jan })
    expect([deleted.status, deleted.json]).toEqual([200, { ok: true }])
    expect((yield* send("GET", "/db/_index", { headers: root })).json).toMatchObject({ total_rows: 2 })
  }))
