import * as Revision from "../data/Revision.js"
import type { LineageIndex, Link } from "./model.js"
import { isEnabled } from "./rules.js"

type Rev = Revision.Revision

/** A revision about which something is missing, and a description of what is missing. */
export interface Missing {
  readonly rev: Rev
  readonly why: string
}

/** Revisions with all their ancestors, and the ancestors about which something is missing. */
export interface Side {
  readonly revs: ReadonlySet<Rev>
  readonly gaps: ReadonlySet<Rev>
}

/** A side to which revisions can be added. */
export class GrowingSide implements Side {
  readonly revs = new Set<Rev>()
  readonly gaps = new Set<Rev>()

  constructor(private readonly graph: Graph) {}

  add(rev: Rev): void {
    const more = this.graph.side(rev)
    for (const each of more.revs) this.revs.add(each)
    for (const each of more.gaps) this.gaps.add(each)
  }
}

/** The newest revisions that two sides share, or what is missing to determine them. */
export type Common =
  | { readonly _tag: "Common"; readonly newest: ReadonlyArray<Rev> }
  | { readonly _tag: "Missing"; readonly missing: Missing }

/** Up to this many revisions, comparing all pairs is cheaper than indexing their edits. */
const maxComparedPairwise = 8

/**
 * Which revisions contain which others. Every answer follows from the known records, or reports that they do not
 * suffice.
 */
export class Graph {
  private readonly reachOf = new Map<Rev, ReadonlySet<Rev>>()
  private readonly sides = new Map<Rev, Side>()
  private readonly requiresKnown: boolean
  private readonly comparesEdits: boolean

  constructor(private readonly index: LineageIndex) {
    this.requiresKnown = isEnabled(index.settings, "unknown")
    this.comparesEdits = isEnabled(index.settings, "containment")
  }

  /** The parent and the merged revisions of a revision. The tombstone of a merged version equals that version. */
  link(rev: Rev): Link | undefined {
    const tombstone = this.index.mergeTombstones.get(rev)
    return tombstone === undefined
      ? this.index.links.get(rev)
      : { rev, parent: tombstone.of, kind: "merge", also: [] }
  }

  /** The revision and all its known ancestors, merged revisions included. */
  reach(rev: Rev): ReadonlySet<Rev> {
    const known = this.reachOf.get(rev)
    if (known !== undefined) return known
    const found = new Set([rev])
    // Iteration over a set visits elements that are added meanwhile.
    for (const each of found) for (const older of this.parentsOf(each)) found.add(older)
    this.reachOf.set(rev, found)
    return found
  }

  /** Why a revision counts as unknown, or `undefined` if it is known. */
  missing(rev: Rev): Missing | undefined {
    if (!this.requiresKnown) return undefined
    const why = this.index.disputed.get(rev)
    if (why !== undefined) return { rev, why }
    if (this.index.newer.has(rev)) return { rev, why: `${rev} was written by a newer version of this library` }
    const known = this.link(rev)
    if (known === undefined) return { rev, why: `no record on this server describes ${rev}` }
    return known.parent === null && Revision.generation(rev) !== 1
      ? { rev, why: `no record on this server names the parent of ${rev}` }
      : undefined
  }

  side(rev: Rev): Side {
    const known = this.sides.get(rev)
    if (known !== undefined) return known
    const revs = this.reach(rev)
    const found = { revs, gaps: new Set(Array.from(revs).filter((each) => this.missing(each) !== undefined)) }
    this.sides.set(rev, found)
    return found
  }

  /** A side without revisions. */
  growing(): GrowingSide {
    return new GrowingSide(this)
  }

  /** Whether each edit of `inner` is also an edit of `outer`, or `undefined` if that is unknown. */
  within(inner: Rev, outer: Rev): boolean | undefined {
    const theirs = this.reach(outer)
    // A disputed revision may differ from the one that the other side merged.
    if (theirs.has(inner)) return this.index.disputed.has(inner) ? undefined : true
    if (!this.comparesEdits) return false
    const only = Array.from(this.reach(inner)).filter((rev) => !theirs.has(rev))
    const unsure = only.some((rev) => this.missing(rev) !== undefined)
    const edits = only.filter((rev) => this.missing(rev) === undefined && this.isEdit(rev))
    if (edits.length === 0) return unsure ? undefined : true
    // An unknown ancestor of the other side may contain the edit.
    const ours = this.reach(inner)
    return Array.from(theirs).some((rev) => !ours.has(rev) && this.missing(rev) !== undefined) ? undefined : false
  }

  /**
   * For each index, the indexes of the revisions that may contain that revision. A revision that contains another one
   * has all its edits, so it also has the edit that the fewest revisions have.
   */
  mayContain(revs: ReadonlyArray<Rev>): (index: number) => ReadonlyArray<number> {
    const all = revs.map((_, i) => i)
    if (revs.length <= maxComparedPairwise) return () => all
    const edits = revs.map((rev) => {
      const { gaps, revs } = this.side(rev)
      return Array.from(revs).filter((each) => this.isEdit(each) && !gaps.has(each))
    })
    const byEdit = indexesByEdit(edits)
    return (index) => {
      let fewest: ReadonlyArray<number> = all
      for (const edit of edits[index] ?? []) {
        const indexes = byEdit.get(edit) ?? []
        if (indexes.length < fewest.length) fewest = indexes
      }
      return fewest
    }
  }

  /** The newest revisions that both sides have. */
  common(self: Side, that: Side): Common {
    const gap = this.firstGap(that, self) ?? this.firstGap(self, that)
    if (gap !== undefined) return { _tag: "Missing", missing: gap }
    const [few, many] = self.revs.size < that.revs.size ? [self.revs, that.revs] : [that.revs, self.revs]
    const shared = Array.from(few).filter((rev) => many.has(rev))
    const older = new Set(shared.flatMap((rev) => this.parentsOf(rev)))
    const newest = this.withoutContained(shared.filter((rev) => !older.has(rev)))
    return { _tag: "Common", newest: newest.sort((a, b) => Revision.Order(b, a)) }
  }

  /** The newest edits and deletions among the ancestors of the revisions, or what is missing to determine them. */
  newestEdits(revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> | Missing {
    const edits = new Set<Rev>()
    const walked = new Set(revs)
    for (const rev of walked) {
      const gap = this.missing(rev)
      if (gap !== undefined) return gap
      if (this.isEdit(rev)) edits.add(rev)
      else for (const older of this.parentsOf(rev)) walked.add(older)
    }
    const found = Array.from(edits)
    const gap = this.gapAbove(found)
    if (gap !== undefined) return gap
    const older = new Set<Rev>()
    for (const edit of found) for (const rev of this.reach(edit)) if (rev !== edit) older.add(rev)
    return found.filter((edit) => !older.has(edit))
  }

  /** The parent and the merged revisions. */
  private parentsOf(rev: Rev): ReadonlyArray<Rev> {
    // Neither of two contradictory records is used: one of them would hide a version.
    const known = this.index.disputed.has(rev) ? undefined : this.link(rev)
    const parent = known?.parent ?? this.index.parents.get(rev)
    return parent === undefined ? known?.also ?? [] : [parent, ...(known?.also ?? [])]
  }

  private isEdit(rev: Rev): boolean {
    return this.index.tombstoneKinds.get(rev) !== "merged" && this.link(rev)?.kind !== "merge"
  }

  private firstGap({ gaps }: Side, { revs }: Side): Missing | undefined {
    for (const rev of gaps) if (!revs.has(rev)) return this.missing(rev)
    return undefined
  }

  /** The revisions without those whose edits another one of them has too. */
  private withoutContained(revs: ReadonlyArray<Rev>): Array<Rev> {
    const candidates = this.mayContain(revs)
    return revs.filter((rev, i) =>
      !candidates(i).some((j) => {
        const other = revs[j]
        return other !== undefined && i !== j && this.within(rev, other) === true &&
          (this.within(other, rev) !== true || Revision.Order(rev, other) < 0)
      })
    )
  }

  /** An unknown ancestor of one edit that may descend from another one of the edits. */
  private gapAbove(edits: ReadonlyArray<Rev>): Missing | undefined {
    const unsure = edits.filter((edit) => this.side(edit).gaps.size > 0)
    if (unsure.length === 0) return undefined
    for (const edit of edits) {
      const ancestors = this.reach(edit)
      for (const other of unsure) {
        for (const rev of this.side(other).gaps) {
          if (!ancestors.has(rev) && Revision.generation(rev) > Revision.generation(edit)) return this.missing(rev)
        }
      }
    }
    return undefined
  }
}

const indexesByEdit = (edits: ReadonlyArray<ReadonlyArray<Rev>>): ReadonlyMap<Rev, ReadonlyArray<number>> => {
  const byEdit = new Map<Rev, Array<number>>()
  edits.forEach((own, i) => {
    for (const edit of own) {
      const known = byEdit.get(edit)
      if (known === undefined) byEdit.set(edit, [i])
      else known.push(i)
    }
  })
  return byEdit
}
