import type { Holdings, Journal } from "./state.js"

/** What names a server, and what its cookies are signed with. */
export interface Identity {
  readonly uuid: string
  readonly adminSalt: string
  readonly secret: string
}

/** What keeps an engine's data. It belongs to one engine, which begins with its holdings and tells it every change. */
export interface Keeper {
  /** How many engines it kept before this one. */
  readonly lives: number
  /** Gives the identity of the first life, which is the one given where this is the first. */
  readonly identify: (fresh: Identity) => Identity
  readonly holdings: Holdings
  readonly journal: Journal
}
