import { assert, it } from "@effect/vitest"
import { CouchHttp } from "effect-couchdb"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { vi } from "vitest"

/** A replacement of undici like that of Bun. */
const undiciOfBun = () => ({
  Pool: class {
    request(): Promise<never> {
      return Promise.reject(new Error("not implemented"))
    }
  },
  ProxyAgent: class {},
  buildConnector: () => undefined
})

/** Loads the package as on Bun. Test files share modules, so no other file may import this copy. */
const packageOnBun = Effect.acquireUseRelease(
  Effect.sync(() => {
    vi.resetModules()
    vi.doMock("undici", undiciOfBun)
  }),
  () => Effect.promise(() => import("effect-couchdb-node")),
  () =>
    Effect.sync(() => {
      vi.doUnmock("undici")
      vi.resetModules()
    })
)

const url = "http://couch.example:5984"

const documented = readFileSync(new URL("../../../docs/messages.md", import.meta.url), "utf8")

it.scoped("every request fails, and the error names the alternative", () =>
  Effect.gen(function*() {
    const { NodeCouchHttp, NodeTransport } = yield* packageOnBun
    const ask = { method: "PUT", path: "/zoo", route: "/{db}" } as const
    const live = NodeCouchHttp.layer({ url }, { proxy: { url: "http://proxy.example" } })
    const couch = yield* Effect.provide(CouchHttp.CouchHttp, live)
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
  }))
