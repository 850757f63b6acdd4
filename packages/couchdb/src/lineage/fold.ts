import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Graph, GrowingSide, Missing } from "./graph.js"
import type { Knowledge, Value } from "./model.js"
import { holds } from "./rules.js"

type Rev = Revision.Revision

/** The deepest nesting of bases. More could overflow the stack. */
const deepest = 500

/** The heads that are merged so far. */
export interface Fold {
  readonly value: Value
  readonly side: GrowingSide
}

/** The merge with one more head, and its base. */
export interface Joined {
  readonly value: Value
  readonly base: Value | undefined
}

/**
 * Merges heads without reading their bodies. The result is an expression over contents, which is `evaluate.ts`'s input.
 * It fails with what is missing to determine the expression.
 */
export class Folding {
  private readonly memo = new Map<string, Either.Either<Value, Missing>>()
  private readonly names = new Map<Value | undefined, number>([[undefined, 0]])
  private readonly made = new Map<string, Value>()
  private readonly lacks = new Map<Value, Missing | undefined>()
  private readonly mergesBases: boolean

  constructor(private readonly knowledge: Knowledge, private readonly graph: Graph) {
    this.mergesBases = holds(knowledge.settings, "base")
  }

  /** Merges all heads. */
  fold(heads: ReadonlyArray<Rev>): Either.Either<Value, Missing> {
    return Either.flatMap(this.foldAt(heads, 0), (value) => this.whole(value, value))
  }

  /** The state of a single head. */
  alone(head: Rev): Fold {
    const side = this.graph.growing()
    side.add(head)
    return { value: this.content(this.contentRevision(head)), side }
  }

  /** What is missing to read the contents of the merged heads. */
  missing({ value }: Fold): Missing | undefined {
    return this.lacks.get(value)
  }

  /** Merges one more head. The state does not change. */
  join(fold: Fold, head: Rev): Either.Either<Joined, Missing> {
    return Either.flatMap(this.joinAt(fold, head, 0), (joined) => this.whole(joined, joined.value))
  }

  /**
   * The revision whose content a head has: the tombstone of a deletion or of a merged version has the content of its
   * parent.
   */
  contentRevision(rev: Rev): Rev {
    for (let at = rev;;) {
      const link = this.graph.link(at)
      if (this.knowledge.contents.has(at) || link === undefined || link.parent === null) return at
      if (link.kind !== "delete" && this.knowledge.tombstones.get(at) !== "burial") return at
      at = link.parent
    }
  }

  private foldAt(heads: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> {
    const [first, ...rest] = [...heads].sort((a, b) => Revision.Order(b, a))
    if (first === undefined || depth > deepest) {
      return Either.left({
        rev: first ?? heads[0] as Rev,
        why: `versions were merged across each other more than ${deepest} times in a row`
      })
    }
    let fold = this.alone(first)
    for (const head of rest) {
      const joined = this.joinAt(fold, head, depth)
      if (Either.isLeft(joined)) return Either.left(joined.left)
      fold.side.add(head)
      fold = { ...fold, value: joined.right.value }
    }
    return Either.right(fold.value)
  }

  private joinAt({ side, value }: Fold, head: Rev, depth: number): Either.Either<Joined, Missing> {
    const common = this.graph.common(side, this.graph.side(head))
    if (common._tag === "Missing") return Either.left(common.missing)
    const theirs = this.content(this.contentRevision(head))
    return Either.map(
      common.newest.length === 0 ? Either.right(undefined) : this.baseOf(this.bases(common.newest), depth),
      (base) => ({ value: this.merged(base, value, theirs), base })
    )
  }

  private bases(newest: ReadonlyArray<Rev>): ReadonlyArray<Rev> {
    return this.mergesBases ? newest : newest.slice(0, 1)
  }

  /** The base of a merge: the merge of the newest common revisions. */
  private baseOf(newest: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> {
    const key = newest.join()
    const known = this.memo.get(key)
    if (known !== undefined) return known
    const base = this.foldAt(newest, depth + 1)
    this.memo.set(key, base)
    return base
  }

  private content(rev: Rev): Value {
    return this.once(rev, () => ({ _tag: "Content", rev }), () => this.unreadable(rev))
  }

  /** A side that equals the base yields to the other side. */
  private merged(base: Value | undefined, mine: Value, theirs: Value): Value {
    return mine === theirs || base === theirs ? mine : base === mine ? theirs : this.merge(base, mine, theirs)
  }

  private merge(base: Value | undefined, mine: Value, theirs: Value): Value {
    const { lacks, names } = this
    return this.once(
      [base, mine, theirs].map((part) => names.get(part)).join(),
      () => ({ _tag: "Merge", base, mine, theirs }),
      () => (base === undefined ? undefined : lacks.get(base)) ?? lacks.get(mine) ?? lacks.get(theirs)
    )
  }

  /** Creates each value once, so that equal values are identical and comparing deep ones costs nothing. */
  private once(key: string, make: () => Value, lacking: () => Missing | undefined): Value {
    const known = this.made.get(key)
    if (known !== undefined) return known
    const value = make()
    this.made.set(key, value)
    this.names.set(value, this.names.size)
    this.lacks.set(value, lacking())
    return value
  }

  /** Why the content of a revision is not usable: it is disputed, so that two versions exist, or it is not on this server. */
  private unreadable(rev: Rev): Missing | undefined {
    return this.knowledge.disputed.has(rev)
      ? this.graph.missing(rev)
      : this.knowledge.contents.has(rev)
      ? undefined
      : { rev, why: `the content of ${rev} is no longer on this server` }
  }

  private whole<A>(self: A, value: Value): Either.Either<A, Missing> {
    const missing = this.lacks.get(value)
    return missing === undefined ? Either.right(self) : Either.left(missing)
  }
}
