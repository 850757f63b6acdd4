import * as Effect from "effect/Effect"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Revision from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { buildIndex } from "./lineageIndex.js"
import type { LineageIndex, Version as LineageVersion } from "./model.js"
import { isEnabled } from "./rules.js"

/** Converts a version to the model of lineage. */
export const lineageVersion = ({ path, raw }: Version): LineageVersion => ({
  id: raw.id,
  rev: raw.rev,
  path,
  deleted: raw.deleted,
  body: raw.raw,
  files: raw.stubs._tag === "Some" ? raw.stubs.value : {}
})

/** The most ancestors of a foreign edit that are read if no other head needs an older base. */
const maxForeignAncestors = 16

/** The most requests for missing versions. */
const maxRounds = 64

/** The newest revision that is on the path of every head. */
const commonAncestor = (
  parents: LineageIndex["parents"],
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
 * The older versions that may describe foreign edits, by their records and by the bodies before them. Returns at most
 * `span` versions for each head. The common ancestor of the heads is included regardless of its age.
 */
const wantedVersions = (
  { contents, links, parents, records, tombstoneKinds }: LineageIndex,
  heads: ReadonlyArray<Revision.Revision>,
  tried: ReadonlySet<Revision.Revision>,
  span: number
): ReadonlyArray<Revision.Revision> => {
  let met: number | undefined
  const oldest = (head: Revision.Revision, rev: Revision.Revision): number => {
    const near = Revision.generation(head) - maxForeignAncestors
    if (Revision.generation(rev) >= near) return near
    if (met === undefined) {
      const common = commonAncestor(parents, heads)
      met = common === undefined ? 1 : Revision.generation(common)
    }
    return Math.min(near, met)
  }
  const next = (head: Revision.Revision): ReadonlyArray<Revision.Revision> => {
    for (let rev: Revision.Revision | null = head; rev !== null;) {
      if (records.has(rev)) return []
      if (!links.has(rev) || (!contents.has(rev) && !tombstoneKinds.has(rev))) {
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
 * Indexes versions, and reads older ones that the server still has: the ancestors of foreign edits, and the `missing`
 * ones. No revision is requested twice, so the loop ends.
 */
export const readIndex = (
  database: DatabaseName,
  id: string,
  settings: Settings,
  versions: ReadonlyArray<LineageVersion>,
  heads: ReadonlyArray<Revision.Revision>,
  /** Further revisions that are missing. */
  missing: (index: LineageIndex) => ReadonlyArray<Revision.Revision>
): Effect.Effect<LineageIndex, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const tried = new Set<Revision.Revision>()
    let all = versions
    let index = buildIndex(settings, all)
    for (let i = 0; i < maxRounds; i++) {
      const wanted = !isEnabled(settings, "olderVersions")
        ? []
        : [...new Set([...wantedVersions(index, heads, tried, 2 ** Math.min(i, 8)), ...missing(index)])]
          .filter((rev) => !tried.has(rev))
      if (wanted.length === 0) break
      for (const rev of wanted) tried.add(rev)
      const found = yield* readVersions(database, wanted.map((rev) => ({ id, rev })))
      if (found.length === 0) continue
      all = [...all, ...found.map(lineageVersion)]
      index = buildIndex(settings, all)
    }
    return index
  })
