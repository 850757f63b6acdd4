import * as Either from "effect/Either"
import * as Revision from "../data/Revision.js"
import type { Graph, GrowingSide, Missing } from "./graph.js"
import type { Knowledge, Value } from "./model.js"
import { holds } from "./rules.js"

type Rev = Revision.Revision

/** The deepest nesting of bases. More could overflow the stack. */
const deepest = 500

/** The heads merged so far. */
export interface Fold {
  readonly value: Value
  readonly side: GrowingSide
}

/** A fold with one more head, and the base of that merge. */
export interface Joined {
  readonly value: Value
  readonly base: Value | undefined
}

export interface Folding {
  /** What the heads are together, as merges of contents; or what is missing to say so. */
  readonly fold: (heads: ReadonlyArray<Rev>) => Either.Either<Value, Missing>
  /** A fold of a single head. */
  readonly alone: (head: Rev) => Fold
  /** What is missing to know the content of a fold. */
  readonly missing: (fold: Fold) => Missing | undefined
  /** Merges one more head into a fold, without changing it. */
  readonly join: (fold: Fold, head: Rev) => Either.Either<Joined, Missing>
  /** The revision whose content the head has: a deletion or a burial has the content of the revision before it. */
  readonly contentRevision: (head: Rev) => Rev
}

export const makeFolding = (knowledge: Knowledge, graph: Graph): Folding => {
  const memo = new Map<string, Either.Either<Value, Missing>>()
  const names = new Map<Value | undefined, number>([[undefined, 0]])
  const made = new Map<string, Value>()
  const lacks = new Map<Value, Missing | undefined>()

  /** Of a body that is disputed there are two, and neither will do. */
  const unreadable = (rev: Rev): Missing | undefined =>
    knowledge.disputed.has(rev)
      ? graph.missing(rev)
      : knowledge.contents.has(rev)
      ? undefined
      : { rev, why: `what ${rev} said is not on this server any more` }

  /** Creates each value once, so that equal values are identical and comparing deep ones costs nothing. */
  const once = (key: string, make: () => Value, lacking: () => Missing | undefined): Value => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make()
    made.set(key, value)
    names.set(value, names.size)
    lacks.set(value, lacking())
    return value
  }

  const content = (rev: Rev): Value => once(rev, () => ({ _tag: "Content", rev }), () => unreadable(rev))

  const merge = (base: Value | undefined, mine: Value, theirs: Value): Value =>
    once(
      [base, mine, theirs].map((part) => names.get(part)).join(),
      () => ({ _tag: "Merge", base, mine, theirs }),
      () => (base === undefined ? undefined : lacks.get(base)) ?? lacks.get(mine) ?? lacks.get(theirs)
    )

  /** A side that says what the base says gives way to the other, whatever it says. */
  const merged = (base: Value | undefined, mine: Value, theirs: Value): Value =>
    mine === theirs || base === theirs ? mine : base === mine ? theirs : merge(base, mine, theirs)

  const contentRevision = (rev: Rev): Rev => {
    for (let at = rev;;) {
      const link = graph.link(at)
      if (knowledge.contents.has(at) || link === undefined || link.parent === null) return at
      if (link.kind !== "delete" && knowledge.tombstones.get(at) !== "burial") return at
      at = link.parent
    }
  }

  const baseOf = (newest: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> => {
    const key = newest.join()
    const known = memo.get(key)
    if (known !== undefined) return known
    const base = foldAt(newest, depth + 1)
    memo.set(key, base)
    return base
  }

  const bases = (newest: ReadonlyArray<Rev>): ReadonlyArray<Rev> =>
    holds(knowledge.settings, "base") ? newest : newest.slice(0, 1)

  const alone = (head: Rev): Fold => {
    const side = graph.growing()
    side.add(head)
    return { value: content(contentRevision(head)), side }
  }

  const joinAt = ({ side, value }: Fold, head: Rev, depth: number): Either.Either<Joined, Missing> => {
    const common = graph.common(side, graph.side(head))
    if (common._tag === "Missing") return Either.left(common.missing)
    const theirs = content(contentRevision(head))
    return Either.map(
      common.newest.length === 0 ? Either.right(undefined) : baseOf(bases(common.newest), depth),
      (base) => ({ value: merged(base, value, theirs), base })
    )
  }

  const foldAt = (heads: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> => {
    const [first, ...rest] = [...heads].sort((a, b) => Revision.Order(b, a))
    if (first === undefined || depth > deepest) {
      return Either.left({
        rev: first ?? heads[0] as Rev,
        why: `versions were merged across each other more than ${deepest} times in a row`
      })
    }
    let fold = alone(first)
    for (const head of rest) {
      const joined = joinAt(fold, head, depth)
      if (Either.isLeft(joined)) return Either.left(joined.left)
      fold.side.add(head)
      fold = { ...fold, value: joined.right.value }
    }
    return Either.right(fold.value)
  }

  const whole = <A>(self: A, value: Value): Either.Either<A, Missing> => {
    const missing = lacks.get(value)
    return missing === undefined ? Either.right(self) : Either.left(missing)
  }

  return {
    fold: (heads) => Either.flatMap(foldAt(heads, 0), (value) => whole(value, value)),
    alone,
    missing: ({ value }) => lacks.get(value),
    join: (fold, head) => Either.flatMap(joinAt(fold, head, 0), (joined) => whole(joined, joined.value)),
    contentRevision
  }
}
