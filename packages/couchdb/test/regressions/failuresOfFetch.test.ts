import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const failingWith = (cause: unknown) =>
  Transport.layerHttpClient().pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(FetchHttpClient.Fetch, () => Promise.reject(cause)))
  )

const put = { method: "PUT", origin: "http://couch.example:5984", path: "/zoo/monarch", headers: {}, body: "{}" }

const failure = (cause: unknown, request: Transport.TransportRequest = put) =>
  Effect.flip(Effect.flatMap(Transport.Transport, (transport) => transport.request(request))).pipe(
    Effect.provide(failingWith(cause))
  )

const error = (message: string, members: object = {}) => Object.assign(new Error(message), members)

/** The error as Node's `fetch` wraps it. */
const ofNode = (message: string, members: object = {}) =>
  new TypeError("fetch failed", { cause: error(message, members) })

const coded = (code: string, message = `an error with the code ${code}`) => ofNode(message, { code })

const called = (syscall: string, code: string) => ofNode(`${syscall} ${code} 127.0.0.1:5984`, { code, syscall })

const openSsl = (code: string, reason: string) =>
  coded(
    `ERR_SSL_${code}`,
    `80CB7D86:error:0A00010B:SSL routines:ssl3_get_record:${reason}:../deps/openssl/ssl3_record.c:350:\n`
  )

const ofDeno = (message: string) => ofNode(`error sending request for url (https://couch.example:5984/zoo): ${message}`)

// Node's documentation of `tls` lists them.
const certificateCodes = [
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_CRL",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "CERT_SIGNATURE_FAILURE",
  "CRL_SIGNATURE_FAILURE",
  "CERT_NOT_YET_VALID",
  "CERT_HAS_EXPIRED",
  "CRL_NOT_YET_VALID",
  "CRL_HAS_EXPIRED",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CRL_LAST_UPDATE_FIELD",
  "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
  "OUT_OF_MEM",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_CHAIN_TOO_LONG",
  "CERT_REVOKED",
  "INVALID_CA",
  "PATH_LENGTH_EXCEEDED",
  "INVALID_PURPOSE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "HOSTNAME_MISMATCH",
  "UNSPECIFIED"
]

const tls: ReadonlyArray<unknown> = [
  ...certificateCodes.map((code) => coded(code)),
  // Bun has the code on the error itself.
  ...certificateCodes.map((code) => Object.assign(new TypeError("no"), { code })),
  coded("ERR_TLS_CERT_ALTNAME_INVALID"),
  coded("ERR_TLS_CERT_ALTNAME_FORMAT"),
  coded("ERR_OSSL_PEM_NO_START_LINE"),
  new TypeError("fetch failed", {
    cause: error("Secure Proxy Connection failed", { code: "UND_ERR_PRX_TLS" })
  }),
  openSsl("WRONG_VERSION_NUMBER", "wrong version number"),
  openSsl("PACKET_LENGTH_TOO_LONG", "packet length too long"),
  openSsl("HTTP_REQUEST", "http request"),
  openSsl("UNSUPPORTED_PROTOCOL", "unsupported protocol"),
  openSsl("NO_PROTOCOLS_AVAILABLE", "no protocols available"),
  openSsl("SSLV3_ALERT_HANDSHAKE_FAILURE", "sslv3 alert handshake failure"),
  openSsl("SSL/TLS_ALERT_HANDSHAKE_FAILURE", "ssl/tls alert handshake failure"),
  openSsl("TLSV1_ALERT_PROTOCOL_VERSION", "tlsv1 alert protocol version"),
  openSsl("TLSV1_ALERT_UNKNOWN_CA", "tlsv1 alert unknown ca"),
  openSsl("TLSV1_UNRECOGNIZED_NAME", "tlsv1 unrecognized name"),
  openSsl("TLSV13_ALERT_CERTIFICATE_REQUIRED", "tlsv13 alert certificate required"),
  openSsl("SSLV3_ALERT_BAD_CERTIFICATE", "sslv3 alert bad certificate"),
  openSsl("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "sslv3 alert certificate unknown"),
  openSsl("TLSV1_ALERT_INSUFFICIENT_SECURITY", "tlsv1 alert insufficient security"),
  openSsl("DH_KEY_TOO_SMALL", "dh key too small"),
  openSsl("UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "unsafe legacy renegotiation disabled"),
  openSsl("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
  ofNode("write EPROTO 80CB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps:350:", {
    code: "EPROTO",
    syscall: "write"
  }),
  error("EPROTO: The TLS handshake failed. Does the server speak TLS on this port?", { code: "EPROTO" }),
  ofDeno("client error (Connect): invalid peer certificate: UnknownIssuer"),
  ofDeno("client error (Connect): received corrupt message of type InvalidContentType"),
  ofDeno("client error (Connect): received fatal alert: HandshakeFailure"),
  ofNode("received fatal alert: CertificateRequired"),
  ofNode("Response does not match the HTTP/1.1 protocol", { code: "HPE_INVALID_CONSTANT", data: "\x15\x03\x01\x00" }),
  new TypeError("An SSL error has occurred and a secure connection to the server cannot be made."),
  new TypeError("The certificate for this server is invalid.")
]

const connection: ReadonlyArray<unknown> = [
  called("connect", "ECONNREFUSED"),
  called("connect", "ECONNRESET"),
  called("connect", "ETIMEDOUT"),
  called("connect", "EHOSTUNREACH"),
  called("connect", "EHOSTDOWN"),
  called("connect", "ENETUNREACH"),
  called("connect", "ENETDOWN"),
  called("connect", "EADDRNOTAVAIL"),
  called("connect", "ENOENT"),
  called("connect", "EACCES"),
  called("connect", "EPERM"),
  called("connect", "ENOTSOCK"),
  called("connect", "EMFILE"),
  called("connect", "ENFILE"),
  called("bind", "EADDRINUSE"),
  called("getaddrinfo", "ENOTFOUND"),
  called("getaddrinfo", "EAI_AGAIN"),
  called("getaddrinfo", "EAI_FAIL"),
  called("queryA", "ESERVFAIL"),
  coded("UND_ERR_CONNECT_TIMEOUT"),
  coded("ECONNRESET", "Client network socket disconnected before secure TLS connection was established"),
  new TypeError("fetch failed", {
    cause: Object.assign(
      new AggregateError([
        error("connect ECONNREFUSED ::1:5984", { code: "ECONNREFUSED", syscall: "connect" }),
        error("connect ETIMEDOUT 127.0.0.1:5984", { code: "ETIMEDOUT", syscall: "connect" })
      ]),
      { code: "ECONNREFUSED" }
    )
  }),
  coded("UND_ERR_ABORTED", "Proxy response (407) !== 200 when HTTP Tunneling"),
  coded("UND_ERR_ABORTED", "Proxy response (502) !== 200 when HTTP Tunneling"),
  // Those of several versions of Bun.
  error("Unable to connect. Is the computer able to access the url?", { code: "ConnectionRefused" }),
  error("ECONNREFUSED: Unable to connect. Is the computer able to access the url?", { code: "ECONNREFUSED" }),
  error("Was there a typo in the url or port?", { name: "FailedToOpenSocket" }),
  error("getaddrinfo ENOTFOUND couch.example", { code: "ENOTFOUND", syscall: "getaddrinfo" }),
  ofDeno("client error (Connect): tcp connect error: Connection refused (os error 111)"),
  ofDeno("client error (Connect): dns error: failed to lookup address information: Name or service not known"),
  ofDeno("client error (Connect): tls handshake eof"),
  ofDeno("client error (Connect): Connection reset by peer (os error 104)"),
  new TypeError("Could not connect to the server."),
  new TypeError("A server with the specified hostname could not be found.")
]

const unknown: ReadonlyArray<unknown> = [
  new TypeError("Failed to fetch"),
  new TypeError("NetworkError when attempting to fetch resource."),
  new TypeError("Load failed"),
  new TypeError("Network request failed"),
  called("read", "ECONNRESET"),
  called("read", "ETIMEDOUT"),
  called("read", "EHOSTUNREACH"),
  called("write", "ENETDOWN"),
  called("write", "EPIPE"),
  coded("UND_ERR_SOCKET", "other side closed"),
  coded("UND_ERR_HEADERS_TIMEOUT"),
  coded("UND_ERR_DESTROYED"),
  openSsl("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "decryption failed or bad record mac"),
  openSsl("SSLV3_ALERT_BAD_RECORD_MAC", "sslv3 alert bad record mac"),
  openSsl("UNEXPECTED_EOF_WHILE_READING", "unexpected eof while reading"),
  openSsl("TLSV1_ALERT_INTERNAL_ERROR", "tlsv1 alert internal error"),
  ofNode("write EPROTO 80CB:error:0A0003FC:SSL routines:ssl3_read_bytes:sslv3 alert bad record mac:../deps:1:", {
    code: "EPROTO",
    syscall: "write"
  }),
  error("The socket connection was closed unexpectedly.", { code: "ECONNRESET" }),
  error("The socket connection was closed unexpectedly.", { name: "ConnectionClosed" }),
  ofNode("error sending request from 127.0.0.1:1 for http://a/ (127.0.0.1:5984): client error (SendRequest): closed"),
  new TypeError("fetch failed", {
    cause: new AggregateError([
      error("connect ECONNREFUSED ::1:5984", { code: "ECONNREFUSED", syscall: "connect" }),
      error("read ECONNRESET", { code: "ECONNRESET", syscall: "read" })
    ])
  }),
  "a text",
  undefined,
  null,
  42
]

const all = (
  causes: ReadonlyArray<unknown>,
  expected: string,
  says: RegExp
) =>
  Effect.forEach(causes, (cause) =>
    Effect.map(failure(cause), ({ description, message, reason }) => {
      assert.strictEqual(reason, expected, description)
      assert.match(message, says)
      assert.isNotEmpty(description)
      assert.notMatch(description, /80CB|\.c:|https?:\/\//)
    }))

describe("a failure of fetch", () => {
  it.effect("of the handshake is Tls, and nothing was sent", () => all(tls, "Tls", / Nothing was sent\.$/))

  it.effect("to connect is Connection, and nothing was sent", () =>
    all(connection, "Connection", / Nothing was sent\.$/))

  it.effect("that may happen at any time is NoResponse, and the request may have been carried out", () =>
    all(unknown, "NoResponse", /may have been carried out/))

  it.effect("with a code that only resembles OpenSSL's is NoResponse", () =>
    all([coded("CERT_OF_ATTENDANCE"), coded("INVALID_CALLER"), coded("ERROR_IN_BODY")], "NoResponse", /may have/))

  it.effect("of a browser names CORS", () =>
    Effect.forEach(
      ["Failed to fetch", "NetworkError when attempting to fetch resource.", "Load failed"],
      (text) =>
        Effect.map(failure(new TypeError(text)), ({ message }) => {
          assert.include(message, `: no response (${text}).`)
          assert.match(message, /CORS forbids the request.*\[cors\] origins/)
        })
    ))

  it.effect("on a port that fetch refuses is InvalidUrl", () =>
    all(
      [ofNode("bad port"), new TypeError("Fetch failed: Requests to port 6000 are blocked")],
      "InvalidUrl",
      /another\. N/
    ))

  it.effect("of a redirect that it cannot follow names the redirect", () =>
    Effect.gen(function*() {
      const causes = [
        ofNode("Cannot perform ArrayBuffer.prototype.slice on a detached ArrayBuffer"),
        error("Request body is a ReadableStream and cannot be replayed for this redirect"),
        new TypeError("Fetch failed: Can not redeliver a streaming request body after a redirect")
      ]
      yield* all(
        causes,
        "RequestBody",
        /\(the server redirected the request, .*Use the URL that the server redirects to/
      )
      const streamed = { ...put, body: Stream.make(new Uint8Array(3)) }
      assert.strictEqual((yield* failure(ofNode(""), streamed)).reason, "RequestBody")
      assert.strictEqual((yield* failure(ofNode(""))).reason, "NoResponse")
    }))

  it.effect("of a body whose length is not the announced one is RequestBody", () =>
    all(
      [coded("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"), error("9 of 5", { code: "ERR_HTTP_CONTENT_LENGTH_MISMATCH" })],
      "RequestBody",
      /announced length/
    ))

  it.effect("does not repeat the credentials of a URL", () =>
    Effect.gen(function*() {
      const { message } = yield* failure(
        new TypeError(
          "Request cannot be constructed from a URL that includes credentials: http://me:horse@couch.example/"
        )
      )
      assert.notInclude(message, "horse")
    }))
})

it("a custom transport gets the same reasons", () => {
  assert.isTrue(Transport.neverConnected(error("no", { code: "CERT_NOT_YET_VALID" })))
  assert.isTrue(
    Transport.neverConnected(error("connect ENOENT /run/couch.sock", { code: "ENOENT", syscall: "connect" }))
  )
  assert.isFalse(Transport.neverConnected(error("open ENOENT file", { code: "ENOENT", syscall: "open" })))
  assert.isFalse(Transport.neverConnected(error("read ETIMEDOUT", { code: "ETIMEDOUT", syscall: "read" })))
  const reset = error("read ECONNRESET", { code: "ECONNRESET", syscall: "read" })
  const reasons = (["unsent", "sent", "responded", "unknown"] as const).map((phase) =>
    Transport.toTransportError(put, reset, phase).reason
  )
  assert.deepStrictEqual(reasons, ["Connection", "NoResponse", "Body", "NoResponse"])
})
