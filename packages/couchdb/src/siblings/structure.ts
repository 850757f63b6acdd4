import * as Order from "effect/Order"
import * as Revision from "../data/Revision.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import { History } from "./history.js"
import type { MergedInto } from "./mergeTombstone.js"
import { isMergeTombstone, listedRevisions } from "./mergeTombstone.js"

/** A version that another one contains, or that a deletion deletes. */
export interface Contained {
  readonly version: Version
  readonly into: MergedInto
}

/** How the leaves of a document relate to each other. */
export interface Structure {
  readonly history: History
  /** The versions to merge in CouchDB's order, the winner first. */
  readonly heads: ReadonlyArray<Version>
  /** The versions to delete without a merge. */
  readonly contained: ReadonlyArray<Contained>
  /** Deletions that no head contains. */
  readonly deletions: ReadonlyArray<Version>
}

/** CouchDB's order of live versions, the winner first. */
export const winnersFirst: Order.Order<Version> = Order.reverse(
  Order.mapInput(Revision.Order, ({ raw }: Version) => raw.rev)
)

/** CouchDB's order of all leaves: live ones before deleted ones. */
export const liveFirst: Order.Order<Version> = Order.combine(
  Order.mapInput(Order.boolean, ({ raw }: Version) => raw.deleted),
  winnersFirst
)

/** The revision that contains a version: the merge that names it, or else the version that has all its edits. */
const mergedInto = (history: History, outer: Revision.Revision, inner: Revision.Revision): MergedInto => {
  const rev = history.mergeOf(outer, inner) ?? outer
  return { rev, parent: history.parent(rev), also: [...history.also(rev)].sort() }
}

/**
 * Determines how leaves relate. A version is contained if another one has all its edits. Of two versions with the same
 * edits the loser is contained. A merge is deleted if all versions that it merges were deleted since.
 */
export const structureOf = (versions: ReadonlyArray<Version>): Structure => {
  const lists = new Map(versions.flatMap(({ raw }) => {
    const listed = listedRevisions(raw)
    return listed === undefined ? [] : [[raw.rev as string, listed] as const]
  }))
  const history = new History(versions.map(({ path }) => path), lists)
  const live = versions.filter(({ raw }) => !raw.deleted).sort(winnersFirst)
  const deleted = versions.filter(({ raw }) => raw.deleted && !isMergeTombstone(raw) && !lists.has(raw.rev)).sort(
    winnersFirst
  )
  const heads: Array<Version> = []
  const contained: Array<Contained> = []
  const candidates = containerCandidates(history, live)
  live.forEach((version, i) => {
    const { rev } = version.raw
    const j = candidates(rev).find((j) => {
      const other = live[j]
      return other !== undefined && i !== j && history.within(rev, other.raw.rev) &&
        (j < i || !history.within(other.raw.rev, rev))
    })
    const outer = j === undefined ? undefined : live[j]
    const deletion = outer === undefined ? deletionOfMerge(history, version, deleted) : undefined
    if (outer !== undefined) contained.push({ version, into: mergedInto(history, outer.raw.rev, rev) })
    else if (deletion !== undefined) contained.push({ version, into: mergedIntoDeletion(deletion) })
    else heads.push(version)
  })
  return {
    history,
    heads,
    contained,
    deletions: deleted.filter(({ raw }) => !heads.some((head) => history.reaches(head.raw.rev, raw.rev)))
  }
}

/** The indexes of the versions that may contain a revision: those with its rarest edit. */
const containerCandidates = (
  history: History,
  live: ReadonlyArray<Version>
): (rev: Revision.Revision) => ReadonlyArray<number> => {
  const all = live.map((_, i) => i)
  const byEdit = new Map<string, Array<number>>()
  live.forEach(({ raw }, i) => {
    for (const edit of history.edits(raw.rev)) {
      const known = byEdit.get(edit)
      if (known === undefined) byEdit.set(edit, [i])
      else known.push(i)
    }
  })
  return (rev) => {
    let fewest: ReadonlyArray<number> = all
    for (const edit of history.edits(rev)) {
      const indexes = byEdit.get(edit) ?? []
      if (indexes.length < fewest.length) fewest = indexes
    }
    return fewest
  }
}

export const mergedIntoDeletion = ({ path, raw }: Version): MergedInto => ({ rev: raw.rev, parent: path[1], also: [] })

/** The deletion that also deletes a merge, if all newest edits of the merge are deleted. */
const deletionOfMerge = (
  history: History,
  { raw }: Version,
  deleted: ReadonlyArray<Version>
): Version | undefined => {
  if (deleted.length === 0 || !history.isMerge(raw.rev)) return undefined
  return history.newestEdits(raw.rev).every((edit) =>
      deleted.some((deletion) => history.reaches(deletion.raw.rev, edit))
    )
    ? deleted[0]
    : undefined
}
