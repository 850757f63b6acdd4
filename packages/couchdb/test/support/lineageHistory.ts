import { Json, Revision } from "effect-couchdb"
import { hashOf } from "../../src/data/json/canonical.js"
import * as Lineage from "./lineageInternals.js"

type Rev = Revision.Revision

const id = "one"

/** Dice of one seed. */
export const diceOf = (seed: number): (below: number) => number => {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** A counter, and the names of the edits that are in it. */
export interface Tally {
  readonly count: number
  readonly seen: ReadonlyArray<string>
}

const tallyOf = (body: Json.JsonObject): Tally => ({
  count: Number(Json.get(body, "count") ?? 0),
  seen: (Json.get(body, "seen") ?? []) as ReadonlyArray<string>
})

const nothing: Tally = { count: 0, seen: [] }

/** What heads are together, worked out as a plain three-way merge would. */
export const tallied = (knowledge: Lineage.LineageIndex, value: Lineage.Value): Tally => {
  if (value._tag === "Content") return tallyOf(knowledge.contents.get(value.rev)?.body ?? {})
  const base = value.base === undefined ? nothing : tallied(knowledge, value.base)
  const mine = tallied(knowledge, value.mine)
  const theirs = tallied(knowledge, value.theirs)
  const all = new Set([...mine.seen, ...theirs.seen])
  return {
    count: mine.count + theirs.count - base.count,
    seen: Array.from(all).filter((name) =>
      !base.seen.includes(name) || (mine.seen.includes(name) && theirs.seen.includes(name))
    ).sort()
  }
}

export interface History {
  readonly settings: Lineage.Settings
  /** The leaves of each replica at the end. */
  readonly replicas: ReadonlyArray<ReadonlyArray<Lineage.Version>>
  /** Every version that ever was. */
  readonly all: ReadonlyArray<Lineage.Version>
  /** The edits that a revision contains, and what they add up to. */
  readonly truth: (revs: ReadonlyArray<Rev>) => Tally
}

const weightOf = (name: string): number => 1 + Number(name.slice(1)) % 9

/** A version's leaves: those that no other one descends from. */
const leavesOf = (versions: Iterable<Lineage.Version>): ReadonlyArray<Lineage.Version> => {
  const all = Array.from(versions)
  const inner = new Set(all.flatMap(({ path }) => path.slice(1)))
  return all.filter(({ rev }) => !inner.has(rev))
}

/** Replicas that edit apart, delete, merge, bury and meet, without any server. */
export const pureHistory = (
  seed: number,
  steps: number,
  replicas = 3,
  settings: Lineage.Settings = Lineage.settings()
): History => {
  const dice = diceOf(seed)
  const stored = new Map<Rev, Lineage.Version>()
  const contained = new Map<Rev, ReadonlySet<string>>()
  const places = Array.from({ length: replicas }, () => new Set<Lineage.Version>())

  const add = (place: Set<Lineage.Version>, version: Lineage.Version, edits: ReadonlySet<string>): void => {
    const known = stored.get(version.rev) ?? version
    stored.set(known.rev, known)
    contained.set(known.rev, edits)
    if (!Array.from(place).some(({ path }) => path.includes(known.rev))) place.add(known)
    const leaves = new Set(leavesOf(place))
    for (const each of place) if (!leaves.has(each)) place.delete(each)
  }

  const child = (path: ReadonlyArray<Rev>, body: Json.JsonObject, deleted: boolean): Lineage.Version => {
    const generation = path[0] === undefined ? 1 : Revision.generation(path[0]) + 1
    const rev = Revision.make(`${generation}-${hashOf(Json.stringify([path[0] ?? null, deleted, body]))}`)
    return { id, rev, path: [rev, ...path], deleted, body, files: {} }
  }

  const withField = (body: Json.JsonObject, record: Lineage.Record): Json.JsonObject => ({
    ...body,
    lineage: Lineage.signed(settings, id, Lineage.encodeRecord(record))
  })

  const bare = (body: Json.JsonObject): Json.JsonObject =>
    Json.fromEntries(Json.entries(body).filter(([key]) => key !== "lineage"))

  const write = (
    place: Set<Lineage.Version>,
    over: Lineage.Version | undefined,
    name: string,
    how: "edit" | "delete" | "foreign" | "stale"
  ): void => {
    const before = over === undefined ? nothing : tallyOf(over.body)
    const changed: Json.JsonObject = how === "delete" && over !== undefined ? bare(over.body) : {
      count: before.count + weightOf(name),
      seen: [...before.seen, name].sort()
    }
    const edits = new Set([
      ...(over === undefined ? [] : contained.get(over.rev) ?? []),
      ...(how === "delete" ? [] : [name])
    ])
    const path = over?.path ?? []
    if (how === "foreign" || how === "stale") {
      const field = over === undefined ? undefined : Json.get(over.body, "lineage")
      const body = how === "stale" && field !== undefined ? { ...changed, lineage: field } : changed
      return add(place, child(path, body, false), edits)
    }
    const record = Lineage.makeRecord(Lineage.buildIndex(settings, over === undefined ? [] : [over]), {
      kind: how,
      parent: over?.rev ?? null,
      also: [],
      content: { body: changed, files: {} },
      deleted: how === "delete",
      edit: name
    })
    add(place, child(path, withField(how === "delete" ? {} : changed, record), how === "delete"), edits)
  }

  const storeMergeTombstone = (place: Set<Lineage.Version>, of: Rev, into: Lineage.MergedInto): void => {
    const version = stored.get(of)
    if (version === undefined || version.deleted || !place.has(version)) return
    add(
      place,
      child(version.path, {
        lineage: Lineage.signed(
          settings,
          id,
          Lineage.encodeTombstone({
            of,
            ofParent: version.path[1] ?? null,
            into,
            content: bare(version.body),
            field: Json.get(version.body, "lineage")
          })
        )
      }, true),
      contained.get(of) ?? new Set()
    )
  }

  const resolve = (place: Set<Lineage.Version>): void => {
    const leaves = Array.from(place)
    const knowledge = Lineage.buildIndex(settings, leaves)
    const plan = Lineage.plan(knowledge, leaves, "editWins")
    if (plan._tag === "DeleteMerged") {
      for (const { into, of } of plan.tombstones) {
        storeMergeTombstone(place, of, into)
      }
    }
    if (plan._tag !== "Merge") return
    const heads = [plan.parent, ...plan.also]
    const parent = stored.get(plan.parent)
    if (parent === undefined) return
    const { count, seen } = tallied(knowledge, plan.value)
    const content: Json.JsonObject = { count, seen }
    const record = Lineage.makeRecord(knowledge, {
      kind: "merge",
      parent: plan.parent,
      also: plan.also,
      content: { body: content, files: {} },
      deleted: !plan.alive,
      edit: undefined
    })
    const body = withField(plan.alive ? content : {}, record)
    const rev = Lineage.mergeRevision({ parent: plan.parent, heads, deleted: !plan.alive, body, files: {} })
    add(
      place,
      { id, rev, path: [rev, ...parent.path], deleted: !plan.alive, body, files: {} },
      new Set(heads.flatMap((head) => Array.from(contained.get(head) ?? [])))
    )
    // Half of all resolvers die here.
    if (dice(2) === 0) return
    const into: Lineage.MergedInto = { rev, parent: plan.parent, kind: "merge", also: record.also }
    for (const of of plan.merged) storeMergeTombstone(place, of, into)
    for (const tombstone of plan.tombstones) storeMergeTombstone(place, tombstone.of, tombstone.into)
  }

  const carry = (from: Set<Lineage.Version>, to: Set<Lineage.Version>): void => {
    for (const version of Array.from(from)) add(to, version, contained.get(version.rev) ?? new Set())
  }

  const [first, ...others] = places
  if (first !== undefined) {
    write(first, undefined, "e0", "edit")
    for (const other of others) carry(first, other)
  }
  for (let i = 1; i <= steps; i++) {
    const here = places[dice(replicas)]
    const there = places[dice(replicas)]
    if (here === undefined || there === undefined) continue
    const standing = Array.from(here).filter(({ deleted }) => !deleted)
    const leaf = standing[dice(Math.max(1, standing.length))]
    const what = dice(100)
    if (what < 40) {
      if (leaf !== undefined) {
        const how = dice(100)
        write(here, leaf, `e${i}`, how < 84 ? "edit" : how < 90 ? "delete" : how < 95 ? "foreign" : "stale")
      }
    } else if (what < 72) carry(here, there)
    else resolve(here)
  }
  return {
    settings,
    replicas: places.map((place) => Array.from(place)),
    all: Array.from(stored.values()),
    truth: (revs) => {
      const seen = Array.from(new Set(revs.flatMap((rev) => Array.from(contained.get(rev) ?? [])))).sort()
      return { seen, count: seen.reduce((sum, name) => sum + weightOf(name), 0) }
    }
  }
}
