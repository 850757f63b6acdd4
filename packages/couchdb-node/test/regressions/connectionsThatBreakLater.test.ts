import { assert, describe, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import { NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import { fetchTransport } from "../../../couchdb/test/contract/targets.js"
import { http, https, pem, tcp } from "../support/servers.js"

type Break = (socket: Net.Socket) => void

const breaks: { readonly [name: string]: Break } = {
  resets: (socket) => socket.resetAndDestroy(),
  closes: (socket) => socket.end(),
  "begins a response, but not its headers, and closes": (socket) => socket.end("HTTP/1.1 20"),
  "sends something that is not HTTP": (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")
}

const put = (origin: string, body: Transport.TransportRequest["body"] = "{}"): Transport.TransportRequest => ({
  method: "PUT",
  origin,
  path: "/zoo/monarch",
  headers: {},
  body
})

const request = (what: Transport.TransportRequest) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.request(what))

const stream = (what: Transport.TransportRequest) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.stream(what))

/** A server that breaks the connection when the headers of a request arrive. */
const afterHeaders = (onRequest: Break): Effect.Effect<string, never, Scope> =>
  Effect.map(
    tcp((socket) => {
      let received = ""
      socket.on("data", (bytes) => {
        const isFirst = !received.includes("\r\n\r\n")
        received += bytes.toString("latin1")
        if (isFirst && received.includes("\r\n\r\n")) onRequest(socket)
      })
    }),
    (port) => `http://127.0.0.1:${port}`
  )

const mayHaveHappened = (error: { readonly _tag: string; readonly message: string; readonly reason?: unknown }) => {
  assert.strictEqual(error.reason, "NoResponse")
  assert.match(error.message, / The request may have been carried out: read before you repeat it\.$/)
}

for (const [client, transport] of [["undici", NodeTransport.layer()], ["fetch", fetchTransport]] as const) {
  describe(`over ${client}, a request may have been carried out if its server`, () => {
    for (const [name, onRequest] of Object.entries(breaks)) {
      it.scopedLive(`${name} after the headers`, () =>
        Effect.gen(function*() {
          const origin = yield* afterHeaders(onRequest)
          const bytes = Stream.make(new Uint8Array(3), new Uint8Array(3))
          for (const body of ["{}", new Uint8Array(3), bytes]) {
            mayHaveHappened(yield* Effect.flip(request(put(origin, body))))
            mayHaveHappened(yield* Effect.flip(Effect.scoped(stream(put(origin, body)))))
          }
        }).pipe(Effect.provide(transport)))
    }

    it.scopedLive("resets a reused connection", () =>
      Effect.gen(function*() {
        let served = 0
        const { heard, port } = yield* http((incoming, response) => {
          incoming.resume()
          incoming.on("end", () => served++ === 0 ? response.end("{}") : incoming.socket.resetAndDestroy())
        })
        const origin = `http://127.0.0.1:${port}`
        const transport = yield* Transport.Transport
        assert.strictEqual((yield* transport.request(put(origin))).status, 200)
        mayHaveHappened(yield* Effect.flip(transport.request(put(origin))))
        assert.lengthOf(heard, 2)
      }).pipe(Effect.provide(transport)))
  })

  describe(`over ${client}, nothing was sent`, () => {
    it.scopedLive("to a port that refuses connections", () =>
      Effect.gen(function*() {
        const port = yield* Effect.scoped(tcp(() => undefined))
        for (const host of ["127.0.0.1", "localhost"]) {
          const error = yield* Effect.flip(request(put(`http://${host}:${port}`)))
          assert.strictEqual(error.reason, "Connection")
          assert.match(error.message, /ECONNREFUSED.*Is CouchDB running.*Nothing was sent\.$/)
        }
      }).pipe(Effect.provide(transport)))

    it.scopedLive("to an unknown host name", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(request(put("http://couch.invalid:5984")))
        assert.strictEqual(error.reason, "Connection")
        assert.match(error.message, /couch\.invalid\)\..*Nothing was sent\.$/)
      }).pipe(Effect.provide(transport)))
  })
}

it.scopedLive("a request may have been carried out after a reset inside TLS, and not after one in the handshake", () =>
  Effect.gen(function*() {
    const sockets: Array<Net.Socket> = []
    const server = yield* https("valid", {}, (incoming) => incoming.socket.destroy())
    const transport = NodeTransport.layer({ tls: { ca: pem("root.pem") } })
    mayHaveHappened(
      yield* Effect.flip(request(put(`https://localhost:${server.port}`))).pipe(Effect.provide(transport))
    )
    assert.deepStrictEqual(server.heard, ["PUT /zoo/monarch"])
    const port = yield* tcp((socket) => {
      sockets.push(socket)
      socket.once("data", () => socket.resetAndDestroy())
    })
    const error = yield* Effect.flip(request(put(`https://localhost:${port}`))).pipe(Effect.provide(transport))
    assert.strictEqual(error.reason, "Connection")
    assert.lengthOf(sockets, 1)
  }))

it.scopedLive("a write through CouchHttp reports the same", () =>
  Effect.gen(function*() {
    const origin = yield* afterHeaders((socket) => socket.resetAndDestroy())
    const write = { method: "PUT", path: "/zoo/monarch", route: "/{db}/{docid}", body: "{}" } as const
    const error = yield* Effect.flip(Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute(write))).pipe(
      Effect.provide(CouchHttp.layer({ url: origin, retry: "none" })),
      Effect.provide(NodeTransport.layer())
    )
    mayHaveHappened(error)
  }))
