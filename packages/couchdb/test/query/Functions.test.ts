import { assert, describe, it } from "@effect/vitest"
import { CouchHttp, Functions, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Contract, database, raw, run } from "../contract/suite.js"
import { fetchTransport, real } from "../contract/targets.js"
import { makeResponse, transport } from "../support/transport.js"

describe("a rewritten path", () => {
  it.effect("is sent as it is, and leads nowhere else", () => {
    const asked: Array<unknown> = []
    const stub = Layer.succeed(
      Transport.Transport,
      transport(({ body, method, path }) =>
        Effect.sync(() => {
          asked.push([method, path, body])
          return {
            ...makeResponse(202, "whatever it says"),
            headers: { "content-type": "text/plain", "x-couch-request-id": "0123456789" }
          }
        })
      )
    )
    return Effect.gen(function*() {
      const answered = yield* Functions.rewrite("zoo", "my site", "a%2Fb/c?x=1", {
        method: "POST",
        query: { y: "ü &" },
        body: "{}"
      })
      assert.deepStrictEqual(answered, {
        status: 202,
        contentType: Option.some("text/plain"),
        text: "whatever it says"
      })
      yield* Functions.rewrite("zoo", "site", "/")
      assert.deepStrictEqual(asked, [
        ["POST", "/zoo/_design/my%20site/_rewrite/a%2Fb/c?x=1&y=%C3%BC+%26", "{}"],
        ["GET", "/zoo/_design/site/_rewrite/", undefined]
      ])
      for (const path of ["../../../_users", "a/%2e%2E/b", "."]) {
        assert.strictEqual((yield* Effect.flip(Functions.rewrite("zoo", "site", path)))._tag, "InvalidIdError")
      }
      assert.lengthOf(asked, 2)
    }).pipe(Effect.provide(CouchHttp.layer({ url: "http://stub" }).pipe(Layer.provide(stub))))
  })
})

const rewrites: Contract = (it) => {
  it.scoped("a rewritten path answers with what it leads to", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/_design/site`, {
        shows: { fact: "function (doc, req) { return { json: { id: doc._id, q: req.query.q } } }" },
        rewrites: [{ from: "/items/:id", to: "_show/fact/:id", method: "GET", query: {} }]
      })
      yield* raw("PUT", `/${name}/a`, {})
      const found = yield* Functions.rewrite(name, "site", "items/a", { query: { q: "1" } })
      assert.strictEqual(found.status, 200)
      assert.deepStrictEqual(JSON.parse(found.text), { id: "a", q: "1" })
      assert.deepStrictEqual(found.contentType, Option.some("application/json"))
      assert.strictEqual((yield* Effect.flip(Functions.rewrite(name, "site", "none")))._tag, "NotFoundError")
    }))
}

// The embedded CouchDB has no rewrites. At the end, since the runner of a layer takes the place of the file's own.
if (process.env["COUCHDB_URL"] !== undefined) run(real("fetch", fetchTransport), { rewrites })
