import * as Order from "effect/Order"
import * as Revision from "../../Revision.js"
import type { Version } from "../bulk/versions.js"
import type { Into } from "./burial.js"
import { isBurial } from "./burial.js"
import { type History, makeHistory } from "./history.js"

/** A version that lives on in another one, or that a deletion takes along. */
export interface Contained {
  readonly version: Version
  readonly into: Into
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
const intoOf = (history: History, outer: Revision.Revision, inner: Revision.Revision): Into => {
  const rev = history.mergeOf(outer, inner) ?? outer
  return { rev, parent: history.parent(rev), also: [...history.also(rev)].sort() }
}

/**
 * Sorts the leaves out. A version whose edits are all in another one is contained in it; of two with the same edits the
 * one that loses is. A merge of versions that have all been deleted since is deleted with them.
 */
export const structureOf = (versions: ReadonlyArray<Version>): Structure => {
  const history = makeHistory(versions.map(({ path }) => path))
  const live = versions.filter(({ raw }) => !raw.deleted).sort(winnersFirst)
  const deleted = versions.filter(({ raw }) => raw.deleted && !isBurial(raw)).sort(winnersFirst)
  const heads: Array<Version> = []
  const contained: Array<Contained> = []
  live.forEach((version, i) => {
    const { rev } = version.raw
    const outer = live.find((other, j) =>
      i !== j && history.within(rev, other.raw.rev) && (j < i || !history.within(other.raw.rev, rev))
    )
    const deletion = outer === undefined ? deletionOf(history, version, deleted) : undefined
    if (outer !== undefined) contained.push({ version, into: intoOf(history, outer.raw.rev, rev) })
    else if (deletion !== undefined) contained.push({ version, into: intoDeletion(deletion) })
    else heads.push(version)
  })
  return {
    history,
    heads,
    contained,
    deletions: deleted.filter(({ raw }) => !heads.some((head) => history.reaches(head.raw.rev, raw.rev)))
  }
}

export const intoDeletion = ({ path, raw }: Version): Into => ({ rev: raw.rev, parent: path[1], also: [] })

/** The deletion that takes a merge along, where every edit in it that nobody went on from has been deleted. */
const deletionOf = (
  history: History,
  { raw }: Version,
  deleted: ReadonlyArray<Version>
): Version | undefined => {
  if (!history.isMerge(raw.rev)) return undefined
  const edits = Array.from(history.edits(raw.rev)).filter(Revision.isRevision)
  const newest = edits.filter((edit) => edits.every((other) => other === edit || !history.reaches(other, edit)))
  return newest.every((edit) => deleted.some((deletion) => history.reaches(deletion.raw.rev, edit)))
    ? deleted[0]
    : undefined
}
