import { PCGRandom } from "effect/Utils"

/** A seeded random generator, which belongs to one engine. */
export interface Random {
  /** An integer from 0 to `bound - 1`. */
  readonly below: (bound: number) => number
  /** A string of this many hexadecimal digits. */
  readonly hex: (digits: number) => string
}

export const make = (seed: number): Random => {
  const source = new PCGRandom(seed)
  const below = (bound: number): number => Math.floor(source.number() * bound)
  return {
    below,
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join("")
  }
}

/** CouchDB's `sequential` ids: a random prefix, and a counter with random increments. */
export const sequentialIds = (random: Random): () => string => {
  let prefix = random.hex(26)
  let counter = random.below(0xffe) + 1
  return () => {
    const id = prefix + counter.toString(16).padStart(6, "0")
    counter += random.below(0xffe) + 1
    if (counter > 0xfff000) {
      prefix = random.hex(26)
      counter = random.below(0xffe) + 1
    }
    return id
  }
}
