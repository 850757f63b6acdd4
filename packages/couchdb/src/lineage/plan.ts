import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Rules } from "../siblings/SiblingPolicy.js"
import { alive } from "./alive.js"
import { type Fold, Folding } from "./fold.js"
import { Graph, type Missing } from "./graph.js"
import type { Knowledge, Link, Plan, PlannedBurial, Version } from "./model.js"
import { holds } from "./rules.js"

type Rev = Revision.Revision

/** CouchDB's order of leaves, the winner first: what stands before what is deleted, then generation and hash. */
const winnersFirst = (knowledge: Knowledge) => (self: Rev, that: Rev): number =>
  Number(knowledge.tombstones.has(self)) - Number(knowledge.tombstones.has(that)) || Revision.Order(that, self)

/** What could be a head: what stands, what was deleted by an edit, and what a burial hides that nothing else has. */
const candidates = (knowledge: Knowledge, graph: Graph, leaves: ReadonlyArray<Version>): ReadonlyArray<Rev> => {
  const order = winnersFirst(knowledge)
  const own = leaves.flatMap(({ deleted, rev }) =>
    !deleted || knowledge.tombstones.get(rev) === "deletion" ? [rev] : []
  )
  const reached = new Set(own.flatMap((rev) => Array.from(graph.reach(rev))))
  const hidden = leaves.flatMap(({ rev }) => {
    const burial = knowledge.burials.get(rev)
    return burial === undefined || reached.has(burial.of) || reached.has(burial.into.rev) ||
        !holds(knowledge.settings, "burialsHideNothing")
      ? []
      : [burial.of]
  })
  return [...own.sort(order), ...Array.from(new Set(hidden)).sort((a, b) => Revision.Order(b, a))]
}

/** Where a contained leaf lives on: the oldest revision that names it, or else the head that has all its edits. */
const makeIntoOf = (graph: Graph): (of: Rev, head: Rev) => Link => {
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
const broughtBack = (
  knowledge: Knowledge,
  graph: Graph,
  leaves: ReadonlyArray<Version>,
  hidden: ReadonlyArray<Rev>
): ReadonlyMap<Rev, Missing> => {
  const buried = leaves.flatMap(({ rev }) => knowledge.burials.get(rev) ?? [])
  return new Map(hidden.flatMap((head): ReadonlyArray<readonly [Rev, Missing]> => {
    const reach = graph.reach(head)
    const again = buried.some(({ into, of }) => of !== head && reach.has(of) && !reach.has(into.rev))
    const rev = again ? buried.find(({ of }) => of === head)?.into.rev : undefined
    return rev === undefined ? [] : [[head, {
      rev,
      why: `${rev}, in which ${head} lives on, is not here, though it was waited for: does this database refuse it?`
    }]]
  }))
}

interface Sorted {
  readonly heads: ReadonlyArray<Rev>
  readonly contained: ReadonlyArray<{ readonly of: Rev; readonly head: Rev }>
}

/** A leaf whose edits another one has is contained; of two with the same edits the one that loses is. */
const sorted = (graph: Graph, found: ReadonlyArray<Rev>): Sorted => {
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
  readonly knowledge: Knowledge
  readonly graph: Graph
  readonly folding: Folding
  /** The heads, CouchDB's winner first; those that burials hide come last. */
  readonly heads: ReadonlyArray<Rev>
  readonly standing: ReadonlySet<Rev>
  readonly hidden: ReadonlyArray<Rev>
  /** The leaves that are contained already. */
  readonly burials: ReadonlyArray<PlannedBurial>
  /** Heads that must not be merged although they are known, and why. */
  readonly blocked: ReadonlyMap<Rev, Missing>
  /** Whether the document lives. */
  readonly lives: Either.Either<boolean, Missing>
  /** The plan if there are no heads to merge. */
  readonly withoutMerge: Extract<Plan, { readonly _tag: "Nothing" | "Bury" }> | undefined
}

export const survey = (knowledge: Knowledge, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Survey => {
  const graph = new Graph(knowledge)
  const { contained, heads } = sorted(graph, candidates(knowledge, graph, leaves))
  const standing = new Set(leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]))
  const isLeaf = new Set(leaves.map(({ rev }) => rev))
  const intoOf = makeIntoOf(graph)
  const burials = contained.flatMap(({ head, of }): ReadonlyArray<PlannedBurial> =>
    standing.has(of) ? [{ of, into: intoOf(of, head) }] : []
  )
  const hidden = heads.filter((rev) => !isLeaf.has(rev))
  const [first] = heads
  const single = heads.length === 1 && hidden.length === 0
  const lives: Either.Either<boolean, Missing> = heads.length === 0 || single
    ? Either.right(true)
    : alive(knowledge, graph, heads, rule)
  // Deletions that met need no merge: whoever writes the document anew names them all.
  const gone = heads.every((rev) => !standing.has(rev)) && hidden.length === 0 && Either.isRight(lives) && !lives.right
  return {
    knowledge,
    graph,
    folding: new Folding(knowledge, graph),
    heads,
    standing,
    hidden,
    burials,
    blocked: new Map([
      ...broughtBack(knowledge, graph, leaves, hidden),
      // What another side took in may be another version than the one that stands here.
      ...heads.flatMap((rev): ReadonlyArray<readonly [Rev, Missing]> => {
        const dispute = knowledge.disputed.has(rev) ? graph.missing(rev) : undefined
        return dispute === undefined ? [] : [[rev, dispute]]
      })
    ]),
    lives,
    withoutMerge: first === undefined
      ? { _tag: "Nothing" }
      : single || gone
      ? burials.length === 0 ? { _tag: "Nothing" } : { _tag: "Bury", head: first, burials }
      : undefined
  }
}

const planned = ({ blocked, burials, folding, heads, hidden, lives, withoutMerge, standing }: Survey): Plan => {
  const [parent, ...also] = heads
  if (withoutMerge !== undefined || parent === undefined) return withoutMerge ?? { _tag: "Nothing" }
  const unknown = ({ rev, why }: Missing): Plan => ({ _tag: "Unknown", rev, why, parent, also })
  for (const missing of blocked.values()) return unknown(missing)
  if (Either.isLeft(lives)) return unknown(lives.left)
  const value = folding.fold(heads)
  if (Either.isLeft(value)) return unknown(value.left)
  return {
    _tag: "Merge",
    parent,
    also,
    alive: lives.right,
    value: value.right,
    hidden,
    burials,
    merged: also.filter((rev) => standing.has(rev))
  }
}

export const plan = (knowledge: Knowledge, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Plan =>
  planned(survey(knowledge, leaves, rule))

/** All revisions that are missing to merge the heads, so that one request can ask for them. */
export const missingRevisions = ({ blocked, folding, heads, lives, withoutMerge }: Survey): ReadonlyArray<Rev> => {
  if (withoutMerge !== undefined) return []
  const found = new Set(Array.from(blocked.values(), ({ rev }) => rev))
  if (Either.isLeft(lives)) found.add(lives.left.rev)
  let fold: Fold | undefined
  for (const head of [...heads].sort((a, b) => Revision.Order(b, a))) {
    if (fold === undefined) {
      const begun = folding.alone(head)
      const missing = folding.missing(begun)
      if (missing === undefined) fold = begun
      else found.add(missing.rev)
      continue
    }
    const joined = folding.join(fold, head)
    if (Either.isLeft(joined)) found.add(joined.left.rev)
    else {
      fold.side.add(head)
      fold = { ...fold, value: joined.right.value }
    }
  }
  return Array.from(found)
}
