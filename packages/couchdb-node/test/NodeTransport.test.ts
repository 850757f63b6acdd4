import { assert, it } from "@effect/vitest"
import { NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { serve } from "../../couchdb/test/contract/httpServer.js"
import { contracts } from "../../couchdb/test/contract/index.js"
import { run } from "../../couchdb/test/contract/suite.js"
import { real, served } from "../../couchdb/test/contract/targets.js"
import { transportContract } from "../../couchdb/test/contract/transports.js"

const transport = NodeTransport.layer()

transportContract("undici", transport)
run(served("undici", transport), contracts)
if (process.env["COUCHDB_URL"] !== undefined) run(real("undici", transport), contracts)

it.scopedLive("sockets are used again, and never more than the pool may have", () =>
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

it.scopedLive("requests that are given up while they wait open no sockets", () =>
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

it.scopedLive("a stream that is closed gives its socket to the next", () =>
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
    // One holds the only socket, another waits for it and gives up: the count of permits must come out even.
    const scope = yield* Scope.make()
    yield* Scope.extend(pool.stream({ method: "GET", origin: server.url, path: "/", headers: {} }), scope)
    const waiting = yield* Effect.fork(open)
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(waiting)
    yield* Scope.close(scope, Exit.void)
    const heads = yield* Effect.replicateEffect(open, 5)
    assert.lengthOf(heads.filter((head) => head._tag === "Some"), 5)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 1 }))))

it.scopedLive("releasing the layer closes its sockets, idle ones too", () =>
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

it.scopedLive("a slow reader holds the server back", () =>
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
    // 128 MB are on offer. Other requests come and go meanwhile; the reader holds still, and so must the server.
    yield* Effect.replicateEffect(
      pool.request({ method: "GET", origin: server.url, path: "/small", headers: {} }),
      100
    )
    assert.isBelow(written, 500)
    const rest = yield* Stream.runFold(body, 0, (sum, chunk) => sum + chunk.length)
    assert.isAbove(rest, 120_000_000)
    assert.isTrue(Chunk.isEmpty(yield* Stream.runCollect(body)))
  }).pipe(Effect.provide(transport)))
