import type { Path } from "../../Conflict.js"
import * as Revision from "../../Revision.js"
import { markedBy, tagOf } from "./markers.js"

/** A revision, or the tag of one that only a marker tells of. */
type Node = string

/** What contains what among the revisions of one document, as far as its paths tell. */
export interface History {
  /** Whether the first one's edits are all in the second. */
  readonly within: (inner: Revision.Revision, outer: Revision.Revision) => boolean
  /** The edits of a revision: all that it contains, but for markers and merges. */
  readonly edits: (revision: Revision.Revision) => ReadonlySet<Node>
  /** Whether one is an ancestor of the other, or the same, over parents and markers. */
  readonly reaches: (from: Revision.Revision, to: Node) => boolean
  /** The newest revisions that both the heads and the other one contain. */
  readonly common: (heads: ReadonlyArray<Revision.Revision>, other: Revision.Revision) => Common
  /** The merge, among a head and its ancestors, that names the loser. */
  readonly mergeOf: (head: Revision.Revision, loser: Revision.Revision) => Revision.Revision | undefined
  /** Whether the revision is a merge, and nobody's edit. */
  readonly isMerge: (revision: Revision.Revision) => boolean
  readonly parent: (revision: Revision.Revision) => Revision.Revision | undefined
  /** What a merge contains beside its parent's path. */
  readonly also: (merge: Revision.Revision) => ReadonlyArray<Node>
}

/**
 * - `One`: the base of a three-way merge
 * - `None`: the sides have nothing in common, which is certain
 * - `Unclear`: they cross each other, or their paths are cut before they meet
 */
export type Common =
  | { readonly _tag: "One"; readonly revision: Revision.Revision }
  | { readonly _tag: "None" }
  | { readonly _tag: "Unclear"; readonly why: string }

export const makeHistory = (paths: ReadonlyArray<Path>): History => {
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
    : new Map(Array.from(parents.keys(), (revision) => [tagOf(revision), revision] as const))

  const named = (revision: Node): Node | undefined => {
    const tag = marks.get(revision as Revision.Revision)
    return tag === undefined ? undefined : byTag.get(tag) ?? tag
  }

  const up = (node: Node): ReadonlyArray<Node> => [parents.get(node), named(node)].filter((each) => each !== undefined)

  const isCut = (node: Node): boolean =>
    parents.get(node) === undefined && !(Revision.isRevision(node) && Revision.generation(node) === 1)

  const memo = new Map<Node, ReadonlySet<Node>>()
  const ancestors = (node: Node): ReadonlySet<Node> => {
    const known = memo.get(node)
    if (known !== undefined) return known
    const found = new Set<Node>([node])
    // A set visits what is added while it is walked.
    for (const each of found) for (const older of up(each)) found.add(older)
    memo.set(node, found)
    return found
  }

  const isMerge = (node: Node): boolean => {
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

  const common = (heads: ReadonlyArray<Node>, other: Node): Common => {
    const ours = new Set(heads.flatMap((head) => Array.from(ancestors(head))))
    const met = new Set<Node>()
    const walked = new Set<Node>([other])
    let cut = heads.some((head) => Array.from(ancestors(head)).some(isCut))
    for (const node of walked) {
      if (ours.has(node)) met.add(node)
      else {
        if (isCut(node)) cut = true
        for (const older of up(node)) walked.add(older)
      }
    }
    const shared = ancestors(other)
    if ([...ours, ...shared].some((node) => !Revision.isRevision(node) && !(ours.has(node) && shared.has(node)))) {
      // Whatever it descends from may be on the other side too.
      return { _tag: "Unclear", why: "one side was merged with a version that is not on this server" }
    }
    const newest = Array.from(met).filter((node) =>
      Array.from(met).every((each) => each === node || !ancestors(each).has(node))
    )
    const [first, ...rest] = newest
    if (first === undefined) {
      return cut ? { _tag: "Unclear", why: "the histories are cut before they meet" } : { _tag: "None" }
    }
    if (rest.length > 0) return { _tag: "Unclear", why: "each side was merged with a part of the other" }
    return Revision.isRevision(first)
      ? { _tag: "One", revision: first }
      : { _tag: "Unclear", why: "what both sides contain is not on this server" }
  }

  const also = (merge: Node): ReadonlyArray<Node> => {
    const found: Array<Node> = []
    for (let node = parents.get(merge); node !== undefined; node = parents.get(node)) {
      const loser = named(node)
      if (loser === undefined) break
      found.push(loser)
    }
    return found
  }

  const mergeOf = (head: Revision.Revision, loser: Revision.Revision): Revision.Revision | undefined =>
    Array.from(ancestors(head)).filter(Revision.isRevision).find((each) => isMerge(each) && also(each).includes(loser))

  return {
    within: (inner, outer) => {
      const outside = edits(outer)
      return Array.from(edits(inner)).every((each) => outside.has(each))
    },
    edits,
    reaches: (from, to) => ancestors(from).has(to),
    common,
    mergeOf,
    isMerge,
    parent: (revision) => parents.get(revision),
    also
  }
}
