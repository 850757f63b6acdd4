import { PCGRandom } from "effect/Utils"

/** A seeded generator of integers from 0 to `bound - 1`. */
export type Random = (bound: number) => number

export const makeRandom = (seed: number): Random => {
  const source = new PCGRandom(seed)
  return (bound) => Math.floor(source.number() * bound)
}
