import { assert, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import { NodeCouchHttp, NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { http, pem, tcp } from "../support/servers.js"

const put = (origin: string, deadline?: number) => ({
  method: "PUT",
  origin,
  path: "/zoo/monarch",
  headers: {},
  body: "{}",
  deadline
})

const request = (what: Transport.TransportRequest) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.request(what))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-couchdb-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

it.scopedLive("a Unix socket that does not exist, or is a file, is a connection that was not made", () =>
  Effect.gen(function*() {
    const inside = yield* folder
    writeFileSync(join(inside, "file.sock"), "")
    for (const name of ["none.sock", "file.sock"]) {
      const error = yield* Effect.flip(request(put("http://couch.local"))).pipe(
        Effect.provide(NodeTransport.layer({ socketPath: join(inside, name) }))
      )
      assert.strictEqual(error.reason, "Connection")
      assert.match(
        error.message,
        /\(connect E[A-Z]+ .*\)\. Does CouchDB listen at this Unix socket.*Nothing was sent\.$/
      )
    }
  }))

it.scopedLive("an unknown host name is a connection that was not made", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(request(put("http://couch.invalid:5984"))).pipe(
      Effect.provide(NodeTransport.layer())
    )
    assert.strictEqual(error.reason, "Connection")
    assert.match(error.message, /couch\.invalid.*Nothing was sent\.$/)
  }))

it.scopedLive("a handshake that does not end before the deadline is a connection that was not made", () =>
  Effect.gen(function*() {
    // Accepts the connection, and does not respond to the handshake.
    const port = yield* tcp(() => undefined)
    const origin = `https://localhost:${port}`
    const transport = NodeTransport.layer({ tls: { ca: pem("root.pem") } })
    const error = yield* Effect.flip(request(put(origin, 100))).pipe(Effect.provide(transport))
    assert.strictEqual(error.reason, "Connection")
    assert.match(error.message, /\(none within 100 ms\).*Nothing was sent\.$/)
    const asked = yield* Effect.flip(
      Effect.flatMap(
        CouchHttp.CouchHttp,
        (couch) => couch.execute({ method: "PUT", path: "/zoo/monarch", route: "/{db}/{docid}", body: "{}" })
      )
    ).pipe(Effect.provide(NodeCouchHttp.layer({ url: origin, timeout: "100 millis" })))
    assert.strictEqual(asked._tag === "TransportError" && asked.reason, "Connection")
  }))

it.scopedLive("a handshake that does not end within connectTimeout is a connection that was not made", () =>
  Effect.gen(function*() {
    const port = yield* tcp(() => undefined)
    const error = yield* Effect.flip(request(put(`https://localhost:${port}`))).pipe(
      Effect.provide(NodeTransport.layer({ connectTimeout: "50 millis" }))
    )
    assert.strictEqual(error.reason, "Connection")
  }))

it.scopedLive("a request whose deadline passes while the pool is full is PoolExhausted", () =>
  Effect.gen(function*() {
    const arrived = yield* Deferred.make<void>()
    const { heard, port } = yield* http((incoming, response) => {
      if (incoming.url === "/held") Effect.runSync(Deferred.succeed(arrived, undefined))
      else response.end("{}")
    })
    const origin = `http://127.0.0.1:${port}`
    const transport = yield* NodeTransport.make({ connections: 1 })
    yield* Effect.forkScoped(transport.request({ ...put(origin), method: "GET", path: "/held", body: undefined }))
    yield* Deferred.await(arrived)
    const error = yield* Effect.flip(transport.request(put(origin, 50)))
    assert.strictEqual(error.reason, "PoolExhausted")
    assert.match(error.message, /\(all 1 connections for 50 ms\).*Nothing was sent\.$/)
    const couch = yield* CouchHttp.make({ url: origin, timeout: "50 millis" }).pipe(
      Effect.provideService(Transport.Transport, transport)
    )
    const asked = yield* Effect.flip(
      couch.execute({ method: "PUT", path: "/zoo/monarch", route: "/{db}/{docid}", body: "{}" })
    )
    assert.strictEqual(asked._tag === "TransportError" && asked.reason, "PoolExhausted")
    assert.deepStrictEqual(heard, ["GET /held"])
  }))

it.scopedLive("a deadline that passes after the request was written is Deadline", () =>
  Effect.gen(function*() {
    const { port } = yield* http(() => undefined)
    // A busy machine may take longer than the deadline to connect.
    const outcome = (deadline: number): Effect.Effect<string, unknown, Transport.Transport> =>
      Effect.flatMap(Effect.flip(request(put(`http://127.0.0.1:${port}`, deadline))), ({ reason }) =>
        reason === "Connection" && deadline < 60_000
          ? Effect.suspend(() =>
            outcome(2 * deadline)
          )
          : Effect.succeed(reason))
    assert.strictEqual(yield* Effect.provide(outcome(50), NodeTransport.layer()), "Deadline")
  }))

it.scopedLive("an invalid header, path or method fails before a connection is made", () =>
  Effect.gen(function*() {
    const { heard, port } = yield* http()
    const origin = `http://127.0.0.1:${port}`
    const reasons = yield* Effect.forEach([
      { ...put(origin), headers: { "x-name": "two\nlines" } },
      { ...put(origin), path: "/with space" },
      { ...put(origin), method: "NO METHOD" }
    ], (what) => Effect.map(Effect.flip(request(what)), ({ reason }) => reason)).pipe(
      Effect.provide(NodeTransport.layer())
    )
    assert.deepStrictEqual(reasons, ["InvalidHeader", "InvalidUrl", "InvalidUrl"])
    assert.deepStrictEqual(heard, [])
  }))

it.scopedLive("a streamed request also reports a missing Unix socket", () =>
  Effect.gen(function*() {
    const inside = yield* folder
    const error = yield* Effect.flip(
      Effect.flatMap(Transport.Transport, (transport) =>
        transport.stream({
          method: "PUT",
          origin: "http://couch.local",
          path: "/zoo",
          headers: {},
          body: Stream.make(new Uint8Array(3))
        }))
    ).pipe(Effect.provide(NodeTransport.layer({ socketPath: join(inside, "none.sock") })))
    assert.strictEqual(error.reason, "Connection")
  }))
