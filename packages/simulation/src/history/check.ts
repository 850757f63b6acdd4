import { isUnnamed } from "../world/edits.js"
import { type Truth, union, visible } from "../world/groundTruth.js"
import type { Json, Leaf } from "../world/replicas.js"
import type { Trouble } from "../world/steps.js"

/** The errors at the end of a history. */
export interface Findings {
  readonly diverged: ReadonlyArray<string>
  readonly lost: ReadonlyArray<string>
  readonly doubled: ReadonlyArray<string>
  readonly wrong: ReadonlyArray<string>
  readonly silent: ReadonlyArray<string>
  readonly twoContents: number
  /** Lost edits that no merge tombstone contains. */
  readonly gone: ReadonlyArray<string>
  /** Why resolutions were left to a user. */
  readonly deferred: ReadonlyArray<string>
}

const sorted = (names: Iterable<string>): string => [...names].sort().join(" ")

const mergeTombstoneOf = ({ deleted, doc }: Leaf): { readonly of: string } | undefined => {
  const field = doc["lineage"] as { readonly [key: string]: Json } | undefined
  return deleted && field?.["kind"] === "burial" ? { of: String(field["of"]) } : undefined
}

const editsInTombstone = (leaf: Leaf): ReadonlyArray<string> => {
  const field = leaf.doc["lineage"] as { readonly doc?: { readonly seen?: ReadonlyArray<string> } } | undefined
  return mergeTombstoneOf(leaf) === undefined ? [] : field?.doc?.seen ?? []
}

/** The edits of merged leaves that must be visible elsewhere. */
const mergedEdits = (truth: Truth, leaves: ReadonlyArray<Leaf>, isAlive: boolean): ReadonlyArray<string> => {
  // If no leaf is live, the cause must be a deletion and not only a merge tombstone.
  const expected = new Set(isAlive ? truth.all() : truth.undeleted())
  return leaves.flatMap((leaf) => {
    const tombstone = mergeTombstoneOf(leaf)
    return tombstone === undefined ? [] : visible(truth.of(tombstone.of)).filter((edit) => expected.has(edit))
  })
}

export const check = (
  truth: Truth,
  ends: ReadonlyArray<ReadonlyArray<Leaf>>,
  deferred: ReadonlyArray<string>,
  trouble: Trouble
): Omit<Findings, "twoContents"> => {
  const diverged: Array<string> = []
  const lost = new Set<string>()
  const doubled: Array<string> = []
  const wrong: Array<string> = []
  const silent = new Set<string>()
  const standing = ends.map((leaves) => leaves.filter(({ deleted }) => !deleted))
  const quiet = deferred.length === 0
  // A replica that rejects merges or gets no tombstones diverges by design.
  const apart = trouble.refusals || trouble.filtered || trouble.versions
  const states = new Set(standing.map((leaves) => sorted(leaves.map(({ rev }) => rev))))
  if (quiet && !apart && states.size > 1) diverged.push(Array.from(states).join(" | "))

  standing.forEach((leaves, i) => {
    for (const { doc, rev } of leaves) {
      const expected = visible(truth.of(rev))
      const seen = doc["seen"] as ReadonlyArray<string>
      const count = Number(doc["count"])
      const total = truth.total(truth.of(rev).edits)
      if (sorted(seen) !== sorted(expected.filter((edit) => !isUnnamed(edit)))) {
        wrong.push(`${i}: ${rev} says ${sorted(seen)}, and contains ${sorted(expected)}`)
      }
      if (count > total) doubled.push(`${i}: ${rev} counts ${count}, not ${total}`)
      if (count < total) wrong.push(`${i}: ${rev} counts ${count}, not ${total}`)
    }
    const whole = union(leaves.map(({ rev }) => truth.of(rev)))
    const alive = new Set(visible(whole))
    if (quiet && !apart) {
      if (leaves.length > 1) diverged.push(`${i}: ${leaves.length} versions stand`)
      // A document stays alive if a deletion missed one of its edits.
      if (leaves.length === 0 && truth.undeleted().length > 0) { for (const edit of truth.undeleted()) lost.add(edit) }
      if (leaves.length > 0) {
        for (const edit of truth.all()) if (!alive.has(edit) && !whole.given.has(edit)) lost.add(edit)
      }
    }
    if (quiet) {
      for (const edit of mergedEdits(truth, ends[i] ?? [], leaves.length > 0)) {
        if (!alive.has(edit) && !whole.given.has(edit)) silent.add(`${i}: ${edit}`)
      }
    }
  })
  const kept = new Set(ends.flat().flatMap(editsInTombstone))
  return {
    diverged,
    lost: Array.from(lost),
    doubled,
    wrong,
    silent: Array.from(silent),
    gone: Array.from(lost).filter((edit) => !kept.has(edit)),
    deferred
  }
}
