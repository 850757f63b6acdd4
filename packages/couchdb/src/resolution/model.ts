import * as Option from "effect/Option"
import type { Revision } from "../data/Revision.js"
import type { Document } from "../document/Document.js"
import type { Leaf, UnresolvedReason } from "../siblings/model.js"
import type { Plan, Remaining, Step as WriteStep } from "../siblings/plan.js"
import type { Resolution } from "./Conflict.js"

/** The results of the steps so far. */
export interface Done<A, R> {
  readonly document: Option.Option<Document<A, R>>
  readonly merged: ReadonlyArray<Revision>
  readonly deleted: ReadonlyArray<Revision>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/** A document whose resolution is not finished. */
export interface Open<A, R> {
  readonly id: string
  /** Whether deleted leaves are read too. They record merged versions and deletions. */
  readonly deep: boolean
  readonly done: Option.Option<Done<A, R>>
}

/** A document that does not exist. */
export interface Absent {
  readonly _tag: "Absent"
  readonly id: string
}

/** The result of one round for one document. */
export type Round<A, R> =
  | { readonly _tag: "Closed"; readonly resolution: Resolution<A, R> | Absent }
  | { readonly _tag: "Open"; readonly open: Open<A, R> }

/** A plan that writes. */
export type WritePlan<A, R> = Extract<Plan<A, R>, { readonly _tag: "Write" }>

/** A document whose steps are being written. */
export interface Writing<A, R> {
  readonly open: Open<A, R>
  readonly plan: WritePlan<A, R>
  readonly step: WriteStep<A, R>
  readonly later: ReadonlyArray<WriteStep<A, R>>
  readonly done: Option.Option<Done<A, R>>
  /** Whether another client wrote the document meanwhile. */
  readonly isOutdated: boolean
}

const nothingDone = <A, R>(): Done<A, R> => ({ document: Option.none(), merged: [], deleted: [], withoutBase: [] })

/** The results after the current step, whose losers `buried` were replaced by tombstones. */
export const progress = <A, R>(
  { done, step }: Writing<A, R>,
  deleted: ReadonlyArray<Revision>
): Option.Option<Done<A, R>> => {
  const before = Option.getOrElse(done, () => nothingDone<A, R>())
  return Option.some({
    document: step.document ?? before.document,
    merged: [...before.merged, ...step.merged],
    deleted: [...before.deleted, ...deleted],
    withoutBase: [...before.withoutBase, ...step.withoutBase]
  })
}

export const superseded = <A, R>({ done, id }: Open<A, R>): Resolution<A, R> => ({
  _tag: "Superseded",
  id,
  document: Option.flatMap(done, ({ document }) => document)
})

/** The resolution of a document with nothing left to do. */
export const finished = <A, R>({ done, id }: Open<A, R>): Resolution<A, R> =>
  Option.match(done, {
    onNone: (): Resolution<A, R> => ({ _tag: "NothingToDo", id }),
    onSome: (done) => ({ _tag: "Resolved", id, ...done })
  })

export const unresolved = <A, R>(
  id: string,
  reason: UnresolvedReason,
  versions: ReadonlyArray<Leaf<A, R>>
): Resolution<A, R> => ({
  _tag: "Unresolved",
  id,
  reason,
  versions
})

export const partiallyResolved = <A, R>(
  id: string,
  done: Done<A, R>,
  remaining: ReadonlyArray<Remaining>
): Resolution<A, R> => ({ _tag: "PartiallyResolved", id, ...done, remaining })

/** The result after all steps. */
export const ended = <A, R>({ isOutdated, done, open, plan }: Writing<A, R>): Round<A, R> =>
  isOutdated
    ? { _tag: "Open", open: { id: open.id, deep: true, done } }
    : plan.remaining.length > 0 && Option.isSome(done)
    ? { _tag: "Closed", resolution: partiallyResolved(open.id, done.value, plan.remaining) }
    : { _tag: "Closed", resolution: finished({ ...open, done }) }

/** Stops before the remaining steps, and reports the versions that they would have merged. */
export const stopped = <A, R>(
  { done, later, open, plan }: Writing<A, R>,
  remaining: ReadonlyArray<Remaining>,
  why: string
): Round<A, R> => ({
  _tag: "Closed",
  resolution: partiallyResolved(open.id, Option.getOrElse(done, () => nothingDone<A, R>()), [
    ...remaining,
    ...later.flatMap(({ merged }) => merged).map((rev) => ({ rev, why })),
    ...plan.remaining
  ])
})
