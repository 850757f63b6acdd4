import type { TransportRequest } from "effect-couchdb/Transport"
import type { Dispatcher } from "undici"

/** How a handler gets its request going. */
export type Dispatch = (pool: Dispatcher, request: TransportRequest, handler: Dispatcher.DispatchHandler) => void

/** Somebody who wants a socket. */
export interface Place {
  started: boolean
  readonly start: () => void
}

/**
 * A server's sockets, and who may have one. Whoever waits does so here, not in undici's own queue: that one opens a socket
 * also for a request that nobody wants any more.
 */
export interface Line {
  readonly pool: Dispatcher
  free: number
  /** Somebody is calling those who wait. */
  calling: boolean
  readonly waiting: Set<Place>
}

const start = (place: Place): void => {
  place.started = true
  place.start()
}

/** Starts at once where a socket is free, else when one is. */
export const enter = (line: Line, place: Place): void => {
  if (line.free > 0 && line.waiting.size === 0) {
    line.free--
    start(place)
  } else line.waiting.add(place)
}

/** Leaves the line before it was one's turn. */
export const stepBack = (line: Line, place: Place): void => {
  line.waiting.delete(place)
}

/**
 * Gives the socket back, and calls whoever waits. One who starts may leave before it returns, as all do when the sockets
 * are closed: then the one call goes on with the next, since calls within calls would be as deep as the line is long.
 */
export const leave = (line: Line): void => {
  line.free++
  if (line.calling || line.waiting.size === 0) return
  line.calling = true
  try {
    for (const next of line.waiting) {
      if (line.free === 0) return
      line.free--
      line.waiting.delete(next)
      start(next)
    }
  } finally {
    line.calling = false
  }
}
