import * as Option from "effect/Option"
import { diff3Merge } from "node-diff3"
import { structural } from "../data/equivalence.js"
import { type Node, oneSided, overlap } from "./node.js"
import { miscounted } from "./wordCounts.js"

/** The unit by which texts are compared. */
export type Grain = "line" | "word" | "character"

const split = (text: string, grain: Grain): Array<string> =>
  grain === "line"
    ? text.match(/[^\n]*\n|[^\n]+$/g) ?? []
    : grain === "word"
    ? text.match(/\s+|[^\s]+/g) ?? []
    : Array.from(text)

/**
 * Merges text with diff3: edits of different parts are both kept, edits of the same part clash. A word or line that
 * would occur more or less often than both sides together intend is a clash as well.
 */
export const text = (grain: Grain): Node => ({
  equals: structural,
  merge: (sides, run) => {
    const alone = oneSided({ equals: structural }, sides)
    if (Option.isSome(alone)) return alone.value
    const { base, mine, theirs } = sides
    if (base._tag === "Unknown") return overlap(sides, run, "two texts without a base, so the edits are unknown")
    const from = base._tag === "Value" ? base.value : ""
    if (typeof mine !== "string" || typeof theirs !== "string" || typeof from !== "string") {
      return overlap(sides, run, "not three texts")
    }
    const regions = diff3Merge(split(mine, grain), split(from, grain), split(theirs, grain), {
      excludeFalseConflicts: true
    })
    if (regions.some(({ conflict }) => conflict !== undefined)) {
      return overlap(sides, run, `the same part was edited on both sides (by ${grain})`)
    }
    const merged = regions.map(({ ok }) => (ok ?? []).join("")).join("")
    const wrongWord = miscounted({ from, mine, theirs, merged }, grain)
    return wrongWord === undefined
      ? merged
      : overlap(sides, run, `moved on one side, and moved or removed on the other: ${JSON.stringify(wrongWord)}`)
  }
})
