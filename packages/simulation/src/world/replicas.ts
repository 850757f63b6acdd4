import { Collection, CouchHttp, Lineage, Revision, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { Card } from "./card.js"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type Doc = { readonly [key: string]: Json }

/** The only document of a history. */
export const id = "card"

/** A leaf with its history. */
export interface Leaf {
  readonly rev: Revision.Revision
  readonly path: ReadonlyArray<string>
  readonly deleted: boolean
  readonly doc: Doc
}

export type Cards = Collection.Collection<Card, typeof Card.Encoded>

/** A database and the transport to its server. */
export interface Place {
  readonly database: string
  readonly request: Transport.Service["request"]
  /** The headers of every request. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Replica {
  readonly cards: Cards
  readonly place: Place
}

export type Hook = (
  request: Transport.TransportRequest,
  pass: Transport.Service["request"]
) => ReturnType<Transport.Service["request"]>

export interface World {
  readonly replicas: ReadonlyArray<Replica>
  /** Replicates on the server. Without it, the simulation copies the leaves itself. */
  readonly replicate: ((from: Replica, to: Replica) => Effect.Effect<void>) | undefined
}

const serviceOver = (
  { headers }: Place,
  request: Transport.Service["request"]
): Effect.Effect<CouchHttp.Service, never, Scope> => {
  const withHeaders: Transport.Service["request"] = (plain) =>
    request({ ...plain, headers: { ...plain.headers, ...headers } })
  return CouchHttp.make({ url, retry: "none" }).pipe(
    Effect.provideService(Transport.Transport, {
      request: withHeaders,
      stream: (plain) =>
        Effect.map(withHeaders(plain), (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) }))
    })
  )
}

/** Unused: the transport of a replica knows its server. */
const url = "http://replica"

export const replicaAt = (place: Place, lineage: Lineage.Options | undefined): Replica => ({
  place,
  cards: Collection.make(place.database, Card, lineage === undefined ? {} : { lineage: Lineage.settings(lineage) })
})

/** Runs an effect with a client whose requests go through the hook. */
export const withHook = <A, E>(
  { place }: Replica,
  hook: Hook,
  effect: Effect.Effect<A, E, CouchHttp.CouchHttp>
): Effect.Effect<A, E> =>
  Effect.scoped(
    Effect.flatMap(
      serviceOver(place, (request) => hook(request, place.request)),
      (service) => Effect.provideService(effect, CouchHttp.CouchHttp, service)
    )
  )

export const noHook: Hook = (request, pass) => pass(request)

/** Sends a request like a program without lineage. Returns the status and the body. */
export const sendRequest = (
  { place: { database, headers, request } }: Replica,
  method: Transport.TransportRequest["method"],
  path: string,
  body?: unknown
): Effect.Effect<{ readonly status: number; readonly json: Json }> =>
  request({
    method,
    origin: url,
    path: `/${database}${path}`,
    headers: {
      accept: "application/json",
      ...headers,
      ...(body !== undefined && { "content-type": "application/json" })
    },
    ...(body !== undefined && { body: JSON.stringify(body) })
  }).pipe(
    Effect.map((response) => ({ status: response.status, json: JSON.parse(Transport.text(response)) as Json })),
    // A failed request of the simulation itself makes the result meaningless.
    Effect.orDie
  )

/** Replicas in one embedded CouchDB. */
export const embeddedWorld = (
  seed: number,
  settings: ReadonlyArray<Lineage.Options | undefined>
): Effect.Effect<World> =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ seed, q: 1 })
    const { request } = EmbeddedCouch.transport(couch)
    const replicas = settings.map((lineage, i) =>
      replicaAt({ database: `replica-${i}`, request, headers: {} }, lineage)
    )
    yield* Effect.forEach(replicas, (replica) => sendRequest(replica, "PUT", ""))
    return { replicas, replicate: undefined }
  })

const hashes = (doc: Doc): ReadonlyArray<string> => {
  const { ids, start } = doc["_revisions"] as { readonly start: number; readonly ids: ReadonlyArray<string> }
  return ids.map((hash, i) => `${start - i}-${hash}`)
}

/** Parses a response to `open_revs`. */
export const leavesIn = (json: Json): ReadonlyArray<Leaf> =>
  (Array.isArray(json) ? json as ReadonlyArray<{ readonly ok?: Doc }> : []).flatMap(({ ok }) =>
    ok === undefined
      ? []
      : [{ rev: Revision.make(String(ok["_rev"])), path: hashes(ok), deleted: ok["_deleted"] === true, doc: ok }]
  )

/** All leaves, including deleted ones. Empty if the document does not exist. */
export const leavesAt = (replica: Replica, document: string = id): Effect.Effect<ReadonlyArray<Leaf>> =>
  Effect.map(sendRequest(replica, "GET", `/${document}?open_revs=all&revs=true`), ({ json }) => leavesIn(json))

/** Writes leaves with their history, as replication does. */
export const writeLeaves = (replica: Replica, leaves: ReadonlyArray<Leaf>): Effect.Effect<void> =>
  leaves.length === 0
    ? Effect.void
    : Effect.asVoid(
      sendRequest(replica, "POST", "/_bulk_docs", { new_edits: false, docs: leaves.map(({ doc }) => doc) })
    )
