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

type Stepped<A, R> = Round<A, R> | { readonly _tag: "Going"; readonly going: Writing<A, R> }

/** Writes plans step by step, one step of every document at a time. */
export const writeAll = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<{ readonly open: Open<A, R>; readonly plan: WritePlan<A, R> }>
): Effect.Effect<ReadonlyArray<Round<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const steps: Array<Round<A, R>> = []
    let going = writing.map(({ open, plan }): Writing<A, R> => {
      const [step, ...later] = plan.steps
      return { open, plan, step, later, done: open.done, again: false }
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

/** Writes the merges, and then deletes the losers of those that are known to be stored. */
const writeStep = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyArray<Stepped<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { listed, refused } = yield* writeLists(collection, writing)
    const stored = yield* writeMerges(collection, listed)
    const { lineage } = collection
    const storesFirst = lineage === undefined || plannerOf(collection)?.storesMergesFirst(lineage) !== false
    const after = yield* readAfter(collection, listed.filter(({ open }) => stored.get(open.id)?._tag === "Stored"))

    const steps: Array<Stepped<A, R>> = [...refused]
    const burying: Array<Writing<A, R>> = []
    for (const each of listed) {
      const { done, open, step } = each
      if (Option.isNone(step.merge) || !storesFirst) {
        burying.push(each)
        continue
      }
      const result = stored.get(open.id)
      const seen = after.get(open.id)
      if (result?._tag === "Refused") steps.push(yield* refusedStep(collection, each, result.error))
      else if (result?._tag === "Stored" && result.durability === "accepted") {
        const why = "the merge was only accepted, and not by a quorum: run it again later"
        steps.push(stopped({ ...each, done: progress(each, []) }, step.merged.map((rev) => ({ rev, why })), why))
      } else if (result === undefined || seen === undefined || !seen.known) {
        steps.push({ _tag: "Open", open: { id: open.id, deep: true, done } })
      } else burying.push({ ...each, again: each.again || seen.more })
    }
    return [...steps, ...(yield* buryAll(collection, burying))]
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
    : Effect.map(versionsNow(collection, open.id), (versions): Round<A, R> => ({
      _tag: "Closed",
      resolution: unresolved(open.id, reason, versions)
    }))
}

/** Writes the lists that merges name, before the merges. */
const writeLists = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<
  { readonly listed: ReadonlyArray<Writing<A, R>>; readonly refused: ReadonlyArray<Round<A, R>> },
  WireError,
  CouchHttp | R
> =>
  Effect.gen(function*() {
    const lists = writing.flatMap(({ step }) => step.lists)
    if (lists.length === 0) return { listed: writing, refused: [] }
    const rows = lists.map(({ deleted, id, path, raw }) => ({ id, text: revisionText(id, path, deleted, raw) }))
    const results = yield* bulkWrite(collection.database, rows, { newEdits: false })
    const errors = new Map(
      results.flatMap((result, i) => result._tag === "Refused" ? [[lists[i]?.id, result.error] as const] : [])
    )
    const refused: Array<Round<A, R>> = []
    for (const each of writing) {
      const error = errors.get(each.open.id)
      if (error !== undefined) refused.push(yield* refusedStep(collection, each, error))
    }
    return { listed: writing.filter(({ open }) => !errors.has(open.id)), refused }
  })

/** The most merges that are in memory at a time, with the attachments that they carry over. */
const mergesAtOnce = 50

/** The result of each document's merge; absent if a loser was written meanwhile. */
const writeMerges = <A, R>(
  { database }: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyMap<string, RowResult>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const stored = new Map<string, RowResult>()
    const merges = writing.flatMap(({ step }) => Option.toArray(step.merge))
    for (let at = 0; at < merges.length; at += mergesAtOnce) {
      const rows = yield* Effect.forEach(merges.slice(at, at + mergesAtOnce), (merge) =>
        textOf(database, merge).pipe(
          Effect.map((text) => Option.some({ id: merge.id, text })),
          // A loser that is gone has been written by somebody else: the next round sees what it became.
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

const versionsNow = <A, R>(collection: Bound<A, R>, id: string) =>
  Effect.flatMap(
    readAllLeaves(collection.database, [id], makeTombstoneCache()),
    (versions) => leavesOf(collection, versions)
  )

/** Whether each merge is there, and whether the document has heads that its plan did not know. */
const readAfter = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyMap<string, { readonly known: boolean; readonly more: boolean }>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    if (writing.length === 0) return new Map()
    const standing = yield* readLiveLeaves(collection.database, writing.map(({ open }) => open.id))
    const seen = writing.map(({ open, plan, step }, i) => {
      const rev = Option.getOrUndefined(Option.map(step.merge, ({ path }) => path[0]))
      const live = standing[i]?.live ?? []
      const expected = new Set<Revision>([
        ...plan.heads,
        // Merges and losers of other steps.
        ...plan.steps.flatMap(({ tombstones, merge }) => [
          ...tombstones.map(({ of }) => of.raw.rev),
          ...Option.match(merge, { onNone: () => [], onSome: ({ path }) => [path[0]] })
        ])
      ])
      return {
        id: open.id,
        rev,
        leaf: rev !== undefined && live.includes(rev),
        more: live.some((each) => each !== rev && !expected.has(each))
      }
    })
    // A merge that is no leaf was written over already, or is not there.
    const hidden = seen.flatMap(({ id, leaf, rev }) => leaf || rev === undefined ? [] : [[id, rev] as const])
    const isKnown = yield* readKnown(collection.database, hidden)
    return new Map(seen.map(({ id, leaf, more, rev }) => [
      id,
      { known: leaf || (rev !== undefined && isKnown(id, rev)), more: more || !leaf }
    ]))
  })

const buryAll = <A, R>(
  collection: Bound<A, R>,
  burying: ReadonlyArray<Writing<A, R>>
): Effect.Effect<ReadonlyArray<Stepped<A, R>>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    if (burying.length === 0) return []
    const { database } = collection
    const burials = burying.flatMap(({ step }) => step.tombstones)
    const results = yield* bulkWrite(
      database,
      burials.map((burial) => ({ id: burial.of.raw.id, text: Json.stringify(tombstoneJson(burial)) })),
      { newEdits: true }
    )
    // A burial that was refused may be there: another resolver writes the same one, and a lost answer was repeated.
    const doubtful = burials.flatMap((burial, i) =>
      results[i]?._tag !== "Conflict" ? [] : Option.toArray(
        Option.map(tombstoneRevision(burial), (rev) => [burial.of.raw.id, rev] as const)
      )
    )
    const isKnown = yield* readKnown(database, doubtful)
    let next = 0
    return burying.map((each): Stepped<A, R> => {
      const deleted: Array<Revision> = []
      const remaining: Array<Remaining> = []
      let again = each.again
      for (const burial of each.step.tombstones) {
        const result = results[next++]
        const rev = burial.of.raw.rev
        if (result?._tag === "Refused") remaining.push({ rev, why: result.error.message })
        else if (result?._tag === "Stored") deleted.push(rev)
        else if (Option.exists(tombstoneRevision(burial), (tombstone) => isKnown(each.open.id, tombstone))) {
          deleted.push(rev)
        } else again = true
      }
      const going: Writing<A, R> = { ...each, again, done: progress(each, deleted) }
      return remaining.length > 0
        ? stopped(
          going,
          remaining,
          "it is not merged yet, because the server refused a tombstone of an earlier version: fix that and run it again"
        )
        : { _tag: "Going", going }
    })
  })
