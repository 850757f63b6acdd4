import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Order from "effect/Order"
import { Prototype } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import { partially, TypeId as MergeTypeId } from "../merge/make.js"
import type { Clash, Merge } from "../merge/Merge.js"
import { type Base, fromOption, type Place } from "../merge/node.js"
import type * as Types from "./SiblingPolicy.js"
import type { Question, Rules, SiblingPolicy } from "./SiblingPolicy.js"

export const TypeId: Types.TypeId = Symbol.for("effect-couchdb/SiblingPolicy") as Types.TypeId

/**
 * The decision of one stage of a policy for a pair.
 *
 * - `Merged`: a merge, and the places that had no base
 * - `Side`: one whole version
 * - `Decided`: a body that an explicit decision returned
 * - `Overlap`: no decision
 */
export type Decision<A> =
  | { readonly _tag: "Merged"; readonly body: A; readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>> }
  | { readonly _tag: "Side"; readonly side: "mine" | "theirs" }
  | { readonly _tag: "Decided"; readonly body: A }
  | { readonly _tag: "Overlap"; readonly clashes: ReadonlyArray<Clash> }

/** A stage runs if no previous stage decided. Only a stage that `decidesUnknown` runs if information is missing. */
export interface Stage<A, E, R> {
  readonly decidesUnknown: boolean
  readonly merge?: Merge<A>
  readonly decide: (question: Question<A>) => Effect.Effect<Decision<A>, E, R>
}

const stages = Symbol.for("effect-couchdb/SiblingPolicy/stages")

export const stagesOf = <A, E, R>(self: SiblingPolicy<A, E, R>): ReadonlyArray<Stage<A, E, R>> =>
  (self as unknown as { readonly [stages]: ReadonlyArray<Stage<A, E, R>> })[stages]

const make = <A, E, R>(
  name: string,
  rules: Partial<Rules>,
  ownStages: ReadonlyArray<Stage<A, E, R>>
): SiblingPolicy<A, E, R> =>
  Object.assign(
    {
      [TypeId]: {
        _A: (a: A) => a,
        _E: (e: never) => e,
        _R: (r: never) => r
      },
      name,
      rules: { deleted: "editWins", attachments: "rename", missingBase: "defer", ...rules } as const
    },
    { [stages]: ownStages },
    Prototype
  )

const pure = <A>(decide: (question: Question<A>) => Decision<A>): Stage<A, never, never> => ({
  decidesUnknown: false,
  decide: (question) => Effect.sync(() => decide(question))
})

const knownBaseId = Symbol.for("effect-couchdb/SiblingPolicy/known")

/** What is known about the base in addition to its body. Only merges use it. */
export interface Known {
  readonly base: Base
  readonly holes: ReadonlySet<Place>
}

/** The properties that add it to a question. */
export const withKnownBase = (known: Known): object => ({ [knownBaseId]: known })

export const merge = <A>(merge: Merge<A>, rules: Partial<Rules> = {}): SiblingPolicy<A> =>
  make("merge", rules, [{
    ...pure<A>((question) => {
      const { base, holes } = (question as unknown as { readonly [knownBaseId]?: Known })[knownBaseId] ??
        { base: fromOption(question.base), holes: new Set<Place>() }
      const { clashes, value, withoutBase } = partially(
        merge,
        { base, mine: question.mine, theirs: question.theirs },
        holes
      )
      return clashes.length > 0
        ? { _tag: "Overlap", clashes }
        : { _tag: "Merged", body: value, withoutBase }
    }),
    merge
  }])

/** Whether a policy decides even if information is missing that another replica may have. */
export const decidesUnknown = <A, E, R>(self: SiblingPolicy<A, E, R>): boolean =>
  self.rules.missingBase === "merge" || stagesOf(self).some((stage) => stage.decidesUnknown)

/** The merge of a policy, if it has one. */
export const mergeOf = <A, E, R>(self: SiblingPolicy<A, E, R>): Option.Option<Merge<A>> =>
  Option.fromNullable(stagesOf(self).find((stage) => stage.merge !== undefined)?.merge)

export const pick = <A>(order: Order.Order<A>, rules: Partial<Rules> = {}): SiblingPolicy<A> =>
  make("pick", rules, [pure(({ mine, theirs }) => ({
    _tag: "Side",
    side: order(mine, theirs) < 0 ? "theirs" : "mine"
  }))])

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const winner: SiblingPolicy<any> = make("winner", {}, [pure(() => ({ _tag: "Side", side: "mine" }))])

const appendStages = <A, E, R, E2, R2>(
  self: SiblingPolicy<A, E, R>,
  name: string,
  more: ReadonlyArray<Stage<A, E2, R2>>
): SiblingPolicy<A, E | E2, R | R2> =>
  make<A, E | E2, R | R2>(`${self.name}, ${name}`, self.rules, [...stagesOf(self), ...more])

export const orElse = dual<
  <B, E2, R2>(
    that: SiblingPolicy<B, E2, R2>
  ) => <A extends B, E, R>(self: SiblingPolicy<A, E, R>) => SiblingPolicy<A, E | E2, R | R2>,
  <B, E2, R2, A extends B, E, R>(
    self: SiblingPolicy<A, E, R>,
    that: SiblingPolicy<B, E2, R2>
  ) => SiblingPolicy<A, E | E2, R | R2>
>(
  2,
  <B, E2, R2, A extends B, E, R>(self: SiblingPolicy<A, E, R>, that: SiblingPolicy<B, E2, R2>) =>
    appendStages(self, that.name, stagesOf(that) as unknown as ReadonlyArray<Stage<A, E2, R2>>)
)

const decisionStage = <A, E, R>(
  decidesUnknown: boolean,
  decide: (question: Question<A>) => Effect.Effect<Option.Option<A>, E, R>
): Stage<A, E, R> => ({
  decidesUnknown,
  decide: (question) =>
    Effect.map(
      decide(question),
      Option.match({
        onNone: (): Decision<A> => ({ _tag: "Overlap", clashes: question.clashes }),
        onSome: (body) => ({ _tag: "Decided", body })
      })
    )
})

export const onOverlap =
  <A, E2, R2>(decide: (question: Question<A>) => Effect.Effect<Option.Option<A>, E2, R2>) =>
  <E, R>(self: SiblingPolicy<A, E, R>): SiblingPolicy<A, E | E2, R | R2> =>
    appendStages(self, "onOverlap", [decisionStage(false, decide)])

export const onUnknown =
  <A, E2, R2>(decide: (question: Question<A>) => Effect.Effect<Option.Option<A>, E2, R2>) =>
  <E, R>(self: SiblingPolicy<A, E, R>): SiblingPolicy<A, E | E2, R | R2> =>
    appendStages(self, "onUnknown", [decisionStage(true, decide)])

export const isSiblingPolicy = (value: unknown): value is SiblingPolicy<unknown, unknown, unknown> =>
  hasProperty(value, TypeId)

/** Converts a merge to the policy that applies it. */
export const policyOf = <A, E, R>(self: SiblingPolicy<A, E, R> | Merge<A>): SiblingPolicy<A, E, R> =>
  hasProperty(self, MergeTypeId) ? merge(self as Merge<A>) : self as SiblingPolicy<A, E, R>
