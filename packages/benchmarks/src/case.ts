/** What a case of the comparison is. */

export interface Setup {
  readonly url: string
  readonly count: number
  readonly concurrency: number
  /** How many bytes the body of a document has, roughly. */
  readonly bytes: number
  /** How many fibers the batching layer has to serve at once; one for each operation unless it is said. */
  readonly fibers?: number | undefined
}

/** What a run measured besides time and memory; it is part of the table. */
export interface Found {
  readonly requestsPerEdit?: number
  readonly counted?: number
}

/** Cleans up after the run, which may take its time, and gives what was found out. */
export type CleanUp = () => Promise<Found | void>

/** Gets ready, and gives what is measured; it says when the first row is there. */
export type Prepare = (setup: Setup) => Promise<(onFirst: () => void) => Promise<CleanUp | void>>

/**
 * - `count`: how many operations are measured
 * - `onCouch`: whether it needs a CouchDB that answers as one; else the stub answers
 * - `warm`: the number of operations before the measurement on a CouchDB; otherwise the same run comes first, unless it is 0
 * - `firstRow`: whether the time of the first row is measured
 * - `rounds`: the number of rounds that is enough if a client takes minutes
 * - `clients`: what each client does; a module of a client is loaded in its own process only
 */
export interface Case {
  readonly count: number
  readonly onCouch?: boolean
  readonly warm?: number
  readonly firstRow?: boolean
  readonly rounds?: number
  readonly clients: Readonly<Partial<Record<ClientName, Prepare>>>
}

/** The order of the table. This library is last, in some cases also with its batching layer. */
export const clientNames = [
  "undici",
  "nano",
  "pouchdb",
  "cloudant",
  "effect-couchdb",
  "effect-couchdb, batching"
] as const

export type ClientName = (typeof clientNames)[number]
