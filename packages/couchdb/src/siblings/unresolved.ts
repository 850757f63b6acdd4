import type { Revision } from "../data/Revision.js"
import type { DecodeError } from "../document/errors.js"
import type { WireError } from "../http/bulk/errors.js"
import { defineNonEnumerable } from "../http/defineNonEnumerable.js"
import type { Unmerged } from "./fold.js"
import type { UnresolvedReason } from "./model.js"
import type { Remaining } from "./plan.js"

/** The reason for a version that the schema does not read. */
export class Unreadable {
  readonly _tag = "Unreadable"
  constructor(readonly error: DecodeError) {}
}

/** Why a version does not merge. */
export type Reason = Unmerged | Unreadable

/** Values stand in clashes, so a log shows their paths only. */
export const unmergedReason = ({ _tag, clashes, why }: Unmerged): UnresolvedReason => {
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

/** The most paths that a sentence names. */
const mostPaths = 5

const sentence = (reason: Reason): string => {
  const described = unresolvedReasonOf(reason)
  const paths = "paths" in described ? described.paths.map(({ path }) => path) : []
  const named = [...paths.slice(0, mostPaths), ...(paths.length > mostPaths ? ["…"] : [])]
  return named.length === 0 ? described.why : `${described.why}: ${named.join(", ")}`
}

/** A version that is left at the end: how many versions it merges, and why it does not merge with an earlier one. */
export interface End {
  readonly rev: Revision
  readonly size: number
  readonly why: Reason | undefined
}

/** The version that merges the most others; the first of equal ones. */
export const leaderOf = (ends: ReadonlyArray<End>): End | undefined =>
  ends.reduce<End | undefined>((best, end) => best === undefined || end.size > best.size ? end : best, undefined)

const unexplained: Reason = { _tag: "Overlap", why: "it does not merge with the others", clashes: [] }

/** The versions that stay beside the leader. */
export const remainingOf = (ends: ReadonlyArray<End>): ReadonlyArray<Remaining> => {
  const leader = leaderOf(ends)
  return ends.flatMap((end) =>
    end === leader ? [] : [{ rev: end.rev, why: sentence(end.why ?? leader?.why ?? unexplained) }]
  )
}

/** Why nothing was merged. A version that the schema does not read comes first. */
export const reasonOf = (ends: ReadonlyArray<End>): Reason => {
  const reasons = ends.flatMap(({ why }) => why === undefined ? [] : [why])
  return reasons.find(({ _tag }) => _tag === "Unreadable") ?? reasons[0] ?? unexplained
}

const unreadable = (error: DecodeError): UnresolvedReason => ({
  _tag: "Unreadable",
  why: `the version ${error.rev ?? ""} is not what the schema says`,
  error
})

export const refusal = (error: WireError): UnresolvedReason => ({
  _tag: "Refused",
  why: "the server refused the merge",
  error
})

export const looping = (times: number): UnresolvedReason => ({
  _tag: "Looping",
  why: `it was resolved ${times} times in a short while, and is in conflict again`,
  times
})
