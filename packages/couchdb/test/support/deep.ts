/**
 * How much a test tries. `npm run test:deep` runs the tests with the larger sizes.
 *
 * `SEED` and `NUM_RUNS` choose the first seed and the number of cases in both suites.
 */

const integer = (name: string): number | undefined => {
  const text = process.env[name]
  if (text === undefined || text === "") return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is not an integer: ${text}`)
  return value
}

/** The seed that `SEED` sets. */
export const seed = integer("SEED")

/** The number of cases that `NUM_RUNS` sets. */
export const numRuns = integer("NUM_RUNS")

/** Whether the deep suite runs. */
export const isDeep = process.env["DEEP"] === "1"

/** The first value in the default suite, the second one in the deep suite. */
export const sample = <A>(few: A, many: A): A => isDeep ? many : few

/** The seeds of consecutive histories, from `SEED` or from 1. */
export const seeds = (few: number, many: number): ReadonlyArray<number> =>
  Array.from({ length: numRuns ?? sample(few, many) }, (_, i) => (seed ?? 1) + i)

/** The options of a property, with the number of its cases. */
export const runs = (few: number, many: number): { readonly fastCheck: { readonly numRuns: number } } => ({
  fastCheck: { numRuns: numRuns ?? sample(few, many) }
})

/** All cases in the deep suite, every n-th one in the default suite, from the one at `first`. */
export const every = <A>(n: number, all: ReadonlyArray<A>, first = 0): ReadonlyArray<A> =>
  isDeep ? all : all.filter((_, i) => i % n === first)
