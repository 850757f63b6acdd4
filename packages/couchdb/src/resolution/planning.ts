import * as Effect from "effect/Effect"
import type { Bound } from "../document/Collection.js"
import { readVersions } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { needsDeletions } from "../siblings/deletions.js"
import { byDocument, readAllLeaves, type TombstoneCache } from "../siblings/leaves.js"
import { plannerOf } from "../siblings/lineagePlanner.js"
import type { LiveLeaves } from "../siblings/liveLeaves.js"
import type { PolicyFailure } from "../siblings/pairMerge.js"
import { type Plan, plan, prepare, type Prepared } from "../siblings/plan.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { Open } from "./model.js"

/** A document to plan, and its live leaves. */
export interface ToPlan<A, R> extends Open<A, R> {
  readonly leaves: LiveLeaves
}

/** Whether the plan depends on deleted leaves. */
export const readsDeletions = <A, R, E, R2>(collection: Bound<A, R>, policy: SiblingPolicy<A, E, R2>): boolean =>
  collection.lineage !== undefined || needsDeletions(policy.rules)

/**
 * Plans the resolution of each document: from its lineage, or else from the live leaves, and from all leaves if these
 * are not enough.
 */
export const planAll = <A, R, E, R2>(
  collection: Bound<A, R>,
  open: ReadonlyArray<ToPlan<A, R>>,
  policy: SiblingPolicy<A, E, R2>,
  cache: TombstoneCache
): Effect.Effect<ReadonlyMap<string, Plan<A, R>>, E | WireError, CouchHttp | R | R2> => {
  const planner = plannerOf(collection)
  return planner === undefined || collection.lineage === undefined
    ? planByLeaves(collection, open, policy, cache)
    : planner.planAll(collection, collection.lineage, open.map(({ id }) => id), policy, cache)
}

const planByLeaves = <A, R, E, R2>(
  collection: Bound<A, R>,
  open: ReadonlyArray<ToPlan<A, R>>,
  policy: SiblingPolicy<A, E, R2>,
  cache: TombstoneCache
): Effect.Effect<ReadonlyMap<string, Plan<A, R>>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const { database } = collection
    const shallow = open.filter(({ deep }) => !deep)
    const versions = byDocument([
      ...yield* readVersions(
        database,
        shallow.flatMap(({ id, leaves }) => leaves.live.map((rev) => ({ id, rev })))
      ),
      ...yield* readAllLeaves(database, open.filter(({ deep }) => deep).map(({ id }) => id), cache)
    ])
    const deeper: Array<ToPlan<A, R>> = []
    const prepared: Array<readonly [ToPlan<A, R>, Prepared]> = []
    for (const each of open) {
      const found = yield* prepare(database, each.id, versions.get(each.id) ?? [], policy.rules)
      if (found.needsTombstones && !each.deep) deeper.push({ ...each, deep: true })
      else prepared.push([each, found])
    }
    const ancestors = byDocument(
      yield* readVersions(
        database,
        prepared.flatMap(([{ id }, { wanted }]) => wanted.map((rev) => ({ id, rev })))
      )
    )
    const plans = new Map<string, Plan<A, R>>()
    for (const [each, found] of prepared) {
      const planned = yield* plan(collection, found, (ancestors.get(each.id) ?? []).map(({ raw }) => raw), policy).pipe(
        Effect.mapError((failed: PolicyFailure<E | WireError>) => failed.error)
      )
      if (planned.needsTombstones && !each.deep) deeper.push({ ...each, deep: true })
      else plans.set(each.id, planned.plan)
    }
    return deeper.length === 0
      ? plans
      : new Map([...plans, ...(yield* planByLeaves(collection, deeper, policy, cache))])
  })
