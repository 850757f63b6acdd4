import type * as Revision from "../data/Revision.js"
import type { Path } from "../data/revisionPath.js"
import { markedBy, tagOf } from "./markers.js"

/** A revision, or the tag of one that only a marker tells of. */
type Node = string

/** Revisions with everything that they contain. */
export interface Side {
  readonly nodes: ReadonlySet<Node>
  /** Those whose parents are not known. */
  readonly cuts: ReadonlySet<Node>
  /** Tags of revisions that are not known. */
  readonly tags: ReadonlySet<Node>
}

/** A side that further revisions are added to. */
export interface GrowingSide extends Side {
  readonly add: (revision: Revision.Revision) => void
}

/** What contains what among the revisions of one document, as far as its paths tell. */
export interface History {
  /** Whether the first one's edits are all in the second. */
  readonly within: (inner: Revision.Revision, outer: Revision.Revision) => boolean
  /** The edits of a revision: all that it contains, but for markers and merges. */
  readonly edits: (revision: Revision.Revision) => ReadonlySet<Node>
  /** The edits of a revision that no other edit of it contains. */
  readonly newestEdits: (revision: Revision.Revision) => ReadonlyArray<Revision.Revision>
  /** Whether one is an ancestor of the other, or the same, over parents and markers. */
  readonly reaches: (from: Revision.Revision, to: Node) => boolean
  /** A side of no revisions yet. */
  readonly growing: () => GrowingSide
  /** The newest revisions that both a side and a revision contain. */
  readonly common: (side: Side, other: Revision.Revision) => Common
  /** The merge, among a head and its ancestors, that names the loser. */
  readonly mergeOf: (head: Revision.Revision, loser: Revision.Revision) => Revision.Revision | undefined
  /** Whether the revision is a merge, and nobody's edit. */
  readonly isMerge: (revision: Revision.Revision) => boolean
  readonly parent: (revision: Revision.Revision) => Revision.Revision | undefined
  /** What a merge contains beside its parent's path: its losers, or the lists that name them. */
  readonly also: (merge: Revision.Revision) => ReadonlyArray<Node>
}

/**
 * - `One`: the base of a three-way merge
 * - `None`: the sides have nothing in common, which is certain
 * - `Unclear`: they cross each other, or their paths are cut before they meet. With `waits` one of them contains a version
 *   that only another replica has, so either may contain the other one
 */
export type Common =
  | { readonly _tag: "One"; readonly revision: Revision.Revision }
  | { readonly _tag: "None" }
  | { readonly _tag: "Unclear"; readonly why: string; readonly waits: boolean }

const none: ReadonlyArray<Node> = []

/** A tag is a part of a hash, without a generation. */
const isTag = (node: Node): boolean => !node.includes("-")

const isRevision = (node: Node): node is Revision.Revision => !isTag(node)

/** `lists` has the revisions that each list names. */
export const makeHistory = (
  paths: ReadonlyArray<Path>,
  lists: ReadonlyMap<Node, ReadonlyArray<Revision.Revision>> = new Map()
): History => {
  const parents = new Map<Node, Revision.Revision | undefined>()
  const marks = new Map<Revision.Revision, string>()
  for (const path of paths) {
    path.forEach((revision, i) => {
      const parent = path[i + 1]
      if (parent !== undefined || !parents.has(revision)) parents.set(revision, parent)
      const tag = markedBy(revision)
      if (tag !== undefined) marks.set(revision, tag)
    })
  }
  const byTag = marks.size === 0
    ? new Map<string, Node>()
    : new Map(
      [...parents.keys(), ...Array.from(lists.values()).flat()].map((revision) => [tagOf(revision), revision] as const)
    )

  const named = (revision: Node): Node | undefined => {
    const tag = marks.get(revision as Revision.Revision)
    return tag === undefined ? undefined : byTag.get(tag) ?? tag
  }

  const up = (node: Node): ReadonlyArray<Node> =>
    [parents.get(node), named(node), ...lists.get(node) ?? none].filter((each) => each !== undefined)

  const isCut = (node: Node): boolean => parents.get(node) === undefined && !node.startsWith("1-")

  const memo = new Map<Node, Side>()
  const sideOf = (node: Node): Side => {
    const known = memo.get(node)
    if (known !== undefined) return known
    const nodes = new Set<Node>([node])
    // A set visits what is added while it is walked.
    for (const each of nodes) for (const older of up(each)) nodes.add(older)
    const all = Array.from(nodes)
    const side = {
      nodes,
      cuts: new Set(all.filter(isCut)),
      tags: new Set(all.filter(isTag))
    }
    memo.set(node, side)
    return side
  }
  const ancestors = (node: Node): ReadonlySet<Node> => sideOf(node).nodes

  const growing = (): GrowingSide => {
    const side = { nodes: new Set<Node>(), cuts: new Set<Node>(), tags: new Set<Node>() }
    return {
      ...side,
      add: (revision) => {
        const more = sideOf(revision)
        for (const part of ["nodes", "cuts", "tags"] as const) for (const each of more[part]) side[part].add(each)
      }
    }
  }

  const isMerge = (node: Node): boolean => {
    if (lists.has(node)) return true
    const parent = parents.get(node)
    return parent !== undefined && marks.has(parent) && !marks.has(node as Revision.Revision)
  }

  const editsOf = new Map<Node, ReadonlySet<Node>>()
  const edits = (node: Node): ReadonlySet<Node> => {
    const known = editsOf.get(node)
    if (known !== undefined) return known
    const found = new Set(
      Array.from(ancestors(node)).filter((each) => !marks.has(each as Revision.Revision) && !isMerge(each))
    )
    editsOf.set(node, found)
    return found
  }

  const newestEdits = (node: Node): ReadonlyArray<Revision.Revision> => {
    const found = Array.from(edits(node)).filter(isRevision)
    const older = new Set<Node>()
    for (const edit of found) for (const each of ancestors(edit)) if (each !== edit) older.add(each)
    return found.filter((edit) => !older.has(edit))
  }

  /** Whether either set has an element that the other side does not contain. */
  const differ = (self: ReadonlySet<Node>, ours: Side, that: ReadonlySet<Node>, theirs: Side): boolean => {
    for (const each of self) if (!theirs.nodes.has(each)) return true
    for (const each of that) if (!ours.nodes.has(each)) return true
    return false
  }

  const common = (ours: Side, other: Node): Common => {
    const theirs = sideOf(other)
    if (differ(ours.tags, ours, theirs.tags, theirs)) {
      // Whatever it descends from may be on the other side too.
      return { _tag: "Unclear", why: "one side was merged with a version that is not on this server", waits: true }
    }
    // The other side may contain what is cut off from this one.
    if (differ(ours.cuts, ours, theirs.cuts, theirs)) {
      return { _tag: "Unclear", why: "the histories are cut before they meet", waits: false }
    }
    const met: Array<Node> = []
    const walked = new Set<Node>([other])
    for (const node of walked) {
      if (ours.nodes.has(node)) met.push(node)
      else for (const older of up(node)) walked.add(older)
    }
    const newest = met.filter((node) => met.every((each) => each === node || !ancestors(each).has(node)))
    const [first, ...rest] = newest
    if (first === undefined) return { _tag: "None" }
    if (rest.length > 0) {
      return { _tag: "Unclear", why: "each side was merged with a part of the other", waits: false }
    }
    return isRevision(first)
      ? { _tag: "One", revision: first }
      : { _tag: "Unclear", why: "what both sides contain is not on this server", waits: false }
  }

  const alsoOf = new Map<Node, ReadonlyArray<Node>>()
  const also = (merge: Node): ReadonlyArray<Node> => {
    const known = alsoOf.get(merge)
    if (known !== undefined) return known
    const found: Array<Node> = []
    for (let node = parents.get(merge); node !== undefined; node = parents.get(node)) {
      const loser = named(node)
      if (loser === undefined) break
      found.push(loser)
    }
    alsoOf.set(merge, found)
    return found
  }

  const mergesOf = new Map<Node, ReadonlyMap<Node, Revision.Revision>>()
  /** The first merge among a head and its ancestors that names each loser. */
  const mergesIn = (head: Node): ReadonlyMap<Node, Revision.Revision> => {
    const known = mergesOf.get(head)
    if (known !== undefined) return known
    const found = new Map<Node, Revision.Revision>()
    for (const each of ancestors(head)) {
      if (!isRevision(each) || lists.has(each) || !isMerge(each)) continue
      const naming = new Set(also(each))
      for (const node of naming) for (const listed of lists.get(node) ?? none) naming.add(listed)
      for (const loser of naming) if (!found.has(loser)) found.set(loser, each)
    }
    mergesOf.set(head, found)
    return found
  }

  return {
    within: (inner, outer) => {
      const outside = edits(outer)
      for (const each of edits(inner)) if (!outside.has(each)) return false
      // A merge may contain further edits that are cut off from its path.
      if (!isMerge(inner)) return true
      const nodes = ancestors(outer)
      for (const cut of sideOf(inner).cuts) if (!nodes.has(cut)) return false
      return true
    },
    edits,
    newestEdits,
    reaches: (from, to) => ancestors(from).has(to),
    growing,
    common,
    mergeOf: (head, loser) => mergesIn(head).get(loser),
    isMerge,
    parent: (revision) => parents.get(revision),
    also
  }
}
