import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import { http, https, pem, tcp } from "../support/servers.js"

type Tls = NonNullable<NodeTransport.Options["tls"]>

/** A server whose handshake fails, the options of the client, and the expected error. */
interface Scene {
  readonly url: Effect.Effect<string, never, Scope>
  readonly tls?: Tls
  readonly reason: "Tls" | "Connection"
  readonly says: RegExp
  /** The error of `fetch`, which does not contain the progress of the request. */
  readonly overFetch?: "NoResponse"
}

const trusting: Tls = { ca: pem("root.pem") }

const at = (server: Effect.Effect<{ readonly port: number }, never, Scope>): Effect.Effect<string, never, Scope> =>
  Effect.map(server, ({ port }) => `https://localhost:${port}`)

const atTcp = (port: Effect.Effect<number, never, Scope>): Effect.Effect<string, never, Scope> =>
  Effect.map(port, (port) => `https://localhost:${port}`)

const clientCertificate = { requestCert: true, rejectUnauthorized: true, ca: pem("root.pem") }

const scenes: { readonly [name: string]: Scene } = {
  "an authority that is not trusted": {
    url: at(https("valid")),
    reason: "Tls",
    says: /unable to verify the first certificate.*tls\.ca/
  },
  "an authority that is not trusted, and an intermediate": {
    url: at(https("underIntermediate", { cert: pem("underIntermediate.pem") + pem("intermediate.pem") })),
    reason: "Tls",
    says: /unable to get local issuer certificate.*tls\.ca/
  },
  "a root among the server's certificates that is not trusted": {
    url: at(https("valid", { cert: pem("valid.pem") + pem("root.pem") })),
    reason: "Tls",
    says: /self-signed certificate in certificate chain.*tls\.ca/
  },
  "an intermediate that the server does not send": {
    url: at(https("underIntermediate")),
    tls: trusting,
    reason: "Tls",
    says: /unable to verify the first certificate/
  },
  "a self-signed certificate": {
    url: at(https("selfSigned")),
    reason: "Tls",
    says: /self-signed certificate.*tls\.ca/
  },
  "an expired certificate": {
    url: at(https("expired")),
    tls: trusting,
    reason: "Tls",
    says: /certificate has expired.*clocks/
  },
  "a certificate that is not valid yet": {
    url: at(https("notYetValid")),
    tls: trusting,
    reason: "Tls",
    says: /certificate is not yet valid.*clocks/
  },
  "a certificate for another host": {
    url: at(https("otherHost")),
    tls: trusting,
    reason: "Tls",
    says: /couch\.example.*tls\.servername/
  },
  "a missing client certificate in TLS 1.2": {
    url: at(https("valid", { ...clientCertificate, maxVersion: "TLSv1.2" })),
    tls: trusting,
    reason: "Tls",
    says: /handshake failure.*tls\.cert/
  },
  "a missing client certificate in TLS 1.3, which the server refuses after the client's handshake": {
    url: at(https("valid", { ...clientCertificate, minVersion: "TLSv1.3" })),
    tls: trusting,
    reason: "Tls",
    says: /certificate required.*tls\.cert/,
    overFetch: "NoResponse"
  },
  "a version of TLS that the client does not speak": {
    url: at(https("valid", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" })),
    tls: trusting,
    reason: "Tls",
    says: /protocol.*another version of TLS/
  },
  "https to a port of http": {
    url: at(http()),
    reason: "Tls",
    says: /\(wrong version number\)\. The port does not speak TLS: use http:/
  },
  "https to a port that speaks something else": {
    url: atTcp(tcp((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"))),
    reason: "Tls",
    says: /\(wrong version number\)/
  },
  "http to a port of https that responds with an alert": {
    url: Effect.map(
      tcp((socket) => socket.once("data", () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])))),
      (port) => `http://localhost:${port}`
    ),
    reason: "Tls",
    says: /the port speaks TLS\)\. Use https:/
  },
  "a connection that is reset in the handshake": {
    url: atTcp(tcp((socket) => socket.once("data", () => socket.resetAndDestroy()))),
    reason: "Connection",
    says: /ECONNRESET.*closed it at once/,
    overFetch: "NoResponse"
  },
  "a connection that ends in the handshake": {
    url: atTcp(tcp((socket) => socket.once("data", () => socket.end()))),
    reason: "Connection",
    says: /before secure TLS connection was established.*closed it at once/
  },
  "a certificate authority that is not a certificate": {
    url: at(https("valid")),
    tls: { ca: "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n" },
    reason: "Tls",
    says: /./
  }
}

const put = (url: string) =>
  Effect.flip(Effect.flatMap(Transport.Transport, (transport) =>
    transport.request({
      method: "PUT",
      origin: url,
      path: "/zoo/monarch",
      headers: { authorization: "Basic c2VjcmV0" },
      body: "{}"
    })))

describe("a failed handshake is reported as one, and nothing was sent", () => {
  for (const [name, { reason, says, tls, url }] of Object.entries(scenes)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const error = yield* put(yield* url).pipe(Effect.provide(NodeTransport.layer({ tls })))
        assert.strictEqual(error.reason, reason)
        assert.match(error.message, says)
        assert.match(error.message, / Nothing was sent\.$/)
        // OpenSSL's addresses and files.
        assert.notMatch(error.message, /[0-9A-F]{12}|\.c:/)
        assert.notInclude(error.message, "c2VjcmV0")
      }))
  }
})

const fetchTransport = Layer.provide(Transport.layerHttpClient(), FetchHttpClient.layer)

describe("over fetch, which does not trust the test's authority", () => {
  for (const [name, { overFetch, reason, tls, url }] of Object.entries(scenes)) {
    if (tls !== undefined && overFetch === undefined && !/expired|not valid yet/.test(name)) continue
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const error = yield* put(yield* url).pipe(Effect.provide(fetchTransport))
        const expected = tls === undefined ? overFetch ?? reason : "Tls"
        assert.strictEqual(error.reason, expected)
        assert.match(error.message, expected === "NoResponse" ? /may have been carried out/ : / Nothing was sent\.$/)
      }))
  }
})

it.scopedLive("a request over a trusted connection succeeds", () =>
  Effect.gen(function*() {
    const { heard, port } = yield* https("valid")
    const answer = yield* Effect.flatMap(Transport.Transport, (transport) =>
      transport.request({ method: "GET", origin: `https://localhost:${port}`, path: "/", headers: {} })).pipe(
        Effect.provide(NodeTransport.layer({ tls: trusting }))
      )
    assert.strictEqual(answer.status, 200)
    assert.deepStrictEqual(heard, ["GET /"])
  }))
