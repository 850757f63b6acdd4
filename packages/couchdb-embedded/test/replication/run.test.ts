import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { admin, basic, client, fresh } from "../client.js"

type Send = Effect.Effect.Success<ReturnType<typeof fresh>>

const replicate = (send: Send, source: string, target: string, more: object = {}) =>
  send("POST", "/_replicate", { body: { source, target, ...more } })

/** All leaves of a document, with histories and attachments. */
const leaves = (send: Send, database: string, id: string) =>
  Effect.map(
    send("GET", `/${database}/${id}?open_revs=all&revs=true&attachments=true`, {
      headers: { accept: "application/json" }
    }),
    ({ json }) => json
  )

const two = Effect.gen(function*() {
  const send = yield* fresh()
  yield* send("PUT", "/copy")
  return send
})

const rev = (digit: string): string => digit.repeat(32)

const siblings = [
  { _id: "x", a: 1, _revisions: { start: 2, ids: [rev("b"), rev("a")] } },
  { _id: "x", b: 1, _revisions: { start: 2, ids: [rev("c"), rev("a")] } }
]

describe("replication", () => {
  it.effect("replicates no conflicts with winning_revs_only", () =>
    Effect.gen(function*() {
      const send = yield* two
      yield* send("POST", "/db/_bulk_docs", { body: { new_edits: false, docs: siblings } })
      expect((yield* replicate(send, "db", "copy", { winning_revs_only: true })).json)
        .toMatchObject({ history: [{ missing_checked: 1, docs_written: 1 }] })
      expect(yield* leaves(send, "copy", "x")).toMatchObject([{ ok: { _rev: `2-${rev("c")}` } }])
      // A filtered replication has its own checkpoints, so an unfiltered one transfers the rest.
      yield* replicate(send, "db", "copy")
      expect(yield* leaves(send, "copy", "x")).toHaveLength(2)
    }))

  it.effect("starts after since_seq, and creates the target with the given parameters", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      yield* send("PUT", "/db/a", { body: {} })
      const { json } = yield* send("GET", "/db/_changes")
      const since = (json as { readonly last_seq: string }).last_seq
      yield* send("PUT", "/db/b", { body: {} })
      const made = yield* replicate(send, "db", "new", {
        since_seq: since,
        create_target: true,
        create_target_params: { q: 1 }
      })
      expect(made.json).toMatchObject({ history: [{ start_last_seq: since, docs_written: 1 }] })
      expect((yield* send("GET", "/new")).json).toMatchObject({ doc_count: 1, cluster: { q: 1 } })
      expect((yield* send("GET", "/new/b")).status).toBe(200)
    }))

  it.effect("writes no checkpoint with use_checkpoints=false", () =>
    Effect.gen(function*() {
      const send = yield* two
      yield* send("PUT", "/db/a", { body: {} })
      expect((yield* replicate(send, "db", "copy", { use_checkpoints: false })).json)
        .toEqual({ ok: true, use_checkpoints: false })
      for (const name of ["db", "copy"]) {
        expect((yield* send("GET", `/${name}/_local_docs`)).json).toMatchObject({ rows: [] })
      }
    }))

  it.effect("replicates conflicts, tombstones, histories and attachments", () =>
    Effect.gen(function*() {
      const send = yield* two
      yield* send("POST", "/db/_bulk_docs", { body: { new_edits: false, docs: siblings } })
      yield* send("POST", "/db/_bulk_docs", {
        body: { new_edits: false, docs: [{ _id: "gone", _deleted: true, why: "x", _rev: `3-${rev("d")}` }] }
      })
      yield* send("PUT", "/db/file", {
        body: { _attachments: { "a.txt": { content_type: "text/plain", data: "aGVsbG8=" } } }
      })
      yield* send("PUT", "/db/_design/d", { body: {} })
      const { json, status } = yield* replicate(send, "db", "copy")
      expect(status).toBe(200)
      expect(json).toMatchObject({
        ok: true,
        replication_id_version: 4,
        history: [{
          start_last_seq: 0,
          missing_checked: 5,
          missing_found: 5,
          docs_read: 5,
          docs_written: 5,
          doc_write_failures: 0,
          bulk_get_docs: 3,
          bulk_get_attempts: 4
        }]
      })
      for (const id of ["x", "gone", "file"]) {
        expect(yield* leaves(send, "copy", id)).toEqual(yield* leaves(send, "db", id))
      }
      expect(yield* leaves(send, "copy", "x")).toHaveLength(2)
      expect(yield* leaves(send, "copy", "gone")).toMatchObject([{ ok: { _deleted: true, why: "x" } }])
      expect(yield* leaves(send, "copy", "file")).toMatchObject([{
        ok: { _attachments: { "a.txt": { data: "aGVsbG8=" } } }
      }])
    }))

  it.effect("resumes from the common checkpoint", () =>
    Effect.gen(function*() {
      const send = yield* two
      yield* send("PUT", "/db/a", { body: {} })
      const first = (yield* replicate(send, "db", "copy")).json
      const { ok: _, ...checkpoint } = first as { readonly ok: true; readonly session_id: string }
      expect((yield* replicate(send, "db", "copy")).json).toEqual({ ok: true, no_changes: true, ...checkpoint })
      const locals = yield* send("GET", "/copy/_local_docs?include_docs=true")
      expect(locals.json).toMatchObject({ rows: [{ doc: checkpoint }] })
      yield* send("PUT", "/db/b", { body: {} })
      // CouchDB continues the counts of the previous session.
      expect((yield* replicate(send, "db", "copy")).json).toMatchObject({
        history: [{ missing_checked: 2, docs_written: 2 }, { session_id: checkpoint.session_id }]
      })
      yield* send("DELETE", "/copy")
      expect((yield* replicate(send, "db", "copy", { create_target: true })).json)
        .toMatchObject({ history: [{ start_last_seq: 0, docs_written: 2 }] })
      expect((yield* send("GET", "/copy")).json).toMatchObject({ doc_count: 2 })
    }))

  it.effect("converges if both databases resolved a conflict alike", () =>
    Effect.gen(function*() {
      const send = yield* two
      for (const name of ["db", "copy"]) {
        yield* send("POST", `/${name}/_bulk_docs`, { body: { new_edits: false, docs: siblings } })
        const docs = [
          { _id: "x", _rev: `2-${rev("c")}`, a: 1, b: 1 },
          { _id: "x", _rev: `2-${rev("b")}`, _deleted: true }
        ]
        yield* send("POST", `/${name}/_bulk_docs`, { body: { docs } })
      }
      for (const [from, to] of [["db", "copy"], ["copy", "db"]] as const) {
        expect((yield* replicate(send, from, to)).json)
          .toMatchObject({ history: [{ missing_checked: 2, missing_found: 0, docs_written: 0 }] })
      }
      expect(yield* leaves(send, "copy", "x")).toEqual(yield* leaves(send, "db", "x"))
      expect((yield* send("GET", "/copy/x?conflicts=true")).json).not.toHaveProperty("_conflicts")
    }))

  it.effect("replicates the selected documents only", () =>
    Effect.gen(function*() {
      const send = client(
        yield* EmbeddedCouch.make({
          functions: {
            d: { filters: { big: (doc, request) => Number(doc["n"]) >= Number(request["query"]?.["least"]) } }
          }
        })
      )
      yield* send("PUT", "/db")
      yield* send("POST", "/db/_bulk_docs", { body: { docs: [1, 2, 3].map((n) => ({ _id: `n${n}`, n })) } })
      yield* send("PUT", "/db/_design/d", { body: { filters: { big: "given" } } })
      const asked: ReadonlyArray<readonly [object, ReadonlyArray<string>]> = [
        [{ doc_ids: ["n2", "n9"] }, ["n2"]],
        [{ selector: { n: { $lt: 3 } } }, ["n1", "n2"]],
        [{ filter: "d/big", query_params: { least: "2" } }, ["n2", "n3"]]
      ]
      for (const [i, [more, wanted]] of asked.entries()) {
        yield* replicate(send, "db", `part${i}`, { create_target: true, ...more })
        const { json } = yield* send("GET", `/part${i}/_all_docs`)
        expect(json).toMatchObject({ total_rows: wanted.length, rows: wanted.map((id) => ({ id })) })
      }
    }))

  it.effect("follows the source if it is continuous, until it is cancelled", () =>
    Effect.gen(function*() {
      const send = yield* two
      yield* send("PUT", "/db/a", { body: {} })
      const begun = yield* replicate(send, "db", "copy", { continuous: true })
      expect([begun.status, begun.json]).toEqual([202, {
        ok: true,
        _local_id: expect.stringMatching(/^[0-9a-f]{32}\+continuous$/)
      }])
      yield* replicate(send, "copy", "db", { continuous: true })
      yield* send("PUT", "/db/b", { body: {} })
      yield* send("PUT", "/copy/c", { body: {} })
      for (const name of ["db", "copy"]) {
        expect((yield* send("GET", `/${name}/_all_docs`)).json)
          .toMatchObject({ rows: [{ id: "a" }, { id: "b" }, { id: "c" }] })
      }
      const cancelled = yield* replicate(send, "db", "copy", { continuous: true, cancel: true })
      expect([cancelled.status, cancelled.json]).toEqual([200, begun.json])
      yield* send("PUT", "/db/d", { body: {} })
      expect((yield* send("GET", "/copy/d")).status).toBe(404)
      const again = yield* replicate(send, "db", "copy", { continuous: true, cancel: true })
      expect([again.status, again.json]).toEqual([404, { error: "not_found", reason: "missing" }])
      for (const name of ["replication_id", "id"]) {
        const { json } = yield* replicate(send, "db", "copy", { continuous: true })
        const cancel = { body: { cancel: true, [name]: (json as { _local_id: string })._local_id } }
        expect((yield* send("POST", "/_replicate", cancel)).status).toBe(200)
        expect((yield* send("POST", "/_replicate", cancel)).json).toEqual({ error: "not_found", reason: "missing" })
      }
    }))

  it.effect("uses the permissions of the user in the URL", () =>
    Effect.gen(function*() {
      const send = client(yield* EmbeddedCouch.make({ admin }))
      const root = { headers: basic("admin", "password") }
      yield* send("PUT", "/db", root)
      yield* send("PUT", "/copy", root)
      const post = (source: unknown, call: object = root) =>
        send("POST", "/_replicate", { ...call, body: { source, target: "copy" } })
      expect((yield* post("http://admin:password@embedded/db")).status).toBe(200)
      const nobody = yield* post("http://embedded/db")
      expect([nobody.status, nobody.json]).toEqual([401, {
        error: "unauthorized",
        reason: "unauthorized to access or create database http://embedded/db/"
      }])
      expect((yield* post("http://elsewhere:1/db")).status).toBe(501)
      expect((yield* post("db", {})).json).toEqual({
        error: "unauthorized",
        reason: "You are not an authenticated user"
      })
    }))

  it.effect("is rejected as CouchDB rejects it", () =>
    Effect.gen(function*() {
      const send = yield* two
      const refusals: ReadonlyArray<readonly [object, number, string, string]> = [
        [{}, 500, "error", "Missing replicator database"],
        [{ source: "nope", target: "copy" }, 500, "db_not_found", "could not open http://embedded/nope/"],
        [{ source: "db", target: "nope" }, 500, "db_not_found", "could not open http://embedded/nope/"],
        [{ source: "db", target: "copy", doc_ids: 1 }, 400, "bad_request", "parameter `doc_ids` must be an array"],
        [
          { source: "db", target: "copy", selector: 5 },
          400,
          "bad_request",
          "parameter `selector` must be a JSON object"
        ],
        [
          { source: "db", target: "copy", winning_revs_only: 5 },
          400,
          "bad_request",
          "parameter `winning_revs_only` must be a boolean"
        ],
        [
          { source: "db", target: "copy", create_target_params: 5 },
          400,
          "bad_request",
          "parameter `create_target_params` must be a JSON object"
        ],
        [
          { source: "db", target: "copy", doc_ids: [], filter: "x/y" },
          400,
          "bad_request",
          "`doc_ids`,`filter`,`selector` are mutually exclusive"
        ],
        [
          { source: "db", target: "copy", filter: "x/y" },
          404,
          "not_found",
          "Couldn't open document `_design/x` from source database `http://embedded/db/`: {error,<<\"not_found\">>}"
        ]
      ]
      yield* send("PUT", "/db/a", { body: {} })
      for (const [body, status, error, reason] of refusals) {
        const reply = yield* send("POST", "/_replicate", { body })
        expect([reply.status, reply.json]).toEqual([status, { error, reason }])
      }
    }))
})
