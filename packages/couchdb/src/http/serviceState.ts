import type { Scope } from "effect/Scope"
import type { Revision } from "../data/Revision.js"
import type { Service, WriteDocument } from "./CouchHttp.js"

/**
 * The fibers that currently update each document. `combineScope` is set if the edits of one document are combined into
 * one read and one write: it is the scope of the fiber that runs them.
 */
export interface UpdateQueues {
  readonly queues: Map<string, unknown>
  readonly combineScope: Scope | undefined
}

/**
 * The shared state of the writes through one service. It distinguishes a write whose response was lost from an equal
 * write of another client.
 *
 * - `predictable`: whether each database assigns the revisions that were predicted; absent until its first response
 * - `claimedRevisions`: the revisions that belong to a write of this service
 */
export interface WriteState {
  readonly predictable: Map<string, boolean>
  readonly claimedRevisions: ClaimedRevisions
}

/**
 * Two equal edits of one parent have the same revision: the server accepts the first and refuses the second. If the
 * response to the refused one is lost, its revision is stored nevertheless. So each revision is assigned to one write
 * only.
 */
export interface ClaimedRevisions {
  /** Claims a revision for a write. Returns whether it was free. */
  readonly take: (write: WriteDocument, rev: Revision) => boolean
  /** Frees the revisions of a database, which was deleted or created. */
  readonly release: (database: string) => void
}

/** The private state of a service. */
export interface ServiceState {
  readonly updates: UpdateQueues
  readonly writes: WriteState
}

const StateId: unique symbol = Symbol.for("effect-couchdb/CouchHttp/State") as never

interface Stateful extends Service {
  readonly [StateId]?: ServiceState
}

/** The service with private state. A wrapper that spreads the service passes the state on. */
export const withState = (service: Service, state: ServiceState): Service => {
  const stateful: Stateful = { ...service, [StateId]: state }
  return stateful
}

/** The state of a service, or `undefined` for a custom service. */
export const stateOf = (service: Stateful): ServiceState | undefined => service[StateId]

/** The number of revisions in each half; more writes than can run concurrently with one call. */
const maxClaims = 20_000

const makeClaimedRevisions = (): ClaimedRevisions => {
  // The database of each claimed revision. Two maps, since finding the oldest entry of one `Map` is slow.
  let older = new Map<string, string>()
  let newer = new Map<string, string>()
  return {
    take: ({ database, id }, rev) => {
      const key = `${rev} ${database} ${id}`
      if (newer.has(key) || older.has(key)) return false
      if (newer.size === maxClaims) {
        older = newer
        newer = new Map()
      }
      newer.set(key, database)
      return true
    },
    release: (database) => {
      for (const claimed of [older, newer]) {
        for (const [key, of] of claimed) if (of === database) claimed.delete(key)
      }
    }
  }
}

export const makeWriteState = (): WriteState => ({ predictable: new Map(), claimedRevisions: makeClaimedRevisions() })

/** The state of the service, or new state if it has none. */
export const writeStateOf = (service: Service): WriteState => stateOf(service)?.writes ?? makeWriteState()
