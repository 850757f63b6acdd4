/**
 * The order in which the shards of the transcript's server answered.
 *
 * Which of two shards sends its changes or unsorted rows first is random, on the server as in the engine. The ids in a
 * recorded response show the order, and the engine replays it. The rows of each shard and their order are the engine's
 * own.
 */
import { crc32 } from "../../src/encoding/crc32.js"
import type { Step } from "./transcript.js"
import { recorded } from "./transcript.js"

/** The index of the shard of a document in a database with two shards. */
export const shardOf = (id: string): number => crc32(id) < 0x80000000 ? 0 : 1

/** The index of the shard of each row in a database with two shards. */
export const turnsOf = (step: Step): ReadonlyArray<number> =>
  !/\/_changes|sorted=false/.test(step.path) ? [] : Array.from(
    recorded(step).matchAll(/\{(?:"seq":[^,]+,)?"id":("(?:[^"\\]|\\.)*")/g),
    ([, id = "\"\""]) => shardOf(String(JSON.parse(id)))
  )

export interface Arrival {
  /** Sets the order for the next response. */
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
