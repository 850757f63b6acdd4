import type { Rev } from "./revs.js"
import * as Revs from "./revs.js"

/** One revision: what is stored of it, or nothing where only its name is known. */
export interface Node<V> extends Rev {
  readonly parent: string | undefined
  readonly version: V | undefined
}

/**
 * All that is known of one document's history. `leaves` stand in the order of winning: live before deleted, then the
 * higher generation, then the greater hash.
 */
export interface Tree<V> {
  readonly nodes: ReadonlyMap<string, Node<V>>
  readonly leaves: ReadonlyArray<string>
}

/** A revision and its ancestors, the newest first. */
export interface Path {
  readonly generation: number
  readonly hashes: ReadonlyArray<string>
}

/** What a merge did: extended a leaf, began a branch, or found the revision already there. */
export type Merged = "leaf" | "branch" | "known"

interface Deletable {
  readonly deleted: boolean
}

export const empty: Tree<never> = { nodes: new Map(), leaves: [] }

const better = <V extends Deletable>(self: Node<V>, that: Node<V>): number => {
  const left = self.version?.deleted === true
  const right = that.version?.deleted === true
  return left === right ? Revs.compare(that, self) : left ? 1 : -1
}

const sortLeaves = <V extends Deletable>(
  nodes: ReadonlyMap<string, Node<V>>,
  leaves: Iterable<string>
): ReadonlyArray<string> => {
  const found: Array<Node<V>> = []
  for (const key of leaves) {
    const node = nodes.get(key)
    if (node !== undefined) found.push(node)
  }
  return found.sort(better).map(Revs.format)
}

/** Adds a revision with its ancestors. Merging the same paths in any order gives the same tree. */
export const merge = <V extends Deletable>(
  tree: Tree<V>,
  path: Path,
  version: V
): { readonly tree: Tree<V>; readonly merged: Merged } => {
  const nodes = new Map(tree.nodes)
  const keys = path.hashes.map((hash, i) => Revs.format({ generation: path.generation - i, hash }))
  const newest = keys[0]
  if (newest === undefined) return { tree, merged: "known" }
  let changed = false
  let contradicts = false
  let end = keys.length
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? newest
    const known = nodes.get(key)
    const stored: V | undefined = known?.version ?? (i === 0 ? version : undefined)
    const parent = known?.parent ?? keys[i + 1]
    if (known === undefined || known.parent !== parent || known.version !== stored) {
      nodes.set(key, { generation: path.generation - i, hash: path.hashes[i] ?? "", parent, version: stored })
      changed = true
    }
    if (known?.parent !== undefined && keys[i + 1] !== undefined && keys[i + 1] !== known.parent) {
      // Where a revision comes from is known already, and what is told of it now changes nothing.
      contradicts = true
      end = i
      break
    }
  }
  if (!changed) return { tree, merged: "known" }
  const inner = new Set(keys.slice(1, end + 1))
  const had = tree.leaves.some((leaf) => inner.has(leaf))
  const others = tree.leaves.filter((leaf) => !inner.has(leaf))
  const leaves = tree.nodes.has(newest) ? others : [...others, newest]
  return {
    tree: { nodes, leaves: sortLeaves(nodes, leaves) },
    merged: tree.nodes.has(newest) ? "known" : (had && !contradicts) || tree.nodes.size === 0 ? "leaf" : "branch"
  }
}

/** The revision that reads see. */
export const winner = <V>(tree: Tree<V>): Node<V> | undefined => {
  const key = tree.leaves[0]
  return key === undefined ? undefined : tree.nodes.get(key)
}

export const get = <V>(tree: Tree<V>, rev: Rev): Node<V> | undefined => tree.nodes.get(Revs.format(rev))

export const isLeaf = <V>(tree: Tree<V>, rev: Rev): boolean => tree.leaves.includes(Revs.format(rev))

/** The nodes of all leaves, in the order of winning. */
export const leafNodes = <V>(tree: Tree<V>): ReadonlyArray<Node<V>> =>
  tree.leaves.flatMap((key) => {
    const node = tree.nodes.get(key)
    return node === undefined ? [] : [node]
  })

/** The revision and its known ancestors, the newest first. */
export const ancestry = <V>(tree: Tree<V>, node: Node<V>): ReadonlyArray<Node<V>> => {
  const found: Array<Node<V>> = []
  for (let at: Node<V> | undefined = node; at !== undefined;) {
    found.push(at)
    at = at.parent === undefined ? undefined : tree.nodes.get(at.parent)
  }
  return found
}

/** Forgets what is further than `limit` revisions from every leaf. */
export const stem = <V>(tree: Tree<V>, limit: number): Tree<V> => {
  if (tree.nodes.size <= limit) return tree
  const kept = new Map<string, Node<V>>()
  for (const leaf of leafNodes(tree)) {
    for (const node of ancestry(tree, leaf).slice(0, limit)) kept.set(Revs.format(node), node)
  }
  if (kept.size === tree.nodes.size) return tree
  for (const [key, node] of kept) {
    if (node.parent !== undefined && !kept.has(node.parent)) kept.set(key, { ...node, parent: undefined })
  }
  return { nodes: kept, leaves: tree.leaves }
}

/** Whether two states of one graph know the same. */
export const same = <V>(self: Tree<V>, that: Tree<V>): boolean =>
  self.nodes.size === that.nodes.size && Array.from(self.nodes).every(([key, node]) => {
    const other = that.nodes.get(key)
    return other !== undefined && other.parent === node.parent && other.version === node.version
  })

/** Drops what is stored of every revision that is not a leaf. */
export const compact = <V>(tree: Tree<V>): Tree<V> => {
  const leaves = new Set(tree.leaves)
  const nodes = new Map<string, Node<V>>()
  for (const [key, node] of tree.nodes) nodes.set(key, leaves.has(key) ? node : { ...node, version: undefined })
  return { nodes, leaves: tree.leaves }
}

/** Takes leaves away, with every ancestor that leads to no other leaf. */
export const purge = <V extends Deletable>(
  tree: Tree<V>,
  revs: ReadonlyArray<Rev>
): { readonly tree: Tree<V>; readonly purged: ReadonlyArray<Rev> } => {
  const purged = revs.filter((rev) => isLeaf(tree, rev))
  if (purged.length === 0) return { tree, purged }
  const gone = new Set(purged.map(Revs.format))
  const leaves = tree.leaves.filter((leaf) => !gone.has(leaf))
  const nodes = new Map<string, Node<V>>()
  for (const leaf of leafNodes({ nodes: tree.nodes, leaves })) {
    for (const node of ancestry(tree, leaf)) nodes.set(Revs.format(node), node)
  }
  return { tree: { nodes, leaves }, purged }
}

const compareRoutes = (self: ReadonlyArray<Rev>, that: ReadonlyArray<Rev>): number => {
  const [left, right] = [self.at(-1), that.at(-1)]
  const roots = left === undefined || right === undefined ? 0 : Revs.compare(right, left)
  if (roots !== 0) return roots
  for (let i = 2; i <= Math.min(self.length, that.length); i++) {
    const order = Revs.compareHash(self.at(-i)?.hash ?? "", that.at(-i)?.hash ?? "")
    if (order !== 0) return order
  }
  return self.length - that.length
}

/**
 * Revisions in the order in which a walk over the graph meets them: by branch, the later root first, where no branch is
 * longer than `limit`.
 */
export const inWalkingOrder = <V>(
  tree: Tree<V>,
  nodes: Iterable<Node<V>>,
  limit: number
): ReadonlyArray<Node<V>> =>
  Array.from(nodes, (node) => [node, ancestry(tree, node).slice(0, limit)] as const)
    .sort(([, left], [, right]) => compareRoutes(left, right))
    .map(([node]) => node)

/** The leaves that the revision leads to: itself where it is one. */
export const latest = <V>(tree: Tree<V>, rev: Rev): ReadonlyArray<Node<V>> => {
  const key = Revs.format(rev)
  return leafNodes(tree).filter((leaf) => ancestry(tree, leaf).some((node) => Revs.format(node) === key))
}
