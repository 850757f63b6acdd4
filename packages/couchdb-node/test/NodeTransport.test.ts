import { assert, it } from "@effect/vitest"
import { Auth, Bulk, Collection, CouchHttp, Database, Document } from "effect-couchdb"
import { NodeCouchHttp, NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { mkdtempSync, rmSync } from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { serve } from "../../couchdb/test/contract/httpServer.js"
import { contracts, contractsOverHttp } from "../../couchdb/test/contract/index.js"
import { run } from "../../couchdb/test/contract/suite.js"
import { real, served } from "../../couchdb/test/contract/targets.js"
import { transportContract } from "../../couchdb/test/contract/transports.js"

const transport = NodeTransport.layer()

transportContract("undici", transport)
run(served("undici", transport), contractsOverHttp)
if (process.env["COUCHDB_URL"] !== undefined) run(real("undici", transport), contracts)

it.scopedLive("reuses sockets, and opens at most as many as the pool allows", () =>
  Effect.gen(function*() {
    let most = 0
    const server = yield* serve((_, response) => {
      most = Math.max(most, server.sockets())
      response.end("{}")
    })
    yield* Effect.replicateEffect(
      Effect.flatMap(Transport.Transport, (pool) =>
        pool.request({ method: "GET", origin: server.url, path: "/", headers: {} })),
      200
    ).pipe(Effect.withConcurrency(50), Effect.provide(NodeTransport.layer({ connections: 3 })))
    assert.isAtMost(most, 3)
    assert.isAbove(most, 0)
  }))

it.scopedLive("requests that are interrupted while they wait open no sockets", () =>
  Effect.gen(function*() {
    const arrived = yield* Deferred.make<void>()
    let connections = 0
    const server = yield* serve(() => {
      connections = Math.max(connections, server.sockets())
      Effect.runSync(Deferred.succeed(arrived, undefined))
    })
    const pool = yield* Transport.Transport
    const ask = pool.request({ method: "GET", origin: server.url, path: "/", headers: {} })
    const fibers = yield* Effect.forEach(Array.from({ length: 200 }), () => Effect.fork(ask))
    yield* Deferred.await(arrived)
    yield* Fiber.interruptAll(fibers)
    assert.isAtMost(connections, 4)
    assert.isAtMost(server.opened(), 8)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 4 }))))

it.scopedLive("a closed stream releases its socket", () =>
  Effect.gen(function*() {
    const server = yield* serve((_, response) => {
      response.writeHead(200)
      response.write("begun")
    })
    const pool = yield* Transport.Transport
    const open = Effect.scoped(Effect.flatMap(
      pool.stream({ method: "GET", origin: server.url, path: "/", headers: {} }),
      ({ body }) => Stream.runHead(body)
    ))
    // One stream holds the only socket, and another is interrupted while it waits. The number of permits must stay the same.
    const scope = yield* Scope.make()
    yield* Scope.extend(pool.stream({ method: "GET", origin: server.url, path: "/", headers: {} }), scope)
    const waiting = yield* Effect.fork(open)
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(waiting)
    yield* Scope.close(scope, Exit.void)
    const heads = yield* Effect.replicateEffect(open, 5)
    assert.lengthOf(heads.filter((head) => head._tag === "Some"), 5)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 1 }))))

it.scopedLive("a stream without a response releases its socket at once", () =>
  Effect.gen(function*() {
    const server = yield* serve((incoming, response) => {
      if (incoming.url === "/breaks") incoming.socket.destroy()
      else response.end("{}")
    })
    const pool = yield* Transport.Transport
    const at = (path: string) => ({ method: "GET", origin: server.url, path, headers: {} })
    // The scope is that of the test, so it is still open.
    assert.strictEqual((yield* Effect.flip(pool.stream(at("/breaks")))).reason, "NoResponse")
    assert.strictEqual((yield* pool.request({ ...at("/"), deadline: 120_000 })).status, 200)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 1 }))))

it.scopedLive("a stream with an expired session logs in again over the only socket, and reports the reason if that fails", () =>
  Effect.gen(function*() {
    let logins = 0
    const refuse = (response: Http.ServerResponse) => {
      response.writeHead(401)
      response.end(`{"error":"unauthorized","reason":"who are you"}`)
    }
    const server = yield* serve((incoming, response) => {
      const second = incoming.headers.cookie === "AuthSession=2"
      if (incoming.method === "POST") {
        response.writeHead(200, { "set-cookie": `AuthSession=${++logins}` })
        response.end(`{"ok":true}`)
      } else if (incoming.url === "/_session" && second) response.end(`{"ok":true,"userCtx":{"name":"ada"}}`)
      else if (incoming.url === "/zoo" && second) response.end("{}")
      else refuse(response)
    })
    const couch = yield* CouchHttp.make({
      url: server.url,
      auth: Auth.session("ada", Redacted.make("secret")),
      timeout: "2 minutes"
    })
    const ask = (path: string) => Effect.scoped(couch.stream({ method: "GET", path, route: "/{db}" }))
    assert.strictEqual((yield* ask("/zoo")).status, 200)
    assert.strictEqual(logins, 2)
    const error = yield* Effect.flip(ask("/admins"))
    assert.strictEqual(error._tag === "UnauthorizedError" && error.reason, "who are you")
    assert.strictEqual(logins, 2)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 1 }))))

it.scopedLive("releasing the layer closes its sockets, including idle ones", () =>
  Effect.gen(function*() {
    const idle = yield* Deferred.make<void>()
    const server = yield* serve((incoming, response) => {
      incoming.socket.on("close", () => Effect.runSync(Deferred.succeed(idle, undefined)))
      response.end("{}")
    })
    yield* Effect.flatMap(Transport.Transport, (pool) =>
      pool.request({ method: "GET", origin: server.url, path: "/", headers: {} })).pipe(
        Effect.provide(NodeTransport.layer({ keepAlive: "1 hour" }))
      )
    yield* Deferred.await(idle)
  }))

it.scopedLive("releasing the layer fails every request in a long queue", () =>
  Effect.gen(function*() {
    const arrived = yield* Deferred.make<void>()
    const server = yield* serve(() => Effect.runSync(Deferred.succeed(arrived, undefined)))
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(NodeTransport.make({ connections: 1 }), scope)
    const ask = pool.request({ method: "GET", origin: server.url, path: "/", headers: {} })
    const fibers = yield* Effect.forEach(Array.from({ length: 5_000 }), () => Effect.fork(Effect.flip(ask)))
    yield* Deferred.await(arrived)
    yield* Scope.close(scope, Exit.void)
    const said = new Set<string>()
    for (const fiber of fibers) said.add((yield* Fiber.join(fiber)).description)
    assert.deepStrictEqual(Array.from(said), ["The client is destroyed"])
  }))

it.scopedLive("a deadline above 2^31-1 ms is infinite", () =>
  Effect.gen(function*() {
    const server = yield* serve((_, response) => {
      setImmediate(() => response.end("{}"))
    })
    const ask = { method: "GET", path: "/", route: "/" } as const
    const execute = Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute(ask)).pipe(
      Effect.provide(NodeCouchHttp.layer({ url: server.url, timeout: "30 days", retry: "none" }))
    )
    assert.strictEqual((yield* execute).status, 200)
    const pool = yield* NodeTransport.make()
    const answer = yield* pool.request({ ...ask, origin: server.url, headers: {}, deadline: 2 ** 31 })
    assert.strictEqual(answer.status, 200)
  }))

it.scopedLive("a slow reader slows down the server", () =>
  Effect.gen(function*() {
    let written = 0
    const server = yield* serve((incoming, response) => {
      response.writeHead(200)
      if (incoming.url === "/small") {
        response.end()
        return
      }
      const more = (): void => {
        while (written < 2_000) {
          written++
          if (!response.write(Buffer.alloc(64_000))) break
        }
        if (written < 2_000) response.once("drain", more)
        else response.end()
      }
      more()
    })
    const pool = yield* Transport.Transport
    const { body } = yield* pool.stream({ method: "GET", origin: server.url, path: "/", headers: {} })
    const first = yield* Stream.runHead(body)
    assert.strictEqual(first._tag, "Some")
    // The body has 128 MB. While the reader does not pull, the server must stop writing, and other requests must succeed.
    yield* Effect.replicateEffect(
      pool.request({ method: "GET", origin: server.url, path: "/small", headers: {} }),
      100
    )
    assert.isBelow(written, 500)
    const rest = yield* Stream.runFold(body, 0, (sum, chunk) => sum + chunk.length)
    assert.isAbove(rest, 120_000_000)
    assert.isTrue(Chunk.isEmpty(yield* Stream.runCollect(body)))
  }).pipe(Effect.provide(transport)))

const readAll = (incoming: Http.IncomingMessage, then: (body: Buffer) => void): void => {
  const chunks: Array<Buffer> = []
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
  incoming.on("end", () => then(Buffer.concat(chunks)))
}

it.scopedLive("compresses large JSON bodies if the option is set, and nothing else", () =>
  Effect.gen(function*() {
    const server = yield* serve((incoming, response) =>
      readAll(incoming, (body) => {
        const encoding = incoming.headers["content-encoding"]
        response.end(`${encoding} ${(encoding === "gzip" ? gunzipSync(body) : body).toString()}`)
      })
    )
    const pool = yield* Transport.Transport
    const sent = (type: string, body: string) =>
      Effect.map(
        pool.request({ method: "PUT", origin: server.url, path: "/", headers: { "content-type": type }, body }),
        Transport.text
      )
    const large = JSON.stringify({ text: "ü".repeat(2_000) })
    assert.strictEqual(yield* sent("application/json", large), `gzip ${large}`)
    assert.strictEqual(yield* sent("application/json", "{}"), "undefined {}")
    // CouchDB stores an attachment with the encoding in its headers.
    assert.strictEqual(yield* sent("text/plain", large), `undefined ${large}`)
  }).pipe(Effect.provide(NodeTransport.layer({ gzipAbove: 1_000 }))))

const listening = (server: Http.Server, at: string | number) =>
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const there = () => resume(Effect.succeed(server))
      if (typeof at === "string") server.listen(at, there)
      else server.listen(at, "127.0.0.1", there)
    }),
    () =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

it.scopedLive("connects to a Unix socket", () =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-couchdb-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    const socketPath = join(folder, "couch.sock")
    yield* listening(Http.createServer((incoming, response) => response.end(`${incoming.headers.host}`)), socketPath)
    const answer = yield* Effect.flatMap(Transport.Transport, (pool) =>
      pool.request({ method: "GET", origin: "http://couch.local", path: "/", headers: {} })).pipe(
        Effect.provide(NodeTransport.layer({ socketPath }))
      )
    assert.strictEqual(Transport.text(answer), "couch.local")
  }))

it.scopedLive("tunnels through a proxy with credentials, and closes the tunnel with the layer", () =>
  Effect.gen(function*() {
    const server = yield* serve((_, response) => response.end("{}"))
    const heard: Array<string | undefined> = []
    const tunnels = new Set<Net.Socket>()
    const gone = yield* Deferred.make<void>()
    const proxy = Http.createServer()
    proxy.on("connect", (incoming, client: Net.Socket) => {
      heard.push(incoming.headers["proxy-authorization"])
      const [host = "", port = ""] = (incoming.url ?? "").split(":")
      const upstream = Net.connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        upstream.pipe(client)
        client.pipe(upstream)
      })
      tunnels.add(client)
      client.on("error", () => upstream.destroy())
      upstream.on("error", () => client.destroy())
      client.on("close", () => {
        tunnels.delete(client)
        if (tunnels.size === 0) Effect.runSync(Deferred.succeed(gone, undefined))
      })
    })
    yield* listening(proxy, 0)
    const url = `http://127.0.0.1:${(proxy.address() as Net.AddressInfo).port}`
    const ask = Effect.flatMap(
      Transport.Transport,
      (pool) => pool.request({ method: "GET", origin: server.url, path: "/", headers: {} })
    )
    const answers = yield* Effect.replicateEffect(ask, 3).pipe(
      Effect.provide(NodeTransport.layer({ proxy: { url, authorization: Redacted.make("Basic c2VjcmV0") } }))
    )
    assert.deepStrictEqual(answers.map(Transport.text), ["{}", "{}", "{}"])
    assert.strictEqual(heard[0], "Basic c2VjcmV0")
    yield* Deferred.await(gone)
  }))

it.scopedLive("interruption at any stage, with or without a deadline, leaves no socket open", () =>
  Effect.gen(function*() {
    const arrived = yield* Deferred.make<void>()
    const server = yield* serve((incoming, response) => {
      Deferred.unsafeDone(arrived, Effect.void)
      if (incoming.url === "/never") return
      response.writeHead(200)
      response.write("begun")
      if (incoming.url === "/whole") response.end()
    })
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(NodeTransport.make({ connections: 8 }), scope)
    const paths = ["/never", "/begun", "/whole"]
    const fibers = yield* Effect.forEach(Array.from({ length: 60 }, (_, i) => i), (i) =>
      Effect.fork(pool.request({
        method: "GET",
        origin: server.url,
        path: paths[i % 3] ?? "/",
        headers: {},
        ...(i % 2 === 0 && { deadline: 50 })
      })))
    yield* Deferred.await(arrived)
    yield* Effect.forEach(fibers, (fiber, i) => i % 4 === 1 ? Fiber.interrupt(fiber) : Effect.void)
    yield* Effect.forEach(fibers, (fiber, i) => i % 2 === 0 ? Fiber.await(fiber) : Effect.void)
    yield* Fiber.interruptAll(fibers)
    yield* Scope.close(scope, Exit.void)
    // If a socket is never closed, the test times out.
    while (server.sockets() > 0) yield* Effect.sleep("5 millis")
    assert.isAbove(server.opened(), 0)
  }))

if (process.env["COUCHDB_URL"] !== undefined) {
  it.live("CouchDB reads compressed bodies", () =>
    Effect.gen(function*() {
      const notes = Collection.make(`gzip-${Date.now().toString(36)}`, Schema.Struct({ text: Schema.String }))
      yield* Effect.acquireUseRelease(
        Database.create(notes.database),
        () =>
          Effect.gen(function*() {
            const text = "a note ".repeat(5_000)
            yield* Document.create(notes, "one", { text })
            assert.strictEqual((yield* Document.fetch(notes, "one")).body.text, text)
            const rows = yield* Bulk.save(Array.from({ length: 20 }, (_, i) => Document.make(notes, `n${i}`, { text })))
            assert.isTrue(rows.every(Either.isRight))
          }),
        () => Effect.orDie(Database.delete(notes.database))
      )
    }).pipe(
      Effect.provide(NodeCouchHttp.layer({ url: process.env["COUCHDB_URL"] ?? "" }, { gzipAbove: 1_000 }))
    ))
}
