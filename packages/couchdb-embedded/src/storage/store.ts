import type { Effect } from "effect/Effect"
import type { Holdings, Journal } from "./state.js"

/** The identity of a server, and the secret that signs its cookies. */
export interface Identity {
  readonly uuid: string
  readonly adminSalt: string
  readonly secret: string
}

/** Persists the data of one engine. The engine starts with the holdings, and reports every change. */
export interface Keeper {
  /** How many engines had this data before. */
  readonly lives: number
  /** Returns the stored identity, or stores the given one if there is none. */
  readonly identify: (fresh: Identity) => Identity
  readonly holdings: Holdings
  readonly journal: Journal
}

/** Persists the data of an engine. */
export interface Store {
  /** A description of the location for log messages. */
  readonly place: string
  readonly keeper: Keeper
  /** Returns once all changes so far are durable. */
  readonly sync: Effect<void, { readonly message: string }>
}
