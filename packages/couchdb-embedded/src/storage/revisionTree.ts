import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"

/** A revision in the tree. `version` is `undefined` if only its name is known. */
export interface Node<V> extends Rev {
  /** The hash of the previous revision, if known. */
  readonly parent: string | undefined
  readonly version: V | undefined
}

/**
 * The revision tree of a document. `leaves` are sorted, the winner first: live before deleted, then by higher
 * generation, then by greater hash. The nodes are kept by generation, in a persistent map, so that a write costs the
 * same however long the history is.
 */
export interface Tree<V> {
  readonly generations: HashMap.HashMap<number, ReadonlyArray<Node<V>>>
  readonly size: number
  readonly leaves: ReadonlyArray<Node<V>>
}

/** A revision and its ancestors, newest first. */
export interface Path {
  readonly generation: number
  readonly hashes: ReadonlyArray<string>
}

/** What a merge did: it extended a leaf, added a branch, or found the revision in the tree. */
export type Merged = "leaf" | "branch" | "known"

interface Deletable {
  readonly deleted: boolean
}

export const empty: Tree<never> = { generations: HashMap.empty(), size: 0, leaves: [] }

/** The order of leaves: live before deleted, then by higher generation, then by greater hash. */
export const compareNodes = <V extends Deletable>(self: Node<V>, that: Node<V>): number => {
  const left = self.version?.deleted === true
  const right = that.version?.deleted === true
  return left === right ? Revs.compare(that, self) : left ? 1 : -1
}

const at = <V>(tree: Tree<V>, generation: number): ReadonlyArray<Node<V>> => {
  const found = HashMap.get(tree.generations, generation)
  return Option.isSome(found) ? found.value : []
}

const find = <V>(tree: Tree<V>, generation: number, hash: string): Node<V> | undefined => {
  const nodes = at(tree, generation)
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]
    if (node?.hash === hash) return node
  }
  return undefined
}

/** Adds or replaces a node. The leaves stay unchanged. */
const put = <V>(tree: Tree<V>, node: Node<V>): Tree<V> => {
  const nodes = at(tree, node.generation)
  const others = find(tree, node.generation, node.hash) === undefined
    ? nodes
    : nodes.filter(({ hash }) => hash !== node.hash)
  return {
    generations: HashMap.set(tree.generations, node.generation, [...others, node]),
    size: tree.size + 1 - (nodes.length - others.length),
    leaves: tree.leaves
  }
}

const fromNodes = <V>(nodes: Iterable<Node<V>>, leaves: ReadonlyArray<Node<V>>): Tree<V> => {
  const generations = new Map<number, Array<Node<V>>>()
  let size = 0
  for (const node of nodes) {
    const held = generations.get(node.generation)
    if (held === undefined) generations.set(node.generation, [node])
    else held.push(node)
    size++
  }
  const tree = { generations: HashMap.fromIterable(generations), size, leaves }
  return { ...tree, leaves: leaves.map((leaf) => find(tree, leaf.generation, leaf.hash) ?? leaf) }
}

/** All revisions, including those of which only the name is known. */
export const nodes = <V>(tree: Tree<V>): ReadonlyArray<Node<V>> => Array.from(HashMap.values(tree.generations)).flat()

const parentOf = <V>(tree: Tree<V>, node: Node<V>): Node<V> | undefined =>
  node.parent === undefined ? undefined : find(tree, node.generation - 1, node.parent)

/** Inserts a leaf into sorted leaves. Sorting thousands of leaves on each write would be slow. */
const insertLeaf = <V extends Deletable>(leaves: ReadonlyArray<Node<V>>, leaf: Node<V>): ReadonlyArray<Node<V>> => {
  let low = 0
  let high = leaves.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = leaves[middle]
    if (other !== undefined && compareNodes(other, leaf) < 0) low = middle + 1
    else high = middle
  }
  return [...leaves.slice(0, low), leaf, ...leaves.slice(low)]
}

/** Adds a revision with its ancestors. Merging the same paths in any order gives the same tree. */
export const merge = <V extends Deletable>(
  tree: Tree<V>,
  path: Path,
  version: V
): { readonly tree: Tree<V>; readonly merged: Merged } => {
  const { generation, hashes } = path
  const newest = hashes[0]
  if (newest === undefined) return { tree, merged: "known" }
  let next = tree
  let contradicts = false
  let end = hashes.length
  for (let i = 0; i < hashes.length; i++) {
    const hash = hashes[i] ?? newest
    const claimedParent = hashes[i + 1]
    const known = find(tree, generation - i, hash)
    const stored: V | undefined = known?.version ?? (i === 0 ? version : undefined)
    const parent = known?.parent ?? claimedParent
    if (known === undefined || known.parent !== parent || known.version !== stored) {
      next = put(next, { generation: generation - i, hash, parent, version: stored })
    }
    if (known?.parent !== undefined && claimedParent !== undefined && claimedParent !== known.parent) {
      // The parent of this revision is known already, and a contradicting one is ignored.
      contradicts = true
      end = i
      break
    }
  }
  if (next === tree) return { tree, merged: "known" }
  const isInner = (leaf: Rev): boolean => {
    const i = generation - leaf.generation
    return i > 0 && i <= end && hashes[i] === leaf.hash
  }
  const others = tree.leaves.filter((leaf) => !isInner(leaf))
  const isNew = find(tree, generation, newest) === undefined
  const own = find(next, generation, newest)
  const isOwn = (leaf: Rev): boolean => leaf.generation === generation && leaf.hash === newest
  // Of the remaining leaves, only that of this path may be a changed node.
  const leaves = own !== undefined && (isNew || others.some(isOwn))
    ? insertLeaf(others.filter((leaf) => !isOwn(leaf)), own)
    : others
  const extended = others.length < tree.leaves.length && !contradicts
  return {
    tree: { ...next, leaves },
    merged: !isNew ? "known" : extended || tree.size === 0 ? "leaf" : "branch"
  }
}

/** The winning revision. */
export const winner = <V>(tree: Tree<V>): Node<V> | undefined => tree.leaves[0]

export const get = <V>(tree: Tree<V>, rev: Rev): Node<V> | undefined => find(tree, rev.generation, rev.hash)

export const isLeaf = <V>(tree: Tree<V>, rev: Rev): boolean =>
  tree.leaves.some((leaf) => leaf.generation === rev.generation && leaf.hash === rev.hash)

/** All leaves, the winner first. */
export const leafNodes = <V>(tree: Tree<V>): ReadonlyArray<Node<V>> => tree.leaves

/** The revision and its known ancestors, newest first. */
export const ancestry = <V>(tree: Tree<V>, node: Node<V>): ReadonlyArray<Node<V>> => {
  const found: Array<Node<V>> = []
  for (let next: Node<V> | undefined = node; next !== undefined; next = parentOf(tree, next)) found.push(next)
  return found
}

/** Removes the revisions that are more than `limit` revisions away from every leaf. */
export const stem = <V>(tree: Tree<V>, limit: number): Tree<V> => {
  // A path has at most as many revisions as there are generations, however many branches there are.
  if (tree.size <= limit || HashMap.size(tree.generations) <= limit) return tree
  return stemOne(tree, limit) ?? stemAll(tree, limit)
}

/** The fast path for a linear history that grew by one: it removes the oldest revision without looking at others. */
const stemOne = <V>(tree: Tree<V>, limit: number): Tree<V> | undefined => {
  const leaf = tree.leaves[0]
  if (leaf === undefined || tree.leaves.length > 1 || tree.size !== limit + 1) return undefined
  const oldest = at(tree, leaf.generation - limit)[0]
  const child = at(tree, leaf.generation - limit + 1)[0]
  if (oldest === undefined || child === undefined || child.parent !== oldest.hash) return undefined
  const { generations, leaves, size } = put(tree, { ...child, parent: undefined })
  const kept = { generations: HashMap.remove(generations, oldest.generation), size: size - 1, leaves }
  return { ...kept, leaves: leaves.map(({ generation, hash }) => find(kept, generation, hash) ?? leaf) }
}

const stemAll = <V>(tree: Tree<V>, limit: number): Tree<V> => {
  const kept = new Map<string, Node<V>>()
  for (const leaf of tree.leaves) {
    for (const node of ancestry(tree, leaf).slice(0, limit)) kept.set(Revs.format(node), node)
  }
  if (kept.size === tree.size) return tree
  const isKept = ({ generation, parent }: Node<V>): boolean =>
    parent !== undefined && kept.has(Revs.format({ generation: generation - 1, hash: parent }))
  return fromNodes(
    Array.from(kept.values(), (node) => isKept(node) ? node : { ...node, parent: undefined }),
    tree.leaves
  )
}

/** Whether two trees are equal. */
export const same = <V>(self: Tree<V>, that: Tree<V>): boolean => {
  const equal = (node: Node<V>): boolean => {
    const other = get(that, node)
    return other !== undefined && other.parent === node.parent && other.version === node.version
  }
  return self.size === that.size && self.leaves.every(equal) && nodes(self).every(equal)
}

/** Drops the content of all revisions that are not leaves. */
export const compact = <V>(tree: Tree<V>): Tree<V> =>
  fromNodes(nodes(tree).map((node) => isLeaf(tree, node) ? node : { ...node, version: undefined }), tree.leaves)

/** Removes leaves, with all ancestors that lead to no other leaf. */
export const purge = <V extends Deletable>(
  tree: Tree<V>,
  revs: ReadonlyArray<Rev>
): { readonly tree: Tree<V>; readonly purged: ReadonlyArray<Rev> } => {
  const purged = revs.filter((rev) => isLeaf(tree, rev))
  if (purged.length === 0) return { tree, purged }
  const gone = new Set(purged.map(Revs.format))
  const leaves = tree.leaves.filter((leaf) => !gone.has(Revs.format(leaf)))
  const kept = new Set(leaves.flatMap((leaf) => ancestry(tree, leaf)))
  return { tree: fromNodes(kept, leaves), purged }
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
 * Sorts revisions in the order of a walk over the tree: by branch, the later root first. Branches are cut to `limit`.
 */
export const inWalkingOrder = <V>(
  tree: Tree<V>,
  nodes: Iterable<Node<V>>,
  limit: number
): ReadonlyArray<Node<V>> =>
  Array.from(nodes, (node) => [node, ancestry(tree, node).slice(0, limit)] as const)
    .sort(([, left], [, right]) => compareRoutes(left, right))
    .map(([node]) => node)

/** The leaves that descend from the revision, or the revision itself if it is a leaf. */
export const latest = <V>(tree: Tree<V>, rev: Rev): ReadonlyArray<Node<V>> => {
  const key = Revs.format(rev)
  return leafNodes(tree).filter((leaf) => ancestry(tree, leaf).some((node) => Revs.format(node) === key))
}
