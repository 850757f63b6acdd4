import type * as Effect from "effect/Effect"
import type { Bound } from "../document/Collection.js"
import type { Settings } from "../document/recorder.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { TombstoneCache } from "./leaves.js"
import type { Plan } from "./plan.js"
import type { SiblingPolicy } from "./SiblingPolicy.js"

/**
 * Plans the resolution of documents that keep lineage. `Lineage.settings` brings the planner along, so that a program
 * without lineage does not bundle it.
 */
export interface LineagePlanner {
  readonly planAll: <A, R, E, R2>(
    collection: Bound<A, R>,
    settings: Settings,
    ids: ReadonlyArray<string>,
    policy: SiblingPolicy<A, E, R2>,
    cache: TombstoneCache
  ) => Effect.Effect<ReadonlyMap<string, Plan<A, R>>, E | WireError, CouchHttp | R | R2>
  /** Whether losers are deleted only after their merge is known to be stored. */
  readonly storesMergesFirst: (settings: Settings) => boolean
}

const PlannerId: unique symbol = Symbol.for("effect-couchdb/Lineage/Planner") as never

interface WithPlanner extends Settings {
  readonly [PlannerId]: LineagePlanner
}

export const withPlanner = (settings: Settings, planner: LineagePlanner): Settings => {
  const withIt: WithPlanner = { ...settings, [PlannerId]: planner }
  return withIt
}

/** The planner of a collection, or `undefined` if it keeps no lineage. */
export const plannerOf = <A, R>({ lineage }: Bound<A, R>): LineagePlanner | undefined =>
  lineage === undefined ? undefined : (lineage as WithPlanner)[PlannerId]
