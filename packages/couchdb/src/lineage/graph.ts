import * as Revision from "../data/Revision.js"
import type { Knowledge, Link } from "./model.js"
import { holds } from "./rules.js"

type Rev = Revision.Revision

/** What is missing, for a person and for whoever may read more. */
export interface Missing {
  readonly rev: Rev
  readonly why: string
}

/** Revisions with all their ancestors, and the ones among these that are not known. */
export interface Side {
  readonly revs: ReadonlySet<Rev>
  readonly gaps: ReadonlySet<Rev>
}

/** A side that further revisions are added to. */
export interface GrowingSide extends Side {
  readonly add: (rev: Rev) => void
}

/** What contains what. All of it follows from what is known, and says so where that is not enough. */
export interface Graph {
  /** The revision and all that it is known to descend from. */
  readonly reach: (rev: Rev) => ReadonlySet<Rev>
  readonly side: (rev: Rev) => Side
  /** A side of no revisions yet. */
  readonly growing: () => GrowingSide
  readonly link: (rev: Rev) => Link | undefined
  /** Why a revision counts as not known; `undefined` where it is known. */
  readonly missing: (rev: Rev) => Missing | undefined
  /** Whether each edit of the first is one of the second's; `undefined` where that is not known. */
  readonly within: (inner: Rev, outer: Rev) => boolean | undefined
  /** The indexes of the revisions that may contain the one at an index. No other revision of the list contains it. */
  readonly mayContain: (revs: ReadonlyArray<Rev>) => (index: number) => ReadonlyArray<number>
  /** The newest revisions that both have, or what is missing to tell. */
  readonly common: (self: Side, that: Side) => Common
  /** The newest edits and deletions among what the revisions have, or what is missing to tell. */
  readonly newestEdits: (revs: ReadonlyArray<Rev>) => ReadonlyArray<Rev> | Missing
}

export type Common =
  | { readonly _tag: "Common"; readonly newest: ReadonlyArray<Rev> }
  | { readonly _tag: "Missing"; readonly missing: Missing }

/** A burial is the buried revision over again. */
const isTransparent = (knowledge: Knowledge, rev: Rev): boolean => knowledge.tombstones.get(rev) === "burial"

export const makeGraph = (knowledge: Knowledge): Graph => {
  const { burials, disputed, links, newer, parents, settings } = knowledge

  const link = (rev: Rev): Link | undefined => {
    const burial = burials.get(rev)
    return burial === undefined ? links.get(rev) : { rev, parent: burial.of, kind: "merge", also: [] }
  }

  const up = (rev: Rev): ReadonlyArray<Rev> => {
    // Of two that disagree neither is followed: one of them would hide a version.
    const known = disputed.has(rev) ? undefined : link(rev)
    const parent = known?.parent ?? parents.get(rev)
    return parent === undefined ? known?.also ?? [] : [parent, ...(known?.also ?? [])]
  }

  const memo = new Map<Rev, ReadonlySet<Rev>>()
  const reach = (rev: Rev): ReadonlySet<Rev> => {
    const known = memo.get(rev)
    if (known !== undefined) return known
    const found = new Set([rev])
    // A set visits what is added while it is walked.
    for (const each of found) for (const older of up(each)) found.add(older)
    memo.set(rev, found)
    return found
  }

  const missing = (rev: Rev): Missing | undefined => {
    if (!holds(settings, "unknown")) return undefined
    const why = disputed.get(rev)
    if (why !== undefined) return { rev, why }
    if (newer.has(rev)) return { rev, why: `${rev} was written by a newer version of this library` }
    const known = link(rev)
    if (known === undefined) return { rev, why: `nothing here says what ${rev} was made of` }
    return known.parent === null && Revision.generation(rev) !== 1
      ? { rev, why: `nothing here says what ${rev} comes from` }
      : undefined
  }

  const sides = new Map<Rev, Side>()
  const side = (rev: Rev): Side => {
    const known = sides.get(rev)
    if (known !== undefined) return known
    const revs = reach(rev)
    const found = { revs, gaps: new Set(Array.from(revs).filter((each) => missing(each) !== undefined)) }
    sides.set(rev, found)
    return found
  }

  const growing = (): GrowingSide => {
    const revs = new Set<Rev>()
    const gaps = new Set<Rev>()
    return {
      revs,
      gaps,
      add: (rev) => {
        const more = side(rev)
        for (const each of more.revs) revs.add(each)
        for (const each of more.gaps) gaps.add(each)
      }
    }
  }

  const isEdit = (rev: Rev): boolean => !isTransparent(knowledge, rev) && link(rev)?.kind !== "merge"

  const within = (inner: Rev, outer: Rev): boolean | undefined => {
    const theirs = reach(outer)
    // One that is disputed may be another than what the other side took in.
    if (theirs.has(inner)) return disputed.has(inner) ? undefined : true
    if (!holds(settings, "containment")) return false
    const only = Array.from(reach(inner)).filter((rev) => !theirs.has(rev))
    const unsure = only.some((rev) => missing(rev) !== undefined)
    const edits = only.filter((rev) => missing(rev) === undefined && isEdit(rev))
    if (edits.length === 0) return unsure ? undefined : true
    // An edit may be hidden behind what is not known of the other side.
    const ours = reach(inner)
    return Array.from(theirs).some((rev) => !ours.has(rev) && missing(rev) !== undefined) ? undefined : false
  }

  /** A revision that contains another one has all its edits, so also the edit that the fewest revisions have. */
  const mayContain = (revs: ReadonlyArray<Rev>): (index: number) => ReadonlyArray<number> => {
    const all = revs.map((_, i) => i)
    if (revs.length <= 8) return () => all
    const holders = new Map<Rev, Array<number>>()
    const edits = revs.map((rev) => Array.from(reach(rev)).filter((each) => isEdit(each) && !side(rev).gaps.has(each)))
    edits.forEach((own, i) => {
      for (const edit of own) {
        const known = holders.get(edit)
        if (known === undefined) holders.set(edit, [i])
        else known.push(i)
      }
    })
    return (index) => {
      let fewest: ReadonlyArray<number> = all
      for (const edit of edits[index] ?? []) {
        const having = holders.get(edit) ?? []
        if (having.length < fewest.length) fewest = having
      }
      return fewest
    }
  }

  const gapIn = ({ gaps }: Side, { revs }: Side): Missing | undefined => {
    for (const rev of gaps) if (!revs.has(rev)) return missing(rev)
    return undefined
  }

  const common = (self: Side, that: Side): Common => {
    const gap = gapIn(that, self) ?? gapIn(self, that)
    if (gap !== undefined) return { _tag: "Missing", missing: gap }
    const [few, many] = self.revs.size < that.revs.size ? [self.revs, that.revs] : [that.revs, self.revs]
    const shared = Array.from(few).filter((rev) => many.has(rev))
    const older = new Set(shared.flatMap(up))
    const newest = shared.filter((rev) => !older.has(rev))
    const candidates = mayContain(newest)
    // One whose edits another one has too adds nothing.
    const kept = newest.filter((rev, i) =>
      !candidates(i).some((j) => {
        const other = newest[j]
        return other !== undefined && i !== j && within(rev, other) === true &&
          (within(other, rev) !== true || Revision.Order(rev, other) < 0)
      })
    )
    return { _tag: "Common", newest: kept.sort((a, b) => Revision.Order(b, a)) }
  }

  const newestEdits = (revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> | Missing => {
    const edits = new Set<Rev>()
    const walked = new Set(revs)
    for (const rev of walked) {
      const gap = missing(rev)
      if (gap !== undefined) return gap
      if (isEdit(rev)) edits.add(rev)
      else for (const older of up(rev)) walked.add(older)
    }
    const found = Array.from(edits)
    const unsure = found.filter((edit) => side(edit).gaps.size > 0)
    // What is not known below one edit may be above another one.
    for (const edit of unsure.length === 0 ? [] : found) {
      const own = reach(edit)
      for (const other of unsure) {
        for (const rev of side(other).gaps) {
          if (!own.has(rev) && Revision.generation(rev) > Revision.generation(edit)) return missing(rev) as Missing
        }
      }
    }
    const older = new Set<Rev>()
    for (const edit of found) for (const rev of reach(edit)) if (rev !== edit) older.add(rev)
    return found.filter((edit) => !older.has(edit))
  }

  return { reach, side, growing, link, missing, within, mayContain, common, newestEdits }
}
