import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import { NodeCouchHttp, NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Net from "node:net"
import { ProxyAgent } from "undici"
import { forward, http, https, pem, proxy, tcp } from "../support/servers.js"

const put = (origin: string) => ({ method: "PUT", origin, path: "/zoo/monarch", headers: {}, body: "{}" })

const ask = (origin: string, options: NodeTransport.Options) =>
  Effect.flip(Effect.flatMap(Transport.Transport, (transport) => transport.request(put(origin)))).pipe(
    Effect.provide(NodeTransport.layer(options))
  )

/** Adds credentials to the URL of a proxy. */
const withPassword = (url: string): string => url.replace("//", "//me:battery-staple@")

const answering = (status: string) => (socket: Net.Socket) =>
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`)

const scenes: { readonly [name: string]: readonly [onConnect: (socket: Net.Socket) => void, says: RegExp] } = {
  "requires credentials": [
    answering("407 Proxy Authentication Required"),
    /\(the proxy responded to CONNECT with 407\)\. Give the client the proxy's credentials \(NodeTransport: proxy\.authorization\)\./
  ],
  "may not connect": [answering("403 Forbidden"), /\(the proxy responded to CONNECT with 403\)\. Is the proxy/],
  "cannot connect": [answering("502 Bad Gateway"), /\(the proxy responded to CONNECT with 502\)\. Is the proxy/],
  "closes the connection": [(socket) => socket.end(), /\(proxy: other side closed\)/],
  "resets the connection": [(socket) => socket.resetAndDestroy(), /\(proxy: read ECONNRESET\)/],
  "does not speak HTTP": [(socket) => socket.end("220 mail.example\r\n"), /\(proxy: Response does not match/],
  "does not respond": [() => undefined, /\(the proxy did not respond to CONNECT within 200 ms\)/]
}

describe("nothing was sent through a proxy that", () => {
  for (const [name, [onConnect, says]] of Object.entries(scenes)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const { connects, url } = yield* proxy(onConnect)
        const error = yield* ask("http://couch.example:5984", {
          connectTimeout: "200 millis",
          proxy: { url: withPassword(url), authorization: Redacted.make("Basic c2VjcmV0") }
        })
        assert.strictEqual(error.reason, "Connection")
        assert.match(error.message, says)
        assert.match(error.message, / Nothing was sent\.$/)
        assert.notMatch(error.message, /c2VjcmV0|battery|staple/)
        assert.strictEqual(connects(), 1)
      }))
  }

  it.scopedLive("is not running", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(tcp(() => undefined))
      const error = yield* ask("http://couch.example:5984", { proxy: { url: `http://127.0.0.1:${port}` } })
      assert.strictEqual(error.reason, "Connection")
      assert.match(error.message, /\(proxy: connect ECONNREFUSED .*Is the proxy running/)
    }))

  it.scopedLive("closes the tunnel in the handshake", () =>
    Effect.gen(function*() {
      const { url } = yield* proxy((socket) => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        socket.once("data", () => socket.end())
      })
      const error = yield* ask("https://couch.example:5984", { proxy: { url } })
      assert.strictEqual(error.reason, "Connection")
      assert.match(error.message, / Nothing was sent\.$/)
    }))

  for (
    const [name, certificate, says] of [
      ["whose authority is not trusted", "valid", /unable to verify/],
      ["for another host", "otherHost", /couch\.example/]
    ] as const
  ) {
    it.scopedLive(`leads to a certificate ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* https(certificate)
        const { url } = yield* proxy(forward(server.port))
        const error = yield* ask(`https://localhost:${server.port}`, {
          proxy: { url },
          ...(certificate === "otherHost" && { tls: { ca: pem("root.pem") } })
        })
        assert.strictEqual(error.reason, "Tls")
        assert.match(error.message, says)
        assert.deepStrictEqual(server.heard, [])
      }))
  }
})

describe("the handshake with a proxy fails, and nothing was sent, for", () => {
  const certificates: ReadonlyArray<readonly [certificate: string, says: RegExp]> = [
    ["selfSigned", /\(proxy: self-signed certificate\)\. Make the client trust the proxy's authority/],
    ["expired", /\(proxy: certificate has expired\)\. Renew the proxy's certificate/],
    ["valid", /\(proxy: unable to verify the first certificate\)\. Make the client trust the proxy's authority/]
  ]
  for (const scheme of ["http", "https"]) {
    for (const [certificate, says] of certificates) {
      it.scopedLive(`the certificate "${certificate}", and a server of ${scheme}`, () =>
        Effect.gen(function*() {
          const server = yield* https(certificate)
          const error = yield* ask(`${scheme}://couch.example:5984`, {
            proxy: { url: withPassword(`https://localhost:${server.port}`) },
            tls: { ca: pem("root.pem") }
          })
          assert.strictEqual(error.reason, "Tls")
          assert.match(error.message, says)
          assert.match(error.message, /the TLS handshake with the proxy failed.* Nothing was sent\.$/)
          assert.notMatch(error.message, /battery|staple/)
          assert.deepStrictEqual(server.heard, [])
        }))
    }

    it.scopedLive(`a port that does not speak TLS, and a server of ${scheme}`, () =>
      Effect.gen(function*() {
        const server = yield* http()
        const error = yield* ask(`${scheme}://couch.example:5984`, {
          proxy: { url: `https://localhost:${server.port}` }
        })
        assert.strictEqual(error.reason, "Tls")
        assert.match(error.message, /\(proxy: wrong version number\)\. The proxy's port does not speak TLS/)
      }))
  }
})

/** A SOCKS5 proxy without authentication. `answer` handles the request to connect. */
const socks = (answer: (socket: Net.Socket, port: number) => void) =>
  tcp((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.from([5, 0]))
      socket.once("data", (request) => answer(socket, request.readUInt16BE(request.length - 2)))
    })
  })

const socksReply = (code: number) => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0])

describe("a SOCKS5 proxy", () => {
  it.scopedLive("connects to servers of http and https", () =>
    Effect.gen(function*() {
      const proxy = yield* socks((socket, port) => forward(port, socksReply(0))(socket))
      const options = { proxy: { url: `socks5://127.0.0.1:${proxy}` }, tls: { ca: pem("root.pem") } }
      const plain = yield* http()
      const secure = yield* https("valid")
      for (const origin of [`http://127.0.0.1:${plain.port}`, `https://localhost:${secure.port}`]) {
        const response = yield* Effect.flatMap(Transport.Transport, (transport) => transport.request(put(origin))).pipe(
          Effect.provide(NodeTransport.layer(options))
        )
        assert.strictEqual(response.status, 200)
      }
      const error = yield* ask(`https://localhost:${secure.port}`, { proxy: options.proxy })
      assert.strictEqual(error.reason, "Tls")
    }))

  it.scopedLive("that cannot connect, requires other credentials, resets the connection, or is not running", () =>
    Effect.gen(function*() {
      const ports = [
        yield* socks((socket) => socket.end(socksReply(5))),
        yield* tcp((socket) => socket.once("data", () => socket.end(Buffer.from([5, 0xff])))),
        yield* tcp((socket) => socket.once("data", () => socket.resetAndDestroy())),
        yield* Effect.scoped(tcp(() => undefined))
      ]
      for (const port of ports) {
        const error = yield* ask("http://couch.example:5984", { proxy: { url: `socks5://127.0.0.1:${port}` } })
        assert.strictEqual(error.reason, "Connection")
        assert.match(error.message, / Nothing was sent\.$/)
      }
    }))
})

describe("over fetch with a proxy", () => {
  const overFetch = (url: string) =>
    Transport.layerHttpClient().pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(Layer.scoped(
        FetchHttpClient.Fetch,
        Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => new ProxyAgent(url)),
            (agent) => Effect.promise(() => agent.destroy())
          ),
          (dispatcher): typeof globalThis.fetch => (input, init) =>
            globalThis.fetch(input, { ...init, dispatcher } as RequestInit)
        )
      ))
    )

  for (const scheme of ["http", "https"]) {
    it.scopedLive(`nothing was sent to a server of ${scheme} if the proxy opens no tunnel, or is not running`, () =>
      Effect.gen(function*() {
        const dead = yield* Effect.scoped(tcp(() => undefined))
        const refusals: ReadonlyArray<readonly [url: string, says: RegExp]> = [
          [
            (yield* proxy(answering("407 Proxy Authentication Required"))).url,
            /\(the proxy responded to CONNECT with 407\)/
          ],
          [(yield* proxy(answering("502 Bad Gateway"))).url, /\(the proxy responded to CONNECT with 502\)/],
          [`http://127.0.0.1:${dead}`, /ECONNREFUSED/]
        ]
        for (const [url, says] of refusals) {
          const error = yield* Effect.flip(
            Effect.flatMap(Transport.Transport, (transport) => transport.request(put(`${scheme}://couch.example:5984`)))
          ).pipe(Effect.provide(overFetch(url)))
          assert.strictEqual(error.reason, "Connection")
          assert.match(error.message, says)
          assert.match(error.message, / Nothing was sent\.$/)
        }
      }))
  }
})

it.scopedLive("a request that was written into a tunnel may have been carried out", () =>
  Effect.gen(function*() {
    const { url } = yield* proxy((socket) => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      socket.once("data", () => socket.end())
    })
    const error = yield* ask("http://couch.example:5984", { proxy: { url } })
    assert.strictEqual(error.reason, "NoResponse")
    assert.match(error.message, /may have been carried out/)
  }))

it.scopedLive("a request through a tunnel to a TLS server succeeds", () =>
  Effect.gen(function*() {
    const server = yield* https("valid")
    const { url } = yield* proxy(forward(server.port))
    const answer = yield* Effect.flatMap(Transport.Transport, (transport) =>
      transport.request(put(`https://localhost:${server.port}`))).pipe(
        Effect.provide(NodeTransport.layer({ proxy: { url }, tls: { ca: pem("root.pem") } }))
      )
    assert.strictEqual(answer.status, 200)
  }))

it.scopedLive("a proxy URL that is not valid fails every request, and the error does not repeat it", () =>
  Effect.gen(function*() {
    const server = yield* http()
    for (const url of ["me:battery-staple", "http://me:battery#staple@proxy:3128", "ftp://me:battery-staple@proxy"]) {
      const error = yield* Effect.flip(
        Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute({ method: "GET", path: "/zoo", route: "/{db}" }))
      ).pipe(
        Effect.provide(NodeCouchHttp.layer({ url: `http://127.0.0.1:${server.port}` }, { proxy: { url } }))
      )
      assert.strictEqual(error._tag === "TransportError" && error.reason, "InvalidUrl")
      assert.match(error.message, /the URL of the proxy is not valid .*\. Check proxy\.url\. Nothing/)
      assert.notMatch(error.message, /battery|staple/)
    }
    assert.deepStrictEqual(server.heard, [])
  }))
