import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Graph, GrowingSide, Missing } from "./graph.js"
import type { LineageIndex, Value } from "./model.js"
import { isEnabled } from "./rules.js"

type Rev = Revision.Revision

/** The maximum nesting of bases. Deeper nesting could overflow the stack. */
const maxDepth = 500

/** The heads that are merged so far. */
export interface MergeState {
  readonly value: Value
  readonly side: GrowingSide
}

/** The merge with one more head, and its base. */
export interface Joined {
  readonly value: Value
  readonly base: Value | undefined
}

/**
 * Merges heads without reading their bodies. The result is an expression over contents, which `Evaluator` computes.
 * Fails with what is missing to determine the expression.
 */
export class SymbolicMerge {
  private readonly bases = new Map<string, Either.Either<Value, Missing>>()
  private readonly ids = new Map<Value | undefined, number>([[undefined, 0]])
  private readonly interned = new Map<string, Value>()
  private readonly missingByValue = new Map<Value, Missing | undefined>()
  private readonly mergesBases: boolean

  constructor(private readonly index: LineageIndex, private readonly graph: Graph) {
    this.mergesBases = isEnabled(index.settings, "base")
  }

  /** Merges all heads. */
  mergeAll(heads: ReadonlyArray<Rev>): Either.Either<Value, Missing> {
    return Either.flatMap(this.mergeAt(heads, 0), (value) => this.requireReadable(value, value))
  }

  /** The state of a single head. */
  start(head: Rev): MergeState {
    const side = this.graph.growing()
    side.add(head)
    return { value: this.content(this.contentRevision(head)), side }
  }

  /** What is missing to read the contents of the merged heads. */
  missing({ value }: MergeState): Missing | undefined {
    return this.missingByValue.get(value)
  }

  /** Merges one more head. The state does not change. */
  join(state: MergeState, head: Rev): Either.Either<Joined, Missing> {
    return Either.flatMap(this.joinAt(state, head, 0), (joined) => this.requireReadable(joined, joined.value))
  }

  /**
   * The revision whose content a head has: the tombstone of a deletion or of a merged version has the content of its
   * parent.
   */
  contentRevision(rev: Rev): Rev {
    for (let at = rev;;) {
      const link = this.graph.link(at)
      if (this.index.contents.has(at) || link === undefined || link.parent === null) return at
      if (link.kind !== "delete" && this.index.tombstoneKinds.get(at) !== "merged") return at
      at = link.parent
    }
  }

  private mergeAt(heads: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> {
    const [first, ...rest] = [...heads].sort((a, b) => Revision.Order(b, a))
    if (first === undefined || depth > maxDepth) {
      return Either.left({
        rev: first ?? heads[0] as Rev,
        why: `versions were merged across each other more than ${maxDepth} times in a row`
      })
    }
    let state = this.start(first)
    for (const head of rest) {
      const joined = this.joinAt(state, head, depth)
      if (Either.isLeft(joined)) return Either.left(joined.left)
      state.side.add(head)
      state = { ...state, value: joined.right.value }
    }
    return Either.right(state.value)
  }

  private joinAt({ side, value }: MergeState, head: Rev, depth: number): Either.Either<Joined, Missing> {
    const common = this.graph.common(side, this.graph.side(head))
    if (common._tag === "Missing") return Either.left(common.missing)
    const theirs = this.content(this.contentRevision(head))
    return Either.map(
      common.newest.length === 0 ? Either.right(undefined) : this.baseOf(this.baseRevisions(common.newest), depth),
      (base) => ({ value: this.merged(base, value, theirs), base })
    )
  }

  private baseRevisions(newest: ReadonlyArray<Rev>): ReadonlyArray<Rev> {
    return this.mergesBases ? newest : newest.slice(0, 1)
  }

  /** The base of a merge: the merge of the newest common revisions. */
  private baseOf(newest: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> {
    const key = newest.join()
    const known = this.bases.get(key)
    if (known !== undefined) return known
    const base = this.mergeAt(newest, depth + 1)
    this.bases.set(key, base)
    return base
  }

  private content(rev: Rev): Value {
    return this.intern(rev, () => ({ _tag: "Content", rev }), () => this.unreadable(rev))
  }

  /** A side that equals the base yields to the other side. */
  private merged(base: Value | undefined, mine: Value, theirs: Value): Value {
    return mine === theirs || base === theirs ? mine : base === mine ? theirs : this.mergeOnce(base, mine, theirs)
  }

  private mergeOnce(base: Value | undefined, mine: Value, theirs: Value): Value {
    const { missingByValue, ids } = this
    return this.intern(
      [base, mine, theirs].map((part) => ids.get(part)).join(),
      () => ({ _tag: "Merge", base, mine, theirs }),
      () =>
        (base === undefined ? undefined : missingByValue.get(base)) ?? missingByValue.get(mine) ??
          missingByValue.get(theirs)
    )
  }

  /** Creates each value once, so that equal values are identical and comparing deep ones costs nothing. */
  private intern(key: string, make: () => Value, lacking: () => Missing | undefined): Value {
    const known = this.interned.get(key)
    if (known !== undefined) return known
    const value = make()
    this.interned.set(key, value)
    this.ids.set(value, this.ids.size)
    this.missingByValue.set(value, lacking())
    return value
  }

  /**
   * Why the content of a revision is not usable: it is disputed, so that two versions exist, or it is not on this
   * server.
   */
  private unreadable(rev: Rev): Missing | undefined {
    return this.index.disputed.has(rev)
      ? this.graph.missing(rev)
      : this.index.contents.has(rev)
      ? undefined
      : { rev, why: `the content of ${rev} is no longer on this server` }
  }

  private requireReadable<A>(self: A, value: Value): Either.Either<A, Missing> {
    const missing = this.missingByValue.get(value)
    return missing === undefined ? Either.right(self) : Either.left(missing)
  }
}
