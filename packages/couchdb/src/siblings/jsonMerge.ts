import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Clash } from "../merge/Merge.js"
import { isPartOf, type Place, placeOf } from "../merge/node.js"

/** Whose word counts where two sides clash; absent, a clash is told. */
export type Preference = "mine" | "theirs" | undefined

/** Three whole bodies that say the same wherever the schema looks, and may differ elsewhere. */
export interface Bodies {
  readonly base: Option.Option<Json.JsonObject>
  readonly mine: Json.JsonObject
  readonly theirs: Json.JsonObject
  /** What the schema writes: the places that are merged already. */
  readonly known: Json.JsonObject
}

export interface MergedJson {
  readonly value: Json.JsonObject
  readonly clashes: ReadonlyArray<Clash>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

type Path = ReadonlyArray<string | number>
type Maybe = Json.Json | undefined

/**
 * Merges the members that no schema knows, three ways: objects member by member, anything else as a whole. Lists are gone
 * into only where the schema merged them, so that they are aligned.
 */
export const mergeJson = (
  { base, known, mine, theirs }: Bodies,
  prefer: Preference,
  holes: ReadonlySet<Place> = new Set()
): MergedJson => {
  const clashes: Array<Clash> = []
  const withoutBase: Array<Path> = []

  const clash = (path: Path, b: Maybe, m: Maybe, t: Maybe): Maybe => {
    if (prefer !== undefined) return prefer === "mine" ? m : t
    clashes.push({
      path,
      why: "changed on both sides, and the schema does not know it",
      base: plain(b),
      mine: plain(m),
      theirs: plain(t)
    })
    return m
  }

  const isHole = (path: Path): boolean => holes.size > 0 && holes.has(placeOf(path))

  const hasHole = (path: Path): boolean => {
    if (holes.size === 0) return false
    const here = placeOf(path)
    return Array.from(holes).some((hole) => isPartOf(hole, here))
  }

  const merge = (path: Path, b: Maybe, m: Maybe, t: Maybe, k: Maybe, above: boolean): Maybe => {
    if (same(m, t)) return m
    const hasBase = above && !isHole(path)
    if (m !== undefined && t !== undefined) {
      if (Json.isObject(m) && Json.isObject(t)) return members(path, Json.isObject(b) ? b : undefined, m, t, k, hasBase)
      if (Json.isArray(m) && Json.isArray(t) && Json.isArray(k) && m.length === t.length && m.length === k.length) {
        const aligned = Json.isArray(b) && b.length === m.length ? b : undefined
        return m.map((element, i) =>
          merge([...path, i], aligned?.[i], element, t[i] as Json.Json, k[i], hasBase) as Json.Json
        )
      }
      // The schema read both as the same, in other words.
      if (k !== undefined) return m
    }
    if (hasBase && !hasHole(path)) {
      if (same(b, m)) return t
      if (same(b, t)) return m
      return clash(path, b, m, t)
    }
    if (m === undefined || t === undefined) {
      withoutBase.push(path)
      return m ?? t
    }
    return clash(path, b, m, t)
  }

  const members = (
    path: Path,
    b: Json.JsonObject | undefined,
    m: Json.JsonObject,
    t: Json.JsonObject,
    k: Maybe,
    hasBase: boolean
  ): Json.JsonObject => {
    const keys = [...Json.keys(m), ...Json.keys(t).filter((key) => !Json.has(m, key))]
    return Json.fromEntries(keys.flatMap((key) => {
      const value = merge(
        [...path, key],
        b === undefined ? undefined : Json.get(b, key),
        Json.get(m, key),
        Json.get(t, key),
        Json.isObject(k) ? Json.get(k, key) : undefined,
        hasBase
      )
      return value === undefined ? [] : [[key, value] as const]
    }))
  }

  const value = members([], Option.getOrUndefined(base), mine, theirs, known, Option.isSome(base))
  return { value, clashes, withoutBase }
}

const same = (self: Maybe, that: Maybe): boolean =>
  self === that || (self !== undefined && that !== undefined && Json.equals(self, that))

const plain = (json: Maybe): Option.Option<unknown> =>
  json === undefined ? Option.none() : Option.some(Json.toPlain(json))
