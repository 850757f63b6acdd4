import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath } from "../data/path.js"
import type { Revision } from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import { bulkWrite, type RowResult } from "../http/bulk/bulkDocs.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { revisionText } from "../http/bulk/revisionText.js"
import { readKnown } from "../http/bulk/revsDiff.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { NotFoundError } from "../http/errors.js"
import { failAt } from "../http/failAt.js"
import { makeSeen, readAllLeaves, type Seen } from "../lineage/leaves.js"
import type { Settings } from "../lineage/Lineage.js"
import { planByLineage } from "../lineage/resolving.js"
import { holds } from "../lineage/rules.js"
import { burialRevision, tombstoneOf } from "../siblings/burial.js"
import { refusal } from "../siblings/deferrals.js"
import { needsDeletions } from "../siblings/deletions.js"
import { Failed } from "../siblings/fold.js"
import { textOf } from "../siblings/merged.js"
import type { Deferral, Leaf } from "../siblings/model.js"
import {
  leavesOf,
  type Plan,
  plan,
  prepare,
  type Prepared,
  type Remaining,
  type Step as WriteStep
} from "../siblings/plan.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { readStanding, type Standing } from "../siblings/standing.js"
import type { Resolution } from "./Conflict.js"
import { resolutionSeen } from "./metrics.js"

/** How often a document is looked at anew, where others write it at the same time. */
const rounds = 5

/** What was done about a document so far. */
interface Done<A, R> {
  readonly document: Option.Option<Document<A, R>>
  readonly merged: ReadonlyArray<Revision>
  readonly buried: ReadonlyArray<Revision>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/** One document in the middle of its resolution. */
interface Open<A, R> {
  readonly id: string
  /** Whether its deleted leaves are needed too: they say what was buried, and what was deleted. */
  readonly deep: boolean
  readonly done: Option.Option<Done<A, R>>
}

type Step<A, R> =
  | { readonly _tag: "Closed"; readonly resolution: Resolution<A, R> | Absent }
  | { readonly _tag: "Open"; readonly open: Open<A, R> }

/** A document that never was. */
interface Absent {
  readonly _tag: "Absent"
  readonly id: string
}

interface Ended<A, R> {
  readonly resolution: Resolution<A, R> | Absent
  readonly attempts: number
}

type Writing<A, R> = Extract<Plan<A, R>, { readonly _tag: "Write" }>

/**
 * Resolves the siblings of some documents, in as few requests as one document would take: what stands, the versions, their
 * ancestors, the merges, what stands now, the burials. Each write does nothing when it is repeated, and losers are buried
 * only once their merge is known to be stored; so it may end between any two requests, and be begun again.
 */
export const resolveAll = <A, R, E, R2>(
  collection: Bound<A, R>,
  ids: ReadonlyArray<string>,
  policy: SiblingPolicy<A, E, R2>,
  seen: Seen = makeSeen()
): Effect.Effect<ReadonlyArray<Resolution<A, R> | Absent>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const closed = new Map<string, Ended<A, R>>()
    let open: ReadonlyArray<Open<A, R>> = ids.map((id) => ({
      id,
      deep: readsDeletions(collection, policy),
      done: Option.none()
    }))
    for (let round = 1; open.length > 0; round++) {
      const steps: ReadonlyArray<Step<A, R>> = yield* once(collection, open, policy, seen)
      open = []
      for (const step of steps) {
        if (step._tag === "Closed") closed.set(step.resolution.id, { resolution: step.resolution, attempts: round })
        else if (round < rounds) open = [...open, step.open]
        else closed.set(step.open.id, { resolution: superseded(step.open), attempts: round })
      }
    }
    const ended = ids.flatMap((id) => Option.toArray(Option.fromNullable(closed.get(id))))
    for (const { attempts, resolution } of ended) {
      if (resolution._tag !== "Absent") yield* resolutionSeen(policy.name, resolution, attempts)
    }
    return ended.map(({ resolution }) => resolution)
  })

const superseded = <A, R>({ done, id }: Open<A, R>): Resolution<A, R> => ({
  _tag: "Superseded",
  id,
  document: Option.flatMap(done, ({ document }) => document)
})

/** What is over when nothing is left to do. */
const finished = <A, R>({ done, id }: Open<A, R>): Resolution<A, R> =>
  Option.match(done, {
    onNone: (): Resolution<A, R> => ({ _tag: "NothingToDo", id }),
    onSome: (done) => ({ _tag: "Resolved", id, ...done })
  })

const once = <A, R, E, R2>(
  collection: Bound<A, R>,
  open: ReadonlyArray<Open<A, R>>,
  policy: SiblingPolicy<A, E, R2>,
  seen: Seen
): Effect.Effect<ReadonlyArray<Step<A, R>>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const standing = yield* readStanding(collection.database, open.map(({ id }) => id))
    const alone = readsDeletions(collection, policy) ? 0 : 1
    const steps = new Map<string, Step<A, R>>()
    const going: Array<Open<A, R> & { readonly standing: Standing }> = []
    open.forEach((each, i) => {
      const found = standing[i]
      if (found === undefined || !found.exists) {
        steps.set(each.id, { _tag: "Closed", resolution: { _tag: "Absent", id: each.id } })
      } else if (
        found.live.length <= alone && collection.lineage === undefined && !(each.deep && found.live.length > 0)
      ) {
        steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      } else going.push({ ...each, standing: found })
    })
    const plans = collection.lineage === undefined
      ? yield* planAll(collection, going, policy, seen)
      : yield* planAllByLineage(collection, collection.lineage, going.map(({ id }) => id), policy, seen)
    const writing: Array<{ readonly open: Open<A, R>; readonly plan: Writing<A, R> }> = []
    for (const each of going) {
      const made = plans.get(each.id) ?? { _tag: "Nothing" }
      if (made._tag === "Nothing") steps.set(each.id, { _tag: "Closed", resolution: finished(each) })
      else if (made._tag === "Defer") {
        // An earlier round may have written something that was not reported yet.
        const resolution = Option.match(each.done, {
          onNone: (): Resolution<A, R> => deferred(each.id, made.deferral, made.versions),
          onSome: (done): Resolution<A, R> => partly(each.id, done, made.remaining)
        })
        steps.set(each.id, { _tag: "Closed", resolution })
      } else writing.push({ open: each, plan: made })
    }
    for (const step of yield* writeAll(collection, writing)) {
      steps.set(step._tag === "Closed" ? step.resolution.id : step.open.id, step)
    }
    return open.flatMap(({ id }) => Option.toArray(Option.fromNullable(steps.get(id))))
  })

const deferred = <A, R>(id: string, reason: Deferral, versions: ReadonlyArray<Leaf<A, R>>): Resolution<A, R> => ({
  _tag: "Deferred",
  id,
  reason,
  versions
})

/** Plans by what stands; where that is not enough to know, by what was buried too. */
const planAll = <A, R, E, R2>(
  collection: Bound<A, R>,
  open: ReadonlyArray<Open<A, R> & { readonly standing: Standing }>,
  policy: SiblingPolicy<A, E, R2>,
  seen: Seen
): Effect.Effect<ReadonlyMap<string, Plan<A, R>>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const { database } = collection
    const shallow = open.filter(({ deep }) => !deep)
    const versions = byId([
      ...yield* readVersions(
        database,
        shallow.flatMap(({ id, standing }) => standing.live.map((rev) => ({ id, rev })))
      ),
      ...yield* readAllLeaves(database, open.filter(({ deep }) => deep).map(({ id }) => id), seen)
    ])
    const deeper: Array<Open<A, R> & { readonly standing: Standing }> = []
    const prepared: Array<readonly [Open<A, R> & { readonly standing: Standing }, Prepared]> = []
    for (const each of open) {
      const found = yield* prepare(database, each.id, versions.get(each.id) ?? [], policy.rules)
      if (found.unsure && !each.deep) deeper.push({ ...each, deep: true })
      else prepared.push([each, found])
    }
    const ancestors = byId(
      yield* readVersions(
        database,
        prepared.flatMap(([{ id }, { wanted }]) => wanted.map((rev) => ({ id, rev })))
      )
    )
    const plans = new Map<string, Plan<A, R>>()
    for (const [each, found] of prepared) {
      const made = yield* plan(collection, found, (ancestors.get(each.id) ?? []).map(({ raw }) => raw), policy).pipe(
        Effect.mapError((failed: Failed<E | WireError>) => failed.error)
      )
      if (made.unsure && !each.deep) deeper.push({ ...each, deep: true })
      else plans.set(each.id, made.plan)
    }
    return deeper.length === 0 ? plans : new Map([...plans, ...(yield* planAll(collection, deeper, policy, seen))])
  })

/** Plans by all leaves, since a tombstone says what a merge contains, and when a document was deleted. */
const planAllByLineage = <A, R, E, R2>(
  collection: Bound<A, R>,
  settings: Settings,
  ids: ReadonlyArray<string>,
  policy: SiblingPolicy<A, E, R2>,
  seen: Seen
): Effect.Effect<ReadonlyMap<string, Plan<A, R>>, E | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const versions = byId(
      yield* holds(settings, "readLittle")
        ? readAllLeaves(collection.database, ids, seen)
        : readVersions(collection.database, ids.map((id) => ({ id })))
    )
    return new Map(
      yield* Effect.forEach(ids, (id) =>
        planByLineage(collection, settings, id, versions.get(id) ?? [], policy).pipe(
          Effect.map((plan) => [id, plan] as const)
        ))
    )
  }).pipe(Effect.mapError((error) => error instanceof Failed ? error.error : error))

/** Whether tombstones count. */
const readsDeletions = <A, R, E, R2>(collection: Bound<A, R>, policy: SiblingPolicy<A, E, R2>): boolean =>
  collection.lineage !== undefined || needsDeletions(policy.rules)

/** Versions by their document. */
export const byId = (versions: ReadonlyArray<Version>): ReadonlyMap<string, ReadonlyArray<Version>> => {
  const map = new Map<string, Map<string, Version>>()
  for (const version of versions) {
    const all = map.get(version.raw.id) ?? new Map<string, Version>()
    // One that was asked for twice is one.
    if (!all.has(version.raw.rev)) all.set(version.raw.rev, version)
    map.set(version.raw.id, all)
  }
  return new Map(Array.from(map, ([id, all]) => [id, Array.from(all.values())]))
}

/** A document whose steps are being written. */
interface Going<A, R> {
  readonly open: Open<A, R>
  readonly plan: Writing<A, R>
  /** The step to write now. */
  readonly step: WriteStep<A, R>
  readonly later: ReadonlyArray<WriteStep<A, R>>
  readonly done: Option.Option<Done<A, R>>
  /** Whether somebody else wrote the document meanwhile. */
  readonly again: boolean
}

/** Writes plans step by step, one step of every document at a time. */
const writeAll = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<{ readonly open: Open<A, R>; readonly plan: Writing<A, R> }>
): Effect.Effect<ReadonlyArray<Step<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const steps: Array<Step<A, R>> = []
    let going = writing.map(({ open, plan }): Going<A, R> => {
      const [step, ...later] = plan.steps
      return { open, plan, step, later, done: open.done, again: false }
    })
    while (going.length > 0) {
      const next: Array<Going<A, R>> = []
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

/** The outcome after all steps. */
const ended = <A, R>({ again, done, open, plan }: Going<A, R>): Step<A, R> =>
  again
    ? { _tag: "Open", open: { id: open.id, deep: true, done } }
    : plan.remaining.length > 0 && Option.isSome(done)
    ? { _tag: "Closed", resolution: partly(open.id, done.value, plan.remaining) }
    : { _tag: "Closed", resolution: finished({ ...open, done }) }

type Stepped<A, R> = Step<A, R> | { readonly _tag: "Going"; readonly going: Going<A, R> }

/** Stops before the remaining steps, and reports the versions that they would have merged. */
const stopped = <A, R>(
  { done, later, open, plan }: Going<A, R>,
  remaining: ReadonlyArray<Remaining>,
  why: string
): Step<A, R> => ({
  _tag: "Closed",
  resolution: partly(open.id, Option.getOrElse(done, () => nothingDone<A, R>()), [
    ...remaining,
    ...later.flatMap(({ merged }) => merged).map((rev) => ({ rev, why })),
    ...plan.remaining
  ])
})

/** First the merges; then, where they are known to be stored, the burials. */
const writeStep = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Going<A, R>>
): Effect.Effect<ReadonlyArray<Stepped<A, R>>, WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { listed, refused } = yield* writeLists(collection, writing)
    const stored = yield* writeMerges(collection, listed)
    const waits = collection.lineage === undefined || holds(collection.lineage, "twoWrites")
    const after = yield* readAfter(collection, listed.filter(({ open }) => stored.get(open.id)?._tag === "Stored"))

    const steps: Array<Stepped<A, R>> = [...refused]
    const burying: Array<Going<A, R>> = []
    for (const each of listed) {
      const { done, open, step } = each
      if (Option.isNone(step.merge) || !waits) {
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
  going: Going<A, R>,
  error: WireError
): Effect.Effect<Step<A, R>, WireError, CouchHttp | R> => {
  const { open, step } = going
  const reason = refusal(error)
  const why = `${reason.why}: ${error.message}`
  return Option.isSome(going.done)
    ? Effect.succeed(stopped(going, step.merged.map((rev) => ({ rev, why })), why))
    : Effect.map(versionsNow(collection, open.id), (versions): Step<A, R> => ({
      _tag: "Closed",
      resolution: deferred(open.id, reason, versions)
    }))
}

/** Writes the lists that merges name, before the merges. */
const writeLists = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Going<A, R>>
): Effect.Effect<
  { readonly listed: ReadonlyArray<Going<A, R>>; readonly refused: ReadonlyArray<Step<A, R>> },
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
    const refused: Array<Step<A, R>> = []
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
  writing: ReadonlyArray<Going<A, R>>
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
  Effect.flatMap(readAllLeaves(collection.database, [id], makeSeen()), (versions) => leavesOf(collection, versions))

/** Whether each merge is there, and whether the document has heads that its plan did not know. */
const readAfter = <A, R>(
  collection: Bound<A, R>,
  writing: ReadonlyArray<Going<A, R>>
): Effect.Effect<ReadonlyMap<string, { readonly known: boolean; readonly more: boolean }>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    if (writing.length === 0) return new Map()
    const standing = yield* readStanding(collection.database, writing.map(({ open }) => open.id))
    const seen = writing.map(({ open, plan, step }, i) => {
      const rev = Option.getOrUndefined(Option.map(step.merge, ({ path }) => path[0]))
      const live = standing[i]?.live ?? []
      const expected = new Set<Revision>([
        ...plan.heads,
        // Merges and losers of other steps.
        ...plan.steps.flatMap(({ burials, merge }) => [
          ...burials.map(({ of }) => of.raw.rev),
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
  burying: ReadonlyArray<Going<A, R>>
): Effect.Effect<ReadonlyArray<Stepped<A, R>>, WireError, CouchHttp> =>
  Effect.gen(function*() {
    if (burying.length === 0) return []
    const { database } = collection
    const burials = burying.flatMap(({ step }) => step.burials)
    const results = yield* bulkWrite(
      database,
      burials.map((burial) => ({ id: burial.of.raw.id, text: Json.stringify(tombstoneOf(burial)) })),
      { newEdits: true }
    )
    // A burial that was refused may be there: another resolver writes the same one, and a lost answer was repeated.
    const doubtful = burials.flatMap((burial, i) =>
      results[i]?._tag !== "Conflict" ? [] : Option.toArray(
        Option.map(burialRevision(burial), (rev) => [burial.of.raw.id, rev] as const)
      )
    )
    const isKnown = yield* readKnown(database, doubtful)
    let next = 0
    return burying.map((each): Stepped<A, R> => {
      const buried: Array<Revision> = []
      const remaining: Array<Remaining> = []
      let again = each.again
      for (const burial of each.step.burials) {
        const result = results[next++]
        const rev = burial.of.raw.rev
        if (result?._tag === "Refused") remaining.push({ rev, why: result.error.message })
        else if (result?._tag === "Stored") buried.push(rev)
        else if (Option.exists(burialRevision(burial), (tombstone) => isKnown(each.open.id, tombstone))) {
          buried.push(rev)
        } else again = true
      }
      const going: Going<A, R> = { ...each, again, done: progress(each, buried) }
      return remaining.length > 0
        ? stopped(
          going,
          remaining,
          "it is not merged yet, because the server refused a tombstone of an earlier version: fix that and run it again"
        )
        : { _tag: "Going", going }
    })
  })

const nothingDone = <A, R>(): Done<A, R> => ({ document: Option.none(), merged: [], buried: [], withoutBase: [] })

/** What is done after a step. */
const progress = <A, R>({ done, step }: Going<A, R>, buried: ReadonlyArray<Revision>): Option.Option<Done<A, R>> => {
  const before = Option.getOrElse(done, () => nothingDone<A, R>())
  return Option.some({
    document: step.document ?? before.document,
    merged: [...before.merged, ...step.merged],
    buried: [...before.buried, ...buried],
    withoutBase: [...before.withoutBase, ...step.withoutBase]
  })
}

const partly = <A, R>(
  id: string,
  done: Done<A, R>,
  remaining: ReadonlyArray<Remaining>
): Resolution<A, R> => ({ _tag: "PartiallyResolved", id, ...done, remaining })

/** The siblings of one document. */
export const resolveOne = <A, R, E, R2>(
  collection: Bound<A, R>,
  id: string,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Resolution<A, R>, E | InvalidIdError | WireError, CouchHttp | R | R2> =>
  Effect.flatMap(DocumentId.decode(id), (id) =>
    Effect.flatMap(
      resolveAll(collection, [id], policy),
      ([resolution]): Effect.Effect<Resolution<A, R>, NotFoundError> =>
        resolution === undefined || resolution._tag === "Absent"
          ? failAt((from) =>
            new NotFoundError({
              ...from,
              method: "POST",
              path: `${documentPath(collection.database)}/_all_docs`,
              status: 200,
              error: "not_found",
              reason: "missing",
              database: collection.database,
              id
            })
          )
          : Effect.succeed(resolution)
    ))
