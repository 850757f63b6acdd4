import * as Effect from "effect/Effect"
import { readVersions } from "../http/bulk/bulkGetVersions.js"
import { byDocument, readAllLeaves } from "../siblings/leaves.js"
import type { LineagePlanner } from "../siblings/lineagePlanner.js"
import { planByLineage } from "./planByLineage.js"
import { isEnabled } from "./rules.js"

/** Plans by all leaves: tombstones record what merges contain and when a document was deleted. */
export const planner: LineagePlanner = {
  planAll: (collection, settings, ids, policy, cache) =>
    Effect.gen(function*() {
      const versions = byDocument(
        yield* isEnabled(settings, "cacheTombstones")
          ? readAllLeaves(collection.database, ids, cache)
          : readVersions(collection.database, ids.map((id) => ({ id })))
      )
      return new Map(
        yield* Effect.forEach(ids, (id) =>
          planByLineage(collection, settings, id, versions.get(id) ?? [], policy).pipe(
            Effect.map((plan) => [id, plan] as const)
          ))
      )
    }).pipe(Effect.mapError((error) => error._tag === "PolicyFailure" ? error.error : error)),
  storesMergesFirst: (settings) => isEnabled(settings, "mergesFirst")
}
