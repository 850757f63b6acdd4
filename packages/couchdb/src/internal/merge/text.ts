import * as Option from "effect/Option"
import { diff3Merge } from "node-diff3"
import { structural } from "../equivalence.js"
import { type Node, oneSided, overlap } from "./node.js"

/** What a text is taken apart into. */
export type Grain = "line" | "word" | "character"

const split = (text: string, grain: Grain): Array<string> =>
  grain === "line"
    ? text.match(/[^\n]*\n|[^\n]+$/g) ?? []
    : grain === "word"
    ? text.match(/\s+|[^\s]+/g) ?? []
    : Array.from(text)

/** diff3: edits of different places are both kept, edits of one place are a clash. */
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
    return regions.some(({ conflict }) => conflict !== undefined)
      ? overlap(sides, run, `edited at one place on both sides (by ${grain})`)
      : regions.map(({ ok }) => (ok ?? []).join("")).join("")
  }
})
