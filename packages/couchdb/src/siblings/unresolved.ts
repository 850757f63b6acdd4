import type { Revision } from "../data/Revision.js"
import type { DecodeError } from "../document/errors.js"
import type { WireError } from "../http/bulk/errors.js"
import { defineNonEnumerable } from "../http/defineNonEnumerable.js"
import type { UnresolvedReason } from "./model.js"
import type { Unmerged } from "./pairMerge.js"
import type { Remaining } from "./plan.js"

/** The reason of a version that does not match the schema. */
export class Unreadable {
  readonly _tag = "Unreadable"
  constructor(readonly error: DecodeError) {}
}

/** Why a version does not merge. */
export type Reason = Unmerged | Unreadable

/** Clashes contain values, so logs show only their paths. */
const unmergedReason = ({ _tag, clashes, why }: Unmerged): UnresolvedReason => {
  const described = {
    _tag,
    why,
    paths: clashes.map(({ path, why }) => ({ path: path.map(String).join("."), why }))
  }
  defineNonEnumerable(described, { clashes })
  return described as typeof described & { readonly clashes: typeof clashes }
}

export const unresolvedReasonOf = (reason: Reason): UnresolvedReason =>
  reason._tag === "Unreadable" ? unreadable(reason.error) : unmergedReason(reason)

/** The most paths in a description. */
const maxPaths = 5

const describe = (reason: Reason): string => {
  const described = unresolvedReasonOf(reason)
  const paths = "paths" in described ? described.paths.map(({ path }) => path) : []
  const named = [...paths.slice(0, maxPaths), ...(paths.length > maxPaths ? ["…"] : [])]
  return named.length === 0 ? described.why : `${described.why}: ${named.join(", ")}`
}

/**
 * A version that is left after all merges: how many versions it merges, and why it does not merge with an earlier one.
 */
export interface FinalHead {
  readonly rev: Revision
  readonly size: number
  readonly why: Reason | undefined
}

/** The first of the versions that merge the most others. */
export const largestMerge = (heads: ReadonlyArray<FinalHead>): FinalHead | undefined =>
  heads.reduce<FinalHead | undefined>(
    (largest, head) => largest === undefined || head.size > largest.size ? head : largest,
    undefined
  )

const unexplained: Reason = { _tag: "Overlap", why: "it does not merge with the others", clashes: [] }

/** The versions that the largest merge does not contain. */
export const remainingVersions = (heads: ReadonlyArray<FinalHead>): ReadonlyArray<Remaining> => {
  const largest = largestMerge(heads)
  return heads.flatMap((head) =>
    head === largest ? [] : [{ rev: head.rev, why: describe(head.why ?? largest?.why ?? unexplained) }]
  )
}

/** Why nothing was merged. A version that does not match the schema takes precedence. */
export const mainReason = (heads: ReadonlyArray<FinalHead>): Reason => {
  const reasons = heads.flatMap(({ why }) => why === undefined ? [] : [why])
  return reasons.find(({ _tag }) => _tag === "Unreadable") ?? reasons[0] ?? unexplained
}

const unreadable = (error: DecodeError): UnresolvedReason => ({
  _tag: "Unreadable",
  why: `the version ${error.rev ?? ""} does not match the schema`,
  error
})

export const refusal = (error: WireError): UnresolvedReason => ({
  _tag: "Refused",
  why: "the server refused the merge",
  error
})

export const looping = (times: number): UnresolvedReason => ({
  _tag: "Looping",
  why: `it was resolved ${times} times within a short period, and is in conflict again`,
  times
})
