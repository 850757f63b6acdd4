import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { post } from "../http/bulk/post.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { isChanges } from "../http/verification.js"

/** CouchDB looks up at most this many ids individually. For more ids it reads all changes. */
const idsAtOnce = 100

/** The most bodies in one request. Each may be as large as a document with its history. */
const bodiesAtOnce = 50

const inParts = <A, B, E, R>(
  all: ReadonlyArray<A>,
  size: number,
  f: (part: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>
): Effect.Effect<ReadonlyArray<B>, E, R> =>
  Effect.map(
    Effect.forEach(
      Chunk.toReadonlyArray(Chunk.chunksOf(Chunk.fromIterable(all), size)),
      (part) => f(Chunk.toReadonlyArray(part))
    ),
    (parts) => parts.flat()
  )

/** The leaves of documents, without their bodies: `POST /{db}/_changes?filter=_doc_ids&style=all_docs`. */
const readLeaves = (
  database: DatabaseName,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<{ readonly id: string; readonly rev: Revision.Revision }>, WireError, CouchHttp> =>
  inParts(ids, idsAtOnce, (ids) =>
    Effect.map(
      post(database, "_changes", "?filter=_doc_ids&style=all_docs", { doc_ids: ids }, isChanges),
      ({ exact }) =>
        Json.elements(Json.get(exact, "results")).flatMap((row) => {
          const id = Json.get(row, "id")
          return typeof id !== "string" ? [] : Json.elements(Json.get(row, "changes")).flatMap((change) => {
            const rev = Json.get(change, "rev")
            return Revision.isRevision(rev) ? [{ id, rev }] : []
          })
        })
    ))

/** A cache of tombstones. A revision never changes, and a document may have a thousand tombstones. */
export interface TombstoneCache {
  readonly get: (id: string, rev: Revision.Revision) => Version | undefined
  readonly add: (version: Version) => void
}

const maxTombstones = 10_000

export const makeTombstoneCache = (): TombstoneCache => {
  const seen = new Map<string, Version>()
  return {
    get: (id, rev) => seen.get(`${rev} ${id}`),
    add: (version) => {
      if (!version.raw.deleted) return
      if (seen.size >= maxTombstones) seen.clear()
      seen.set(`${version.raw.rev} ${version.raw.id}`, version)
    }
  }
}

/** Reads all leaves of documents with their bodies, including deleted ones. */
export const readAllLeaves = (
  database: DatabaseName,
  ids: ReadonlyArray<string>,
  seen: TombstoneCache
): Effect.Effect<ReadonlyArray<Version>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const leaves = yield* readLeaves(database, ids)
    const known = leaves.flatMap(({ id, rev }) => {
      const version = seen.get(id, rev)
      return version === undefined ? [] : [version]
    })
    const read = yield* inParts(
      leaves.filter(({ id, rev }) => seen.get(id, rev) === undefined),
      bodiesAtOnce,
      (wanted) => readVersions(database, wanted)
    )
    for (const version of read) seen.add(version)
    return [...known, ...read]
  })

/** Groups versions by document, without duplicates. */
export const byDocument = (versions: ReadonlyArray<Version>): ReadonlyMap<string, ReadonlyArray<Version>> => {
  const map = new Map<string, Map<string, Version>>()
  for (const version of versions) {
    const all = map.get(version.raw.id) ?? new Map<string, Version>()
    if (!all.has(version.raw.rev)) all.set(version.raw.rev, version)
    map.set(version.raw.id, all)
  }
  return new Map(Array.from(map, ([id, all]) => [id, Array.from(all.values())]))
}
