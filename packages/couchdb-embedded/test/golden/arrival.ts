/**
 * In which order the shards of the transcript's server answered.
 *
 * Which of two shards is the first to tell its changes, or its unsorted rows, is chance, there as here. The ids in a recorded answer tell
 * whose turn it was, so that the engine can be given the same turns; what a shard tells, and in which order, is its own.
 */
import { crc32 } from "../../src/encoding/crc32.js"
import type { Step } from "./transcript.js"
import { recorded } from "./transcript.js"

/** The place of the shard of a document, where there are two. */
export const shardOf = (id: string): number => crc32(id) < 0x80000000 ? 0 : 1

/** Whose turn it was: the place of the shard of every row, where there are two shards. */
export const turnsOf = (step: Step): ReadonlyArray<number> =>
  !/\/_changes|sorted=false/.test(step.path) ? [] : Array.from(
    recorded(step).matchAll(/\{(?:"seq":[^,]+,)?"id":("(?:[^"\\]|\\.)*")/g),
    ([, id = "\"\""]) => shardOf(String(JSON.parse(id)))
  )

export interface Arrival {
  /** Whose turns come next. */
  readonly set: (turns: ReadonlyArray<number>) => void
  readonly next: (open: ReadonlyArray<number>) => number
}

export const make = (): Arrival => {
  let turns: ReadonlyArray<number> = []
  return {
    set: (next) => {
      turns = next
    },
    next: (open) => {
      const [first, ...rest] = turns
      if (first === undefined || !open.includes(first)) return open[0] ?? 0
      turns = rest
      return first
    }
  }
}
