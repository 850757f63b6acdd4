import type { TransportRequest } from "effect-couchdb/Transport"
import type { Dispatcher } from "undici"

/** Starts a request and its handler in a pool. */
export type Dispatch = (pool: Dispatcher, request: TransportRequest, handler: Dispatcher.DispatchHandler) => void

/** A request that needs a connection. */
export interface Place {
  started: boolean
  readonly start: () => void
}

/**
 * The queue for a bounded number of connections. Requests wait here and not in undici's queue, which opens a connection even
 * for an interrupted request.
 */
export interface Line {
  /** The number of connections. */
  readonly size: number
  free: number
  /** Whether a loop is starting waiting requests. */
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

/** Starts a request when a connection is free. */
export const enter = (line: Line, place: Place): void => {
  if (line.free > 0 && line.waiting.size === 0) {
    line.free--
    start(place)
  } else line.waiting.add(place)
}

/** Removes a waiting request from the queue. */
export const stepBack = (line: Line, place: Place): void => {
  line.waiting.delete(place)
}

/**
 * Releases the connection, and starts waiting requests. A request may end before this function returns, for example if the
 * pool is closed. One loop starts them all, since the depth of nested calls would be the length of the queue.
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
