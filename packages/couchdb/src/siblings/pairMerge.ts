import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { structural } from "../data/equivalence.js"
import type * as Json from "../data/Json.js"
import { make as baseOf } from "../document/base.js"
import { encode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { EncodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import type { Clash } from "../merge/Merge.js"
import { absent as nothingThere, type Place, unknown as unknownBase, value as valueBase } from "../merge/node.js"
import { type Files, type MergedFiles, mergeFiles } from "./files.js"
import type { Common } from "./history.js"
import { type Bodies, mergeJson, type Preference } from "./jsonMerge.js"
import { type Decision, type Stage, stagesOf, withKnownBase } from "./policy.js"
import type { Question, Rules, SiblingPolicy } from "./SiblingPolicy.js"

/** A decoded version, or a partial merge. */
export interface Head<A, R> {
  readonly document: Document<A, R>
  readonly raw: Json.JsonObject
  readonly files: Files
}

/** The body of a version, without modifications that a custom merge or a policy made in place. */
export const bodyOf = <A, R>({ document }: Head<A, R>): A => value.discard(document).body

/** The merge of several heads. */
export interface PartialMerge<A, R> extends Head<A, R> {
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/** The reason why heads do not merge. */
export interface Unmerged {
  readonly _tag: "Overlap" | "Unknown"
  readonly why: string
  readonly clashes: ReadonlyArray<Clash>
}

/** The base of a pair. `head` is the common ancestor if its body is known. */
export const pairBaseOf = <A, R>(
  common: Common,
  head: Option.Option<Head<A, R>>,
  { missingBase }: Rules
): PairBase<A, R> => {
  const missing = common._tag === "Unclear"
    ? common.why
    : common._tag === "One" && Option.isNone(head)
    ? `the common ancestor ${common.revision} is no longer on this server`
    : undefined
  return {
    head,
    absent: false,
    unknown: missingBase === "merge" ? undefined : missing,
    holes: new Set(),
    allowsMissingBase: true
  }
}

/** A failure of the policy itself, as opposed to the reasons why heads do not merge. */
export class PolicyFailure<E> {
  readonly _tag = "PolicyFailure"
  constructor(readonly error: E) {}
}

/** The common ancestor of a pair. */
export interface PairBase<A, R> {
  readonly head: Option.Option<Head<A, R>>
  /** If there is no `head`: whether the sides certainly have nothing in common. */
  readonly absent: boolean
  /** Why the base is unknown, or `undefined` if it is known. */
  readonly unknown: string | undefined
  /** The places at which the base is unknown. */
  readonly holes: ReadonlySet<Place>
  /** Whether a merge may proceed without the base. */
  readonly allowsMissingBase: boolean
}

export interface PairContext<A, R> {
  readonly collection: Bound<A, R>
  readonly id: string
}

/** Merges two versions by the policy, or fails with the reason why they do not merge. */
export const mergePair = <A, R, E, R2>(
  context: PairContext<A, R>,
  policy: SiblingPolicy<A, E, R2>,
  mine: PartialMerge<A, R>,
  theirs: Head<A, R>,
  base: PairBase<A, R>
): Effect.Effect<PartialMerge<A, R>, Unmerged | PolicyFailure<E>, R | R2> =>
  new PairMerge(context, policy.rules, mine, theirs, base).run(stagesOf(policy))

/** The result of the stages so far: the clashes of the last one, or the merge. */
interface StageState<A, R> {
  readonly clashes: ReadonlyArray<Clash>
  readonly merged: Option.Option<PartialMerge<A, R>>
}

class PairMerge<A, R> {
  private readonly baseFiles: Option.Option<Files>

  constructor(
    private readonly context: PairContext<A, R>,
    private readonly rules: Rules,
    private readonly mine: PartialMerge<A, R>,
    private readonly theirs: Head<A, R>,
    private readonly base: PairBase<A, R>
  ) {
    this.baseFiles = Option.match(base.head, {
      onNone: () => base.absent ? Option.some<Files>(new Map()) : Option.none(),
      onSome: ({ files }) => Option.some(files)
    })
  }

  /** Runs the stages until one of them merges the pair. */
  run<E, R2>(
    stages: ReadonlyArray<Stage<A, E, R2>>
  ): Effect.Effect<PartialMerge<A, R>, Unmerged | PolicyFailure<E>, R | R2> {
    const { allowsMissingBase, unknown } = this.base
    const initial: StageState<A, R> = { clashes: [], merged: Option.none() }
    return Effect.reduce(
      stages.filter((stage, i) => stage.decidesUnknown || unknown === undefined || (i === 0 && allowsMissingBase)),
      initial,
      (state, stage) => Option.isSome(state.merged) ? Effect.succeed(state) : this.runStage(stage, state)
    ).pipe(
      Effect.flatMap(({ clashes, merged }) =>
        Option.match(merged, { onNone: () => Effect.fail(this.unmerged(clashes)), onSome: Effect.succeed })
      )
    )
  }

  private runStage<E, R2>(
    stage: Stage<A, E, R2>,
    state: StageState<A, R>
  ): Effect.Effect<StageState<A, R>, PolicyFailure<E>, R | R2> {
    return Effect.mapError(stage.decide(this.question(state.clashes)), (error) => new PolicyFailure(error)).pipe(
      Effect.flatMap((decision) =>
        Effect.match(this.apply(decision), {
          onFailure: (clashes): StageState<A, R> => ({ ...state, clashes }),
          onSuccess: (merged) => ({ ...state, merged: Option.some(merged) })
        })
      )
    )
  }

  private question(clashes: ReadonlyArray<Clash>): Question<A> {
    const { absent, head, holes, unknown } = this.base
    return {
      _tag: unknown === undefined ? "Overlap" : "Unknown",
      database: this.context.collection.database,
      id: this.context.id,
      base: Option.map(head, bodyOf),
      mine: bodyOf(this.mine),
      theirs: bodyOf(this.theirs),
      clashes,
      ...withKnownBase({
        base: Option.match(head, {
          onNone: () => absent ? nothingThere : unknownBase,
          onSome: (head) => valueBase(bodyOf(head))
        }),
        holes
      })
    }
  }

  private unmerged(clashes: ReadonlyArray<Clash>): Unmerged {
    const { unknown } = this.base
    return unknown === undefined
      ? { _tag: "Overlap", why: "both sides changed it", clashes }
      : { _tag: "Unknown", why: unknown, clashes }
  }

  /** Applies the decision of a stage, or fails with the clashes that it leaves. */
  private apply(decision: Decision<A>): Effect.Effect<PartialMerge<A, R>, ReadonlyArray<Clash>, R> {
    switch (decision._tag) {
      case "Overlap":
        return Effect.fail(decision.clashes)
      case "Side":
        return Effect.succeed(this.side(decision.side))
      case "Merged":
        return this.merged(decision.body, undefined, decision.withoutBase)
      case "Decided":
        return this.merged(decision.body, structural(decision.body, bodyOf(this.theirs)) ? "theirs" : "mine", [])
    }
  }

  private side(side: "mine" | "theirs"): PartialMerge<A, R> {
    const chosen = this[side]
    return {
      ...chosen,
      document: value.discard(chosen.document),
      files: this.mergeFiles(side).files,
      withoutBase: this.mine.withoutBase
    }
  }

  /** Completes a merged body with the undeclared members and the attachments. */
  private merged(
    body: A,
    prefer: Preference,
    decidedWithoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
  ): Effect.Effect<PartialMerge<A, R>, ReadonlyArray<Clash>, R> {
    return this.encodeBodies(body).pipe(
      Effect.mapError(invalidClashes),
      Effect.flatMap((bodies) => {
        const json = mergeJson(bodies, prefer, this.base.holes)
        const files = this.mergeFiles(prefer)
        const clashes = [...json.clashes, ...files.clashes]
        const withoutBase = [...decidedWithoutBase, ...json.withoutBase, ...files.withoutBase]
        if (clashes.length > 0) return Effect.fail(clashes)
        // An explicit decision took both versions into account. A merge without the base did not.
        const requiresBase = this.base.unknown !== undefined || !this.base.allowsMissingBase
        return requiresBase && prefer === undefined && withoutBase.length > 0
          ? Effect.fail(withoutBase.map(missingBaseClash))
          : Effect.succeed({
            document: partialDocument(this.context, this.mine.document, body, json.value),
            raw: json.value,
            files: files.files,
            withoutBase: [...this.mine.withoutBase, ...withoutBase]
          })
      })
    )
  }

  /** Encodes the merged body over each version, so that only undeclared members differ. */
  private encodeBodies(body: A): Effect.Effect<Bodies, EncodeError, R> {
    const { base: { absent, head }, context, mine, theirs } = this
    const encodeWith = ({ document }: Head<A, R>) => encode(value.modify(document, () => body))
    return Effect.gen(function*() {
      return {
        base: Option.isSome(head)
          ? Option.some(yield* encodeWith(head.value))
          : absent
          ? Option.some({})
          : Option.none(),
        mine: yield* encodeWith(mine),
        theirs: yield* encodeWith(theirs),
        known: yield* encode(value.unsaved(context.collection, context.id, body))
      }
    })
  }

  private mergeFiles(prefer: Preference): MergedFiles {
    return mergeFiles(
      this.baseFiles,
      this.mine.files,
      this.theirs.files,
      this.rules.attachments,
      prefer,
      this.base.holes
    )
  }
}

const missingBaseClash = (path: ReadonlyArray<PropertyKey>): Clash => ({
  path,
  why: "only one side has it, and it is unknown whether the other side removed it",
  base: Option.none(),
  mine: Option.none(),
  theirs: Option.none()
})

/** The clashes of a merged body that the schema does not encode. */
const invalidClashes = (error: EncodeError): ReadonlyArray<Clash> =>
  error.issues.map(({ expected, path }) => ({
    path,
    why: `the merged value is not valid: ${expected}`,
    base: Option.none(),
    mine: Option.none(),
    theirs: Option.none()
  }))

/** The document of a partial merge, with which the next version merges. */
export const partialDocument = <A, R>(
  { collection, id }: PairContext<A, R>,
  like: Document<A, R>,
  body: A,
  raw: Json.JsonObject
): Document<A, R> =>
  Option.match(like.base, {
    onNone: () => value.unsaved(collection, id, body),
    onSome: ({ rev, stubs }) => value.clean(collection, id, "quorum", baseOf(collection, rev, body, { raw, stubs }))
  })
