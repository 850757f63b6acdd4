import { Collection, CouchHttp, Database, type Lineage, Revision, Transport } from "effect-couchdb"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EmbeddedCouch from "../../EmbeddedCouch.js"
import { Card } from "./card.js"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type Doc = { readonly [key: string]: Json }

/** The one document of a history. */
export const id = "card"

/** A version as a database gives it, `_revisions` and all. */
export interface Leaf {
  readonly rev: Revision.Revision
  readonly path: ReadonlyArray<string>
  readonly deleted: boolean
  readonly doc: Doc
}

export type Cards = Collection.Collection<Card, typeof Card.Encoded>

export interface Replica {
  readonly name: string
  readonly cards: Cards
}

export type Hook = (
  request: Transport.TransportRequest,
  pass: Transport.Service["request"]
) => ReturnType<Transport.Service["request"]>

export interface World {
  readonly replicas: ReadonlyArray<Replica>
  /** Runs with a service of its own, whose every request goes through the hook. */
  readonly through: <A, E>(hook: Hook, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) => Effect.Effect<A, E>
  /** Any request, as a program that knows no lineage makes it: the status and the answer. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown
  ) => Effect.Effect<{ readonly status: number; readonly json: Json }>
}

const serviceOver = (request: Transport.Service["request"]): Effect.Effect<CouchHttp.Service, never, Scope> =>
  CouchHttp.make({ url: "http://embedded", retry: "none" }).pipe(
    Effect.provideService(Transport.Transport, {
      request,
      stream: (asked) =>
        Effect.map(request(asked), (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) }))
    })
  )

export const makeWorld = (
  seed: number,
  settings: ReadonlyArray<Lineage.Options | undefined>
): Effect.Effect<World, never, Scope> =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ seed, q: 1 })
    const pass = EmbeddedCouch.transport(couch).request
    const own = Context.make(CouchHttp.CouchHttp, yield* serviceOver(pass))
    const replicas = settings.map((lineage, i): Replica => ({
      name: `replica-${i}`,
      cards: Collection.make(`replica-${i}`, Card, lineage === undefined ? {} : { lineage })
    }))
    yield* Effect.forEach(replicas, ({ cards }) => Database.create(cards.database)).pipe(
      Effect.provide(own),
      Effect.orDie
    )
    return {
      replicas,
      through: (hook, effect) =>
        Effect.scoped(
          Effect.flatMap(
            serviceOver((request) => hook(request, pass)),
            (service) => Effect.provideService(effect, CouchHttp.CouchHttp, service)
          )
        ),
      ask: (method, path, body) =>
        pass({
          method: method as Transport.TransportRequest["method"],
          origin: "http://embedded",
          path,
          headers: { accept: "application/json", ...(body !== undefined && { "content-type": "application/json" }) },
          ...(body !== undefined && { body: JSON.stringify(body) })
        }).pipe(
          Effect.map((response) => ({ status: response.status, json: JSON.parse(Transport.text(response)) as Json })),
          Effect.orDie
        )
    }
  })

const hashes = (doc: Doc): ReadonlyArray<string> => {
  const { ids, start } = doc["_revisions"] as { readonly start: number; readonly ids: ReadonlyArray<string> }
  return ids.map((hash, i) => `${start - i}-${hash}`)
}

/** All leaves, the deleted ones too; none where there is no such document. */
export const leavesAt = ({ ask }: World, { name }: Replica): Effect.Effect<ReadonlyArray<Leaf>> =>
  Effect.map(
    ask("GET", `/${name}/${id}?open_revs=all&revs=true`),
    ({ json }) =>
      (Array.isArray(json) ? json as ReadonlyArray<{ readonly ok?: Doc }> : []).flatMap(({ ok }) =>
        ok === undefined
          ? []
          : [{ rev: Revision.make(String(ok["_rev"])), path: hashes(ok), deleted: ok["_deleted"] === true, doc: ok }]
      )
  )

/** What replication does: leaves with their paths, and no older bodies. */
export const store = ({ ask }: World, { name }: Replica, leaves: ReadonlyArray<Leaf>): Effect.Effect<void> =>
  leaves.length === 0
    ? Effect.void
    : Effect.asVoid(ask("POST", `/${name}/_bulk_docs`, { new_edits: false, docs: leaves.map(({ doc }) => doc) }))
