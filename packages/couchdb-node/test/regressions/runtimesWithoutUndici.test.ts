import { assert, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import { NodeCouchHttp, NodeTransport } from "effect-couchdb-node"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { vi } from "vitest"

// What Bun provides instead of undici.
vi.mock("undici", () => ({
  Pool: class {
    request(): Promise<never> {
      return Promise.reject(new Error("not implemented"))
    }
  },
  ProxyAgent: class {},
  buildConnector: () => undefined
}))

const url = "http://couch.example:5984"

const documented = readFileSync(new URL("../../../docs/messages.md", import.meta.url), "utf8")

it.scoped("every request fails, and the error says what to use instead", () =>
  Effect.gen(function*() {
    const ask = { method: "PUT", path: "/zoo", route: "/{db}" } as const
    const couch = yield* CouchHttp.CouchHttp
    const streamed = Effect.flatMap(Transport.Transport, (transport) =>
      transport.stream({ method: "GET", origin: url, path: "/zoo", headers: {} })).pipe(
        Effect.provide(NodeTransport.layer())
      )
    const [, what, hint] = /NodeCouchHttp` on Bun \| `\w+` \| `GET \S+ (.*)` \| `(.*)` \|/.exec(documented) ?? []
    const failures = [Effect.flip(couch.execute(ask)), Effect.flip(couch.stream(ask)), Effect.flip(streamed)]
    for (const failure of failures) {
      const error = yield* failure
      assert.strictEqual(error._tag === "TransportError" && error.reason, "Unsupported")
      assert.strictEqual(error.message.replace(/^\w+ \S+ /, ""), `${what} ${hint}`)
      assert.include(error.message, "Transport.layerHttpClient() with FetchHttpClient.layer. Nothing was sent.")
    }
  }).pipe(Effect.provide(NodeCouchHttp.layer({ url }, { proxy: { url: "http://proxy.example" } }))))
