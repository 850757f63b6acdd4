import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"
import type { Node } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { DocumentRecord, Version } from "./state.js"

/** A requested revision. `node` is `undefined` if nothing is stored of it. */
export interface Found {
  readonly rev: Rev
  readonly node: Node<Version> | undefined
}

/** The revisions for `_bulk_get`, in the order of a walk over the revision tree. */
export const openRevs = (
  record: DocumentRecord | undefined,
  revs: "all" | ReadonlyArray<Rev>,
  latest: boolean,
  limit: number
): ReadonlyArray<Found> => {
  if (record === undefined) return revs === "all" ? [] : revs.map((rev) => ({ rev, node: undefined }))
  const { tree } = record
  if (revs === "all") {
    return RevisionTree.inWalkingOrder(tree, RevisionTree.leafNodes(tree), limit).map((node) => ({ rev: node, node }))
  }
  const nodes = new Map<string, Node<Version>>()
  const unknown: Array<Found> = []
  for (const rev of revs) {
    const node = RevisionTree.get(tree, rev)
    if (node === undefined) unknown.push({ rev, node: undefined })
    else for (const each of latest ? RevisionTree.latest(tree, rev) : [node]) nodes.set(Revs.format(each), each)
  }
  const found = RevisionTree.inWalkingOrder(tree, nodes.values(), limit)
  return [...found.map((node) => ({ rev: node, node: node.version === undefined ? undefined : node })), ...unknown]
}

const distinct = (revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> =>
  Array.from(new Map(revs.map((rev) => [Revs.format(rev), rev])).values())

/** The revisions for `open_revs`: the stored ones by generation and hash, then the missing ones. */
export const openRevsSorted = (
  record: DocumentRecord | undefined,
  revs: "all" | ReadonlyArray<Rev>,
  latest: boolean
): ReadonlyArray<Found> =>
  Array.from(openRevs(record, revs === "all" ? revs : distinct(revs), latest, Infinity)).sort((self, that) =>
    self.node === undefined === (that.node === undefined)
      ? Revs.compare(self.rev, that.rev)
      : self.node === undefined
      ? 1
      : -1
  )
