import type { Effect } from "effect/Effect"
import type { Keeper } from "./keeper.js"

/** Where an engine's data are kept, so that they outlive it. */
export interface Store {
  /** Where that is, for people. */
  readonly place: string
  readonly keeper: Keeper
  /** Returns once every change that was noted so far is safe. */
  readonly sync: Effect<void, { readonly message: string }>
}
