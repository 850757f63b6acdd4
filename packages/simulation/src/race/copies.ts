import * as Effect from "effect/Effect"
import { type Doc, type Json, type Leaf, leavesIn } from "../world/replicas.js"

/** The data of one document on one node. */
export interface Copy {
  readonly node: string
  /** The live and deleted leaves. */
  readonly leaves: ReadonlyArray<Leaf>
  /** Older revisions with content. */
  readonly older: ReadonlyArray<Leaf>
}

/** Reads a document with all revisions that have content. */
export const readCopy = (
  node: string,
  get: (query: string) => Effect.Effect<Json>
): Effect.Effect<Copy> =>
  Effect.gen(function*() {
    const leaves = leavesIn(yield* get("?open_revs=all&revs=true"))
    const own = new Set<string>(leaves.map(({ rev }) => rev))
    const before = Array.from(new Set(leaves.flatMap(({ path }) => path))).filter((rev) => !own.has(rev))
    const older = before.length === 0
      ? []
      : leavesIn(yield* get(`?open_revs=${encodeURIComponent(JSON.stringify(before))}&revs=true`))
    return { node, leaves, older }
  })

/** Whether all copies have the same leaves. */
export const agree = (copies: ReadonlyArray<Copy>): boolean =>
  new Set(copies.map(({ leaves }) => leaves.map(({ rev }) => rev).sort().join(" "))).size <= 1

const sortMembers = (value: Json): Json =>
  Array.isArray(value)
    ? value.map(sortMembers)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, sortMembers(inner as Json)])
    )
    : value

/** The content of a revision as text, without its history. */
const contentOf = ({ _id, _revisions, ...content }: Doc): string => JSON.stringify(sortMembers(content))

/** The contents by revision. */
export interface Contents {
  readonly add: (rev: string, doc: Doc) => void
  readonly count: () => number
  /** The revisions with more than one content. */
  readonly two: () => ReadonlyArray<string>
}

export const makeContents = (): Contents => {
  const known = new Map<string, Set<string>>()
  return {
    add: (rev, doc) => {
      known.set(rev, (known.get(rev) ?? new Set()).add(contentOf(doc)))
    },
    count: () => known.size,
    two: () => Array.from(known).flatMap(([rev, texts]) => texts.size > 1 ? [rev] : [])
  }
}

/** The contents of all revisions in the copies. */
export const contentsOf = (copies: ReadonlyArray<Copy>): Contents => {
  const contents = makeContents()
  for (const { leaves, older } of copies) for (const { doc, rev } of [...leaves, ...older]) contents.add(rev, doc)
  return contents
}
