import { Merge, SiblingPolicy } from "effect-couchdb"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Item = Schema.Struct({ key: Schema.String, text: Schema.String })
type Item = typeof Item.Type

/**
 * The document of a history. `count` and `seen` show which edits it contains: an edit adds its weight to `count` and
 * its name to `seen`.
 */
export const Card = Schema.Struct({
  count: Merge.Counter,
  seen: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set)),
  list: Schema.Array(Item).pipe(Merge.annotate(Merge.list<Item>(({ key }) => key))),
  text: Merge.Text,
  register: Schema.String
})
export type Card = typeof Card.Type

export const empty: Card = { count: 0, seen: [], tags: [], list: [], text: "one two three four", register: "" }

const items = (list: ReadonlyArray<Item>): ReadonlyMap<string, string> =>
  new Map(list.map(({ key, text }) => [key, text]))

/** Merges lists as sets, sorted by key. Of two texts, the greater wins. */
const mergeLists = Merge.custom<ReadonlyArray<Item>>(({ base, mine, theirs }) => {
  const before = items(Option.getOrElse(base, () => []))
  const left = items(mine)
  const right = items(theirs)
  const keys = Array.from(new Set([...left.keys(), ...right.keys()])).sort()
  return Either.right(keys.flatMap((key): ReadonlyArray<Item> => {
    const [m, t, b] = [left.get(key), right.get(key), before.get(key)]
    if (m !== undefined && t !== undefined) {
      return [{ key, text: m === t || t === b ? m : m === b ? t : m > t ? m : t }]
    }
    const kept = m ?? t
    return kept === undefined || kept === b ? [] : [{ key, text: kept }]
  }))
})

/** Merges, and decides the remaining overlaps by the greater or the lesser value. */
export const policyOf = (decides: "greater" | "lesser"): SiblingPolicy.SiblingPolicy<Card> => {
  const decided = decides === "greater" ? Merge.max : Merge.min
  return SiblingPolicy.merge(Merge.make(Card)).pipe(
    SiblingPolicy.orElse(
      SiblingPolicy.merge(Merge.make(Card, { list: mergeLists, text: decided, register: decided }))
    )
  )
}
