import { Json } from "effect-couchdb"
import type * as Lineage from "./lineageInternals.js"

type Dice = (below: number) => number

/** Some of them, in their order: mostly most of them, since of little there is little to merge. */
const some = <A>(all: ReadonlyArray<A>, dice: Dice): ReadonlyArray<A> => {
  const of100 = 100 - Math.floor(dice(1_000) ** 2 / 10_000)
  return all.filter(() => dice(100) < of100)
}

/** A field whose journal and names were cut short. A record proves its own revision, and not the ones that it names. */
const shortened = (field: Json.Json | undefined, dice: Dice): Json.Json | undefined => {
  if (!Json.isObject(field)) return field
  const cut = (key: string) => {
    const all = Json.get(field, key)
    return Json.isArray(all) ? [[key, all.slice(0, dice(all.length + 1))] as const] : []
  }
  const kept = new Map(Json.entries(field))
  if (dice(3) === 0) { for (const [key, value] of cut("path")) kept.set(key, value) }
  if (dice(3) === 0) {
    // A name may lean on the next one, so only whole names may stay.
    for (const [key, value] of cut("names")) kept.set(key, value.length === 0 ? value : Json.get(field, key) ?? [])
  }
  return Json.fromEntries(kept)
}

/** A version of which records, journals or bodies were forgotten; what a revision is does not change. */
const truncated = (version: Lineage.Version, dice: Dice): Lineage.Version => {
  const field = Json.get(version.body, "lineage")
  if (!Json.isObject(field)) return version
  const members = new Map(Json.entries(field))
  if (Json.get(field, "kind") !== "burial") {
    return { ...version, body: { ...version.body, lineage: shortened(field, dice) ?? null } }
  }
  if (dice(3) === 0) members.delete("doc")
  const own = shortened(members.get("field"), dice)
  if (own !== undefined) members.set("field", own)
  return { ...version, body: { ...version.body, lineage: Json.fromEntries(members) } }
}

const without = <K, V>(map: ReadonlyMap<K, V>, dice: Dice): ReadonlyMap<K, V> => new Map(some(Array.from(map), dice))

/** Some leaves, faded. */
export const truncatedLeaves = (leaves: ReadonlyArray<Lineage.Version>, dice: Dice): ReadonlyArray<Lineage.Version> =>
  some(leaves, dice).map((version) => truncated(version, dice))

/** Of what is known, some forgotten: links, paths, bodies, records. */
export const truncatedIndex = (knowledge: Lineage.LineageIndex, dice: Dice): Lineage.LineageIndex => ({
  ...knowledge,
  links: dice(2) === 0 ? without(knowledge.links, dice) : knowledge.links,
  parents: dice(2) === 0 ? without(knowledge.parents, dice) : knowledge.parents,
  contents: dice(2) === 0 ? without(knowledge.contents, dice) : knowledge.contents,
  records: dice(2) === 0 ? without(knowledge.records, dice) : knowledge.records
})
