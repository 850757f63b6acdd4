import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, it } from "@effect/vitest"
import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { serve } from "./contract/httpServer.js"
import { fetchTransport } from "./contract/targets.js"
import { transportContract } from "./contract/transports.js"

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
