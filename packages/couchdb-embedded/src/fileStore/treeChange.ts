import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import type { Node, Tree } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Version } from "../storage/state.js"

/** A revision that was added or changed. If `sameVersion`, its content is that of the earlier state. */
export interface Put {
  readonly node: Node<Version>
  readonly sameVersion: boolean
}

/** The difference between two states of a revision tree. */
export interface TreeChange {
  readonly puts: ReadonlyArray<Put>
  readonly drops: ReadonlyArray<Rev>
  readonly leavesAdded: ReadonlyArray<Rev>
  readonly leavesRemoved: ReadonlyArray<Rev>
}

type Nodes = ReadonlyArray<Node<Version>>

const none: Nodes = []

const byHash = (nodes: Nodes): (hash: string) => Node<Version> | undefined => {
  if (nodes.length < 8) return (hash) => nodes.find((node) => node.hash === hash)
  const found = new Map(nodes.map((node) => [node.hash, node]))
  return (hash) => found.get(hash)
}

const without = (self: ReadonlyArray<Rev>, that: ReadonlyArray<Rev>): ReadonlyArray<Rev> => {
  const names = new Set(that.map(Revs.format))
  return self.filter((rev) => !names.has(Revs.format(rev)))
}

/** Compares two states. Generations that they share are skipped. */
export const diff = (before: Tree<Version>, after: Tree<Version>): TreeChange => {
  const puts: Array<Put> = []
  const drops: Array<Rev> = []
  for (const [generation, nodes] of after.generations) {
    const held = Option.getOrElse(HashMap.get(before.generations, generation), () => none)
    if (held === nodes) continue
    const [was, is] = [byHash(held), byHash(nodes)]
    for (const node of nodes) {
      const old = was(node.hash)
      if (old !== node) puts.push({ node, sameVersion: old?.version !== undefined && old.version === node.version })
    }
    for (const node of held) if (is(node.hash) === undefined) drops.push(node)
  }
  for (const [generation, nodes] of before.generations) {
    if (!HashMap.has(after.generations, generation)) drops.push(...nodes)
  }
  return {
    puts,
    drops,
    leavesAdded: without(after.leaves, before.leaves),
    leavesRemoved: without(before.leaves, after.leaves)
  }
}

/** Applies a change to the earlier state. */
export const apply = (before: Tree<Version>, change: TreeChange): Tree<Version> => {
  let { generations, size } = before
  const at = (generation: number): Nodes => Option.getOrElse(HashMap.get(generations, generation), () => none)
  const remove = ({ generation, hash }: Rev): void => {
    const nodes = at(generation)
    const others = nodes.filter((node) => node.hash !== hash)
    size -= nodes.length - others.length
    generations = others.length === 0
      ? HashMap.remove(generations, generation)
      : HashMap.set(generations, generation, others)
  }
  for (const rev of change.drops) remove(rev)
  for (const { node, sameVersion } of change.puts) {
    const version = sameVersion ? RevisionTree.get(before, node)?.version : node.version
    remove(node)
    generations = HashMap.set(generations, node.generation, [...at(node.generation), { ...node, version }])
    size++
  }
  const tree = { generations, size, leaves: none }
  const leaves = [...without(before.leaves, change.leavesRemoved), ...change.leavesAdded].flatMap((rev) => {
    const node = RevisionTree.get(tree, rev)
    return node === undefined ? [] : [node]
  })
  return { ...tree, leaves: leaves.sort(RevisionTree.compareNodes) }
}
