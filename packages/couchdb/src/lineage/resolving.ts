import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Bound } from "../document/Collection.js"
import type { Settings } from "../document/recorder.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Failed } from "../siblings/fold.js"
import { leavesOf, type Plan } from "../siblings/plan.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { leaderOf, reasonOf, remainingOf, unresolvedReasonOf } from "../siblings/unresolved.js"
import { type Extensible, extensible } from "./extensible.js"
import { type MergedInSteps, MergeSteps } from "./mergeSteps.js"
import { MergeWriter } from "./mergeWriter.js"
import type * as Lineage from "./model.js"
import { known, lineageVersion } from "./olderVersions.js"
import { missingRevisions, type Survey, survey } from "./plan.js"
import { ofDocument } from "./warnings.js"

/**
 * The most heads that one merge takes in. Each tombstone of a merge names all its heads, so without a bound the size of the
 * tombstones would grow quadratically. Further heads are merged in further steps, each on top of the previous one.
 */
const maxHeads = 64

/** Plans the resolution of one document by its lineage, and reads the older versions that the plan needs. */
export const planByLineage = <A, R, E, R2>(
  collection: Bound<A, R>,
  settings: Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  policy: SiblingPolicy<A, E, R2>,
  atOnce = maxHeads
): Effect.Effect<Plan<A, R>, Failed<E> | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    yield* ofDocument(collection.database, id, versions.length)
    const { extensible, survey: found } = yield* readSurvey(collection, settings, id, versions, policy)
    const writer = new MergeWriter(collection, settings, id, versions, extensible)
    if (found.withoutMerge !== undefined) {
      return found.withoutMerge._tag === "Nothing" ? { _tag: "Nothing" } : yield* writer.bury(found.withoutMerge)
    }
    const merged = yield* new MergeSteps(collection, id, found, policy, writer).run(atOnce)
    return yield* planOf(collection, versions, found, writer, merged)
  })

interface Surveyed {
  readonly of: Lineage.Knowledge
  readonly extensible: Extensible
  readonly survey: Survey
}

/** Surveys the leaves, and reads older versions until nothing is missing or the server has no more. */
const readSurvey = <A, R, E, R2>(
  collection: Bound<A, R>,
  settings: Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Surveyed, WireError, CouchHttp> => {
  const leaves = versions.map(lineageVersion)
  let last: Surveyed | undefined
  const surveyOf = (knowledge: Lineage.Knowledge): Surveyed => {
    if (last?.of === knowledge) return last
    const copy = extensible(knowledge)
    last = { of: knowledge, extensible: copy, survey: survey(copy.knowledge, leaves, policy.rules.deleted) }
    return last
  }
  return Effect.map(
    known(
      collection.database,
      id,
      settings,
      leaves,
      leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]),
      (knowledge) => missingRevisions(surveyOf(knowledge).survey)
    ),
    surveyOf
  )
}

/** The plan that writes the merges, and the tombstones of versions that were merged before. */
const planOf = <A, R>(
  collection: Bound<A, R>,
  versions: ReadonlyArray<Version>,
  found: Survey,
  writer: MergeWriter<A, R>,
  { ends, steps: [first, ...more] }: MergedInSteps<A, R>
): Effect.Effect<Plan<A, R>, never, R> =>
  Effect.gen(function*() {
    const buried = found.burials.flatMap((planned) => writer.burialOf(planned))
    const remaining = remainingOf(ends)
    if (first === undefined && buried.length === 0) {
      return {
        _tag: "Unresolved",
        reason: unresolvedReasonOf(reasonOf(ends)),
        versions: yield* leavesOf(collection, versions),
        remaining
      }
    }
    const leader = leaderOf(ends)
    const document = leader === undefined ? undefined : yield* writer.documentOf(leader.rev)
    const step = first ?? {
      lists: [],
      merge: Option.none(),
      burials: [],
      merged: [],
      withoutBase: [],
      ...(document !== undefined && { document })
    }
    return {
      _tag: "Write",
      steps: [{ ...step, burials: [...buried, ...step.burials] }, ...more],
      heads: found.heads.filter((rev) => writer.isLeaf(rev)),
      remaining
    }
  })
