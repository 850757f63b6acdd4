import * as Schema from "effect/Schema"
import { canonical } from "./canonical.js"
import { annotate, join, lastWriteWins } from "./strategy.js"

type Counts = Readonly<Record<string, number>>

/** A member of the object itself: names come from outside, and may equal those that every object inherits. */
const own = <A>(object: Readonly<Record<string, A>>, key: string): A | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

const highest = (self: Counts, that: Counts): Counts =>
  Object.fromEntries(
    Array.from(new Set([...Object.keys(self), ...Object.keys(that)])).sort().map((actor) => [
      actor,
      Math.max(own(self, actor) ?? 0, own(that, actor) ?? 0)
    ])
  )

const sum = (counts: Counts): number => Object.values(counts).reduce((all, one) => all + one, 0)

const Counts = Schema.Record({ key: Schema.String, value: Schema.NonNegativeInt })
const CounterState = Schema.Struct({ added: Counts, taken: Counts })

export interface PNCounterState {
  readonly added: Counts
  readonly taken: Counts
}

export const PNCounter = Object.assign(
  CounterState.pipe(
    annotate(join((self: PNCounterState, that: PNCounterState) => ({
      added: highest(self.added, that.added),
      taken: highest(self.taken, that.taken)
    })))
  ),
  {
    /** The counter without counts. */
    zero: { added: {}, taken: {} } as PNCounterState,
    /** Adds an integer, which may be negative, for an actor that writes to only one replica. */
    add: (state: PNCounterState, actor: string, delta: number): PNCounterState =>
      delta >= 0
        ? { ...state, added: { ...state.added, [actor]: (own(state.added, actor) ?? 0) + delta } }
        : { ...state, taken: { ...state.taken, [actor]: (own(state.taken, actor) ?? 0) - delta } },
    /** The current count. */
    value: (state: PNCounterState): number => sum(state.added) - sum(state.taken)
  }
)

export interface ORSetState<A> {
  readonly added: Readonly<Record<string, A>>
  readonly removed: ReadonlyArray<string>
}

/** Joins two states. Removed elements stay removed, so they are dropped from the added ones. */
const orJoin = <A>(self: ORSetState<A>, that: ORSetState<A>): ORSetState<A> => {
  const removed = new Set([...self.removed, ...that.removed])
  const added = new Map(Object.entries(self.added))
  for (const [tag, element] of Object.entries(that.added)) {
    // Each tag identifies one addition. If a tag was used twice, all replicas keep the same element.
    if (!added.has(tag) || canonical(element) < canonical(added.get(tag))) added.set(tag, element)
  }
  return {
    added: Object.fromEntries(
      Array.from(added).filter(([tag]) => !removed.has(tag)).sort(([a], [b]) => a < b ? -1 : 1)
    ),
    removed: Array.from(removed).sort()
  }
}

export const ORSet = <A, I, R>(item: Schema.Schema<A, I, R>) =>
  Object.assign(
    Schema.Struct({
      added: Schema.Record({ key: Schema.String, value: item }),
      removed: Schema.Array(Schema.String)
    }).pipe(annotate(join<ORSetState<A>>(orJoin))),
    {
      /** The empty set. */
      empty: { added: {}, removed: [] } as ORSetState<A>,
      /** Adds an element under a tag that no other addition uses, such as a UUID. */
      add: (state: ORSetState<A>, tag: string, element: A): ORSetState<A> => ({
        ...state,
        added: { ...state.added, [tag]: element }
      }),
      /** Removes the elements that match the predicate. Additions that this state has not seen are kept. */
      remove: (state: ORSetState<A>, picks: (element: A) => boolean): ORSetState<A> =>
        orJoin(state, {
          added: {},
          removed: Object.entries(state.added).flatMap(([tag, element]) => picks(element) ? [tag] : [])
        }),
      /** The elements, without duplicates. */
      values: (state: ORSetState<A>): ReadonlyArray<A> =>
        Array.from(new Map(Object.values(state.added).map((element) => [canonical(element), element])).values())
    }
  )

export const LWWRegister = <A, I, R>(item: Schema.Schema<A, I, R>) =>
  Schema.Struct({ value: item, at: Schema.Number, by: Schema.String }).pipe(
    annotate(lastWriteWins((state: { readonly value: A; readonly at: number; readonly by: string }) => state.at))
  )
