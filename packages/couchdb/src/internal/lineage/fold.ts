import * as Either from "effect/Either"
import type { Knowledge, Value } from "../../Lineage.js"
import * as Revision from "../../Revision.js"
import type { Graph, Missing } from "./graph.js"
import { holds } from "./rules.js"

type Rev = Revision.Revision

/** More heads than this are more than anybody understands, and so is a base of bases this deep. */
const limits = { heads: 16, depth: 30 }

export const content = (rev: Rev): Value => ({ _tag: "Content", rev })

const same = (self: Value, that: Value): boolean =>
  self === that || (self._tag === "Content"
    ? that._tag === "Content" && self.rev === that.rev
    : that._tag === "Merge" && same(self.mine, that.mine) && same(self.theirs, that.theirs) &&
      (self.base === undefined ? that.base === undefined : that.base !== undefined && same(self.base, that.base)))

/** A side that says what the base says gives way to the other, whatever it says. */
const merged = (base: Value | undefined, mine: Value, theirs: Value): Value =>
  same(mine, theirs) || (base !== undefined && same(base, theirs))
    ? mine
    : base !== undefined && same(base, mine)
    ? theirs
    : { _tag: "Merge", base, mine, theirs }

export interface Folding {
  /** What the heads are together, as merges of contents; or what is missing to say so. */
  readonly fold: (heads: ReadonlyArray<Rev>) => Either.Either<Value, Missing>
}

export const makeFolding = (knowledge: Knowledge, graph: Graph): Folding => {
  const memo = new Map<string, Either.Either<Value, Missing>>()

  /** A deletion, or a burial, says what was there before it. */
  const valueOf = (rev: Rev): Value => {
    for (let at = rev;;) {
      const link = graph.link(at)
      if (knowledge.contents.has(at) || link === undefined || link.parent === null) return content(at)
      if (link.kind !== "delete" && knowledge.tombstones.get(at) !== "burial") return content(at)
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

  const foldAt = (heads: ReadonlyArray<Rev>, depth: number): Either.Either<Value, Missing> => {
    const [first, ...rest] = [...heads].sort((a, b) => Revision.Order(b, a))
    if (first === undefined || heads.length > limits.heads || depth > limits.depth) {
      return Either.left({
        rev: first ?? heads[0] as Rev,
        why: `${heads.length} versions at once, ${depth} bases deep`
      })
    }
    let value = valueOf(first)
    const ours = new Set(graph.reach(first))
    for (const head of rest) {
      const common = graph.common(ours, graph.reach(head))
      if (common._tag === "Missing") return Either.left(common.missing)
      const base = common.newest.length === 0 ? Either.right(undefined) : baseOf(bases(common.newest), depth)
      if (Either.isLeft(base)) return Either.left(base.left)
      value = merged(base.right, value, valueOf(head))
      for (const rev of graph.reach(head)) ours.add(rev)
    }
    return Either.right(value)
  }

  /** Of a body that is disputed there are two, and neither will do. */
  const unreadable = (rev: Rev): Missing | undefined =>
    knowledge.disputed.has(rev)
      ? graph.missing(rev)
      : knowledge.contents.has(rev)
      ? undefined
      : { rev, why: `what ${rev} said is not on this server any more` }

  const firstMissing = (value: Value): Missing | undefined =>
    value._tag === "Content"
      ? unreadable(value.rev)
      : (value.base === undefined ? undefined : firstMissing(value.base)) ?? firstMissing(value.mine) ??
        firstMissing(value.theirs)

  return {
    fold: (heads) =>
      Either.flatMap(foldAt(heads, 0), (value) => {
        const missing = firstMissing(value)
        return missing === undefined ? Either.right(value) : Either.left(missing)
      })
  }
}
