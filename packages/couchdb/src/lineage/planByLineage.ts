import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Bound } from "../document/Collection.js"
import type { Settings } from "../document/recorder.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { PolicyFailure } from "../siblings/pairMerge.js"
import { leavesOf, type Plan } from "../siblings/plan.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { largestMerge, mainReason, remainingVersions, unresolvedReasonOf } from "../siblings/unresolved.js"
import { type ExtensibleIndex, makeExtensible } from "./extensibleIndex.js"
import { type MergedInSteps, MergeSteps } from "./mergeSteps.js"
import { MergeWriter } from "./mergeWriter.js"
import type * as Lineage from "./model.js"
import { lineageVersion, readIndex } from "./olderVersions.js"
import { missingRevisions, type Survey, survey } from "./plan.js"
import { warnOfManyLeaves } from "./warnings.js"

/**
 * The most heads that one merge takes in. Each tombstone of a merge names all its heads, so without a bound the size of
 * the tombstones would grow quadratically. Further heads are merged in further steps, each on top of the previous one.
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
): Effect.Effect<Plan<A, R>, PolicyFailure<E> | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    yield* warnOfManyLeaves(collection.database, id, versions.length)
    const { extensible, survey } = yield* readSurvey(collection, settings, id, versions, policy)
    const writer = new MergeWriter(collection, settings, id, versions, extensible)
    if (survey.withoutMerge !== undefined) {
      return survey.withoutMerge._tag === "Nothing"
        ? { _tag: "Nothing" }
        : yield* writer.deleteMerged(survey.withoutMerge)
    }
    const merged = yield* new MergeSteps(collection, id, survey, policy, writer).run(atOnce)
    return yield* planOf(collection, versions, survey, writer, merged)
  })

interface Surveyed {
  readonly of: Lineage.LineageIndex
  readonly extensible: ExtensibleIndex
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
  const surveyOf = (index: Lineage.LineageIndex): Surveyed => {
    if (last?.of === index) return last
    const copy = makeExtensible(index)
    last = { of: index, extensible: copy, survey: survey(copy.index, leaves, policy.rules.deleted) }
    return last
  }
  return Effect.map(
    readIndex(
      collection.database,
      id,
      settings,
      leaves,
      leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]),
      (index) => missingRevisions(surveyOf(index).survey)
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
  { finalHeads, steps: [first, ...more] }: MergedInSteps<A, R>
): Effect.Effect<Plan<A, R>, never, R> =>
  Effect.gen(function*() {
    const contained = found.tombstones.flatMap((planned) => writer.tombstoneOf(planned))
    const remaining = remainingVersions(finalHeads)
    if (first === undefined && contained.length === 0) {
      return {
        _tag: "Unresolved",
        reason: unresolvedReasonOf(mainReason(finalHeads)),
        versions: yield* leavesOf(collection, versions),
        remaining
      }
    }
    const largest = largestMerge(finalHeads)
    const document = largest === undefined ? undefined : yield* writer.documentOf(largest.rev)
    const step = first ?? {
      lists: [],
      merge: Option.none(),
      tombstones: [],
      merged: [],
      withoutBase: [],
      ...(document !== undefined && { document })
    }
    return {
      _tag: "Write",
      steps: [{ ...step, tombstones: [...contained, ...step.tombstones] }, ...more],
      heads: found.heads.filter((rev) => writer.isLeaf(rev)),
      remaining
    }
  })
