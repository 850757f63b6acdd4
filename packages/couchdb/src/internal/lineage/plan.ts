import * as Either from "effect/Either"
import type { Knowledge, Link, Plan, PlannedBurial, Version } from "../../Lineage.js"
import * as Revision from "../../Revision.js"
import type { Rules } from "../../SiblingPolicy.js"
import { alive } from "./alive.js"
import { makeFolding } from "./fold.js"
import { type Graph, makeGraph, type Missing } from "./graph.js"
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
const intoOf = (graph: Graph, of: Rev, head: Rev): Link => {
  const naming = Array.from(graph.reach(head)).filter((rev) => {
    const link = graph.link(rev)
    return link !== undefined && (link.also.includes(of) || (link.parent === of && rev !== of))
  }).sort(Revision.Order)
  return graph.link(naming[0] ?? head) ?? { rev: head, parent: null, kind: "foreign", also: [] }
}

/**
 * A hidden head that was made to bring another one back, and was buried for the same reason: the merge that both live on in
 * does not come here. Bringing it back again would be buried again, for ever.
 */
const broughtBack = (
  knowledge: Knowledge,
  graph: Graph,
  leaves: ReadonlyArray<Version>,
  hidden: ReadonlyArray<Rev>
): Missing | undefined => {
  const buried = leaves.flatMap(({ rev }) => knowledge.burials.get(rev) ?? [])
  const again = hidden.find((head) =>
    buried.some(({ into, of }) => of !== head && graph.reach(head).has(of) && !graph.reach(head).has(into.rev))
  )
  const into = buried.find(({ of }) => of === again)?.into.rev
  return into === undefined ? undefined : {
    rev: into,
    why: `${into}, in which ${
      String(again)
    } lives on, is not here, though it was waited for: does this database refuse it?`
  }
}

interface Sorted {
  readonly heads: ReadonlyArray<Rev>
  readonly contained: ReadonlyArray<{ readonly of: Rev; readonly head: Rev }>
}

/** A leaf whose edits another one has is contained; of two with the same edits the one that loses is. */
const sorted = (graph: Graph, found: ReadonlyArray<Rev>): Sorted => {
  const heads: Array<Rev> = []
  const contained: Array<{ readonly of: Rev; readonly head: Rev }> = []
  found.forEach((rev, i) => {
    const head = found.find((other, j) =>
      i !== j && graph.within(rev, other) === true && (j < i || graph.within(other, rev) !== true)
    )
    if (head === undefined) heads.push(rev)
    else contained.push({ of: rev, head })
  })
  // What contains it may be contained itself.
  const top = (rev: Rev): Rev => {
    const outer = contained.find(({ of }) => of === rev)
    return outer === undefined ? rev : top(outer.head)
  }
  return { heads, contained: contained.map(({ head, of }) => ({ of, head: top(head) })) }
}

export const plan = (knowledge: Knowledge, leaves: ReadonlyArray<Version>, rule: Rules["deleted"]): Plan => {
  const graph = makeGraph(knowledge)
  const { contained, heads } = sorted(graph, candidates(knowledge, graph, leaves))
  const standing = new Set(leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]))
  const isLeaf = new Set(leaves.map(({ rev }) => rev))
  const burials = contained.flatMap(({ head, of }): ReadonlyArray<PlannedBurial> =>
    standing.has(of) ? [{ of, into: intoOf(graph, of, head) }] : []
  )
  const [parent, ...also] = heads
  if (parent === undefined) return { _tag: "Nothing" }
  const unknown = ({ rev, why }: Missing): Plan => ({ _tag: "Unknown", rev, why, parent, also })
  const hidden = heads.filter((rev) => !isLeaf.has(rev))
  const allDeleted = heads.every((rev) => !standing.has(rev))
  if (also.length === 0 && hidden.length === 0) {
    return burials.length === 0 ? { _tag: "Nothing" } : { _tag: "Bury", head: parent, burials }
  }
  const refused = broughtBack(knowledge, graph, leaves, hidden)
  if (refused !== undefined) return unknown(refused)
  // What another side took in may be another version than the one that stands here.
  const disputed = heads.find((rev) => knowledge.disputed.has(rev))
  const dispute = disputed === undefined ? undefined : graph.missing(disputed)
  if (dispute !== undefined) return unknown(dispute)
  const lives = alive(knowledge, graph, heads, rule)
  if (Either.isLeft(lives)) return unknown(lives.left)
  // Deletions that met need no merge: whoever writes the document anew names them all.
  if (allDeleted && hidden.length === 0 && !lives.right) {
    return burials.length === 0 ? { _tag: "Nothing" } : { _tag: "Bury", head: parent, burials }
  }
  const value = makeFolding(knowledge, graph).fold(heads)
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
