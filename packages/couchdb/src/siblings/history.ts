import type * as Revision from "../data/Revision.js"
import type { Path } from "../data/revisionPath.js"
import { markerTag, tagOf } from "./markers.js"

type Rev = Revision.Revision

/** A revision, or the tag of a revision that only a marker names. */
type Node = string

/** Revisions with all their ancestors. */
export interface Side {
  readonly nodes: ReadonlySet<Node>
  /** The revisions whose parents are unknown. */
  readonly truncated: ReadonlySet<Node>
  /** The tags of unknown revisions. */
  readonly tags: ReadonlySet<Node>
}

/** A side to which revisions can be added. */
export class GrowingSide implements Side {
  readonly nodes = new Set<Node>()
  readonly truncated = new Set<Node>()
  readonly tags = new Set<Node>()

  constructor(private readonly sideOf: (rev: Rev) => Side) {}

  add(rev: Rev): void {
    const { truncated, nodes, tags } = this.sideOf(rev)
    for (const each of nodes) this.nodes.add(each)
    for (const each of truncated) this.truncated.add(each)
    for (const each of tags) this.tags.add(each)
  }
}

/**
 * The newest revisions that two sides share.
 *
 * - `One`: the base of a three-way merge
 * - `None`: the sides certainly have nothing in common
 * - `Unclear`: the histories cross, or their paths are truncated before they meet. If `incomplete`, one of them
 *   contains a version that only another replica has, so either side may contain the other one
 */
export type Common =
  | { readonly _tag: "One"; readonly revision: Rev }
  | { readonly _tag: "None" }
  | { readonly _tag: "Unclear"; readonly why: string; readonly incomplete: boolean }

const none: ReadonlyArray<Node> = []

/** A tag is a part of a hash, without a generation. */
const isTag = (node: Node): boolean => !node.includes("-")

const isRevision = (node: Node): node is Rev => !isTag(node)

const unclear = (why: string, incomplete: boolean): Common => ({ _tag: "Unclear", why, incomplete })

/** Whether either set has an element that the other side does not contain. */
const differ = (self: ReadonlySet<Node>, ours: Side, that: ReadonlySet<Node>, theirs: Side): boolean => {
  for (const each of self) if (!theirs.nodes.has(each)) return true
  for (const each of that) if (!ours.nodes.has(each)) return true
  return false
}

/** Returns the value of a key, which is computed once. */
const cached = <V>(cache: Map<Node, V>, key: Node, compute: () => V): V => {
  const known = cache.get(key)
  if (known !== undefined) return known
  const value = compute()
  cache.set(key, value)
  return value
}

/** Which revisions of one document contain which others, as far as their paths show. */
export class History {
  private readonly parents = new Map<Node, Rev | undefined>()
  /** The tag of each marker. */
  private readonly markerTags = new Map<Node, string>()
  private readonly byTag: ReadonlyMap<string, Node>
  private readonly sides = new Map<Node, Side>()
  private readonly editsOf = new Map<Node, ReadonlySet<Node>>()
  private readonly alsoOf = new Map<Node, ReadonlyArray<Node>>()
  private readonly mergesOf = new Map<Node, ReadonlyMap<Node, Rev>>()

  /** `lists` has the revisions that each list names. */
  constructor(
    paths: ReadonlyArray<Path>,
    private readonly lists: ReadonlyMap<Node, ReadonlyArray<Rev>> = new Map()
  ) {
    for (const path of paths) this.addPath(path)
    this.byTag = this.markerTags.size === 0
      ? new Map()
      : new Map(
        [...this.parents.keys(), ...Array.from(lists.values()).flat()].map((rev) => [tagOf(rev), rev] as const)
      )
  }

  /** Whether all edits of `inner` are also edits of `outer`. */
  within(inner: Rev, outer: Rev): boolean {
    const outside = this.edits(outer)
    for (const each of this.edits(inner)) if (!outside.has(each)) return false
    // A merge may contain further edits that its truncated path does not show.
    if (!this.isMerge(inner)) return true
    const nodes = this.ancestors(outer)
    for (const cut of this.sideOf(inner).truncated) if (!nodes.has(cut)) return false
    return true
  }

  /** The edits of a revision: everything that it contains, except markers and merges. */
  edits(rev: Node): ReadonlySet<Node> {
    return cached(
      this.editsOf,
      rev,
      () => new Set(Array.from(this.ancestors(rev)).filter((each) => !this.markerTags.has(each) && !this.isMerge(each)))
    )
  }

  /** The edits of a revision that no other edit of it contains. */
  newestEdits(rev: Rev): ReadonlyArray<Rev> {
    const found = Array.from(this.edits(rev)).filter(isRevision)
    const older = new Set<Node>()
    for (const edit of found) for (const each of this.ancestors(edit)) if (each !== edit) older.add(each)
    return found.filter((edit) => !older.has(edit))
  }

  /** Whether a revision equals another one or descends from it, over parents and markers. */
  reaches(from: Rev, to: Node): boolean {
    return this.ancestors(from).has(to)
  }

  /** A side without revisions. */
  growing(): GrowingSide {
    return new GrowingSide((rev) => this.sideOf(rev))
  }

  /** The newest revisions that a side and a revision both contain. */
  common(ours: Side, other: Rev): Common {
    const theirs = this.sideOf(other)
    if (differ(ours.tags, ours, theirs.tags, theirs)) {
      // The ancestors of that version may be on the other side too.
      return unclear("one side was merged with a version that is not on this server", true)
    }
    // The other side may contain the unknown ancestors.
    if (differ(ours.truncated, ours, theirs.truncated, theirs)) {
      return unclear("the histories are truncated before they meet", false)
    }
    const met: Array<Node> = []
    const walked = new Set<Node>([other])
    for (const node of walked) {
      if (ours.nodes.has(node)) met.push(node)
      else for (const older of this.parentsOf(node)) walked.add(older)
    }
    const newest = met.filter((node) => met.every((each) => each === node || !this.ancestors(each).has(node)))
    const [first, ...rest] = newest
    if (first === undefined) return { _tag: "None" }
    if (rest.length > 0) return unclear("each side was merged with a part of the other", false)
    return isRevision(first)
      ? { _tag: "One", revision: first }
      : unclear("the version that both sides contain is not on this server", false)
  }

  /** The merge, among a head and its ancestors, that names the loser. */
  mergeOf(head: Rev, loser: Rev): Rev | undefined {
    return this.mergesIn(head).get(loser)
  }

  /** Whether the revision is a merge, and not an edit. */
  isMerge(node: Node): boolean {
    if (this.lists.has(node)) return true
    const parent = this.parents.get(node)
    return parent !== undefined && this.markerTags.has(parent) && !this.markerTags.has(node)
  }

  parent(rev: Node): Rev | undefined {
    return this.parents.get(rev)
  }

  /** What a merge contains in addition to its parent's path: its losers, or the lists that name them. */
  also(merge: Rev): ReadonlyArray<Node> {
    return cached(this.alsoOf, merge, () => {
      const found: Array<Node> = []
      for (let node = this.parents.get(merge); node !== undefined; node = this.parents.get(node)) {
        const loser = this.markedRevision(node)
        if (loser === undefined) break
        found.push(loser)
      }
      return found
    })
  }

  private addPath(path: Path): void {
    path.forEach((rev, i) => {
      const parent = path[i + 1]
      if (parent !== undefined || !this.parents.has(rev)) this.parents.set(rev, parent)
      const tag = markerTag(rev)
      if (tag !== undefined) this.markerTags.set(rev, tag)
    })
  }

  /** The revision that a marker names, or its tag if the revision is unknown. */
  private markedRevision(rev: Node): Node | undefined {
    const tag = this.markerTags.get(rev)
    return tag === undefined ? undefined : this.byTag.get(tag) ?? tag
  }

  /** The parent, the revision that a marker names, and the revisions that a list names. */
  private parentsOf(node: Node): ReadonlyArray<Node> {
    return [this.parents.get(node), this.markedRevision(node), ...this.lists.get(node) ?? none].filter((each) =>
      each !== undefined
    )
  }

  private isTruncated(node: Node): boolean {
    return this.parents.get(node) === undefined && !node.startsWith("1-")
  }

  private ancestors(node: Node): ReadonlySet<Node> {
    return this.sideOf(node).nodes
  }

  private sideOf(node: Node): Side {
    return cached(this.sides, node, () => {
      const nodes = new Set<Node>([node])
      // Iteration over a set visits elements that are added meanwhile.
      for (const each of nodes) for (const older of this.parentsOf(each)) nodes.add(older)
      const all = Array.from(nodes)
      return {
        nodes,
        truncated: new Set(all.filter((each) => this.isTruncated(each))),
        tags: new Set(all.filter(isTag))
      }
    })
  }

  /** The first merge that names each loser, among a head and its ancestors. */
  private mergesIn(head: Node): ReadonlyMap<Node, Rev> {
    return cached(this.mergesOf, head, () => {
      const found = new Map<Node, Rev>()
      for (const each of this.ancestors(head)) {
        if (!isRevision(each) || this.lists.has(each) || !this.isMerge(each)) continue
        const naming = new Set(this.also(each))
        for (const node of naming) for (const listed of this.lists.get(node) ?? none) naming.add(listed)
        for (const loser of naming) if (!found.has(loser)) found.set(loser, each)
      }
      return found
    })
  }
}
