/** How long a server waits for its clients, in milliseconds. */
export interface Timeouts {
  /** After this time, an idle connection is closed. */
  readonly idle: number
  /** The idle time in `Keep-Alive`, which is shorter so that no client reuses a connection that is about to close. */
  readonly advertisedIdle: number
  /** How long the rest of a rejected body is read, and how many bytes of it. */
  readonly drain: number
  readonly drainBytes: number
  /** How long a closing server waits for running requests. */
  readonly close: number
}

export const defaultTimeouts: Timeouts = {
  // As in CouchDB.
  idle: 300_000,
  advertisedIdle: 60_000,
  drain: 10_000,
  drainBytes: 2 ** 28,
  close: 2_000
}
