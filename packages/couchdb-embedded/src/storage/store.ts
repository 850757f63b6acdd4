import type { Effect } from "effect/Effect"
import type { Keeper } from "./keeper.js"

/** Persists the data of an engine. */
export interface Store {
  /** A description of the location for log messages. */
  readonly place: string
  readonly keeper: Keeper
  /** Returns once all changes so far are durable. */
  readonly sync: Effect<void, { readonly message: string }>
}
