import { Conflict, CouchError, type SiblingPolicy, type Transport } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Card } from "./card.js"
import { type Truth, union } from "./groundTruth.js"
import { type Doc, type Hook, id, type Json, type Replica, withHook } from "./replicas.js"

/** How a resolution is disturbed: it crashes before its second write, or waits before its first one. */
export interface Disturbance {
  readonly crashes: boolean
  readonly gate?: Deferred.Deferred<void>
  /** The server rejects merges. */
  readonly unwelcome?: boolean
}

export interface Counts {
  writes: number
  resolutions: number
  readonly contents: Map<string, string>
  twoContents: number
  unseen: number
}

type Written = { readonly docs?: ReadonlyArray<Doc>; readonly new_edits?: boolean }

const recordOf = (doc: Doc): { readonly [key: string]: Json } | undefined =>
  doc["lineage"] as { readonly [key: string]: Json } | undefined

/** Records which edits each sent merge contains. */
const recordWrites = (truth: Truth, counts: Counts, body: string): void => {
  const { docs = [], new_edits } = JSON.parse(body) as Written
  for (const doc of docs) {
    counts.writes++
    if (new_edits !== false) continue
    const rev = String(doc["_rev"])
    const record = recordOf(doc)
    const from = [record?.["parent"], ...((record?.["also"] ?? []) as ReadonlyArray<Json>)]
    truth.wrote(rev, union(from.map((each) => truth.of(String(each)))))
    checkSameContent(counts, rev, doc)
  }
}

/** Counts a revision that has different contents in different places. */
export const checkSameContent = (counts: Counts, rev: string, doc: Doc): void => {
  const { _revisions, ...content } = doc
  const text = JSON.stringify(content, Object.keys(content).sort().concat(deep(content)))
  const known = counts.contents.get(rev)
  if (known === undefined) counts.contents.set(rev, text)
  else if (known !== text) counts.twoContents++
}

const deep = (value: Json): Array<string> =>
  typeof value === "object" && value !== null
    ? Array.isArray(value)
      ? value.flatMap(deep)
      : Object.entries(value).flatMap(([key, inner]) => [key, ...deep(inner as Json)])
    : []

const crashError = ({ method, origin, path }: Transport.TransportRequest) =>
  new CouchError.TransportError({
    server: origin,
    method,
    path,
    reason: "Connection",
    description: "the resolver died"
  })

const mergesIn = (body: string): ReadonlyArray<Doc> => {
  const { docs = [], new_edits } = JSON.parse(body) as Written
  return new_edits === false ? docs : []
}

const rejection = (docs: ReadonlyArray<Doc>): Transport.BufferedResponse => ({
  status: 201,
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(
    JSON.stringify(docs.map(({ _id, _rev }) => ({ id: _id, rev: _rev, error: "forbidden", reason: "no merges here" })))
  )
})

const hookOf = (truth: Truth, counts: Counts, { crashes, gate, unwelcome = false }: Disturbance): Hook => {
  let writes = 0
  return (request, pass) => {
    if (!request.path.includes("/_bulk_docs")) return pass(request)
    writes++
    const first = writes === 1
    const send = Effect.suspend(() => {
      const merges = unwelcome ? mergesIn(String(request.body)) : []
      if (merges.length > 0) return Effect.succeed(rejection(merges))
      if (crashes && !first) return Effect.fail(crashError(request))
      recordWrites(truth, counts, String(request.body))
      return pass(request)
    })
    return first && gate !== undefined ? Effect.zipRight(Deferred.await(gate), send) : send
  }
}

/** The resolution. `undefined` if the resolver crashed. */
export const resolve = (
  truth: Truth,
  counts: Counts,
  replica: Replica,
  policy: SiblingPolicy.SiblingPolicy<Card>,
  disturbance: Disturbance
): Effect.Effect<Conflict.Resolution<Card> | undefined> =>
  withHook(
    replica,
    hookOf(truth, counts, disturbance),
    Effect.either(Conflict.resolve(replica.cards, id, policy))
  ).pipe(Effect.map((result) => {
    if (Either.isLeft(result)) return undefined
    if (result.right._tag === "Resolved" || result.right._tag === "PartiallyResolved") counts.resolutions++
    return result.right
  }))
