import { type Lineage, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { type Json, type Place, replicaAt, sendRequest } from "../world/replicas.js"
import { placesAt } from "../world/servers.js"
import { readCopy } from "./copies.js"
import type { Course } from "./race.js"

/** Gets JSON from a server. Dies on any error. */
const getJson = (place: Place, path: string): Effect.Effect<Json> =>
  place.request({
    method: "GET",
    origin: "http://replica",
    path,
    headers: { accept: "application/json", ...place.headers }
  }).pipe(
    Effect.orDie,
    Effect.flatMap((response) =>
      response.status === 200
        ? Effect.sync(() => JSON.parse(Transport.text(response)) as Json)
        : Effect.dieMessage(`GET ${path} was answered with ${response.status}`)
    )
  )

interface Placement {
  readonly shard_suffix: ReadonlyArray<number>
  readonly by_range: { readonly [range: string]: ReadonlyArray<string> }
}

/**
 * A database of a cluster, with a resolver at each of the first two URLs. Requests to a node are answered by the whole
 * cluster. The data of one node are at `/_node/{node}/{shard}/{id}`.
 */
export const cluster = (
  urls: ReadonlyArray<URL>,
  database: string,
  settings: readonly [Lineage.Options, Lineage.Options]
): Effect.Effect<Course, never, Scope> =>
  Effect.gen(function*() {
    const placeAt = yield* placesAt
    const places = urls.map((url) => placeAt(url, database))
    const [first, second] = places
    if (first === undefined || second === undefined) {
      return yield* Effect.dieMessage("a race takes two nodes: give --url twice or more")
    }
    const members = yield* Effect.forEach(places, (place) => getJson(place, "/_membership"))
    if (new Set(members.map((each) => JSON.stringify(each))).size > 1) {
      return yield* Effect.dieMessage("the URLs are not of one cluster: their /_membership differ")
    }
    const racers = [replicaAt(first, settings[0]), replicaAt(second, settings[1])] as const
    const made = yield* Effect.acquireRelease(sendRequest(racers[0], "PUT", ""), () =>
      sendRequest(racers[0], "DELETE", ""))
    if (made.status >= 300) {
      return yield* Effect.dieMessage(`the database was not made: ${JSON.stringify(made.json)}`)
    }
    // Nodes learn about a new database with a delay.
    for (const racer of racers) {
      for (let i = 0; i < 50 && (yield* sendRequest(racer, "GET", "")).status !== 200; i++) {
        yield* Effect.sleep("100 millis")
      }
    }
    const { by_range, shard_suffix } = (yield* getJson(first, `/_node/_local/_dbs/${database}`)) as unknown as Placement
    const suffix = String.fromCharCode(...shard_suffix)
    return {
      racers,
      copies: (id) =>
        Effect.gen(function*() {
          const { range } = (yield* getJson(first, `/${database}/_shards/${id}`)) as { readonly range: string }
          const shard = encodeURIComponent(`shards/${range}/${database}${suffix}`)
          return yield* Effect.forEach(
            by_range[range] ?? [],
            (node) =>
              readCopy(node, (query) => getJson(first, `/_node/${node}/${shard}/${id}${query}`))
          )
        })
    }
  })
