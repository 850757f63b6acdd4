import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Rules } from "../siblings/SiblingPolicy.js"
import { isAlive } from "./alive.js"
import { Graph, type Missing } from "./graph.js"
import type { LineageIndex, Link, Plan, PlannedTombstone, Version } from "./model.js"
import { isEnabled } from "./rules.js"
import { type MergeState, SymbolicMerge } from "./symbolicMerge.js"

type Rev = Revision.Revision

/** CouchDB's order of leaves, the winner first: live ones before deleted ones, then by generation and hash. */
const compareLeaves = (index: LineageIndex) => (self: Rev, that: Rev): number =>
  Number(index.tombstoneKinds.has(self)) - Number(index.tombstoneKinds.has(that)) || Revision.Order(that, self)

/**
 * The revisions that may be heads: live leaves, deletions, and orphans. An orphan is a version that a tombstone records
 * as merged, while no leaf contains it or that merge.
 */
const headCandidates = (index: LineageIndex, graph: Graph, leaves: ReadonlyArray<Version>): ReadonlyArray<Rev> => {
  const order = compareLeaves(index)
  const own = leaves.flatMap(({ deleted, rev }) =>
    !deleted || index.tombstoneKinds.get(rev) === "deletion" ? [rev] : []
  )
  const reached = new Set(own.flatMap((rev) => Array.from(graph.reach(rev))))
  const orphans = leaves.flatMap(({ rev }) => {
    const tombstone = index.mergeTombstones.get(rev)
    return tombstone === undefined || reached.has(tombstone.of) || reached.has(tombstone.into.rev) ||
        !isEnabled(index.settings, "restoreOrphans")
      ? []
      : [tombstone.of]
  })
  return [...own.sort(order), ...Array.from(new Set(orphans)).sort((a, b) => Revision.Order(b, a))]
}

/**
 * Finds the revision that a leaf is merged into: the oldest one that names it, or else the head that has all its edits.
 */
const mergedIntoLookup = (graph: Graph): (of: Rev, head: Rev) => Link => {
  const namings = new Map<Rev, ReadonlyMap<Rev, Rev>>()
  /** For each revision, the oldest one that names it among the ancestors of a head. */
  const namingOf = (head: Rev): ReadonlyMap<Rev, Rev> => {
    const known = namings.get(head)
    if (known !== undefined) return known
    const naming = new Map<Rev, Rev>()
    for (const rev of Array.from(graph.reach(head)).sort(Revision.Order)) {
      const link = graph.link(rev)
      if (link === undefined) continue
      for (const named of link.parent === null ? link.also : [link.parent, ...link.also]) {
        if (!naming.has(named)) naming.set(named, rev)
      }
    }
    namings.set(head, naming)
    return naming
  }
  return (of, head) =>
    graph.link(namingOf(head).get(of) ?? head) ?? { rev: head, parent: null, kind: "foreign", also: [] }
}

/**
 * The orphans that must not be restored, because they already restored another orphan and were merged into the same
 * revision, which does not arrive here. Another restored version would be deleted in the same way, without end.
 */
const unrestorableOrphans = (
  index: LineageIndex,
  graph: Graph,
  leaves: ReadonlyArray<Version>,
  orphans: ReadonlyArray<Rev>
): ReadonlyMap<Rev, Missing> => {
  const tombstones = leaves.flatMap(({ rev }) => index.mergeTombstones.get(rev) ?? [])
  return new Map(orphans.flatMap((head): ReadonlyArray<readonly [Rev, Missing]> => {
    const reach = graph.reach(head)
    const again = tombstones.some(({ into, of }) => of !== head && reach.has(of) && !reach.has(into.rev))
    const rev = again ? tombstones.find(({ of }) => of === head)?.into.rev : undefined
    return rev === undefined ? [] : [[head, {
      rev,
      why: `${head} was merged into ${rev}, which does not arrive: check whether this database refuses it`
    }]]
  }))
}

/** The heads, and the contained leaves with the head that contains each. */
interface Separated {
  readonly heads: ReadonlyArray<Rev>
  readonly contained: ReadonlyArray<{ readonly of: Rev; readonly head: Rev }>
}

/** A leaf is contained if another one has all its edits. Of two leaves with the same edits the loser is contained. */
const separateContained = (graph: Graph, found: ReadonlyArray<Rev>): Separated => {
  const heads: Array<Rev> = []
  const outers = new Map<Rev, Rev>()
  const candidates = graph.mayContain(found)
  found.forEach((rev, i) => {
    const j = candidates(i).find((j) => {
      const other = found[j]
      return other !== undefined && i !== j && graph.within(rev, other) === true &&
        (j < i || graph.within(other, rev) !== true)
    })
    const outer = j === undefined ? undefined : found[j]
    if (outer === undefined) heads.push(rev)
    else outers.set(rev, outer)
  })
  // The containing leaf may be contained itself.
  const top = (rev: Rev): Rev => {
    let at = rev
    for (let outer = outers.get(at); outer !== undefined; outer = outers.get(at)) at = outer
    return at
  }
  return { heads, contained: Array.from(outers.keys(), (of) => ({ of, head: top(of) })) }
}

/** How the leaves of a document relate to each other. */
export interface Survey {
  readonly index: LineageIndex
  readonly graph: Graph
  readonly symbolic: SymbolicMerge
  /** The heads, CouchDB's winner first, orphans last. */
  readonly heads: ReadonlyArray<Rev>
  readonly live: ReadonlySet<Rev>
  /** The heads of which only tombstones are left, although no leaf contains them. */
  readonly orphans: ReadonlyArray<Rev>
  /** The tombstones to write for live leaves that other ones contain. */
  readonly tombstones: ReadonlyArray<PlannedTombstone>
  /** Heads that must not be merged although their content is known, and why. */
  readonly blocked: ReadonlyMap<Rev, Missing>
  /** Whether the merge of all heads is alive, or what is missing to determine that. */
  readonly alive: Either.Either<boolean, Missing>
  /** The plan if no heads need a merge. */
  readonly withoutMerge: Extract<Plan, { readonly _tag: "Nothing" | "DeleteMerged" }> | undefined
}

/** Determines the heads of a document, and which leaves they contain. */
export const survey = (index: LineageIndex, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Survey => {
  const graph = new Graph(index)
  const { contained, heads } = separateContained(graph, headCandidates(index, graph, leaves))
  const live = new Set(leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]))
  const isLeaf = new Set(leaves.map(({ rev }) => rev))
  const intoOf = mergedIntoLookup(graph)
  const tombstones = contained.flatMap(({ head, of }): ReadonlyArray<PlannedTombstone> =>
    live.has(of) ? [{ of, into: intoOf(of, head) }] : []
  )
  const orphans = heads.filter((rev) => !isLeaf.has(rev))
  const [first] = heads
  const single = heads.length === 1 && orphans.length === 0
  const alive: Either.Either<boolean, Missing> = heads.length === 0 || single
    ? Either.right(true)
    : isAlive(index, graph, heads, rule)
  // Several deletions need no merge: a write that re-creates the document names them all.
  const gone = heads.every((rev) => !live.has(rev)) && orphans.length === 0 && Either.isRight(alive) && !alive.right
  return {
    index,
    graph,
    symbolic: new SymbolicMerge(index, graph),
    heads,
    live,
    orphans,
    tombstones,
    blocked: new Map([
      ...unrestorableOrphans(index, graph, leaves, orphans),
      // The version that another side merged may differ from the one that is stored here.
      ...heads.flatMap((rev): ReadonlyArray<readonly [Rev, Missing]> => {
        const dispute = index.disputed.has(rev) ? graph.missing(rev) : undefined
        return dispute === undefined ? [] : [[rev, dispute]]
      })
    ]),
    alive,
    withoutMerge: first === undefined
      ? { _tag: "Nothing" }
      : single || gone
      ? tombstones.length === 0 ? { _tag: "Nothing" } : { _tag: "DeleteMerged", head: first, tombstones }
      : undefined
  }
}

const planOf = ({ blocked, tombstones, symbolic, heads, orphans, alive, withoutMerge, live }: Survey): Plan => {
  const [parent, ...also] = heads
  if (withoutMerge !== undefined || parent === undefined) return withoutMerge ?? { _tag: "Nothing" }
  const unknown = ({ rev, why }: Missing): Plan => ({ _tag: "Unknown", rev, why, parent, also })
  for (const missing of blocked.values()) return unknown(missing)
  if (Either.isLeft(alive)) return unknown(alive.left)
  const value = symbolic.mergeAll(heads)
  if (Either.isLeft(value)) return unknown(value.left)
  return {
    _tag: "Merge",
    parent,
    also,
    alive: alive.right,
    value: value.right,
    orphans,
    tombstones,
    merged: also.filter((rev) => live.has(rev))
  }
}

/** Plans the merge of the leaves of one document, without reading their bodies. */
export const plan = (index: LineageIndex, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Plan =>
  planOf(survey(index, leaves, rule))

/** All revisions that are missing to merge the heads, so that one request can read them. */
export const missingRevisions = ({ blocked, symbolic, heads, alive, withoutMerge }: Survey): ReadonlyArray<Rev> => {
  if (withoutMerge !== undefined) return []
  const found = new Set(Array.from(blocked.values(), ({ rev }) => rev))
  if (Either.isLeft(alive)) found.add(alive.left.rev)
  let state: MergeState | undefined
  for (const head of [...heads].sort((a, b) => Revision.Order(b, a))) {
    if (state === undefined) {
      const started = symbolic.start(head)
      const missing = symbolic.missing(started)
      if (missing === undefined) state = started
      else found.add(missing.rev)
      continue
    }
    const joined = symbolic.join(state, head)
    if (Either.isLeft(joined)) found.add(joined.left.rev)
    else {
      state.side.add(head)
      state = { ...state, value: joined.right.value }
    }
  }
  return Array.from(found)
}
