import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { client, fresh } from "../client.js"

describe("the node of the cluster", () => {
  it.effect("has the given name", () =>
    Effect.gen(function*() {
      const send = client(yield* EmbeddedCouch.make({ node: "zoo@127.0.0.1" }))
      yield* send("PUT", "/db?q=1")
      const name = "zoo@127.0.0.1"
      expect((yield* send("GET", "/_membership")).json).toEqual({ all_nodes: [name], cluster_nodes: [name] })
      expect((yield* send("GET", "/_node/_local")).json).toEqual({ name })
      expect((yield* send("GET", "/db/_shards")).json).toEqual({ shards: { "00000000-ffffffff": [name] } })
      expect((yield* send("GET", "/db/_shards/a")).json).toEqual({ range: "00000000-ffffffff", nodes: [name] })
      expect((yield* send("GET", "/_node/other/_config")).json)
        .toEqual({ error: "not_found", reason: "no such node: other" })
    }))

  it.effect("counts requests", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const requests = Effect.map(
        send("GET", "/_node/_local/_stats/couchdb/httpd/requests"),
        ({ json }) => (json as { readonly value: number }).value
      )
      const before = yield* requests
      yield* send("GET", "/nope")
      expect(yield* requests).toBe(before + 2)
      expect((yield* send("GET", "/_node/_local/_stats/couchdb/httpd_status_codes/404")).json)
        .toEqual({ value: 1, type: "counter", desc: "number of HTTP 404 responses" })
      expect((yield* send("GET", "/_node/_local/_stats/nope")).json).toBe(null)
    }))

  it.effect("keeps its configuration", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const at = "/_node/_local/_config/zoo/animal"
      expect((yield* send("PUT", at, { body: "\"newt\"" })).json).toBe("")
      expect((yield* send("PUT", at, { body: "\"toad\"" })).json).toBe("newt")
      expect((yield* send("GET", at)).json).toBe("toad")
      expect((yield* send("PUT", at, { body: 5 })).json).toEqual({
        error: "bad_request",
        reason: "a JSON string expected"
      })
      expect((yield* send("DELETE", at)).json).toBe("toad")
      expect((yield* send("GET", at)).status).toBe(404)
    }))

  it.effect("reports sizes that depend on the content", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const sizes = Effect.map(send("GET", "/db"), ({ json }) => (json as { readonly sizes: unknown }).sizes)
      // The sizes of CouchDB 3.5.0 with this node name.
      expect(yield* sizes).toEqual({ file: 16_700, external: 0, active: 0 })
      yield* send("PUT", "/db/a", { body: { v: 1, s: "é", l: [], f: 0.5 } })
      expect(yield* sizes).toMatchObject({ external: 31 })
    }))
})
