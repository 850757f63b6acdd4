/**
 * The order in which the shards of the recorded server responded.
 *
 * It is random which of two shards reports its changes, or its unsorted rows, first. The ids in a recorded response show the
 * order, which is applied to the engine. What a shard reports, and in which order, is decided by the engine.
 */
import { crc32 } from "../../src/encoding/crc32.js"
import type { Step } from "./transcript.js"
import { recorded } from "./transcript.js"

/** The index of the shard of a document, of two shards. */
export const shardOf = (id: string): number => crc32(id) < 0x80000000 ? 0 : 1

/** The index of the shard of every row, of two shards. */
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
