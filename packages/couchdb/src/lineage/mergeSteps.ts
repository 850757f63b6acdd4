import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import type { Failed, Folded, Unmerged } from "../siblings/fold.js"
import { type Group, grouped } from "../siblings/groups.js"
import type { Step } from "../siblings/plan.js"
import { stagesOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import type { End, Reason } from "../siblings/unresolved.js"
import { alive } from "./alive.js"
import { Evaluator } from "./evaluate.js"
import type { Fold, Joined } from "./fold.js"
import type { Missing } from "./graph.js"
import type { MergeWriter } from "./mergeWriter.js"
import type { Survey } from "./plan.js"

type Rev = Revision.Revision

/** The heads of a group that are merged so far. */
interface State<A, R> {
  readonly fold: Fold
  /** The merged content. `undefined` if the heads clash and the document is deleted anyway. */
  readonly folded: Folded<A, R> | undefined
  /** What was missing if a policy decided without it. */
  readonly guessed: Missing | undefined
}

/** The merges to write, and the versions that are left after them. */
export interface MergedInSteps<A, R> {
  readonly steps: ReadonlyArray<Step<A, R>>
  readonly ends: ReadonlyArray<End>
}

const unknown = ({ why }: Missing): Unmerged => ({ _tag: "Unknown", why, clashes: [] })

/** The most groups that do not merge with each other and are tried with the next heads. */
const maxCarriedGroups = 8

/**
 * Merges as many heads as possible, in steps of bounded size. After each step the stored heads are exactly those that the
 * next step starts from, so another resolver that continues from there writes the same revisions.
 */
export class MergeSteps<A, R, E, R2> {
  private readonly evaluator: Evaluator<A, R, E, R2>
  /** Whether a policy decides even if something is missing. */
  private readonly asks: boolean
  private readonly isDead: boolean
  private readonly steps: Array<Step<A, R>> = []
  /** Merges without content: their heads clash, and the document is deleted. */
  private readonly contentless = new Set<Rev>()
  /** The precedence of each head as the parent of a merge. */
  private readonly ranks: Map<Rev, number>
  /** The heads that keep the document alive. */
  private readonly stands: Set<Rev>

  constructor(
    collection: Bound<A, R>,
    id: string,
    private readonly found: Survey,
    private readonly policy: SiblingPolicy<A, E, R2>,
    private readonly writer: MergeWriter<A, R>
  ) {
    const { heads, hidden, knowledge, lives, standing } = found
    this.evaluator = new Evaluator({ collection, id, knowledge, policy, holder: (rev) => writer.holder(rev) })
    this.asks = policy.rules.missingBase === "merge" || stagesOf(policy).some(({ guesses }) => guesses)
    this.isDead = Either.isRight(lives) && !lives.right
    this.ranks = new Map(heads.map((rev, i) => [rev, i]))
    this.stands = new Set(heads.filter((rev) => standing.has(rev) || hidden.includes(rev)))
  }

  /** Merges at most `atOnce` heads in each step. */
  run(atOnce: number): Effect.Effect<MergedInSteps<A, R>, Failed<E>, R | R2> {
    return Effect.gen(this, function*() {
      const ends: Array<End> = []
      let rest = this.found.heads
      let carried: ReadonlyArray<End> = []
      while (rest.length > 0) {
        const sizes = new Map(carried.map(({ rev, size }) => [rev, size]))
        const taken = rest.slice(0, Math.max(1, atOnce - carried.length))
        rest = rest.slice(taken.length)
        const { groups, unusable } = yield* grouped(
          [...carried.map(({ rev }) => rev), ...taken].sort((a, b) => Revision.Order(b, a)),
          (head) => this.begin(head),
          (state, head) => this.join(state, head)
        )
        ends.push(...unusable.map(({ head, why }): End => ({ rev: head, size: 1, why })))
        const left = groups.flatMap((group) => this.mergeGroup(group, (rev) => sizes.get(rev) ?? 1))
        const largest = new Set([...left].sort((a, b) => b.size - a.size).slice(0, maxCarriedGroups))
        carried = left.filter((end) => largest.has(end))
        ends.push(...left.filter((end) => !largest.has(end)))
      }
      return { steps: this.steps, ends: [...carried, ...ends] }
    })
  }

  private begin(head: Rev): Effect.Effect<State<A, R>, Reason, R> {
    const { blocked, folding } = this.found
    const fold = folding.alone(head)
    if (this.contentless.has(head)) return Effect.succeed({ fold, folded: undefined, guessed: undefined })
    const missing = blocked.get(head) ?? folding.missing(fold)
    return missing !== undefined && !this.asks
      ? Effect.fail(unknown(missing))
      : Effect.map(
        this.evaluator.head(folding.contentRevision(head)),
        (folded) => ({ fold, folded, guessed: missing })
      )
  }

  private join(state: State<A, R>, head: Rev): Effect.Effect<State<A, R>, Reason | Failed<E>, R | R2> {
    const { blocked, folding } = this.found
    const { fold, folded, guessed } = state
    if (folded === undefined || this.contentless.has(head)) return this.joinContentless(state, head)
    const missing = guessed ?? blocked.get(head)
    const joined = missing === undefined ? folding.join(fold, head) : Either.left(missing)
    return Either.isLeft(joined)
      ? this.joinByDecision(fold, folded, head, joined.left)
      : this.joinByBase(fold, folded, head, joined.right)
  }

  private joinContentless(state: State<A, R>, head: Rev): Effect.Effect<State<A, R>, Reason> {
    const { graph } = this.found
    const { side } = state.fold
    const common = graph.common(side, graph.side(head))
    if (common._tag === "Missing") return Effect.fail(unknown(common.missing))
    side.add(head)
    return Effect.succeed({ ...state, folded: undefined })
  }

  /** Lets the policy decide although something is missing, if it does. */
  private joinByDecision(
    fold: Fold,
    folded: Folded<A, R>,
    head: Rev,
    missing: Missing
  ): Effect.Effect<State<A, R>, Reason | Failed<E>, R | R2> {
    if (!this.asks) return Effect.fail(unknown(missing))
    const theirs = this.found.folding.contentRevision(head)
    return Effect.map(this.evaluator.join(folded, theirs, { _tag: "Unknown", why: missing.why }), (decided) => {
      fold.side.add(head)
      return { fold, folded: decided, guessed: missing }
    })
  }

  private joinByBase(
    fold: Fold,
    folded: Folded<A, R>,
    head: Rev,
    joined: Joined
  ): Effect.Effect<State<A, R>, Reason | Failed<E>, R | R2> {
    return Effect.map(this.joinedContent(fold, folded, head, joined), (content) => {
      fold.side.add(head)
      return { fold: { ...fold, value: joined.value }, folded: content, guessed: undefined }
    })
  }

  private joinedContent(
    fold: Fold,
    folded: Folded<A, R>,
    head: Rev,
    { base, value }: Joined
  ): Effect.Effect<Folded<A, R> | undefined, Reason | Failed<E>, R | R2> {
    if (value === fold.value) return Effect.succeed(folded)
    const theirs = this.found.folding.contentRevision(head)
    return value._tag === "Content"
      ? this.evaluator.head(theirs)
      : this.evaluator.join(folded, theirs, { _tag: "Known", base }).pipe(
        // A deleted document needs no merged content.
        Effect.catchIf((reason) => this.isDead && reason._tag === "Overlap", () => Effect.succeed(undefined))
      )
  }

  /** Merges a group, and returns the heads that are left of it. */
  private mergeGroup(
    { heads: own, state: { folded, guessed }, why }: Group<Rev, State<A, R>>,
    sizeOf: (rev: Rev) => number
  ): ReadonlyArray<End> {
    const apart = (why: Reason | undefined): ReadonlyArray<End> => own.map((rev) => ({ rev, size: sizeOf(rev), why }))
    const [parent, ...also] = [...own].sort((a, b) => this.rank(a) - this.rank(b))
    if (parent === undefined || !this.needsMerge(own)) return apart(why)
    const alive = this.isAlive(own)
    if (Either.isLeft(alive) && !this.asks) return apart(unknown(alive.left))
    const decided = guessed !== undefined || Either.isLeft(alive)
    const deleted = !decided && !Either.getOrElse(alive, () => true)
    if (folded === undefined && !deleted) return apart(why)
    const { rev, step } = this.writer.merge({ kind: decided ? "edit" : "merge", parent, also, deleted }, folded)
    this.steps.push(step)
    this.ranks.set(rev, this.rank(parent))
    if (folded === undefined) this.contentless.add(rev)
    if (!deleted) this.stands.add(rev)
    return [{ rev, size: own.reduce((sum, rev) => sum + sizeOf(rev), 0), why }]
  }

  private needsMerge(own: ReadonlyArray<Rev>): boolean {
    const { heads, hidden } = this.found
    const isAlone = own.length === 1 && !(heads.length === 1 && hidden.length === 1)
    // Deletions alone need no merge if something else keeps the document alive.
    return !isAlone && (this.isDead || own.some((rev) => this.stands.has(rev)))
  }

  /** Whether the merge of a group is alive. */
  private isAlive(own: ReadonlyArray<Rev>): Either.Either<boolean, Missing> {
    const { graph, knowledge, lives } = this.found
    return Either.isRight(lives) ? lives : alive(knowledge, graph, own, this.policy.rules.deleted)
  }

  private rank(rev: Rev): number {
    return this.ranks.get(rev) ?? this.found.heads.length
  }
}
