import type { TransportRequest } from "effect-couchdb/Transport"
import type { Dispatcher } from "undici"

/** How a handler gets its request going. */
export type Dispatch = (pool: Dispatcher, request: TransportRequest, handler: Dispatcher.DispatchHandler) => void

/** A request that needs a connection. */
export interface Place {
  started: boolean
  readonly start: () => void
}

/**
 * The queue for a bounded number of connections. Requests wait here and not in undici's own queue, which opens a connection
 * also for a request that was given up.
 */
export interface Line {
  /** How many connections there are. */
  readonly size: number
  free: number
  /** Whether the line is being served at the moment. */
  calling: boolean
  readonly waiting: Set<Place>
}

/** The connections of one pool, and the queue for them. */
export interface Lane {
  readonly pool: Dispatcher
  readonly line: Line
}

export const makeLine = (size: number): Line => ({ size, free: size, calling: false, waiting: new Set() })

const start = (place: Place): void => {
  place.started = true
  place.start()
}

/** Starts at once if a connection is free, else when one is. */
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
 * Releases the connection, and starts waiting requests. A request may end before this function returns, as all do when the
 * pool is closed. One loop continues with the next, since nested calls would be as deep as the queue is long.
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
