/** The types of the cases. */

export interface Setup {
  readonly url: string
  readonly count: number
  readonly concurrency: number
  /** The approximate size of a body in bytes. */
  readonly bytes: number
  /** The number of concurrent fibers in batching cases. By default one for each operation. */
  readonly fibers?: number | undefined
}

/** The figures of a run besides time and memory. */
export interface Found {
  readonly requestsPerEdit?: number
  readonly counted?: number
}

/** Cleans up after the run, outside the measured time, and returns further figures. */
export type CleanUp = () => Promise<Found | void>

/** Prepares a run, and returns the function to measure, which reports the first row. */
export type Prepare = (setup: Setup) => Promise<(onFirst: () => void) => Promise<CleanUp | void>>

/**
 * - `count`: the number of measured operations
 * - `onCouch`: whether it needs a real CouchDB instead of the stub
 * - `warm`: the number of operations before the measurement on a CouchDB. On the stub the whole run precedes the
 *   measurement, unless `warm` is 0
 * - `firstRow`: whether the time until the first row is measured
 * - `rounds`: the maximum number of rounds, for cases in which a client takes minutes
 * - `clients`: the implementation with each client
 */
export interface Case {
  readonly count: number
  readonly onCouch?: boolean
  readonly warm?: number
  readonly firstRow?: boolean
  readonly rounds?: number
  readonly clients: Readonly<Partial<Record<ClientName, Prepare>>>
}

/** The clients in the order of the table. This library is last, in some cases also with its batching layer. */
export const clientNames = [
  "undici",
  "nano",
  "pouchdb",
  "cloudant",
  "effect-couchdb",
  "effect-couchdb, batching"
] as const

export type ClientName = (typeof clientNames)[number]
