import type { Pool } from "undici"

/**
 * A server's sockets, and who may have one. Whoever waits does so here, not in undici's own queue: that one opens a socket
 * also for a request that nobody wants any more.
 */
export interface Line {
  readonly pool: Pool
  free: number
  readonly waiting: Set<() => void>
}

/**
 * Starts at once where a socket is free, else when one is. What it gives takes a waiting one out of the line again, and
 * says whether it had started.
 */
export const enter = (line: Line, start: () => void): () => boolean => {
  if (line.free > 0) {
    line.free--
    start()
    return started
  }
  line.waiting.add(start)
  return () => !line.waiting.delete(start)
}

const started = (): boolean => true

/** Gives the socket on, or back. */
export const leave = (line: Line): void => {
  for (const next of line.waiting) {
    line.waiting.delete(next)
    next()
    return
  }
  line.free++
}
