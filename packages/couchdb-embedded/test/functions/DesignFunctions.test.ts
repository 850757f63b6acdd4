import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import type { DesignFunctions } from "../../src/functions/DesignFunctions.js"
import { admin, basic, client, fresh } from "../client.js"

const text = "function () {}"

const functions: DesignFunctions = {
  zoo: {
    filters: { kind: (doc, request) => doc.kind === request.query.kind },
    updates: {
      feed: (doc, request) =>
        doc === null
          ? [null, { code: 404, json: { error: "nobody is fed" } }]
          : [{ ...doc, fed: request.body }, "fed"]
    },
    validate: (doc, before, user, security) => {
      if (doc._id === "who") return { forbidden: JSON.stringify([user, security, before]) }
      if (before !== null && before.kind !== doc.kind && doc._deleted !== true) return { forbidden: "kinds stay" }
      return doc.kind === "dragon" ? { unauthorized: "no dragons" } : undefined
    },
    views: { all: { map: (doc, emit) => doc.kind === "bear" ? emit(doc._id, null) : undefined } }
  }
}

const zoo = {
  filters: { kind: text },
  updates: { feed: text },
  validate_doc_update: text,
  views: { all: { map: text } }
}

const open = Effect.gen(function*() {
  const send = yield* fresh({ functions })
  yield* send("PUT", "/db/_design/zoo", { body: zoo })
  yield* send("PUT", "/db/ben", { body: { kind: "bear" } })
  yield* send("PUT", "/db/tom", { body: { kind: "tiger" } })
  return send
})

const rev = (text: string): string => /"_?rev":"([^"]+)"/.exec(text)?.[1] ?? ""

describe("validate_doc_update", () => {
  it.effect("rejects documents with its reason", () =>
    Effect.gen(function*() {
      const send = yield* open
      const dragon = yield* send("PUT", "/db/x", { body: { kind: "dragon" } })
      expect([dragon.status, dragon.json]).toEqual([401, { error: "unauthorized", reason: "no dragons" }])
      const held = rev((yield* send("GET", "/db/ben")).text)
      const changed = yield* send("PUT", `/db/ben?rev=${held}`, { body: { kind: "tiger" } })
      expect([changed.status, changed.json]).toEqual([403, { error: "forbidden", reason: "kinds stay" }])
      expect((yield* send("DELETE", `/db/ben?rev=${held}`)).status).toBe(200)
    }))

  it.effect("rejects single rows of bulk requests and of replication", () =>
    Effect.gen(function*() {
      const send = yield* open
      const docs = [{ _id: "x", kind: "dragon" }, { _id: "y" }]
      expect((yield* send("POST", "/db/_bulk_docs", { body: { docs } })).json).toMatchObject([
        { id: "x", error: "unauthorized", reason: "no dragons" },
        { id: "y", ok: true }
      ])
      const replicated = docs.map((doc) => ({ ...doc, _rev: `1-${"a".repeat(32)}` }))
      expect((yield* send("POST", "/db/_bulk_docs", { body: { new_edits: false, docs: replicated } })).json)
        .toMatchObject([{ id: "x", rev: `1-${"a".repeat(32)}`, error: "unauthorized" }])
      expect((yield* send("GET", "/db/x")).status).toBe(404)
    }))

  it.effect("gets the user and the security object", () =>
    Effect.gen(function*() {
      const send = client(yield* EmbeddedCouch.make({ functions, admin }), basic("admin", "password"))
      yield* send("PUT", "/db")
      yield* send("PUT", "/db/_design/zoo", { body: zoo })
      const group = { roles: ["_admin"] }
      expect((yield* send("PUT", "/db/who", { body: {} })).json).toEqual({
        error: "forbidden",
        reason: JSON.stringify([
          { db: "db", name: "admin", roles: ["_admin"] },
          { members: group, admins: group },
          null
        ])
      })
    }))

  it.effect("fails every write if it cannot run", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/_design/other", { body: { validate_doc_update: text } })
      expect((yield* send("PUT", "/db/x", { body: {} })).status).toBe(501)
      expect((yield* send("PUT", "/db/_local/x", { body: {} })).status).toBe(201)
    }))
})

describe("filters", () => {
  const found = (text: string) => Array.from(text.matchAll(/"id":"([^"]+)"/g), ([, id]) => id).sort()

  it.effect("select changes by function, by view and by selector", () =>
    Effect.gen(function*() {
      const send = yield* open
      expect(found((yield* send("GET", "/db/_changes?filter=zoo/kind&kind=tiger")).text)).toEqual(["tom"])
      expect(found((yield* send("GET", "/db/_changes?filter=_view&view=zoo/all")).text)).toEqual(["ben"])
      const selected = yield* send("POST", "/db/_changes?filter=_selector", {
        body: { selector: { kind: { $exists: true } } }
      })
      expect(found(selected.text)).toEqual(["ben", "tom"])
    }))

  it.effect("reject selectors with CouchDB's errors", () =>
    Effect.gen(function*() {
      const send = yield* open
      expect((yield* send("POST", "/db/_changes?filter=_selector", { body: { selector: { n: { $zz: 1 } } } })).json)
        .toEqual({ error: "bad_request", reason: "Invalid operator: $zz" })
    }))
})

describe("_update", () => {
  it.effect("stores the returned document, and sends the returned response", () =>
    Effect.gen(function*() {
      const send = yield* open
      const fed = yield* send("POST", "/db/_design/zoo/_update/feed/ben", { body: "fish" })
      expect([fed.status, fed.text, fed.headers["x-couch-id"]]).toEqual([201, "fed", "ben"])
      expect((yield* send("GET", "/db/ben")).json).toMatchObject({
        _rev: fed.headers["x-couch-update-newrev"],
        fed: "fish"
      })
      const nobody = yield* send("POST", "/db/_design/zoo/_update/feed", { body: "" })
      expect([nobody.status, nobody.json]).toEqual([404, { error: "nobody is fed" }])
      expect((yield* send("GET", "/db/_design/zoo/_update/feed")).json)
        .toEqual({ error: "method_not_allowed", reason: "Update functions do not allow GET" })
    }))
})

describe("design documents", () => {
  const refused: ReadonlyArray<readonly [object, string]> = [
    [{ views: 1 }, "`views` field must have object type"],
    [{ views: { x: { map: 1 } } }, "`views.x.map` field must have string type"],
    [{ views: { x: { reduce: "_sum" } } }, "View `x` must contain map function"],
    [{ views: { x: { map: text, reduce: "_nope" } } }, "`_nope` is not a supported reduce function."],
    [{ filters: { x: 1 } }, "`filters.x` field must have string or object type"],
    [{ language: "query", views: { x: { map: "y" } } }, "`views.x.map` field must have object type"]
  ]

  it.effect.each(refused)("are rejected where CouchDB rejects them: %j", ([body, reason]) =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const reply = yield* send("PUT", "/db/_design/x", { body })
      expect([reply.status, reply.json]).toEqual([400, { error: "invalid_design_doc", reason }])
    }))
})
