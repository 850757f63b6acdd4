import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Rules } from "../siblings/SiblingPolicy.js"
import { isAlive } from "./alive.js"
import { Graph, type Missing } from "./graph.js"
import type { LineageIndex, Link, Plan, PlannedTombstone, Version } from "./model.js"
import { isEnabled } from "./rules.js"
import { type MergeState, SymbolicMerge } from "./symbolicMerge.js"

type Rev = Revision.Revision

/** CouchDB's order of leaves, the winner first: what stands before what is deleted, then generation and hash. */
const compareLeaves = (index: LineageIndex) => (self: Rev, that: Rev): number =>
  Number(index.tombstoneKinds.has(self)) - Number(index.tombstoneKinds.has(that)) || Revision.Order(that, self)

/** What could be a head: what stands, what was deleted by an edit, and what a burial hides that nothing else has. */
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

/** Where a contained leaf alive on: the oldest revision that names it, or else the head that has all its edits. */
const mergedIntoLookup = (graph: Graph): (of: Rev, head: Rev) => Link => {
  const namings = new Map<Rev, ReadonlyMap<Rev, Rev>>()
  /** The oldest revision that names each one, among what a head descends from. */
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
 * Hidden heads that were made to bring another one back, and were buried for the same reason: the merge that both live on in
 * does not come here. Bringing one back again would be buried again, for ever.
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
      why: `${rev}, in which ${head} alive on, is not here, though it was waited for: does this database refuse it?`
    }]]
  }))
}

interface Separated {
  readonly heads: ReadonlyArray<Rev>
  readonly contained: ReadonlyArray<{ readonly of: Rev; readonly head: Rev }>
}

/** A leaf whose edits another one has is contained; of two with the same edits the one that loses is. */
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
  // What contains it may be contained itself.
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
  /** The heads, CouchDB's winner first; those that tombstones hide come last. */
  readonly heads: ReadonlyArray<Rev>
  readonly live: ReadonlySet<Rev>
  readonly orphans: ReadonlyArray<Rev>
  /** The leaves that are contained already. */
  readonly tombstones: ReadonlyArray<PlannedTombstone>
  /** Heads that must not be merged although they are known, and why. */
  readonly blocked: ReadonlyMap<Rev, Missing>
  /** Whether the document alive. */
  readonly alive: Either.Either<boolean, Missing>
  /** The plan if there are no heads to merge. */
  readonly withoutMerge: Extract<Plan, { readonly _tag: "Nothing" | "DeleteMerged" }> | undefined
}

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
  // Deletions that met need no merge: whoever writes the document anew names them all.
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
      // What another side took in may be another version than the one that stands here.
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

export const plan = (index: LineageIndex, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Plan =>
  planOf(survey(index, leaves, rule))

/** All revisions that are missing to merge the heads, so that one request can ask for them. */
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
