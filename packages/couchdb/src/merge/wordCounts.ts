import type { Grain } from "./text.js"

/** How often each word, or each line, stands in a text; white space does not count. */
const counted = (text: string, grain: Grain): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const word of text.match(grain === "line" ? /[^\n]*\S[^\n]*/g : /\S+/g) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

export interface Texts {
  readonly from: string
  readonly mine: string
  readonly theirs: string
  readonly merged: string
}

/**
 * The first word that a merge doubles, loses or brings back. diff3 takes a word that was moved for one removed here and one
 * added there: moved to two places it stands at both, and moved here and removed there it stays.
 *
 * What both sides added counts as added by each or by both together, and so does what both removed; anything else adds up
 * exactly. By character words come about of parts, and only of those that were there none may be too many.
 */
export const miscounted = ({ from, merged, mine, theirs }: Texts, grain: Grain): string | undefined => {
  const [base, left, right, after] = [
    counted(from, grain),
    counted(mine, grain),
    counted(theirs, grain),
    counted(merged, grain)
  ]
  const words = grain === "character" ? base.keys() : new Set([...base.keys(), ...left.keys(), ...right.keys()])
  for (const word of words) {
    const of = (counts: ReadonlyMap<string, number>): number => counts.get(word) ?? 0
    const before = of(base)
    const [mine, theirs] = [of(left) - before, of(right) - before]
    const apart = before + mine + theirs
    const together = mine > 0 && theirs > 0
      ? before + Math.max(mine, theirs)
      : mine < 0 && theirs < 0
      ? before + Math.min(mine, theirs)
      : apart
    const tooMany = of(after) > Math.max(apart, together)
    const tooFew = of(after) < Math.min(apart, together)
    if (tooMany || (tooFew && grain !== "character")) return word
  }
  return undefined
}
