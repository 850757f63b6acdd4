import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import { type Group, groupMergeable } from "../siblings/groups.js"
import type { PartialMerge, PolicyFailure, Unmerged } from "../siblings/pairMerge.js"
import type { Step } from "../siblings/plan.js"
import { decidesUnknown } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { FinalHead, Reason } from "../siblings/unresolved.js"
import { isAlive } from "./alive.js"
import { Evaluator } from "./evaluator.js"
import type { Missing } from "./graph.js"
import type { MergeWriter } from "./mergeWriter.js"
import type { Survey } from "./plan.js"
import type { Joined, MergeState } from "./symbolicMerge.js"

type Rev = Revision.Revision

/** The heads of a group that are merged so far. */
interface GroupState<A, R> {
  readonly state: MergeState
  /** The merged content. `undefined` if the heads clash and the document is deleted anyway. */
  readonly content: PartialMerge<A, R> | undefined
  /** What was missing if a policy decided without it. */
  readonly decidedWithout: Missing | undefined
}

/** The merges to write, and the versions that are left after them. */
export interface MergedInSteps<A, R> {
  readonly steps: ReadonlyArray<Step<A, R>>
  readonly finalHeads: ReadonlyArray<FinalHead>
}

const unknown = ({ why }: Missing): Unmerged => ({ _tag: "Unknown", why, clashes: [] })

/** The most groups that do not merge with each other and are tried with the next heads. */
const maxCarriedGroups = 8

/**
 * Merges as many heads as possible, in steps of bounded size. After each step the stored heads are exactly those that
 * the next step starts from, so another resolver that continues from there writes the same revisions.
 */
export class MergeSteps<A, R, E, R2> {
  private readonly evaluator: Evaluator<A, R, E, R2>
  /** Whether a policy decides even if something is missing. */
  private readonly decidesUnknown: boolean
  private readonly isDeleted: boolean
  private readonly steps: Array<Step<A, R>> = []
  /** Merges without content: their heads clash, and the document is deleted. */
  private readonly contentless = new Set<Rev>()
  /** The precedence of each head as the parent of a merge. */
  private readonly ranks: Map<Rev, number>
  /** The heads that keep the document alive. */
  private readonly live: Set<Rev>

  constructor(
    collection: Bound<A, R>,
    id: string,
    private readonly survey: Survey,
    private readonly policy: SiblingPolicy<A, E, R2>,
    private readonly writer: MergeWriter<A, R>
  ) {
    const { alive, heads, index, live, orphans } = survey
    this.evaluator = new Evaluator({
      collection,
      id,
      index,
      policy,
      attachmentSource: (rev) => writer.attachmentSource(rev)
    })
    this.decidesUnknown = decidesUnknown(policy)
    this.isDeleted = Either.isRight(alive) && !alive.right
    this.ranks = new Map(heads.map((rev, i) => [rev, i]))
    this.live = new Set(heads.filter((rev) => live.has(rev) || orphans.includes(rev)))
  }

  /** Merges at most `atOnce` heads in each step. */
  run(atOnce: number): Effect.Effect<MergedInSteps<A, R>, PolicyFailure<E>, R | R2> {
    return Effect.gen(this, function*() {
      const finalHeads: Array<FinalHead> = []
      let rest = this.survey.heads
      let carried: ReadonlyArray<FinalHead> = []
      while (rest.length > 0) {
        const sizes = new Map(carried.map(({ rev, size }) => [rev, size]))
        const taken = rest.slice(0, Math.max(1, atOnce - carried.length))
        rest = rest.slice(taken.length)
        const { groups, unusable } = yield* groupMergeable(
          [...carried.map(({ rev }) => rev), ...taken].sort((a, b) => Revision.Order(b, a)),
          (head) => this.begin(head),
          (state, head) => this.join(state, head)
        )
        finalHeads.push(...unusable.map(({ head, why }): FinalHead => ({ rev: head, size: 1, why })))
        const left = groups.flatMap((group) => this.mergeGroup(group, (rev) => sizes.get(rev) ?? 1))
        const largest = new Set([...left].sort((a, b) => b.size - a.size).slice(0, maxCarriedGroups))
        carried = left.filter((head) => largest.has(head))
        finalHeads.push(...left.filter((head) => !largest.has(head)))
      }
      return { steps: this.steps, finalHeads: [...carried, ...finalHeads] }
    })
  }

  private begin(head: Rev): Effect.Effect<GroupState<A, R>, Reason, R> {
    const { blocked, symbolic } = this.survey
    const state = symbolic.start(head)
    if (this.contentless.has(head)) return Effect.succeed({ state, content: undefined, decidedWithout: undefined })
    const missing = blocked.get(head) ?? symbolic.missing(state)
    return missing !== undefined && !this.decidesUnknown
      ? Effect.fail(unknown(missing))
      : Effect.map(
        this.evaluator.head(symbolic.contentRevision(head)),
        (content) => ({ state, content, decidedWithout: missing })
      )
  }

  private join(group: GroupState<A, R>, head: Rev): Effect.Effect<GroupState<A, R>, Reason | PolicyFailure<E>, R | R2> {
    const { blocked, symbolic } = this.survey
    const { content, decidedWithout, state } = group
    if (content === undefined || this.contentless.has(head)) return this.joinContentless(group, head)
    const missing = decidedWithout ?? blocked.get(head)
    const joined = missing === undefined ? symbolic.join(state, head) : Either.left(missing)
    return Either.isLeft(joined)
      ? this.joinByDecision(state, content, head, joined.left)
      : this.joinByBase(state, content, head, joined.right)
  }

  private joinContentless(group: GroupState<A, R>, head: Rev): Effect.Effect<GroupState<A, R>, Reason> {
    const { graph } = this.survey
    const { side } = group.state
    const common = graph.common(side, graph.side(head))
    if (common._tag === "Missing") return Effect.fail(unknown(common.missing))
    side.add(head)
    return Effect.succeed({ ...group, content: undefined })
  }

  /** Merges without the base, if the policy allows it. */
  private joinByDecision(
    state: MergeState,
    mine: PartialMerge<A, R>,
    head: Rev,
    missing: Missing
  ): Effect.Effect<GroupState<A, R>, Reason | PolicyFailure<E>, R | R2> {
    if (!this.decidesUnknown) return Effect.fail(unknown(missing))
    const theirs = this.survey.symbolic.contentRevision(head)
    return Effect.map(this.evaluator.join(mine, theirs, { _tag: "Unknown", why: missing.why }), (content) => {
      state.side.add(head)
      return { state, content, decidedWithout: missing }
    })
  }

  private joinByBase(
    state: MergeState,
    mine: PartialMerge<A, R>,
    head: Rev,
    joined: Joined
  ): Effect.Effect<GroupState<A, R>, Reason | PolicyFailure<E>, R | R2> {
    return Effect.map(this.joinedContent(state, mine, head, joined), (content) => {
      state.side.add(head)
      return { state: { ...state, value: joined.value }, content, decidedWithout: undefined }
    })
  }

  private joinedContent(
    state: MergeState,
    mine: PartialMerge<A, R>,
    head: Rev,
    { base, value }: Joined
  ): Effect.Effect<PartialMerge<A, R> | undefined, Reason | PolicyFailure<E>, R | R2> {
    if (value === state.value) return Effect.succeed(mine)
    const theirs = this.survey.symbolic.contentRevision(head)
    return value._tag === "Content"
      ? this.evaluator.head(theirs)
      : this.evaluator.join(mine, theirs, { _tag: "Known", base }).pipe(
        // A deleted document needs no merged content.
        Effect.catchIf((reason) => this.isDeleted && reason._tag === "Overlap", () => Effect.succeed(undefined))
      )
  }

  /** Merges a group, and returns the heads that are left of it. */
  private mergeGroup(
    { heads: members, state: { content, decidedWithout }, why }: Group<Rev, GroupState<A, R>>,
    sizeOf: (rev: Rev) => number
  ): ReadonlyArray<FinalHead> {
    const apart = (why: Reason | undefined): ReadonlyArray<FinalHead> =>
      members.map((rev) => ({ rev, size: sizeOf(rev), why }))
    const [parent, ...also] = [...members].sort((a, b) => this.rank(a) - this.rank(b))
    if (parent === undefined || !this.needsMerge(members)) return apart(why)
    const alive = this.isAlive(members)
    if (Either.isLeft(alive) && !this.decidesUnknown) return apart(unknown(alive.left))
    const decided = decidedWithout !== undefined || Either.isLeft(alive)
    const deleted = !decided && !Either.getOrElse(alive, () => true)
    if (content === undefined && !deleted) return apart(why)
    const { rev, step } = this.writer.merge({ kind: decided ? "edit" : "merge", parent, also, deleted }, content)
    this.steps.push(step)
    this.ranks.set(rev, this.rank(parent))
    if (content === undefined) this.contentless.add(rev)
    if (!deleted) this.live.add(rev)
    return [{ rev, size: members.reduce((sum, rev) => sum + sizeOf(rev), 0), why }]
  }

  private needsMerge(members: ReadonlyArray<Rev>): boolean {
    const { heads, orphans } = this.survey
    const isAlone = members.length === 1 && !(heads.length === 1 && orphans.length === 1)
    // Deletions alone need no merge if something else keeps the document alive.
    return !isAlone && (this.isDeleted || members.some((rev) => this.live.has(rev)))
  }

  /** Whether the merge of a group is alive. */
  private isAlive(members: ReadonlyArray<Rev>): Either.Either<boolean, Missing> {
    const { alive, graph, index } = this.survey
    return Either.isRight(alive) ? alive : isAlive(index, graph, members, this.policy.rules.deleted)
  }

  private rank(rev: Rev): number {
    return this.ranks.get(rev) ?? this.survey.heads.length
  }
}
