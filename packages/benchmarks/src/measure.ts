import type { CleanUp, Found } from "./case.js"

/** The figures of one run of a case with one client. */
export interface Figures extends Found {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly peakMB: number
  readonly firstRowMs?: number
}

/** Measures the time and memory of a run with `count` operations. */
export const measured = async (
  count: number,
  run: (onFirst: () => void) => Promise<CleanUp | void>
): Promise<Figures> => {
  let peak = process.memoryUsage.rss()
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
  let first: bigint | undefined
  const cpu = process.cpuUsage()
  const begun = process.hrtime.bigint()
  const cleanUp = await run(() => {
    first ??= process.hrtime.bigint()
  })
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  const { system, user } = process.cpuUsage(cpu)
  clearInterval(look)
  const found = await cleanUp?.()
  return {
    perSecond: Math.round(count / seconds),
    cpuMicros: Math.round((system + user) / count * 10) / 10,
    peakMB: Math.round(peak / 1e6),
    ...(first !== undefined && { firstRowMs: Math.round(Number(first - begun) / 1e6) }),
    ...found
  }
}

/** Runs promises with a bounded concurrency. */
export const atOnce = async (
  concurrency: number,
  count: number,
  each: (i: number) => Promise<unknown>
): Promise<void> => {
  let next = 0
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < count) await each(next++)
  }))
}

export const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
