import * as Order from "effect/Order"
import * as Revision from "../data/Revision.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import { History } from "./history.js"
import type { MergedInto } from "./mergeTombstone.js"
import { isMergeTombstone, listedRevisions } from "./mergeTombstone.js"

/** A version that lives on in another one, or that a deletion takes along. */
export interface Contained {
  readonly version: Version
  readonly into: MergedInto
}

/** What the leaves of a document are to each other. */
export interface Structure {
  readonly history: History
  /** The versions to merge, in CouchDB's own order: the first one wins. */
  readonly heads: ReadonlyArray<Version>
  /** The versions to bury as they are. */
  readonly contained: ReadonlyArray<Contained>
  /** Deletions that no head knows of. */
  readonly deletions: ReadonlyArray<Version>
}

/** CouchDB's order of versions that stand: the first one wins. */
export const winnersFirst: Order.Order<Version> = Order.reverse(
  Order.mapInput(Revision.Order, ({ raw }: Version) => raw.rev)
)

/** CouchDB's order of all leaves: any that stands comes before any that is deleted. */
export const liveFirst: Order.Order<Version> = Order.combine(
  Order.mapInput(Order.boolean, ({ raw }: Version) => raw.deleted),
  winnersFirst
)

/** Where a version lives on: the merge that names it, or else the version that has all its edits. */
const mergedInto = (history: History, outer: Revision.Revision, inner: Revision.Revision): MergedInto => {
  const rev = history.mergeOf(outer, inner) ?? outer
  return { rev, parent: history.parent(rev), also: [...history.also(rev)].sort() }
}

/**
 * Sorts the leaves out. A version whose edits are all in another one is contained in it; of two with the same edits the
 * one that loses is. A merge of versions that have all been deleted since is deleted with them.
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

/** The indexes of the versions that may contain a revision: they all have the edit of it that the fewest versions have. */
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

/** The deletion that takes a merge along, where every edit in it that nobody went on from has been deleted. */
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
