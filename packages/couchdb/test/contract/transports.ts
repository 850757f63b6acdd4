import { assert, describe, it } from "@effect/vitest"
import { Transport } from "effect-couchdb"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { serve } from "./httpServer.js"

const get = (origin: string, path = "/") => ({ method: "GET", origin, path, headers: { accept: "application/json" } })

const request = (what: Transport.TransportRequest) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.request(what))

const open = (what: Transport.TransportRequest) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.stream(what))

/** What every transport over a network keeps to. */
export const transportContract = (name: string, layer: Layer.Layer<Transport.Transport>): void => {
  describe(`${name} as a transport`, () => {
    it.scopedLive("gives status, headers and body of any answer", () =>
      Effect.gen(function*() {
        const server = yield* serve((incoming, response) => {
          let body = ""
          incoming.on("data", (chunk) => {
            body += chunk
          })
          incoming.on("end", () => {
            response.writeHead(418, { "X-Answer": "yes", "content-type": "text/plain" })
            response.end(`${incoming.method} ${incoming.url} ${incoming.headers["x-ask"]} ${body}`)
          })
        })
        const answer = yield* request({
          method: "PUT",
          origin: server.url,
          path: "/a%2Fb/%E2%82%AC?x=%2520#",
          headers: { "x-ask": "me", "content-type": "application/json" },
          body: `{"ü":1}`
        })
        assert.strictEqual(answer.status, 418)
        assert.strictEqual(answer.headers["x-answer"], "yes")
        assert.match(Transport.text(answer), /^PUT \/a%2Fb\/%E2%82%AC\?x=%2520#? me \{"ü":1\}$/)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("gives all the cookies of an answer", () =>
      Effect.gen(function*() {
        const cookies = ["AuthSession=abc; Version=1; Path=/", "node=a; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]
        const server = yield* serve((_, response) => {
          response.writeHead(200, { "set-cookie": cookies })
          response.end()
        })
        assert.strictEqual((yield* request(get(server.url))).headers["set-cookie"], cookies.join(", "))
        assert.strictEqual((yield* open(get(server.url))).headers["set-cookie"], cookies.join(", "))
      }).pipe(Effect.provide(layer)))

    it.scopedLive("sends a body that streams", () =>
      Effect.gen(function*() {
        const server = yield* serve((incoming, response) => {
          let size = 0
          incoming.on("data", (chunk: Buffer) => {
            size += chunk.length
          })
          incoming.on("end", () => response.end(String(size)))
        })
        const answer = yield* request({
          method: "PUT",
          origin: server.url,
          path: "/",
          headers: { "content-type": "application/octet-stream" },
          body: Stream.range(1, 50).pipe(Stream.map(() => new Uint8Array(1000)))
        })
        assert.strictEqual(Transport.text(answer), "50000")
      }).pipe(Effect.provide(layer)))

    it.scopedLive("nobody listening is a TransportError", () =>
      Effect.gen(function*() {
        const { url } = yield* Effect.scoped(serve(() => undefined))
        const error = yield* Effect.flip(request(get(url)))
        assert.strictEqual(error._tag, "TransportError")
        assert.strictEqual(error.reason, "Connection")
        assert.include(error.message, "Is CouchDB running")
      }).pipe(Effect.provide(layer)))

    it.scopedLive("distinguishes a connection that breaks before the response from one that was never made, and repeats nothing that was sent", () =>
      Effect.gen(function*() {
        const server = yield* serve((incoming) => {
          incoming.on("data", () => incoming.socket.destroy())
        })
        const error = yield* Effect.flip(request({
          method: "PUT",
          origin: server.url,
          path: "/",
          headers: { authorization: "Basic c2VjcmV0", "content-type": "application/json" },
          body: `{"secret":"body"}`
        }))
        assert.strictEqual(error.reason, "NoResponse")
        assert.include(error.message, "may have been carried out")
        assert.notMatch(inspect(error, { depth: 9 }) + JSON.stringify(error), /c2VjcmV0|secret/)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("a body that ends too early is a TransportError, whole and streamed", () =>
      Effect.gen(function*() {
        const server = yield* serve((_, response) => {
          response.writeHead(200, { "content-length": "100" })
          response.write("half", () => response.destroy())
        })
        assert.strictEqual((yield* Effect.flip(request(get(server.url)))).reason, "Body")
        const streamed = yield* open(get(server.url))
        assert.strictEqual(streamed.status, 200)
        assert.strictEqual((yield* Effect.flip(Stream.runDrain(streamed.body))).reason, "Body")
      }).pipe(Effect.provide(layer)))

    it.scopedLive("a large body comes whole, chunk by chunk too", () =>
      Effect.gen(function*() {
        const line = `${"x".repeat(999)}\n`
        const server = yield* serve((_, response) => {
          response.writeHead(200)
          for (let i = 0; i < 2_000; i++) response.write(line)
          response.end()
        })
        assert.strictEqual(Transport.bytes(yield* request(get(server.url))).length, 2_000_000)
        const { body } = yield* open(get(server.url))
        const sizes = yield* Stream.runCollect(Stream.map(body, (chunk) => chunk.length))
        assert.isAbove(sizes.length, 1)
        assert.strictEqual(Chunk.reduce(sizes, 0, (sum, size) => sum + size), 2_000_000)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("interrupting the fiber closes its request", () =>
      Effect.gen(function*() {
        const arrived = yield* Deferred.make<void>()
        const server = yield* serve(() => Effect.runSync(Deferred.succeed(arrived, undefined)))
        const fiber = yield* Effect.fork(request(get(server.url)))
        yield* Deferred.await(arrived)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(server.closed)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("interrupting while the body comes closes its request", () =>
      Effect.gen(function*() {
        const arrived = yield* Deferred.make<void>()
        const server = yield* serve((_, response) => {
          response.writeHead(200)
          response.write("begun", () => Effect.runSync(Deferred.succeed(arrived, undefined)))
        })
        const fiber = yield* Effect.fork(request(get(server.url)))
        yield* Deferred.await(arrived)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(server.closed)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("closing the scope closes a stream", () =>
      Effect.gen(function*() {
        const server = yield* serve((_, response) => {
          response.writeHead(200)
          response.write("begun")
        })
        const scope = yield* Scope.make()
        const { body } = yield* Scope.extend(open(get(server.url)), scope)
        const head = yield* Stream.runHead(body)
        assert.strictEqual(head._tag, "Some")
        yield* Scope.close(scope, Exit.void)
        yield* Deferred.await(server.closed)
      }).pipe(Effect.provide(layer)))

    it.scopedLive("releasing the layer closes requests under way", () =>
      Effect.gen(function*() {
        const arrived = yield* Deferred.make<void>()
        const server = yield* serve(() => Effect.runSync(Deferred.succeed(arrived, undefined)))
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Layer.fresh(layer), scope)
        yield* Effect.forkIn(Effect.provide(request(get(server.url)), context), scope)
        yield* Deferred.await(arrived)
        yield* Scope.close(scope, Exit.void)
        yield* Deferred.await(server.closed)
      }).pipe(Effect.provide(layer)))
  })
}
