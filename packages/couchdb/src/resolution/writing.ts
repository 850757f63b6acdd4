import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import { bulkWrite, type RowResult } from "../http/bulk/bulkDocs.js"
import type { WireError } from "../http/bulk/errors.js"
import { revisionText } from "../http/bulk/revisionText.js"
import { readKnown } from "../http/bulk/revsDiff.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { makeTombstoneCache, readAllLeaves } from "../siblings/leaves.js"
import { plannerOf } from "../siblings/lineagePlanner.js"
import { readLiveLeaves } from "../siblings/liveLeaves.js"
import { textOf } from "../siblings/mergedVersion.js"
import { tombstoneJson, tombstoneRevision } from "../siblings/mergeTombstone.js"
import { leavesOf, type Remaining } from "../siblings/plan.js"
import { refusal } from "../siblings/unresolved.js"
import { ended, type Open, progress, type Round, stopped, unresolved, type WritePlan, type Writing } from "./model.js"

type StepResult<A, R> = Round<A, R> | { readonly _tag: "Going"; readonly going: Writing<A, R> }

/** Writes plans step by step. Each iteration writes one step of every document. */
export const writeAll = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<{ readonly open: Open<A, R>; readonly plan: WritePlan<A, R> }>
): Effect.Effect<ReadonlyArray<Round<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const steps: Array<Round<A, R>> = []
    let going = writing.map(({ open, plan }): Writing<A, R> => {
      const [step, ...later] = plan.steps
      return { open, plan, step, later, done: open.done, isOutdated: false }
    })
    while (going.length > 0) {
      const next: Array<Writing<A, R>> = []
      for (const each of yield* writeStep(collection, going)) {
        if (each._tag !== "Going") steps.push(each)
        else {
          const [step, ...later] = each.going.later
          if (step === undefined) steps.push(ended(each.going))
          else next.push({ ...each.going, step, later })
        }
      }
      going = next
    }
    return steps
  })

/** Writes the merges, and, once they are known to be stored, the tombstones of the merged versions. */
const writeStep = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyArray<StepResult<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { listed, refusedDocuments } = yield* writeLists(collection, writing)
    const stored = yield* writeMerges(collection, listed)
    const { lineage } = collection
    const storesFirst = lineage === undefined || plannerOf(collection)?.storesMergesFirst(lineage) !== false
    const storedMerges = yield* readAfter(
      collection,
      listed.filter(({ open }) => stored.get(open.id)?._tag === "Stored")
    )

    const steps: Array<StepResult<A, R>> = [...refusedDocuments]
    const toDelete: Array<Writing<A, R>> = []
    for (const each of listed) {
      const { done, open, step } = each
      if (Option.isNone(step.merge) || !storesFirst) {
        toDelete.push(each)
        continue
      }
      const result = stored.get(open.id)
      const seen = storedMerges.get(open.id)
      if (result?._tag === "Refused") steps.push(yield* refusedStep(collection, each, result.error))
      else if (result?._tag === "Stored" && result.durability === "accepted") {
        const why = "the merge was accepted without a quorum: run the resolution again later"
        steps.push(stopped({ ...each, done: progress(each, []) }, step.merged.map((rev) => ({ rev, why })), why))
      } else if (result === undefined || seen === undefined || !seen.isStored) {
        steps.push({ _tag: "Open", open: { id: open.id, deep: true, done } })
      } else toDelete.push({ ...each, isOutdated: each.isOutdated || seen.hasNewHeads })
    }
    return [...steps, ...(yield* deleteLosers(collection, toDelete))]
  })

/** Stops at a merge that the server refused. */
const refusedStep = <A, R>(
  collection: Bound<A, R>,
  going: Writing<A, R>,
  error: WireError
): Effect.Effect<Round<A, R>, WireError, CouchHttp | R> => {
  const { open, step } = going
  const reason = refusal(error)
  const why = `${reason.why}: ${error.message}`
  return Option.isSome(going.done)
    ? Effect.succeed(stopped(going, step.merged.map((rev) => ({ rev, why })), why))
    : Effect.map(currentLeaves(collection, open.id), (versions): Round<A, R> => ({
      _tag: "Closed",
      resolution: unresolved(open.id, reason, versions)
    }))
}

/** Writes the tombstones that list merged versions, before the merges that refer to them. */
const writeLists = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<
  { readonly listed: ReadonlyArray<Writing<A, R>>; readonly refusedDocuments: ReadonlyArray<Round<A, R>> },
  WireError,
  CouchHttp | R
> =>
  Effect.gen(function*() {
    const lists = writing.flatMap(({ step }) => step.lists)
    if (lists.length === 0) return { listed: writing, refusedDocuments: [] }
    const rows = lists.map(({ deleted, id, path, raw }) => ({ id, text: revisionText(id, path, deleted, raw) }))
    const results = yield* bulkWrite(collection.database, rows, { newEdits: false })
    const errors = new Map(
      results.flatMap((result, i) => result._tag === "Refused" ? [[lists[i]?.id, result.error] as const] : [])
    )
    const refusedDocuments: Array<Round<A, R>> = []
    for (const each of writing) {
      const error = errors.get(each.open.id)
      if (error !== undefined) refusedDocuments.push(yield* refusedStep(collection, each, error))
    }
    return { listed: writing.filter(({ open }) => !errors.has(open.id)), refusedDocuments }
  })

/** The maximum number of merges in memory at a time, with the attachments that they copy. */
const maxMergesInMemory = 50

/** Writes the merges and returns their results. A merge is missing from the result if a loser was written meanwhile. */
const writeMerges = <A, R>(
  { database }: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyMap<string, RowResult>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const stored = new Map<string, RowResult>()
    const merges = writing.flatMap(({ step }) => Option.toArray(step.merge))
    for (let at = 0; at < merges.length; at += maxMergesInMemory) {
      const rows = yield* Effect.forEach(merges.slice(at, at + maxMergesInMemory), (merge) =>
        textOf(database, merge).pipe(
          Effect.map((text) =>
            Option.some({ id: merge.id, text })
          ),
          // If a loser is gone, another client has written it. The next round reads its successor.
          Effect.catchTags({ NotFoundError: () => Effect.succeedNone, InvalidIdError: () => Effect.succeedNone })
        ))
      const present = rows.flatMap(Option.toArray)
      const results = yield* bulkWrite(database, present, { newEdits: false })
      results.forEach((result, i) => {
        const row = present[i]
        if (row !== undefined) stored.set(row.id, result)
      })
    }
    return stored
  })

const currentLeaves = <A, R>(collection: Bound<A, R>, id: string) =>
  Effect.flatMap(
    readAllLeaves(collection.database, [id], makeTombstoneCache()),
    (versions) => leavesOf(collection, versions)
  )

/** Reads whether each merge is stored, and whether the document has heads that its plan did not include. */
const readAfter = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<
  ReadonlyMap<string, { readonly isStored: boolean; readonly hasNewHeads: boolean }>,
  WireError,
  CouchHttp
> =>
  Effect.gen(function*() {
    if (writing.length === 0) return new Map()
    const liveLeaves = yield* readLiveLeaves(collection.database, writing.map(({ open }) => open.id))
    const seen = writing.map(({ open, plan, step }, i) => {
      const rev = Option.getOrUndefined(Option.map(step.merge, ({ path }) => path[0]))
      const live = liveLeaves[i]?.live ?? []
      const expected = new Set<Revision>([
        ...plan.heads,
        // The merges and losers of other steps.
        ...plan.steps.flatMap(({ merge, tombstones }) => [
          ...tombstones.map(({ of }) => of.raw.rev),
          ...Option.match(merge, { onNone: () => [], onSome: ({ path }) => [path[0]] })
        ])
      ])
      return {
        id: open.id,
        rev,
        leaf: rev !== undefined && live.includes(rev),
        hasNewHeads: live.some((each) => each !== rev && !expected.has(each))
      }
    })
    // A merge that is not a leaf was either overwritten already, or is not stored.
    const notLeaves = seen.flatMap(({ id, leaf, rev }) => leaf || rev === undefined ? [] : [[id, rev] as const])
    const isKnown = yield* readKnown(collection.database, notLeaves)
    return new Map(seen.map(({ id, leaf, hasNewHeads, rev }) => [
      id,
      { isStored: leaf || (rev !== undefined && isKnown(id, rev)), hasNewHeads: hasNewHeads || !leaf }
    ]))
  })

const deleteLosers = <A, R>(
  collection: Bound<A, R>,
  toDelete: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyArray<StepResult<A, R>>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    if (toDelete.length === 0) return []
    const { database } = collection
    const tombstones = toDelete.flatMap(({ step }) => step.tombstones)
    const results = yield* bulkWrite(
      database,
      tombstones.map((tombstone) => ({ id: tombstone.of.raw.id, text: Json.stringify(tombstoneJson(tombstone)) })),
      { newEdits: true }
    )
    // A refused tombstone may be stored: another resolver may have written the same one, or the request was retried
    // after its response was lost.
    const uncertain = tombstones.flatMap((tombstone, i) =>
      results[i]?._tag !== "Conflict" ? [] : Option.toArray(
        Option.map(tombstoneRevision(tombstone), (rev) => [tombstone.of.raw.id, rev] as const)
      )
    )
    const isKnown = yield* readKnown(database, uncertain)
    let next = 0
    return toDelete.map((each): StepResult<A, R> => {
      const deleted: Array<Revision> = []
      const remaining: Array<Remaining> = []
      let isOutdated = each.isOutdated
      for (const tombstone of each.step.tombstones) {
        const result = results[next++]
        const rev = tombstone.of.raw.rev
        if (result?._tag === "Refused") remaining.push({ rev, why: result.error.message })
        else if (result?._tag === "Stored") deleted.push(rev)
        else if (Option.exists(tombstoneRevision(tombstone), (stored) => isKnown(each.open.id, stored))) {
          deleted.push(rev)
        } else isOutdated = true
      }
      const going: Writing<A, R> = { ...each, isOutdated, done: progress(each, deleted) }
      return remaining.length > 0
        ? stopped(
          going,
          remaining,
          "not merged yet, because the server refused the tombstone of an earlier version: fix that and resolve again"
        )
        : { _tag: "Going", going }
    })
  })
