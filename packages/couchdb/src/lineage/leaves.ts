import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { list, post } from "../http/bulk/post.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { isChanges } from "../http/verification.js"
import * as knowing from "./knowledge.js"
import type { Knowledge, Settings, Version as LineageVersion } from "./Lineage.js"
import { holds } from "./rules.js"

/** CouchDB looks this many ids up one by one; beyond it reads through all changes. */
const idsAtOnce = 100

/** How many bodies one request asks for: each may be as large as a document and its history. */
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
        list(Json.get(exact, "results")).flatMap((row) => {
          const id = Json.get(row, "id")
          return typeof id !== "string" ? [] : list(Json.get(row, "changes")).flatMap((change) => {
            const rev = Json.get(change, "rev")
            return Revision.isRevision(rev) ? [{ id, rev }] : []
          })
        })
    ))

/** Tombstones that were read. A revision never changes, and a document may have a thousand burials. */
export interface Seen {
  readonly get: (id: string, rev: Revision.Revision) => Version | undefined
  readonly add: (version: Version) => void
}

const most = 10_000

export const makeSeen = (): Seen => {
  const seen = new Map<string, Version>()
  return {
    get: (id, rev) => seen.get(`${rev} ${id}`),
    add: (version) => {
      if (!version.raw.deleted) return
      if (seen.size >= most) seen.clear()
      seen.set(`${version.raw.rev} ${version.raw.id}`, version)
    }
  }
}

/** All leaves of documents with their bodies, the deleted ones too. */
export const readAllLeaves = (
  database: DatabaseName,
  ids: ReadonlyArray<string>,
  seen: Seen
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

/** A version as lineage sees it. */
export const lineageVersion = ({ path, raw }: Version): LineageVersion => ({
  id: raw.id,
  rev: raw.rev,
  path,
  deleted: raw.deleted,
  body: raw.raw,
  files: raw.stubs._tag === "Some" ? raw.stubs.value : {}
})

/** How many ancestors of a foreign edit are read if no other head needs an older base. */
const farthest = 16

/** The most times that missing versions are asked for. */
const mostRounds = 64

/** The newest revision that is on the path of every head. */
const fork = (
  parents: Knowledge["parents"],
  heads: ReadonlyArray<Revision.Revision>
): Revision.Revision | undefined => {
  const [first, ...rest] = heads.map((head) => {
    const path = [head]
    for (let rev = parents.get(head); rev !== undefined; rev = parents.get(rev)) path.push(rev)
    return path
  })
  const others = rest.map((path) => new Set(path))
  return first?.find((rev) => others.every((path) => path.has(rev)))
}

/**
 * The older versions that may tell more about foreign edits: their records, and the bodies before them; at most `span` for
 * each head. The common ancestor of the heads is looked for however old it is.
 */
const wantedBy = (
  { contents, links, parents, records, tombstones }: Knowledge,
  heads: ReadonlyArray<Revision.Revision>,
  tried: ReadonlySet<Revision.Revision>,
  span: number
): ReadonlyArray<Revision.Revision> => {
  let met: number | undefined
  const oldest = (head: Revision.Revision, rev: Revision.Revision): number => {
    const near = Revision.generation(head) - farthest
    if (Revision.generation(rev) >= near) return near
    if (met === undefined) {
      const common = fork(parents, heads)
      met = common === undefined ? 1 : Revision.generation(common)
    }
    return Math.min(near, met)
  }
  const next = (head: Revision.Revision): ReadonlyArray<Revision.Revision> => {
    for (let rev: Revision.Revision | null = head; rev !== null;) {
      if (records.has(rev)) return []
      if (!links.has(rev) || (!contents.has(rev) && !tombstones.has(rev))) {
        if (tried.has(rev)) return []
        const least = oldest(head, rev)
        const wanted: Array<Revision.Revision> = []
        for (
          let older: Revision.Revision | undefined = rev;
          older !== undefined && wanted.length < span && Revision.generation(older) >= least;
          older = parents.get(older)
        ) wanted.push(older)
        return wanted
      }
      rev = links.get(rev)?.parent ?? null
    }
    return []
  }
  return heads.flatMap(next)
}

/**
 * What versions tell, and what older ones tell that the server still has: those before foreign edits, and one that is
 * asked for. It ends, since nothing is asked for twice.
 */
export const known = (
  database: DatabaseName,
  id: string,
  settings: Settings,
  versions: ReadonlyArray<LineageVersion>,
  heads: ReadonlyArray<Revision.Revision>,
  /** What else is missing. */
  lacks: (knowledge: Knowledge) => ReadonlyArray<Revision.Revision>
): Effect.Effect<Knowledge, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const tried = new Set<Revision.Revision>()
    let all = versions
    let knowledge = knowing.knowledge(settings, all)
    for (let i = 0; i < mostRounds; i++) {
      const wanted = !holds(settings, "takeIn")
        ? []
        : [...new Set([...wantedBy(knowledge, heads, tried, 2 ** Math.min(i, 8)), ...lacks(knowledge)])]
          .filter((rev) => !tried.has(rev))
      if (wanted.length === 0) break
      for (const rev of wanted) tried.add(rev)
      const found = yield* readVersions(database, wanted.map((rev) => ({ id, rev })))
      if (found.length === 0) continue
      all = [...all, ...found.map(lineageVersion)]
      knowledge = knowing.knowledge(settings, all)
    }
    return knowledge
  })
