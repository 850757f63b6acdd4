import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import { ask, type Replica, replicaAt, type World } from "../../src/internal/simulation/world.js"

const withAuthority = (url: URL): { readonly origin: string; readonly headers: Readonly<Record<string, string>> } => ({
  origin: url.origin,
  headers: url.username === "" ? {} : {
    authorization: `Basic ${
      Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")
    }`
  }
})

/** Databases on real servers, one for each URL, with the first server's own replicator between them. */
export const live = (urls: ReadonlyArray<URL>, name: string): Effect.Effect<World, never, Scope> =>
  Effect.gen(function*() {
    const transport = yield* Effect.map(
      Layer.build(Transport.layerHttpClient().pipe(Layer.provide(FetchHttpClient.layer))),
      (context) => context.unsafeMap.get(Transport.Transport.key) as Transport.Service
    )
    const placed = urls.map((url, i) => {
      const { headers, origin } = withAuthority(url)
      const database = `${name}-${i}`
      const request: Transport.Service["request"] = (asked) => transport.request({ ...asked, origin })
      return {
        url: new URL(`/${database}`, url).href,
        replica: replicaAt({ database, request, headers }, {})
      }
    })
    yield* Effect.forEach(
      placed,
      ({ replica }) => Effect.acquireRelease(ask(replica, "PUT", ""), () => ask(replica, "DELETE", ""))
    )
    const urlOf = (replica: Replica): string => placed.find((each) => each.replica === replica)?.url ?? ""
    const [first] = placed
    return {
      replicas: placed.map(({ replica }) => replica),
      replicate: (from, to) =>
        first === undefined
          ? Effect.void
          : first.replica.place.request({
            method: "POST",
            origin: "http://replica",
            path: "/_replicate",
            headers: { "content-type": "application/json", ...first.replica.place.headers },
            body: JSON.stringify({ source: urlOf(from), target: urlOf(to) })
          }).pipe(
            Effect.orDie,
            Effect.flatMap((response) =>
              response.status === 200
                ? Effect.void
                : Effect.dieMessage(`the server did not replicate: ${Transport.text(response)}`)
            )
          )
    }
  })
