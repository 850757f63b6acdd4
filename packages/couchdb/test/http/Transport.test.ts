import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, it } from "@effect/vitest"
import { Auth, CouchHttp, Session, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { serve } from "../contract/httpServer.js"
import { fetchTransport } from "../contract/targets.js"
import { transportContract } from "../contract/transports.js"

transportContract("fetch", fetchTransport)

it.scopedLive("a client that fails on statuses is mapped back to its response", () =>
  Effect.gen(function*() {
    const server = yield* serve((_, response) => {
      response.writeHead(409)
      response.end(`{"error":"conflict"}`)
    })
    const strict = Transport.layerHttpClient({ transformClient: HttpClient.filterStatusOk }).pipe(
      Layer.provide(FetchHttpClient.layer)
    )
    const answer = yield* Effect.flatMap(Transport.Transport, (transport) =>
      transport.request({ method: "GET", origin: server.url, path: "/", headers: {} })).pipe(Effect.provide(strict))
    assert.strictEqual(answer.status, 409)
    assert.strictEqual(Transport.text(answer), `{"error":"conflict"}`)
  }))

it.scopedLive("a secret with a line break in it is not sent, not repeated, and not shown", () =>
  Effect.gen(function*() {
    let arrived = 0
    const server = yield* serve((_, response) => {
      arrived++
      response.end("{}")
    })
    const secret = Redacted.make("eyJhbGciOi.horse\nbattery.staple")
    const credentials = [Auth.jwt(secret), Auth.cookie(secret), Auth.proxy(Redacted.value(secret))]
    const named = ["authorization", "cookie", "x-auth-couchdb-username"]
    for (const [i, auth] of credentials.entries()) {
      let tries = 0
      const couch = yield* CouchHttp.make({
        url: server.url,
        auth,
        transformTransport: (transport) => ({
          ...transport,
          request: (request) => Effect.suspend(() => (tries++, transport.request(request)))
        })
      })
      const error = yield* Effect.flip(couch.execute({ method: "GET", path: "/zoo", route: "/{db}" }))
      assert.strictEqual(error._tag === "TransportError" && error.reason, "InvalidHeader")
      assert.include(error.message, named[i] ?? "nothing")
      assert.notMatch(error.message + inspect(error, { depth: 9 }) + JSON.stringify(error), /horse|battery/)
      assert.strictEqual(tries, 1)
    }
    // A transport by itself hands on what the client says.
    const headers = { authorization: `Bearer ${Redacted.value(secret)}` }
    const error = yield* Effect.flip(
      Effect.flatMap(
        Transport.Transport,
        (transport) => transport.request({ method: "GET", origin: server.url, path: "/", headers })
      )
    )
    assert.include(error.message, "invalid header value")
    assert.notMatch(error.message, /horse|battery/)
    assert.strictEqual(arrived, 0)
  }).pipe(Effect.provide(fetchTransport)))

it.scopedLive("a session is kept where a proxy adds cookies of its own", () =>
  Effect.gen(function*() {
    const heard: Array<string | undefined> = []
    const server = yield* serve((incoming, response) => {
      heard.push(incoming.headers.cookie)
      response.setHeader("set-cookie", [
        "AuthSession=YWRh; Version=1; Max-Age=600; Path=/; HttpOnly",
        "route=one; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
      ])
      response.end(`{"ok":true,"roles":[]}`)
    })
    const couch = yield* CouchHttp.make({ url: server.url, auth: Auth.session("ada", Redacted.make("secret")) })
    yield* couch.execute({ method: "GET", path: "/zoo", route: "/{db}" })
    assert.deepStrictEqual(heard, [undefined, "AuthSession=YWRh"])
    const begun = yield* Effect.provideService(
      Session.login("ada", Redacted.make("secret")),
      CouchHttp.CouchHttp,
      couch
    )
    assert.strictEqual(Redacted.value(begun.cookie), "YWRh")
  }).pipe(Effect.provide(fetchTransport)))

it.scopedLive("sends a token without its trailing line break", () =>
  Effect.gen(function*() {
    const server = yield* serve((incoming, response) => response.end(JSON.stringify(incoming.headers.authorization)))
    for (const auth of [Auth.jwt(Redacted.make("a.b.c\n")), Auth.jwt(Effect.succeed(Redacted.make("a.b.c\n")))]) {
      const couch = yield* CouchHttp.make({ url: server.url, auth })
      const answer = yield* couch.execute({ method: "GET", path: "/zoo", route: "/{db}" })
      assert.strictEqual(Transport.text(answer), `"Bearer a.b.c"`)
    }
  }).pipe(Effect.provide(fetchTransport)))
