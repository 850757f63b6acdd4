import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { admin, basic, client } from "../client.js"

const server = Effect.gen(function*() {
  const send = client(yield* EmbeddedCouch.make({ admin }), basic("admin", "password"))
  yield* send("PUT", "/db")
  yield* send("PUT", "/db/a", { body: { x: 1 } })
  return send
})

const end = (name: string): string => `http://admin:password@embedded/${name}`

const job = (more: object = {}) => ({ body: { source: end("db"), target: end("copy"), create_target: true, ...more } })

describe("the replicator", () => {
  it.effect("runs the replication of a document once, and writes the result into the document", () =>
    Effect.gen(function*() {
      const send = yield* server
      expect((yield* send("PUT", "/_replicator/once", job())).status).toBe(201)
      expect((yield* send("GET", "/copy/a")).json).toMatchObject({ x: 1 })
      expect((yield* send("GET", "/_replicator/once")).json).toMatchObject({
        _rev: expect.stringMatching(/^2-/),
        owner: "admin",
        _replication_state: "completed",
        _replication_state_time: "1970-01-01T00:00:00Z",
        _replication_stats: { revisions_checked: 1, docs_written: 1, doc_write_failures: 0 }
      })
      expect((yield* send("GET", "/_scheduler/jobs")).json).toEqual({ total_rows: 0, offset: 0, jobs: [] })
      expect((yield* send("GET", "/_scheduler/docs/_replicator/once")).json).toMatchObject({
        id: null,
        state: "completed",
        source: "http://embedded/db/",
        info: { docs_written: 1 }
      })
      yield* send("PUT", "/db/b", { body: {} })
      expect((yield* send("GET", "/copy/b")).status).toBe(404)
    }))

  it.effect("runs a continuous replication until its document is deleted", () =>
    Effect.gen(function*() {
      const send = yield* server
      const { json } = yield* send("PUT", "/_replicator/always", job({ continuous: true }))
      yield* send("PUT", "/db/b", { body: {} })
      expect((yield* send("GET", "/copy/b")).status).toBe(200)
      const jobs = (yield* send("GET", "/_scheduler/jobs")).json
      expect(jobs).toMatchObject({
        total_rows: 1,
        jobs: [{ database: "_replicator", doc_id: "always", history: [{ type: "started" }, { type: "added" }] }]
      })
      const { id } = (jobs as { readonly jobs: readonly [{ readonly id: string }] }).jobs[0]
      expect(id).toMatch(/^[0-9a-f]{32}\+continuous\+create_target$/)
      expect((yield* send("GET", `/_scheduler/jobs/${id}`)).json).toMatchObject({ doc_id: "always" })
      expect((yield* send("GET", "/_scheduler/docs")).json).toMatchObject({ docs: [{ id, state: "running" }] })
      expect((yield* send("GET", "/_active_tasks")).json).toMatchObject([{ type: "replication", replication_id: id }])
      // The document itself does not change meanwhile.
      const { rev } = json as { readonly rev: string }
      yield* send("PUT", "/_replicator/again", job({ continuous: true }))
      expect((yield* send("GET", "/_replicator/again")).json).toMatchObject({
        _replication_state: "failed",
        _replication_state_reason: `Replication \`${id}\` specified by document \`again\` already started, ` +
          "triggered by document `always` from db `_replicator`"
      })
      expect((yield* send("DELETE", `/_replicator/always?rev=${rev}`)).status).toBe(200)
      yield* send("PUT", "/db/c", { body: {} })
      expect((yield* send("GET", "/copy/c")).status).toBe(404)
      expect((yield* send("GET", "/_scheduler/jobs")).json).toMatchObject({ total_rows: 0 })
    }))

  it.effect("retries after a crash, with a delay", () =>
    Effect.gen(function*() {
      const send = yield* server
      yield* send("PUT", "/_replicator/early", job({ source: end("later") }))
      const told = (yield* send("GET", "/_scheduler/docs/_replicator/early")).json
      expect(told).toMatchObject({
        state: "crashing",
        error_count: 1,
        info: { error: "db_not_found: could not open http://embedded/later/" }
      })
      yield* send("PUT", "/later")
      yield* send("PUT", "/later/d", { body: {} })
      expect((yield* send("GET", "/copy/d")).status).toBe(404)
      yield* TestClock.adjust("30 seconds")
      yield* send("GET", "/")
      expect((yield* send("GET", "/copy/d")).status).toBe(200)
      expect((yield* send("GET", "/_replicator/early")).json).toMatchObject({ _replication_state: "completed" })
    }))

  it.effect("rejects documents as CouchDB rejects them", () =>
    Effect.gen(function*() {
      const send = yield* server
      const refusals: ReadonlyArray<readonly [object, string]> = [
        [{}, "Missing replicator database"],
        [{ source: 5, target: end("db") }, "{error,function_clause}"],
        [{ source: "db", target: "copy" }, "local_endpoints_not_supported"],
        [
          { source: end("db"), target: end("copy"), doc_ids: 1 },
          "{throw,{bad_request,<<\"parameter `doc_ids` must be an array\">>}}"
        ],
        [
          { source: end("db"), target: end("copy"), continuous: 5 },
          "{throw,{bad_request,<<\"parameter `continuous` must be a boolean\">>}}"
        ]
      ]
      for (const [body, reason] of refusals) {
        const reply = yield* send("PUT", "/_replicator/bad", { body })
        expect([reply.status, reply.json]).toEqual([403, { error: "forbidden", reason }])
      }
    }))
})
