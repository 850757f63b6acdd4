import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"

/** One revision: what is stored of it, or nothing where only its name is known. */
export interface Node<V> extends Rev {
  /** The hash of the revision before, where it is known. */
  readonly parent: string | undefined
  readonly version: V | undefined
}

/**
 * All that is known of one document's history. `leaves` stand in the order of winning: live before deleted, then the
 * higher generation, then the greater hash. The nodes are kept by generation, in a map that shares what does not change
 * with its earlier states, so that a write costs the same however long the history is.
 */
export interface Tree<V> {
  readonly generations: HashMap.HashMap<number, ReadonlyArray<Node<V>>>
  readonly size: number
  readonly leaves: ReadonlyArray<Node<V>>
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

export const empty: Tree<never> = { generations: HashMap.empty(), size: 0, leaves: [] }

/** The order of winning: live before deleted, then the higher generation, then the greater hash. */
export const better = <V extends Deletable>(self: Node<V>, that: Node<V>): number => {
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

/** Puts a node in, in the place of the one of its name. The leaves stay as they are. */
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

/** Every revision of which at least the name is known. */
export const nodes = <V>(tree: Tree<V>): ReadonlyArray<Node<V>> => Array.from(HashMap.values(tree.generations)).flat()

const parentOf = <V>(tree: Tree<V>, node: Node<V>): Node<V> | undefined =>
  node.parent === undefined ? undefined : find(tree, node.generation - 1, node.parent)

/** Leaves in their order, with one more: sorting thousands of them again for each write would be slow. */
const inserted = <V extends Deletable>(leaves: ReadonlyArray<Node<V>>, leaf: Node<V>): ReadonlyArray<Node<V>> => {
  let low = 0
  let high = leaves.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = leaves[middle]
    if (other !== undefined && better(other, leaf) < 0) low = middle + 1
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
    const told = hashes[i + 1]
    const known = find(tree, generation - i, hash)
    const stored: V | undefined = known?.version ?? (i === 0 ? version : undefined)
    const parent = known?.parent ?? told
    if (known === undefined || known.parent !== parent || known.version !== stored) {
      next = put(next, { generation: generation - i, hash, parent, version: stored })
    }
    if (known?.parent !== undefined && told !== undefined && told !== known.parent) {
      // Where a revision comes from is known already, and what is told of it now changes nothing.
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
  // Of the leaves that stay only the one of this path may be another node than before.
  const leaves = own !== undefined && (isNew || others.some(isOwn))
    ? inserted(others.filter((leaf) => !isOwn(leaf)), own)
    : others
  const extended = others.length < tree.leaves.length && !contradicts
  return {
    tree: { ...next, leaves },
    merged: !isNew ? "known" : extended || tree.size === 0 ? "leaf" : "branch"
  }
}

/** The revision that reads see. */
export const winner = <V>(tree: Tree<V>): Node<V> | undefined => tree.leaves[0]

export const get = <V>(tree: Tree<V>, rev: Rev): Node<V> | undefined => find(tree, rev.generation, rev.hash)

export const isLeaf = <V>(tree: Tree<V>, rev: Rev): boolean =>
  tree.leaves.some((leaf) => leaf.generation === rev.generation && leaf.hash === rev.hash)

/** The nodes of all leaves, in the order of winning. */
export const leafNodes = <V>(tree: Tree<V>): ReadonlyArray<Node<V>> => tree.leaves

/** The revision and its known ancestors, the newest first. */
export const ancestry = <V>(tree: Tree<V>, node: Node<V>): ReadonlyArray<Node<V>> => {
  const found: Array<Node<V>> = []
  for (let next: Node<V> | undefined = node; next !== undefined; next = parentOf(tree, next)) found.push(next)
  return found
}

/** Forgets what is further than `limit` revisions from every leaf. */
export const stem = <V>(tree: Tree<V>, limit: number): Tree<V> => {
  // No path has more revisions than there are generations, however many branches there are.
  if (tree.size <= limit || HashMap.size(tree.generations) <= limit) return tree
  return stemOne(tree, limit) ?? stemAll(tree, limit)
}

/** The common case, a history in one line that grew by one: its oldest revision goes, and nothing else is looked at. */
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

/** Whether two states of one graph know the same. */
export const same = <V>(self: Tree<V>, that: Tree<V>): boolean => {
  const equal = (node: Node<V>): boolean => {
    const other = get(that, node)
    return other !== undefined && other.parent === node.parent && other.version === node.version
  }
  return self.size === that.size && self.leaves.every(equal) && nodes(self).every(equal)
}

/** Drops what is stored of every revision that is not a leaf. */
export const compact = <V>(tree: Tree<V>): Tree<V> =>
  fromNodes(nodes(tree).map((node) => isLeaf(tree, node) ? node : { ...node, version: undefined }), tree.leaves)

/** Takes leaves away, with every ancestor that leads to no other leaf. */
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
