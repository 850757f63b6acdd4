import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { type Replica, replicaAt, sendRequest, type World } from "./replicas.js"
import { placesAt } from "./servers.js"

/** Databases on real servers, one for each URL. The first server replicates between them. */
export const serverWorld = (urls: ReadonlyArray<URL>, name: string): Effect.Effect<World, never, Scope> =>
  Effect.gen(function*() {
    const placeAt = yield* placesAt
    const placed = urls.map((url, i) => {
      const database = `${name}-${i}`
      return { url: new URL(`/${database}`, url).href, replica: replicaAt(placeAt(url, database), {}) }
    })
    yield* Effect.forEach(
      placed,
      ({ replica }) => Effect.acquireRelease(sendRequest(replica, "PUT", ""), () => sendRequest(replica, "DELETE", ""))
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
