import type { Grain } from "./text.js"

/** The number of occurrences of each word or line in a text. White space does not count. */
const countWords = (text: string, grain: Grain): ReadonlyMap<string, number> => {
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
 * The first word that a merge duplicates, loses or restores. diff3 treats a moved word as a removal and an addition: a
 * word that the sides moved to two places occurs at both, and a word that one side moved and the other removed stays.
 *
 * If both sides added occurrences of a word, the merge may contain the additions of one side or of both, and the same
 * applies to removals; any other number must be exact. By character, words are made of parts, so only the words of the
 * base are checked, and only for too many occurrences.
 */
export const miscounted = ({ from, merged, mine, theirs }: Texts, grain: Grain): string | undefined => {
  const [base, left, right, after] = [
    countWords(from, grain),
    countWords(mine, grain),
    countWords(theirs, grain),
    countWords(merged, grain)
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
