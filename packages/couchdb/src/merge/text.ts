import * as Option from "effect/Option"
import { diff3Merge } from "node-diff3"
import { structural } from "../data/equivalence.js"
import { type Node, oneSided, overlap } from "./node.js"
import { miscounted } from "./wordCounts.js"

/** What a text is taken apart into. */
export type Grain = "line" | "word" | "character"

const split = (text: string, grain: Grain): Array<string> =>
  grain === "line"
    ? text.match(/[^\n]*\n|[^\n]+$/g) ?? []
    : grain === "word"
    ? text.match(/\s+|[^\s]+/g) ?? []
    : Array.from(text)

/**
 * diff3: edits of different places are both kept, edits of one place are a clash. A word, or a line, that would stand more
 * or less often than both sides together made it stand is a clash as well.
 */
export const text = (grain: Grain): Node => ({
  equals: structural,
  merge: (sides, run) => {
    const alone = oneSided({ equals: structural }, sides)
    if (Option.isSome(alone)) return alone.value
    const { base, mine, theirs } = sides
    if (base._tag === "Unknown") return overlap(sides, run, "two texts, and no base to tell the edits")
    const from = base._tag === "Value" ? base.value : ""
    if (typeof mine !== "string" || typeof theirs !== "string" || typeof from !== "string") {
      return overlap(sides, run, "not three texts")
    }
    const regions = diff3Merge(split(mine, grain), split(from, grain), split(theirs, grain), {
      excludeFalseConflicts: true
    })
    if (regions.some(({ conflict }) => conflict !== undefined)) {
      return overlap(sides, run, `edited at one place on both sides (by ${grain})`)
    }
    const merged = regions.map(({ ok }) => (ok ?? []).join("")).join("")
    const odd = miscounted({ from, mine, theirs, merged }, grain)
    return odd === undefined
      ? merged
      : overlap(sides, run, `moved on one side, and moved or removed on the other: ${JSON.stringify(odd)}`)
  }
})
